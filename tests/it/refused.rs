//! Is what nobody asked for, and what nobody can read, refused in good order, by whichever side it comes?

use crate::http_route::GATEWAY;
use crate::protocols::authority_map;
use tests::authority::Authority;
use tests::client::Connection;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;
use tests::origin_scripted::Scripted;
use tests::origin_tls::TlsFront;
use tests::own_answer;
use tokio::sync::mpsc;

/// Everything that is answered to these bytes until the edge closes.
async fn answer(edge: &Edge, bytes: &str) -> String {
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    connection.send(bytes).await.expect("sends");
    String::from_utf8_lossy(&connection.read_to_end().await).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switch_of_protocols_that_nobody_asked_for_is_not_passed_on() {
    let (closed, mut was_closed) = mpsc::unbounded_channel();
    let origin = Scripted::start(move |mut scene, _| {
        let closed = closed.clone();
        async move {
            scene.read_head().await?;
            scene
                .send(
                    "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: x\r\n\r\n\
                     HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nagain",
                )
                .await?;
            scene.wait_for_close().await;
            let _ = closed.send(());
            Ok(())
        }
    })
    .await;
    let authority = Authority::default();
    let site = manifest::join(&[
        manifest::ingress_tls("shop", "shop.test", "shop-tls", &[("/", "web", 80)]).replace(
            "spec:",
            "  annotations: { hedgerow.edwardstech.dev/ssl-redirect: \"false\" }\nspec:",
        ),
        manifest::service("web", 80, &[origin.address]),
        authority.secret("shop-tls", &["shop.test"]),
    ]);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |_| {}).await;
    let request = own_answer::request("GET", "http://shop.test/");
    let reply = edge.send(&request).await;
    own_answer::check(&edge, &reply, 502, "upstream-protocol").await;
    was_closed.recv().await.expect("is closed");
    let h2 = edge.connect_h2("shop.test").await;
    let request = own_answer::request("GET", "https://shop.test/");
    let reply = h2.send(&request).await.expect("answers");
    own_answer::check(&edge, &reply, 502, "upstream-protocol").await;
    was_closed.recv().await.expect("is closed");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_whose_tls_fails_leaves_the_request_to_the_others() {
    let (ours, other) = (Authority::default(), Authority::default());
    let origin = Origin::start("a").await;
    let good = TlsFront::start(&ours.sign(&["web.internal"]), &[], origin.address).await;
    let bad = TlsFront::start(&other.sign(&["web.internal"]), &[], origin.address).await;
    // One that is about to stop: it accepts, and leaves.
    let leaves = Scripted::start(|_, _| async { Ok(()) }).await;
    let service = |name: &str, addresses: &[std::net::SocketAddr]| {
        let annotations = [
            ("backend-protocol", "https"),
            ("backend-ca", "internal"),
            ("backend-name", "web.internal"),
            ("hold", "200ms"),
        ];
        manifest::join(&[
            manifest::ingress(name, &format!("{name}.test"), &[("/", name, 80)]),
            manifest::service_annotated(name, 80, addresses, &annotations),
        ])
    };
    let edge = Edge::start(&manifest::join(&[
        authority_map("internal", &ours),
        service("one-bad", &[bad.address, good.address]),
        service("one-leaves", &[leaves.address, good.address]),
        service("all-bad", &[bad.address]),
        service("all-leave", &[leaves.address]),
    ]))
    .await;
    for host in ["one-bad", "one-leaves"] {
        for _ in 0..8 {
            let reply = edge.get(&format!("http://{host}.test/")).await;
            assert_eq!((reply.status, reply.served_by()), (200, "a"), "{host}");
        }
    }
    let request = own_answer::request("GET", "http://all-bad.test/");
    let reply = edge.send(&request).await;
    let line = own_answer::check(&edge, &reply, 502, "upstream-tls").await;
    assert_eq!(line["attempts"].as_array().map(Vec::len), Some(1), "{line}");
    let request = own_answer::request("GET", "http://all-leave.test/");
    let reply = edge.send(&request).await;
    let line = own_answer::check(&edge, &reply, reply.status, "connect-failed").await;
    assert!(
        line["attempts"].as_array().map(Vec::len) > Some(1),
        "{line}"
    );
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_browsers_do_not_escape_is_served_as_they_send_it() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let reply = edge.get("http://shop.test/a`b?c=`d`").await;
    assert_eq!((reply.status, reply.served_by()), (200, "a"));
    assert_eq!(origin.received()[0].head.target, "/a%60b?c=`d`");
    edge.log.line_with("path", "/a%60b").await;
    let mut client = Connection::open(edge.http()).await.expect("connects");
    let head = "GET /q?file=C:\\new HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n\r\n";
    client.send(head).await.expect("sends");
    let reply = client.read_reply(false).await.expect("answers");
    assert_eq!((reply.status, reply.served_by()), (200, "a"));
    assert_eq!(origin.received()[1].head.target, "/q?file=C:\\new");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_chunk_is_answered_and_told() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    for (path, chunk) in [("/first", "zz\r\n"), ("/second", "3\r\nabc\r\n-1\r\n")] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: shop.test\r\ntransfer-encoding: chunked\r\n\r\n"
        );
        let answer = answer(&edge, &format!("{head}{chunk}")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
        assert_eq!(answer.matches("HTTP/1.1 ").count(), 1, "{answer:?}");
        let line = edge.log.line_with("path", path).await;
        assert_eq!(line["reason"], "bad-request", "{line}");
        assert_eq!(line["status"], 400, "{line}");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_connection_field_is_refused_before_anybody_is_asked() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    for value in [
        "host",
        "close, Authorization",
        "a,b,c,d,e,f,g,h,i,j",
        "\"x\"",
    ] {
        let request = format!("GET / HTTP/1.1\r\nhost: shop.test\r\nconnection: {value}\r\n\r\n");
        let answer = answer(&edge, &request).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{value}: {answer:?}");
    }
    let line = edge.log.line_with("reason", "bad-request").await;
    assert_eq!(line["status"], 400, "{line}");
    assert_eq!(origin.accepted(), 0);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_redirect_names_a_host_or_is_none() {
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\n\
                 metadata: { name: old, namespace: default }\nspec:\n  parentRefs: [{ name: gw }]\n  rules:\n  \
                 - filters: [{ type: RequestRedirect, requestRedirect: { scheme: https } }]\n";
    let edge = Edge::start(&manifest::join(&[GATEWAY.to_owned(), route.to_owned()])).await;
    let nameless = answer(&edge, "GET /old/x HTTP/1.0\r\n\r\n").await;
    assert!(nameless.contains(" 400 "), "{nameless:?}");
    assert!(!nameless.contains("https:///"), "{nameless:?}");
    let named = answer(&edge, "GET /old/x HTTP/1.0\r\nhost: a.test\r\n\r\n").await;
    assert!(named.contains("https://a.test/old/x"), "{named:?}");
    edge.log.line_with("reason", "bad-host").await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_target_of_http_1_0_names_the_host_where_no_field_does() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let found = answer(&edge, "GET http://shop.test/x HTTP/1.0\r\n\r\n").await;
    assert!(found.contains(" 200 "), "{found:?}");
    let head = &origin.received()[0].head;
    assert_eq!(
        (head.target.as_str(), head.field("host")),
        ("/x", Some("shop.test"))
    );
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_head_is_told_with_its_own_bytes() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let good = "GET / HTTP/1.1\r\nhost: shop.test\r\n\r\n";
    let bad = "GET / HTTP/1.1\r\nhost: shop.test\r\nhost: shop.test\r\n\r\n";
    answer(&edge, &format!("{}{bad}", good.repeat(5))).await;
    let line = edge.log.line_with("reason", "bad-host").await;
    // Up to where it was read, which may be its end.
    let bytes = line["bytes_in"].as_u64().expect("is a number");
    assert!(bytes <= bad.len() as u64, "{line}");
    edge.stop().await;
}

/// The first field of this name in an answer's head.
fn field<'a>(answer: &'a str, name: &str) -> &'a str {
    let head = answer.split("\r\n\r\n").next().unwrap_or_default();
    let mut fields = head.lines().filter_map(|line| line.split_once(": "));
    fields
        .find(|(found, _)| *found == name)
        .map_or("", |(_, value)| value)
}

