//! What does one request leave in the access log, and what never?

use config::settings::{AccessLog, AccessLogFormat};
use serde_json::Value;
use std::collections::BTreeSet;
use tests::authority::Authority;
use tests::client::{Connection, Request, until};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

/// What must never be written, wherever it stands in a request.
const SECRETS: [&str; 6] = [
    "s-query", "s-cookie", "s-auth", "s-proxy", "s-user", "s-ref",
];

/// `shop.test` over both schemes.
async fn site(origin: &Origin) -> Edge {
    let authority = Authority::default();
    let paths = [("/", "web", 80)];
    let annotations = [("ssl-redirect", "false"), ("hold", "10s")];
    let site = manifest::join(&[
        manifest::ingress_annotated("shop", "shop.test", &paths, &annotations),
        manifest::ingress_tls("tls", "shop.test", "shop-tls", &[("/tls", "web", 80)]),
        manifest::ingress("gone", "gone.test", &[("/", "nobody", 80)]),
        manifest::service("web", 80, &[origin.address]),
        authority.secret("shop-tls", &["shop.test"]),
    ]);
    Edge::start_given(authority, &[("main.yaml", &site)], |_| {}).await
}

/// With something secret in every place that has one, and five bytes of body.
fn telling(scheme: &str) -> Request {
    Request::new(
        "POST",
        &format!("{scheme}://shop.test/bytes/100?token=s-query"),
    )
    .field("user-agent", "a browser/1.0")
    .field(
        "referer",
        "https://ann:s-user@blog.test/page?from=s-ref#top",
    )
    .field("cookie", "session=s-cookie")
    .field("authorization", "Bearer s-auth")
    .field("proxy-authorization", "Basic s-proxy")
    .body("order")
}

