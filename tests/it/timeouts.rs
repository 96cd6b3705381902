//! Does every wait end, with the right answer and the right reason?

mod both_ways;
mod client;

use std::sync::Arc;
use std::time::Duration;
use tests::authority::trusting_client;
use tests::client::h2::H2Connection;
use tests::client::websocket::WebSocket;
use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::{Fault, Origin};
use tests::origin_h2::H2Origin;
use tests::origin_scripted::Scripted;
use tests::own_answer;
use tokio::sync::Notify;

const GET: &str = "http://shop.test/";

async fn h2(edge: &Edge) -> H2Connection {
    let connection = Connection::open_tls(edge.https(), "shop.test", trusting_client(&["h2"]));
    let connection = connection.await.expect("shakes hands");
    H2Connection::open(connection).await.expect("speaks HTTP/2")
}

/// Sends a head and the first part of a body, and nothing more.
async fn falls_silent() -> Scripted {
    Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        let text = "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nthe first part";
        scene.send(text).await?;
        scene.wait_for_close().await;
        Ok(())
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_endpoint_that_does_not_begin_its_answer_is_a_504() {
    let origin = Origin::start("a").await;
    origin.fail(Fault::Hang);
    for (annotations, reason) in [
        (vec![("response-timeout", "150ms")], "response-timeout"),
        (vec![("request-timeout", "150ms")], "request-timeout"),
        (
            vec![("attempt-timeout", "150ms"), ("attempts", "1")],
            "response-timeout",
        ),
        (
            vec![("request-timeout", "150ms"), ("response-timeout", "60s")],
            "request-timeout",
        ),
    ] {
        let edge = Edge::start(&manifest::shop_annotated(&[origin.address], &annotations)).await;
        for method in ["GET", "POST"] {
            let body = if method == "POST" { "order" } else { "" };
            let before = origin.received().len();
            let reply = edge
                .send(&own_answer::request(method, GET).body(body))
                .await;
            let line = own_answer::check(&edge, &reply, 504, reason).await;
            assert_eq!(line["attempt_count"], 1, "{line}");
            assert_eq!(origin.received().len() - before, 1, "asked once");
        }
        let h2 = h2(&edge).await;
        let request = own_answer::request("GET", "https://shop.test/");
        let reply = h2.send(&request).await.expect("answers");
        own_answer::check(&edge, &reply, 504, reason).await;
        drop(h2);
        edge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_answer_that_is_in_time_passes() {
    let origin = Origin::start("a").await;
    let annotations = [("response-timeout", "10s"), ("idle-timeout", "100ms")];
    let edge = Edge::start(&manifest::shop_annotated(&[origin.address], &annotations)).await;
    let reply = edge.get("http://shop.test/sleep/400").await;
    assert_eq!((reply.status, reply.served_by()), (200, "a"));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_h2c_endpoint_that_does_not_begin_its_answer_is_a_504() {
    // It accepts the connection, and says nothing at all.
    let origin = Scripted::start(|mut scene, _| async move {
        scene.wait_for_close().await;
        Ok(())
    })
    .await;
    let annotations = [("backend-protocol", "h2c"), ("response-timeout", "150ms")];
    let edge = Edge::start(&manifest::shop_annotated(&[origin.address], &annotations)).await;
    let reply = edge.send(&own_answer::request("GET", GET)).await;
    own_answer::check(&edge, &reply, 504, "response-timeout").await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_falls_silent_is_cut_for_its_reason() {
    for (annotation, reason) in [
        ("idle-timeout", "idle-timeout"),
        ("request-timeout", "request-timeout"),
    ] {
        let origin = falls_silent().await;
        let annotations = [(annotation, "150ms")];
        let edge = Edge::start(&manifest::shop_annotated(&[origin.address], &annotations)).await;
        let mut connection = Connection::open(edge.http()).await.expect("connects");
        let request = Request::new("GET", "http://shop.test/h1");
        connection.send(request.to_bytes()).await.expect("sends");
        assert_eq!(connection.read_head().await.expect("begins").status, 200);
        connection
            .read_until("the first part")
            .await
            .expect("passes");
        assert!(connection.read_to_end().await.is_empty());
        let h2 = h2(&edge).await;
        let request = Request::new("GET", "https://shop.test/h2");
        h2.send(&request).await.expect_err("the stream is reset");
        for path in ["/h1", "/h2"] {
            let line = edge.log.line_with("path", path).await;
            assert_eq!(line["reason"], reason, "{line}");
            assert_eq!(line["status"], 200, "{line}");
        }
        drop(h2);
        edge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_may_be_silent_for_longer_than_other_answers() {
    let speak = Arc::new(Notify::new());
    let cue = speak.clone();
    let events = Scripted::start(move |mut scene, _| {
        let cue = cue.clone();
        async move {
            scene.read_head().await?;
            let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";
            scene.send(head).await?;
            cue.notified().await;
            scene.send("9\r\ndata: 0\n\n\r\n").await?;
            scene.wait_for_close().await;
            Ok(())
        }
    })
    .await;
    let page = falls_silent().await;
    let paths = [("/events", "events", 80), ("/", "page", 80)];
    let site = manifest::join(&[
        manifest::ingress("shop", "shop.test", &paths),
        manifest::service("events", 80, &[events.address]),
        manifest::service("page", 80, &[page.address]),
    ]);
    let edge = Edge::start_with(&site, |settings| {
        settings.limits.idle_timeout = Duration::from_millis(300);
        settings.limits.response_timeout = Duration::from_millis(300);
        settings.limits.stream_idle_timeout = Duration::from_millis(2000);
    })
    .await;
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    let request = Request::new("GET", "http://shop.test/events");
    connection.send(request.to_bytes()).await.expect("sends");
    assert_eq!(connection.read_head().await.expect("begins").status, 200);
    // Another answer falls silent later, and is cut for it first.
    let page = Request::new("GET", "http://shop.test/page");
    edge.try_send(&page).await.expect_err("is cut");
    let line = edge.log.line_with("path", "/page").await;
    assert_eq!(line["reason"], "idle-timeout", "{line}");
    speak.notify_one();
    connection.read_until("data: 0").await.expect("still lives");
    // But not for ever.
    connection.read_to_end().await;
    let line = edge.log.line_with("path", "/events").await;
    assert_eq!(line["reason"], "idle-timeout", "{line}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_websocket_that_nobody_uses_ends_in_the_end() {
    let origin = Origin::start("a").await;
    let annotations = [("idle-timeout", "200ms")];
    let edge = Edge::start(&manifest::shop_annotated(&[origin.address], &annotations)).await;
    let request = Request::new("GET", "http://shop.test/ws");
    let connection = edge.connect(&request).await.expect("connects");
    let mut socket = WebSocket::open(connection, &request)
        .await
        .expect("upgrades");
    socket.send_text("hello").await.expect("sends");
    assert_eq!(socket.read_text().await.expect("reads"), "hello");
    let rest = socket.0.read_some().await;
    assert!(!matches!(rest, Err(error) if error.kind() == std::io::ErrorKind::TimedOut));
    edge.log.line_with("path", "/ws").await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_of_grpc_has_no_bound_but_its_own() {
    let origin = H2Origin::start("g").await;
    let site = manifest::shop_annotated(&[origin.address], &[("backend-protocol", "h2c")]);
    let short = Duration::from_millis(150);
    let edge = Edge::start_with(&site, |settings| {
        settings.limits.response_timeout = short;
        settings.limits.idle_timeout = short;
        settings.limits.body_stall_timeout = Duration::from_secs(5);
    })
    .await;
    let h2 = h2(&edge).await;
    let call = Request::new("POST", "https://shop.test/chat")
        .field("content-type", "application/grpc")
        .field("te", "trailers");
    let (answer, mut sender) = h2.start(&call, false).await.expect("starts");
    let (_, mut body) = tests::client::h2::read_head(answer).await.expect("begins");
    for text in ["one", "two"] {
        // What is told here is silence itself, which nothing but time can be: longer than both bounds that do not hold for a call.
        tokio::time::sleep(short * 2).await;
        sender.send_data(text.into(), false).expect("is open");
        let part = tests::client::within(body.data()).await.expect("in time");
        assert_eq!(part.expect("goes on").expect("is whole"), text);
        let _ = body.flow_control().release_capacity(text.len());
    }
    drop((sender, body, h2));
    edge.stop().await;
}