/// The head is refused like this, in this form, and told wherever an operator looks for it.
async fn check_refused(edge: &Edge, head: &str, (status, reason): (u16, &str), form: &str) {
    let counted = "hedgerow_request_heads_refused_total";
    let before = edge.metric(counted, &[reason]).await;
    let answer = answer(edge, head).await;
    assert!(
        answer.starts_with(&format!("HTTP/1.1 {status} ")),
        "{answer:?}"
    );
    assert_eq!(field(&answer, "server"), "hedgerow");
    assert_eq!(field(&answer, "cache-control"), "no-store");
    assert!(
        field(&answer, "content-type").starts_with(form),
        "{answer:?}"
    );
    let id = field(&answer, "x-request-id");
    let body = answer.split_once("\r\n\r\n").expect("has a head").1;
    assert!(body.contains(reason), "{answer:?}");
    assert!(body.contains(id), "{answer:?}");
    let line = edge.log.line_with("request_id", id).await;
    let told = (&line["reason"], &line["status"]);
    assert_eq!(told, (&reason.into(), &status.into()), "{line}");
    assert_eq!(edge.metric(counted, &[reason]).await - before, 1.0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_head_is_answered_like_everything_that_the_edge_answers() {
    let origin = Origin::start("a").await;
    let edge = Edge::start_with(&manifest::shop(&[origin.address]), |settings| {
        settings.limits.header_timeout = std::time::Duration::from_millis(300);
    })
    .await;
    let (json, text) = ("application/json", "text/plain");
    let rest = "host: shop.test\r\naccept: application/json\r\n";
    let get = |fields: &str| format!("GET / HTTP/1.1\r\n{fields}{rest}\r\n");
    let long = format!("GET /{} HTTP/1.1\r\n{rest}\r\n", "x".repeat(20_000));
    let connect = format!("CONNECT shop.test:443 HTTP/1.1\r\n{rest}\r\n");
    let many = get(&"a: b\r\n".repeat(101));
    let unfinished = format!("GET / HTTP/1.1\r\n{rest}");
    let coding = get("transfer-encoding: gzip\r\n");
    check_refused(&edge, &get("host: a\r\n"), (400, "bad-host"), json).await;
    check_refused(&edge, &get("x y: z\r\n"), (400, "bad-request"), text).await;
    check_refused(&edge, &coding, (501, "unknown-coding"), json).await;
    check_refused(&edge, &connect, (405, "method-not-allowed"), json).await;
    check_refused(&edge, &long, (414, "target-too-long"), "").await;
    check_refused(&edge, &many, (431, "header-too-large"), "").await;
    check_refused(&edge, &unfinished, (408, "header-timeout"), text).await;
    // Each of the three tells of every request: an alert by route sees a flood of refusals.
    for (counted, label) in [
        ("hedgerow_requests_total", "route=\"none\""),
        ("hedgerow_responses_total", ""),
        ("hedgerow_requests_by_method_total", ""),
    ] {
        assert_eq!(edge.metric(counted, &[label]).await, 7.0, "{counted}");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_says_what_a_refused_head_asked_for() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let head = "GET /api/x\\..\\y?secret HTTP/1.1\r\nhost: shop.test\r\nuser-agent: odd/1\r\n\r\n";
    answer(&edge, head).await;
    let line = edge.log.line_with("reason", "bad-path").await;
    assert_eq!(line["path"], "/api/x\\..\\y", "{line}");
    assert_eq!(line["host"], "shop.test", "{line}");
    assert_eq!(line["user_agent"], "odd/1", "{line}");
    edge.stop().await;
}
