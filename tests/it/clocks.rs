//! Does each wait end at its time, for the right reason, and with an answer where one is possible?

mod client_gone;

use config::settings::Settings;
use std::time::{Duration, Instant};
use tests::authority::Authority;
use tests::client::h2::read;
use tests::client::{Connection, Request, within};
use tests::edge::Edge;
use tests::manifest;
use tests::origin_scripted::Scripted;

/// An empty SETTINGS frame: a backend that speaks HTTP/2, and then nothing.
const H2_SETTINGS: &[u8] = b"\0\0\0\x04\0\0\0\0\0";
const POST_HEAD: &str = "POST / HTTP/1.1\r\nhost: shop.test\r\ncontent-length: 5\r\n";

/// Reads whatever comes and never answers.
async fn silent(greeting: &'static [u8]) -> Scripted {
    Scripted::start(move |mut scene, _| async move {
        scene.send(greeting).await?;
        scene.wait_for_close().await;
        Ok(())
    })
    .await
}

/// `shop.test` over HTTP and HTTPS, with these annotations of the Ingress and of the Service.
async fn site(
    origin: &Scripted,
    route: &[(&str, &str)],
    service: &[(&str, &str)],
    change: impl FnOnce(&mut Settings),
) -> Edge {
    let authority = Authority::default();
    let mut all = vec![("ssl-redirect", "false")];
    all.extend(route);
    let site = manifest::join(&[
        manifest::ingress_annotated("shop", "shop.test", &[("/", "web", 80)], &all),
        manifest::ingress_tls("tls", "shop.test", "shop-tls", &[("/tls", "web", 80)]),
        manifest::service_annotated("web", 80, &[origin.address], service),
        authority.secret("shop-tls", &["shop.test"]),
    ]);
    Edge::start_given(authority, &[("main.yaml", &site)], change).await
}

fn is_soon(begun: Instant) -> bool {
    begun.elapsed() < Duration::from_millis(1900)
}

fn short_body_stall(settings: &mut Settings) {
    settings.limits.body_stall_timeout = Duration::from_millis(300);
}

