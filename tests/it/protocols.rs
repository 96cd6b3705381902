//! Which protocol of a client meets which protocol of a backend, and is a backend over TLS always verified?

use tests::authority::Authority;
use tests::client::{Connection, Reply, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;
use tests::origin_h2::H2Origin;
use tests::origin_scripted::Scripted;
use tests::origin_tls::TlsFront;
use tests::own_answer;

const BACKENDS: [&str; 6] = [
    "http",
    "h2c-annotated",
    "h2c-app-protocol",
    "https-h1",
    "https-h2",
    "https-app-protocol",
];

/// The Ingress `NAME` for `NAME.shop.test`, to the Service of the same name, over HTTP and HTTPS alike.
fn host(name: &str) -> String {
    manifest::ingress_annotated(
        name,
        &format!("{name}.shop.test"),
        &[("/", name, 80)],
        &[("ssl-redirect", "false")],
    )
}

pub(super) fn authority_map(name: &str, authority: &Authority) -> String {
    let lines: Vec<String> = authority
        .certificate()
        .lines()
        .map(|line| format!("    {line}\n"))
        .collect();
    format!(
        "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\n  namespace: default\ndata:\n  ca.crt: |\n{}",
        lines.concat()
    )
}

/// Every request of one backend on every protocol of a client.
async fn check(edge: &Edge, backend: &str) {
    let host = format!("{backend}.shop.test");
    let get = |scheme: &str| Request::new("GET", &format!("{scheme}://{host}/x"));
    let post = |scheme: &str| Request::new("POST", &format!("{scheme}://{host}/x")).body("hello");
    let expect = |reply: &Reply, what: &str| {
        assert_eq!(reply.status, 200, "{backend} {what}: {reply:?}");
        assert_eq!(reply.served_by(), backend, "{what}");
    };
    for scheme in ["http", "https"] {
        let mut connection = edge.connect(&get(scheme)).await.expect("connects");
        for round in 0..2 {
            let reply = get(scheme).send_on(&mut connection).await.expect("answers");
            expect(&reply, &format!("GET over {scheme}, round {round}"));
            let reply = post(scheme)
                .send_on(&mut connection)
                .await
                .expect("answers");
            expect(&reply, &format!("POST over {scheme}, round {round}"));
            assert_eq!(reply.field("x-body-bytes"), Some("5"));
        }
    }
    let h2 = edge.connect_h2(&host).await;
    for _ in 0..2 {
        expect(&h2.send(&get("https")).await.expect("answers"), "GET, h2");
        let reply = h2.send(&post("https")).await.expect("answers");
        expect(&reply, "POST over h2");
        assert_eq!(reply.field("x-body-bytes"), Some("5"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_protocol_of_a_client_meets_each_protocol_of_a_backend() {
    let authority = Authority::default();
    let pair = authority.sign(&["web.internal"]);
    let (http, inner_h1) = (Origin::start("http").await, Origin::start("https-h1").await);
    let (annotated, by_port) = (
        H2Origin::start("h2c-annotated").await,
        H2Origin::start("h2c-app-protocol").await,
    );
    let inner_h2 = H2Origin::start("https-h2").await;
    let inner_port = Origin::start("https-app-protocol").await;
    let https_h1 = TlsFront::start(&pair, &["http/1.1"], inner_h1.address).await;
    let https_h2 = TlsFront::start(&pair, &["h2", "http/1.1"], inner_h2.address).await;
    let https_port = TlsFront::start(&pair, &[], inner_port.address).await;
    let tls = [
        ("backend-protocol", "https"),
        ("backend-ca", "internal"),
        ("backend-name", "web.internal"),
    ];
    let app_protocol = |service: String, word: &str| {
        service.replace("port: 80 }", &format!("port: 80, appProtocol: {word} }}"))
    };
    let mut documents = vec![
        manifest::ingress_tls("all", "*.shop.test", "shop-tls", &[("/", "http", 80)]),
        authority.secret("shop-tls", &["*.shop.test"]),
        authority_map("internal", &authority),
        manifest::service("http", 80, &[http.address]),
        manifest::service_annotated(
            "h2c-annotated",
            80,
            &[annotated.address],
            &[("backend-protocol", "h2c")],
        ),
        app_protocol(
            manifest::service("h2c-app-protocol", 80, &[by_port.address]),
            "kubernetes.io/h2c",
        ),
        manifest::service_annotated("https-h1", 80, &[https_h1.address], &tls),
        manifest::service_annotated("https-h2", 80, &[https_h2.address], &tls),
        app_protocol(
            manifest::service_annotated(
                "https-app-protocol",
                80,
                &[https_port.address],
                tls.get(1..).unwrap(),
            ),
            "https",
        ),
    ];
    documents.extend(BACKENDS.map(host));
    let site = manifest::join(&documents);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |_| {}).await;
    for backend in BACKENDS {
        check(&edge, backend).await;
    }
    let seen = inner_h1.received();
    assert_eq!(seen[0].head.field("host"), Some("https-h1.shop.test"));
    assert!(https_h1.handshakes() >= 1);
    assert_eq!(annotated.requests(), 12);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_over_tls_is_never_believed_unverified() {
    let (ours, other) = (Authority::default(), Authority::default());
    let origin = Origin::start("a").await;
    let front = TlsFront::start(&ours.sign(&["web.internal"]), &[], origin.address).await;
    let service = |name: &str, annotations: &[(&str, &str)]| {
        let mut all = vec![("backend-protocol", "https")];
        all.extend(annotations);
        manifest::service_annotated(name, 80, &[front.address], &all)
    };
    let right = ("backend-ca", "right");
    let name = ("backend-name", "web.internal");
    let cases = [
        "good",
        "wrong-ca",
        "wrong-name",
        "machines-ca",
        "no-such-ca",
    ];
    let mut documents = vec![
        authority_map("right", &ours),
        authority_map("wrong", &other),
        service("good", &[right, name]),
        service("wrong-ca", &[("backend-ca", "wrong"), name]),
        service("wrong-name", &[right, ("backend-name", "db.internal")]),
        service("machines-ca", &[name]),
        service("no-such-ca", &[("backend-ca", "forgotten"), name]),
    ];
    documents.extend(cases.map(host));
    let edge = Edge::start(&manifest::join(&documents)).await;
    let reply = edge.get("http://good.shop.test/").await;
    assert_eq!((reply.status, reply.served_by()), (200, "a"));
    for case in ["wrong-ca", "wrong-name", "machines-ca"] {
        let request = own_answer::request("GET", &format!("http://{case}.shop.test/"));
        let reply = edge.send(&request).await;
        let line = own_answer::check(&edge, &reply, 502, "upstream-tls").await;
        assert_eq!(line["attempts"][0]["outcome"], "upstream-tls", "{case}");
    }
    let reply = edge.get("http://no-such-ca.shop.test/").await;
    assert!(reply.is_ours() && reply.status >= 500, "{reply:?}");
    assert_eq!(
        origin.received().len(),
        1,
        "only the verified one got through"
    );
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_speaks_no_tls_where_tls_is_said_is_a_502() {
    let origin = Scripted::start(|mut scene, _| async move {
        // What a server of plain HTTP says to a ClientHello.
        scene.stream.readable().await?;
        scene.send("HTTP/1.1 400 Bad Request\r\n\r\n").await?;
        scene.wait_for_close().await;
        Ok(())
    })
    .await;
    let edge = Edge::start(&manifest::shop_annotated(
        &[origin.address],
        &[("backend-protocol", "https")],
    ))
    .await;
    let request = own_answer::request("GET", "http://shop.test/");
    let reply = edge.send(&request).await;
    own_answer::check(&edge, &reply, 502, "upstream-tls").await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn requests_on_one_h2_connection_run_side_by_side() {
    let origin = Origin::start("a").await;
    let authority = Authority::default();
    let site = manifest::join(&[
        manifest::ingress_tls("shop", "shop.test", "shop-tls", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
        authority.secret("shop-tls", &["shop.test"]),
    ]);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |_| {}).await;
    let h2 = edge.connect_h2("shop.test").await;
    let slow = Request::new("GET", "https://shop.test/sleep/300");
    let (slow, _body) = h2.start(&slow, true).await.expect("starts");
    for _ in 0..20 {
        let quick = Request::new("GET", "https://shop.test/");
        assert_eq!(h2.send(&quick).await.expect("answers").status, 200);
    }
    let (reply, _) = tests::client::h2::read_head(slow).await.expect("answers");
    assert_eq!(reply.status, 200);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_without_alpn_gets_http_1() {
    let origin = Origin::start("a").await;
    let authority = Authority::default();
    let site = manifest::join(&[
        manifest::ingress_tls("shop", "shop.test", "shop-tls", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
        authority.secret("shop-tls", &["shop.test"]),
    ]);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |_| {}).await;
    let config = edge.authority.client(&[]);
    let mut connection = Connection::open_tls(edge.https(), "shop.test", config)
        .await
        .expect("shakes hands");
    assert_eq!(connection.alpn, None);
    let request = Request::new("GET", "https://shop.test/");
    let reply = request.send_on(&mut connection).await.expect("answers");
    assert_eq!((reply.status, reply.served_by()), (200, "a"));
    drop(connection);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_of_http_1_0_is_answered_for_in_our_own_version() {
    let origin = Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        let answer = "HTTP/1.0 200 OK\r\ncontent-length: 5\r\n\r\nhello";
        scene.send(answer).await?;
        scene.wait_for_close().await;
        Ok(())
    })
    .await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let mut client = Connection::open(edge.http()).await.expect("connects");
    for _ in 0..2 {
        let request = Request::new("GET", "http://shop.test/").to_bytes();
        client.send(request).await.expect("sends");
        let answer = client.read_until("hello").await.expect("answers");
        let answer = String::from_utf8_lossy(&answer).to_lowercase();
        assert!(answer.starts_with("http/1.1 200 ok\r\n"), "{answer}");
    }
    edge.stop().await;
}
