//! Is a client that leaves noticed, and one that is slow let be?

use super::{is_soon, silent, site};
use std::time::{Duration, Instant};
use tests::client::{Connection, Request, until};
use tests::origin_scripted::Scripted;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpSocket;

const LONG_BYTES: usize = 16 * 1024 * 1024;

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_leaves_behind_a_request_sent_ahead_is_noticed() {
    let origin = silent(b"").await;
    let edge = site(&origin, &[], &[], |_| {}).await;
    let begun = Instant::now();
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    let first = Request::new("GET", "http://shop.test/first").to_bytes();
    let ahead = Request::new("GET", "http://shop.test/ahead").to_bytes();
    connection
        .send([first, ahead].concat())
        .await
        .expect("sends");
    // Its backend has it, so the edge waits for nothing but that.
    edge.until_metric("hedgerow_requests_in_flight", &[], 1.0)
        .await;
    until(async || match origin.accepted() {
        0 => Err("the backend is never asked".to_owned()),
        _ => Ok(()),
    })
    .await;
    drop(connection);
    let line = edge.log.line_with("path", "/first").await;
    assert_eq!(line["reason"], "client-closed", "{line}");
    assert!(is_soon(begun), "{:?}", begun.elapsed());
    edge.stop().await;
}

/// A backend with a long answer.
async fn long() -> Scripted {
    Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LONG_BYTES}\r\n\r\n");
        scene.send(head).await?;
        scene.send(vec![b'l'; LONG_BYTES]).await?;
        scene.wait_for_close().await;
        Ok(())
    })
    .await
}

/// A client whose kernel takes little ahead of it, after it has asked.
async fn slow_client(address: std::net::SocketAddr) -> tokio::net::TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket");
    socket.set_recv_buffer_size(128 * 1024).expect("is set");
    let mut stream = socket.connect(address).await.expect("connects");
    let request = Request::new("GET", "http://shop.test/long").to_bytes();
    stream.write_all(&request).await.expect("sends");
    stream
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_but_steady_download_is_not_cut() {
    let origin = long().await;
    let edge = site(&origin, &[], &[], |settings| {
        settings.limits.write_stall_timeout = Duration::from_millis(500);
    })
    .await;
    let mut stream = slow_client(edge.http()).await;
    let mut part = vec![0; 32 * 1024];
    // Slow is what this story is about: 3.2 MB/s, for thrice the time that a client may stall. Steady is too: a machine that stops this
    // client for a while sees it catch up, as a client that is slow for its network does.
    let mut pace = tokio::time::interval(Duration::from_millis(10));
    for _ in 0..150 {
        pace.tick().await;
        stream.read_exact(&mut part).await.expect("goes on");
    }
    assert_eq!(edge.metric("hedgerow_requests_in_flight", &[]).await, 1.0);
    assert!(edge.log.lines().is_empty(), "{}", edge.log.text());
    drop(stream);
    edge.log.line_with("path", "/long").await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_nothing_is_cut_for_what_it_is() {
    let origin = long().await;
    let edge = site(&origin, &[], &[], |settings| {
        settings.limits.write_stall_timeout = Duration::from_millis(300);
    })
    .await;
    let begun = Instant::now();
    let stream = slow_client(edge.http()).await;
    let line = edge.log.line_with("path", "/long").await;
    assert_eq!(line["reason"], "client-write-timeout", "{line}");
    assert_eq!(line["status"], 200, "{line}");
    assert!(is_soon(begun), "{:?}", begun.elapsed());
    drop(stream);
    edge.stop().await;
}