fn names(line: &Value) -> BTreeSet<&str> {
    let fields = line.as_object().expect("is an object");
    fields.keys().map(String::as_str).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_tells_all_of_its_request_and_no_secret_of_it() {
    let origin = Origin::start("a").await;
    let edge = site(&origin).await;
    origin.refuse().await;
    // The first attempt meets nobody.
    let request = telling("https");
    let (reply, ()) = tokio::join!(edge.send(&request), async {
        edge.until_metric("hedgerow_requests_held", &[], 1.0).await;
        origin.accept_again();
    });
    assert_eq!((reply.status, reply.body.len()), (200, 100));
    let line = edge.log.line_with("scheme", "https").await;
    let endpoint = origin.address.to_string();
    for (name, value) in [
        ("client", Value::from("127.0.0.1")),
        ("protocol", "HTTP/1.1".into()),
        ("tls_version", "TLSv1.3".into()),
        ("method", "POST".into()),
        ("host", "shop.test".into()),
        ("path", "/bytes/100".into()),
        ("status", 200.into()),
        ("reason", "answered".into()),
        ("bytes_in", 5.into()),
        ("bytes_out", 100.into()),
        ("route", "Ingress default/shop".into()),
        ("backend", "default/web:80".into()),
        ("endpoint", endpoint.as_str().into()),
        ("user_agent", "a browser/1.0".into()),
        ("referer", "blog.test/page".into()),
    ] {
        assert_eq!(line[name], value, "{name}: {line}");
    }
    let id = origin.received()[0]
        .head
        .field("x-request-id")
        .map(Value::from);
    assert_eq!(
        Some(&line["request_id"]),
        id.as_ref(),
        "as the backend has it"
    );
    let time = line["time"].as_str().expect("is text");
    assert!(
        time.starts_with("20") && time.ends_with('Z') && time.contains('.'),
        "{time}"
    );
    let (total, at_endpoint) = (line["total_ms"].as_f64(), line["endpoint_ms"].as_f64());
    assert!(at_endpoint > Some(0.0) && total >= at_endpoint, "{line}");
    check_attempts(&line, &endpoint);
    check_that_nothing_leaks(&edge);
    edge.stop().await;
}

/// Nobody was met at first, and the endpoint at last.
fn check_attempts(line: &Value, endpoint: &str) {
    let attempts = line["attempts"].as_array().expect("is a list");
    assert_eq!(line["attempt_count"], attempts.len(), "{line}");
    let outcomes: Vec<_> = attempts.iter().map(|attempt| &attempt["outcome"]).collect();
    assert!(outcomes.len() >= 2, "{line}");
    assert_eq!(
        outcomes.first(),
        Some(&&Value::from("connect-refused")),
        "{line}"
    );
    assert_eq!(outcomes.last(), Some(&&Value::from("answered")), "{line}");
    for attempt in attempts {
        assert_eq!(attempt["endpoint"], endpoint, "{line}");
        assert!(attempt["ms"].as_f64() >= Some(0.0), "{line}");
    }
}

fn check_that_nothing_leaks(edge: &Edge) {
    let text = edge.log.text();
    for secret in SECRETS {
        assert!(!text.contains(secret), "{secret} in {text}");
    }
}

/// The same fields over HTTP/2 and without TLS; those that have no value are left out.
#[tokio::test(flavor = "multi_thread")]
async fn each_protocol_and_each_end_of_a_request_has_its_line() {
    let origin = Origin::start("a").await;
    let edge = site(&origin).await;
    let h2 = edge.connect_h2("shop.test").await;
    let reply = h2.send(&telling("https")).await.expect("answers");
    assert_eq!(reply.status, 200);
    let over_h2 = edge.log.line_with("protocol", "HTTP/2").await;
    assert_eq!(over_h2["tls_version"], "TLSv1.3", "{over_h2}");
    edge.send(&telling("http")).await;
    let plain = edge.log.line_with("scheme", "http").await;
    let mut expected = names(&over_h2);
    assert!(expected.remove("tls_version"), "{over_h2}");
    assert_eq!(names(&plain), expected);
    for (url, reason) in [
        ("http://nobody.test/none?token=s-query", "no-rule"),
        ("http://gone.test/gone?token=s-query", "no-service"),
    ] {
        edge.get(url).await;
        let line = edge.log.line_with("reason", reason).await;
        assert_eq!(line["attempt_count"], 0, "{line}");
        for absent in ["endpoint", "endpoint_ms", "user_agent", "referer"] {
            assert!(line.get(absent).is_none(), "{absent}: {line}");
        }
        assert_eq!(
            line.get("route").is_some(),
            reason == "no-service",
            "{line}"
        );
    }
    check_that_nothing_leaks(&edge);
    drop(h2);
    edge.stop().await;
}

/// Bytes that would end a line, forge one, colour a terminal, or turn its text round.
#[tokio::test(flavor = "multi_thread")]
async fn hostile_bytes_stay_inside_their_line() {
    let origin = Origin::start("a").await;
    let edge = site(&origin).await;
    let head = b"GET /%22,%3c HTTP/1.1\r\nhost: shop.test\r\n".as_slice();
    let passing = "user-agent: \u{202e}\u{2028}\u{85}\",\"status\":500,\\".as_bytes();
    let broken = b"\xff\xfe\r\nreferer: https://blog.test/\xc3(\r\n\r\n".as_slice();
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    let whole = [head, passing, broken].concat();
    connection.send(whole).await.expect("sends");
    assert_eq!(
        connection.read_reply(false).await.expect("answers").status,
        200
    );
    let line = edge.log.line_with("status", 200).await;
    let agent = "\u{202e}\u{2028}\u{85}\",\"status\":500,\\\u{fffd}\u{fffd}";
    assert_eq!(line["user_agent"], agent, "{line}");
    assert_eq!(line["referer"], "https://blog.test/\u{fffd}(", "{line}");
    assert_eq!(line["path"], "/%22,%3c", "{line}");
    // What no header may have is refused, and not written either.
    let mut refused = Connection::open(edge.http()).await.expect("connects");
    let escape = "GET / HTTP/1.1\r\nhost: shop.test\r\nuser-agent: \x1b[2J\x08\r\n\r\n";
    refused.send(escape).await.expect("sends");
    assert_eq!(
        refused.read_reply(false).await.expect("answers").status,
        400
    );
    edge.log.line_with("status", 400).await;
    let text = edge.log.text();
    assert_eq!(
        (edge.log.lines().len(), text.lines().count()),
        (2, 2),
        "{text}"
    );
    let is_raw = |c: char| c != '\n' && (c.is_control() || "\u{202e}\u{2028}".contains(c));
    assert!(!text.contains(is_raw), "{text:?}");
    drop((connection, refused));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sampling_of_none_keeps_every_failure() {
    let origin = Origin::start("a").await;
    let site = manifest::join(&[
        manifest::shop(&[origin.address]),
        manifest::ingress("gone", "gone.test", &[("/", "nobody", 80)]),
    ]);
    let edge = Edge::start_with(&site, |settings| {
        settings.access_log = AccessLog {
            format: AccessLogFormat::Json,
            sampling: 0.0,
        };
    })
    .await;
    for number in 0..20 {
        edge.get(&format!("http://shop.test/{number}")).await;
        edge.get(&format!("http://shop.test/status/40{}", number % 10))
            .await;
        edge.get(&format!("http://nobody.test/{number}")).await;
    }
    for (url, status) in [
        ("http://shop.test/status/500", 500),
        ("http://shop.test/status/503", 503),
        ("http://gone.test/", 503),
    ] {
        assert_eq!(edge.get(url).await.status, status);
    }
    edge.until_metric("hedgerow_responses_total", &[], 63.0)
        .await;
    edge.until_metric("hedgerow_access_log_lines_total", &[], 3.0)
        .await;
    let lines = edge.log.lines();
    let mut kept: Vec<_> = lines.iter().map(|line| line["status"].as_u64()).collect();
    // Lines of two connections have no order.
    kept.sort_unstable();
    assert_eq!(kept, [Some(500), Some(503), Some(503)]);
    edge.stop().await;
}

/// Together more than may wait for a reader: 2 MiB.
const STUCK: usize = 1_500;
const BATCH: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_reader_that_is_stuck_stalls_no_request_and_what_is_lost_is_counted() {
    let edge = Edge::start("").await;
    edge.log.stick();
    let path = "p".repeat(2_000);
    let request = format!("GET /{path} HTTP/1.1\r\nhost: nobody.test\r\n\r\n");
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    for _ in 0..STUCK / BATCH {
        let batch = request.repeat(BATCH);
        connection.send(batch).await.expect("sends");
        for _ in 0..BATCH {
            assert_eq!(
                connection.read_reply(false).await.expect("answers").status,
                404
            );
        }
    }
    assert!(edge.log.text().is_empty(), "nobody has read");
    let dropped = edge.metric("hedgerow_access_log_dropped_total", &[]).await;
    assert!(dropped > 0.0, "all of them wait");
    edge.log.release();
    let written = until(async || {
        let written = edge.metric("hedgerow_access_log_lines_total", &[]).await;
        let dropped = edge.metric("hedgerow_access_log_dropped_total", &[]).await;
        let told = format!("{written} written, {dropped} dropped of {STUCK}");
        let is_all = written + dropped == 1_500.0;
        is_all.then_some(written).ok_or(told)
    })
    .await;
    assert_eq!(edge.log.lines().len() as f64, written);
    drop(connection);
    edge.stop().await;
}
