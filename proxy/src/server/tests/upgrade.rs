//! Do upgrades and interim answers pass between a client and its backend?

use super::support::{Edge, read_until};
use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// A backend that serves one connection: reads a head, says something, reads as many bytes, and says something again; then it echoes.
async fn origin(first: &'static str, body_bytes: usize, then: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        let (mut stream, _) = listener.accept().await.unwrap();
        read_until(&mut stream, "\r\n\r\n").await;
        stream.write_all(first.as_bytes()).await.unwrap();
        let mut body = vec![0; body_bytes];
        stream.read_exact(&mut body).await.unwrap();
        stream.write_all(then.as_bytes()).await.unwrap();
        let (mut from, mut to) = stream.split();
        let _ = tokio::io::copy(&mut from, &mut to).await;
    });
    address
}

async fn send(stream: &mut TcpStream, text: &str) {
    stream.write_all(text.as_bytes()).await.unwrap();
}

const UPGRADE: &str = "GET /origin HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
const SWITCHING: &str = "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
    Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n";

#[tokio::test]
async fn after_a_101_bytes_pass_both_ways_whatever_they_look_like() {
    let origin = origin(SWITCHING, 0, "").await;
    let edge = Edge::start_before(Some(origin), |_| {});
    let mut stream = edge.connect().await;
    send(&mut stream, UPGRADE).await;
    let head = read_until(&mut stream, "\r\n\r\n").await;
    assert!(head.starts_with("HTTP/1.1 101 "), "{head}");
    for text in ["frame", "GET / HTTP/1.1\r\nHost: b\r\nHost: c\r\n\r\n"] {
        send(&mut stream, text).await;
        read_until(&mut stream, text).await;
    }
}

#[tokio::test]
async fn bytes_that_came_before_the_101_pass_after_it() {
    let origin = origin(SWITCHING, 0, "").await;
    let edge = Edge::start_before(Some(origin), |_| {});
    let mut stream = edge.connect().await;
    send(&mut stream, &format!("{UPGRADE}early bytes")).await;
    read_until(&mut stream, "\r\n\r\n").await;
    read_until(&mut stream, "early bytes").await;
}

#[tokio::test]
async fn a_client_that_waits_for_100_gets_it_and_its_body_arrives() {
    const OK: &str = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
    let origin = origin("HTTP/1.1 100 Continue\r\n\r\n", 5, OK).await;
    let edge = Edge::start_before(Some(origin), |_| {});
    let mut stream = edge.connect().await;
    send(
        &mut stream,
        "POST /origin HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n",
    )
    .await;
    let interim = read_until(&mut stream, "\r\n\r\n").await;
    assert!(interim.starts_with("HTTP/1.1 100 "), "{interim}");
    send(&mut stream, "helloGET /next HTTP/1.1\r\nHost: a\r\n\r\n").await;
    read_until(&mut stream, "\r\n\r\nok").await;
    read_until(&mut stream, "GET /next 0 127.0.0.1 - -").await;
}
