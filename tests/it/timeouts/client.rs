//! How long does the edge wait for a client?

use super::{GET, h2};
use std::time::Duration;
use tests::authority::trusting_client;
use tests::client::h2::H2Connection;
use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;
use tests::own_answer;

const SHORT: Duration = Duration::from_millis(200);

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_stops_coming_is_a_408() {
    let origin = Origin::start("a").await;
    let edge = Edge::start_with(&manifest::shop(&[origin.address]), |settings| {
        settings.limits.body_stall_timeout = SHORT;
        settings.limits.idle_timeout = SHORT;
    })
    .await;
    for rest in [
        "content-length: 10\r\n\r\nhello",
        "transfer-encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "content-length: 10\r\n\r\n",
    ] {
        let mut connection = Connection::open(edge.http()).await.expect("connects");
        let head = "POST /h1 HTTP/1.1\r\nhost: shop.test\r\naccept: application/json\r\n";
        connection
            .send(format!("{head}{rest}"))
            .await
            .expect("sends");
        let reply = connection.read_reply(false).await.expect("answers");
        own_answer::check(&edge, &reply, 408, "client-body-timeout").await;
        let end = connection.read_some().await.expect("is closed in time");
        assert!(end.is_empty());
    }
    let h2 = h2(&edge).await;
    let request = Request::new("POST", "https://shop.test/h2").body("hello");
    let (answer, mut body) = h2.start(&request, false).await.expect("starts");
    body.send_data("hello".into(), false).expect("sends");
    let answer = tests::client::within(answer).await.expect("in time");
    if let Ok(answer) = answer {
        assert_eq!(answer.status(), 408);
    }
    let line = edge.log.line_with("path", "/h2").await;
    assert_eq!(line["reason"], "client-body-timeout", "{line}");
    drop((body, h2));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_comes_slowly_but_does_come_is_whole() {
    let origin = Origin::start("a").await;
    let stall = Duration::from_millis(800);
    let edge = Edge::start_with(&manifest::shop(&[origin.address]), |settings| {
        settings.limits.body_stall_timeout = stall;
        settings.limits.header_timeout = stall;
    })
    .await;
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    let head = "POST / HTTP/1.1\r\nhost: shop.test\r\ncontent-length: 30\r\n\r\n";
    connection.send(head).await.expect("sends");
    // What is told here is slowness itself: each byte in time, all together in half as long again as one pause may be.
    let mut pace = tokio::time::interval(stall / 20);
    for _ in 0..30 {
        pace.tick().await;
        connection.send("x").await.expect("sends");
    }
    let reply = connection.read_reply(false).await.expect("answers");
    assert_eq!(
        (reply.status, reply.field("x-body-bytes")),
        (200, Some("30"))
    );
    drop(connection);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_head_that_drips_is_a_408_after_a_time_that_no_byte_prolongs() {
    let origin = Origin::start("a").await;
    let edge = Edge::start_with(&manifest::shop(&[origin.address]), |settings| {
        settings.limits.header_timeout = SHORT;
    })
    .await;
    for address in [edge.http(), edge.https()] {
        let mut connection = Connection::open(address).await.expect("connects");
        if address == edge.https() {
            let tls = connection.start_tls("shop.test", tests::authority::trusting_client(&[]));
            connection = tls.await.expect("shakes hands");
        }
        let head = "GET /drips HTTP/1.1\r\nhost: shop.test\r\n";
        connection.send(head).await.expect("sends");
        let (mut from, mut to) = tokio::io::split(connection.stream);
        let drip = tokio::spawn(async move {
            while tokio::io::AsyncWriteExt::write_all(&mut to, b"x")
                .await
                .is_ok()
            {
                tokio::time::sleep(SHORT / 10).await;
            }
        });
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).contains("did not arrive in time.\n") {
            let read = tokio::io::AsyncReadExt::read_buf(&mut from, &mut answer);
            let read = tests::client::within(read).await.expect("in time");
            let text = String::from_utf8_lossy(&answer);
            assert!(read.expect("reads") > 0, "the answer is lost: {text}");
        }
        assert!(answer.starts_with(b"HTTP/1.1 408 "));
        drip.abort();
    }
    assert!(origin.received().is_empty());
    edge.log.line_with("reason", "header-timeout").await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_that_says_nothing_is_closed_without_a_word() {
    let origin = Origin::start("a").await;
    let edge = Edge::start_with(&manifest::shop(&[origin.address]), |settings| {
        settings.limits.header_timeout = SHORT;
        settings.limits.handshake_timeout = SHORT;
        settings.limits.keep_alive_idle = SHORT;
    })
    .await;
    for address in [edge.http(), edge.https()] {
        let mut silent = Connection::open(address).await.expect("connects");
        let end = silent.read_some().await.expect("is closed in time");
        assert!(end.is_empty(), "{:?}", String::from_utf8_lossy(&end));
    }
    let mut idle = Connection::open(edge.http()).await.expect("connects");
    let request = Request::new("GET", GET);
    let reply = request.send_on(&mut idle).await.expect("answers");
    assert_eq!(reply.status, 200);
    let end = idle.read_some().await.expect("is closed in time");
    assert!(end.is_empty(), "{:?}", String::from_utf8_lossy(&end));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_does_not_read_does_not_hold_its_backend() {
    let origin = Origin::start("a").await;
    let edge = Edge::start_with(&manifest::shop(&[origin.address]), |settings| {
        settings.limits.write_stall_timeout = SHORT;
    })
    .await;
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    // More than the sockets of both sides can hold.
    let request = Request::new("GET", "http://shop.test/bytes/80000000");
    connection.send(request.to_bytes()).await.expect("sends");
    let line = edge.log.line_with("path", "/bytes/80000000").await;
    assert_eq!(line["reason"], "client-write-timeout", "{line}");
    assert!(line["bytes_out"].as_u64() < Some(80_000_000), "{line}");
    let h2 = h2(&edge).await;
    let request = Request::new("GET", "https://shop.test/bytes/70000000");
    let (answer, _body) = h2.start(&request, true).await.expect("starts");
    let line = edge.log.line_with("path", "/bytes/70000000").await;
    assert_eq!(line["reason"], "client-write-timeout", "{line}");
    drop((answer, h2, connection));
    edge.stop().await;
}

/// What waits for a window never left the edge.
#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_opens_no_window_gets_nothing_and_is_not_called_answered() {
    let origin = Origin::start("a").await;
    let edge = Edge::start_with(&manifest::shop(&[origin.address]), |settings| {
        settings.limits.write_stall_timeout = SHORT;
    })
    .await;
    for (window, path, body) in [
        (0, "/bytes/1000", 1000),
        (100, "/bytes/1001", 1001),
        (20_000, "/bytes/50000", 50_000),
    ] {
        let connection = Connection::open_tls(edge.https(), "shop.test", trusting_client(&["h2"]));
        let connection = connection.await.expect("shakes hands");
        let h2 = H2Connection::open_with_window(connection, window);
        let h2 = h2.await.expect("speaks HTTP/2");
        let mut url = "https://shop.test".to_owned();
        url.push_str(path);
        let (answer, _body) = h2
            .start(&Request::new("GET", &url), true)
            .await
            .expect("starts");
        let line = edge.log.line_with("path", path).await;
        assert_eq!(line["reason"], "client-write-timeout", "{line}");
        assert!(line["bytes_out"].as_u64() < Some(body), "{line}");
        drop(answer);
    }
    edge.stop().await;
}
