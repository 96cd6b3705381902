//! Is the client whom the PROXY protocol names the client of the connection?

use super::support::{Edge, is_closed, read_until};
use super::tls;
use config::settings::Network;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";
const V1: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.8 4000 80\r\n";
const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\xc0\0\x02\x07\xc0\0\x02\x08\x0f\xa0\0\x50";

fn edge(trusted: Option<&str>) -> Edge {
    Edge::start(|settings| {
        settings.limits.handshake_timeout = Duration::from_millis(200);
        settings.http[0].proxy_protocol = true;
        settings.https[0].proxy_protocol = true;
        let address = trusted.map(|address| address.parse().unwrap());
        settings.trusted_proxies = address
            .map(|address| Network { address, prefix: 8 })
            .into_iter()
            .collect();
    })
}

#[tokio::test]
async fn the_client_is_whom_the_header_names() {
    let edge = edge(Some("127.0.0.0"));
    for (header, client) in [
        (V1, "192.0.2.7"),
        (V2, "192.0.2.7"),
        (b"PROXY TCP6 2001:db8::7 2001:db8::8 1 2\r\n", "2001:db8::7"),
        (b"PROXY UNKNOWN\r\n", "127.0.0.1"),
        (b"\r\n\r\n\0\r\nQUIT\n\x20\0\0\0", "127.0.0.1"),
    ] {
        let mut stream = edge.connect().await;
        stream.write_all(&[header, GET].concat()).await.unwrap();
        read_until(&mut stream, &format!("GET /a 0 {client} - -")).await;
    }
}

#[tokio::test]
async fn the_header_stands_before_tls() {
    let edge = edge(None);
    let mut tcp = TcpStream::connect(edge.https()).await.unwrap();
    tcp.write_all(V2).await.unwrap();
    let mut stream = tls::over(tcp, "shop.test", &[]).await.unwrap();
    stream.write_all(GET).await.unwrap();
    read_until(&mut stream, "GET /a 0 192.0.2.7 shop.test TLSv1.3").await;
}

#[tokio::test]
async fn a_connection_without_a_header_is_closed_and_counted() {
    let edge = edge(None);
    for (bytes, reason) in [
        (GET, "proxy-protocol-absent"),
        (
            b"PROXY NONSENSE 1 2 3 4\r\n".as_slice(),
            "proxy-protocol-malformed",
        ),
        (b"PROXY TCP4 192.0.2.7".as_slice(), "proxy-protocol-timeout"),
    ] {
        let mut stream = edge.connect().await;
        stream.write_all(bytes).await.unwrap();
        assert!(is_closed(&mut stream).await, "{reason}");
        edge.expect_metric(&["hedgerow_connections_refused_total", reason], 1)
            .await;
    }
}

#[tokio::test]
async fn a_peer_outside_the_trusted_networks_is_not_listened_to() {
    let edge = edge(Some("10.0.0.0"));
    let mut stream = edge.connect().await;
    stream.write_all(V1).await.unwrap();
    assert!(is_closed(&mut stream).await);
    edge.expect_metric(
        &[
            "hedgerow_connections_refused_total",
            "proxy-protocol-untrusted",
        ],
        1,
    )
    .await;
}

#[tokio::test]
async fn clients_behind_one_balancer_have_each_their_own_share() {
    let edge = Edge::start(|settings| {
        settings.http[0].proxy_protocol = true;
        settings.limits.connections_per_client_max = Some(1);
    });
    let mut held = Vec::new();
    for client in 1..4 {
        let mut stream = edge.connect().await;
        let header = format!("PROXY TCP4 192.0.2.{client} 192.0.2.100 4000 80\r\n");
        stream
            .write_all(&[header.as_bytes(), GET].concat())
            .await
            .unwrap();
        read_until(&mut stream, &format!("192.0.2.{client} - -")).await;
        held.push(stream);
    }
    let mut stream = edge.connect().await;
    stream
        .write_all(b"PROXY TCP4 192.0.2.1 192.0.2.100 4001 80\r\n")
        .await
        .unwrap();
    assert!(is_closed(&mut stream).await);
}