/// A POST over HTTP/2 whose head does not end it, and this part of its body; then silence. How the stream ends.
async fn stalled_upload(edge: &Edge, part: &'static str) -> Result<u16, String> {
    let h2 = edge.connect_h2("shop.test").await;
    let request = Request::new("POST", "https://shop.test/");
    let (answer, mut body) = h2.start(&request, false).await.expect("starts");
    if !part.is_empty() {
        body.send_data(part.into(), false).expect("sends");
    }
    let answer = within(answer).await.expect("in time");
    answer
        .map(|answer| answer.status().as_u16())
        .map_err(|error| error.to_string())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_http_2_that_stalls_ends_at_its_time_and_the_backend_is_not_blamed() {
    for (greeting, protocol) in [(b"".as_slice(), "http"), (H2_SETTINGS, "h2c")] {
        for part in ["", "part"] {
            let origin = silent(greeting).await;
            let service = [("backend-protocol", protocol)];
            let edge = site(&origin, &[], &service, short_body_stall).await;
            let begun = Instant::now();
            let end = stalled_upload(&edge, part).await;
            assert!(is_soon(begun), "{protocol} {part:?}: {:?}", begun.elapsed());
            let line = edge.log.line_with("path", "/").await;
            assert_eq!(line["reason"], "client-body-timeout", "{end:?} {line}");
            assert_eq!(line["bytes_in"], part.len(), "{line}");
            drop(edge);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_over_http_1_that_stalls_is_a_408() {
    let origin = silent(b"").await;
    let edge = site(&origin, &[], &[], short_body_stall).await;
    let begun = Instant::now();
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    connection
        .send(format!("{POST_HEAD}\r\n"))
        .await
        .expect("sends");
    let reply = connection.read_reply(false).await.expect("answers");
    assert_eq!(reply.status, 408);
    assert!(is_soon(begun), "{:?}", begun.elapsed());
    let line = edge.log.line_with("path", "/").await;
    assert_eq!(line["reason"], "client-body-timeout", "{line}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_http_2_backend_that_does_not_begin_its_answer_is_a_504_for_a_stream_too() {
    let origin = silent(H2_SETTINGS).await;
    let service = [("backend-protocol", "h2c")];
    let stream = ("accept", "text/event-stream");
    let grpc = ("content-type", "application/grpc");
    let short = [("request-timeout", "300ms")];
    for (field, route, reason) in [
        (stream, &[][..], "response-timeout"),
        (stream, &short[..], "request-timeout"),
        (grpc, &short[..], "request-timeout"),
    ] {
        let edge = site(&origin, route, &service, |settings| {
            settings.limits.response_timeout = Duration::from_millis(400);
        })
        .await;
        let begun = Instant::now();
        let request = Request::new("GET", "http://shop.test/").field(field.0, field.1);
        let reply = edge.send(&request).await;
        assert!(is_soon(begun), "{field:?} {reason}: {:?}", begun.elapsed());
        let line = edge.log.line_with("path", "/").await;
        assert_eq!(line["reason"], reason, "{field:?} {line}");
        assert_eq!(reply.status, 504, "{field:?} {reason}");
        edge.stop().await;
    }
}

const SHORT_REQUEST: [(&str, &str); 1] = [("request-timeout", "300ms")];

async fn awaits_a_body_over_http_1(expect: &str) {
    let origin = silent(b"").await;
    let edge = site(&origin, &SHORT_REQUEST, &[], |_| {}).await;
    let begun = Instant::now();
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    connection
        .send(format!("{POST_HEAD}{expect}\r\n"))
        .await
        .expect("sends");
    let reply = connection.read_reply(false).await.expect("answers");
    assert_eq!(reply.status, 504, "{expect}");
    assert!(is_soon(begun), "{expect}: {:?}", begun.elapsed());
    let line = edge.log.line_with("path", "/").await;
    assert_eq!(line["reason"], "request-timeout", "{line}");
    edge.stop().await;
}

async fn awaits_a_body_over_http_2(greeting: &'static [u8], protocol: &str) {
    let origin = silent(greeting).await;
    let service = [("backend-protocol", protocol)];
    let edge = site(&origin, &SHORT_REQUEST, &service, |_| {}).await;
    let begun = Instant::now();
    assert_eq!(stalled_upload(&edge, "").await, Ok(504), "{protocol}");
    assert!(is_soon(begun), "{protocol}: {:?}", begun.elapsed());
    let line = edge.log.line_with("path", "/").await;
    assert_eq!(line["reason"], "request-timeout", "{line}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_time_of_a_request_holds_while_its_body_is_awaited() {
    // All at once: behind such an answer the edge waits two seconds for the rest of the body.
    tokio::join!(
        awaits_a_body_over_http_1(""),
        awaits_a_body_over_http_1("expect: 100-continue\r\n"),
        awaits_a_body_over_http_2(b"", "http"),
        awaits_a_body_over_http_2(H2_SETTINGS, "h2c"),
    );
}

/// Answers in full from the head alone, and keeps reading.
async fn refusing() -> Scripted {
    Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        let refusal = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 3\r\n\r\nno\n";
        scene.send(refusal).await?;
        scene.wait_for_close().await;
        Ok(())
    })
    .await
}

fn short_drain(settings: &mut Settings) {
    settings.limits.drain_body_timeout = Duration::from_millis(300);
    settings.limits.idle_timeout = Duration::from_millis(700);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_early_answer_ends_the_request_as_answered_though_its_upload_is_unfinished() {
    let origin = refusing().await;
    let edge = site(&origin, &[], &[], short_drain).await;
    let begun = Instant::now();
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    connection
        .send("POST /one HTTP/1.1\r\nhost: shop.test\r\ncontent-length: 500\r\n\r\nsome")
        .await
        .expect("sends");
    let reply = connection.read_reply(false).await.expect("answers");
    assert_eq!((reply.status, reply.text().as_str()), (401, "no\n"));
    let rest = connection
        .read_some()
        .await
        .expect("closes without a reset");
    assert!(rest.is_empty());
    assert!(is_soon(begun), "{:?}", begun.elapsed());
    let h2 = edge.connect_h2("shop.test").await;
    let request = Request::new("POST", "https://shop.test/two");
    let (answer, mut body) = h2.start(&request, false).await.expect("starts");
    body.send_data("some".into(), false).expect("sends");
    let reply = within(read(answer)).await.expect("in time");
    assert_eq!(reply.expect("answers").text(), "no\n");
    for path in ["/one", "/two"] {
        let line = edge.log.line_with("path", path).await;
        assert_eq!(line["reason"], "answered", "{line}");
        assert_eq!(line["status"], 401, "{line}");
    }
    assert!(begun.elapsed() < Duration::from_secs(3));
    drop((h2, body));
    edge.stop().await;
}
