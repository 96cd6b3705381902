//! Does what streams pass at once, in both directions, for as long as it lives?

mod websocket;

use std::sync::Arc;
use tests::client::Request;
use tests::client::h2::read_head;
use tests::edge::Edge;
use tests::manifest;
use tests::origin_scripted::Scripted;
use tokio::sync::Notify;

const STREAM_HEAD: &str =
    "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("{:x}\r\n{text}\r\n", text.len())
}

/// Sends the head, and each event only when it is told to.
async fn events_on_demand(told: Arc<Notify>) -> Scripted {
    Scripted::start(move |mut scene, _| {
        let told = told.clone();
        async move {
            scene.read_head().await?;
            scene.send(STREAM_HEAD).await?;
            for number in 0..3 {
                told.notified().await;
                scene.send(chunk(&format!("data: {number}\n\n"))).await?;
            }
            scene.send("0\r\n\r\n").await?;
            scene.wait_for_close().await;
            Ok(())
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_passes_before_the_next_one_is_sent_over_http_1() {
    let told = Arc::new(Notify::new());
    let origin = events_on_demand(told.clone()).await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let request = Request::new("GET", "http://shop.test/events");
    let mut connection = edge.connect(&request).await.expect("connects");
    connection.send(request.to_bytes()).await.expect("sends");
    let head = connection.read_head().await.expect("the head comes alone");
    assert_eq!(head.field("content-type"), Some("text/event-stream"));
    assert!(connection.ahead.is_empty());
    for number in 0..3 {
        told.notify_one();
        let event = format!("data: {number}\n\n");
        connection.read_until(&event).await.expect("comes at once");
    }
    connection.read_until("0\r\n\r\n").await.expect("ends");
    drop(connection);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_event_passes_before_the_next_one_is_sent_over_h2() {
    let told = Arc::new(Notify::new());
    let origin = events_on_demand(told.clone()).await;
    let edge = Edge::start(&manifest::shop_annotated(
        &[origin.address],
        &[("ssl-redirect", "false")],
    ))
    .await;
    let config = tests::authority::trusting_client(&["h2"]);
    let connection = tests::client::Connection::open_tls(edge.https(), "shop.test", config).await;
    let h2 = tests::client::h2::H2Connection::open(connection.expect("shakes hands"));
    let h2 = h2.await.expect("speaks HTTP/2");
    let request = Request::new("GET", "https://shop.test/events");
    let (answer, _) = h2.start(&request, true).await.expect("starts");
    let (head, mut body) = read_head(answer).await.expect("the head comes alone");
    assert_eq!(head.status, 200);
    for number in 0..3 {
        told.notify_one();
        let part = tests::client::within(body.data()).await.expect("in time");
        let part = part.expect("goes on").expect("is whole");
        assert_eq!(part, format!("data: {number}\n\n"));
        let _ = body.flow_control().release_capacity(part.len());
    }
    let end = tests::client::within(body.data()).await.expect("in time");
    assert!(end.is_none_or(|part| part.expect("is whole").is_empty()));
    drop((body, h2));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_part_of_an_upload_is_answered_before_the_next_one_is_sent() {
    let origin = Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        scene.send(STREAM_HEAD).await?;
        for number in 0..3 {
            scene.read_until(&format!("part {number}\r\n")).await?;
            scene.send(chunk(&format!("got {number}"))).await?;
        }
        scene.read_until("0\r\n\r\n").await?;
        scene.send("0\r\n\r\n").await?;
        scene.wait_for_close().await;
        Ok(())
    })
    .await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let request = Request::new("GET", "http://shop.test/");
    let mut connection = edge.connect(&request).await.expect("connects");
    connection
        .send("POST /duplex HTTP/1.1\r\nhost: shop.test\r\ntransfer-encoding: chunked\r\n\r\n")
        .await
        .expect("sends");
    for number in 0..3 {
        let part = chunk(&format!("part {number}"));
        connection.send(part).await.expect("sends");
        let got = format!("got {number}");
        connection.read_until(&got).await.expect("is answered");
    }
    connection.send("0\r\n\r\n").await.expect("sends");
    connection.read_until("0\r\n\r\n").await.expect("ends");
    drop(connection);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_a_stream_ends_it_at_the_backend() {
    let left = Arc::new(Notify::new());
    let seen = left.clone();
    let origin = Scripted::start(move |mut scene, _| {
        let left = seen.clone();
        async move {
            scene.read_head().await?;
            scene.send(STREAM_HEAD).await?;
            scene.send(chunk("data: 0\n\n")).await?;
            scene.wait_for_close().await;
            left.notify_one();
            Ok(())
        }
    })
    .await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let request = Request::new("GET", "http://shop.test/events");
    let mut connection = edge.connect(&request).await.expect("connects");
    connection.send(request.to_bytes()).await.expect("sends");
    connection.read_until("data: 0\n\n").await.expect("begins");
    drop(connection);
    let gone = tests::client::within(left.notified()).await;
    gone.expect("the backend's connection is closed");
    let line = edge.log.line_with("path", "/events").await;
    assert_eq!(line["reason"], "client-closed", "{line}");
    edge.stop().await;
}
