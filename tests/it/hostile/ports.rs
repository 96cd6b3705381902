//! What hears somebody who speaks the wrong protocol to a port?

use super::check_unharmed;
use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

async fn exchange(address: std::net::SocketAddr, bytes: &[u8]) -> Vec<u8> {
    let mut connection = Connection::open(address).await.expect("connects");
    let _ = connection.send(bytes).await;
    connection.read_to_end().await
}

/// A ClientHello with this host name in its SNI, whatever its bytes (RFC 8446 section 4.1.2, RFC 6066 section 3).
fn client_hello(name: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8], size: usize| {
        let count = u32::try_from(bytes.len()).unwrap().to_be_bytes();
        [&count[4 - size..], bytes].concat()
    };
    let server_name = length(&[&[0][..], &length(name, 2)].concat(), 2);
    let versions = [2, 3, 4];
    let groups = [0, 2, 0, 29];
    let signatures = [0, 2, 4, 3];
    let share = length(&[&[0, 29][..], &length(&[9; 32], 2)].concat(), 2);
    let mut extensions = Vec::new();
    for (kind, body) in [
        (0u16, &server_name[..]),
        (43, &versions),
        (10, &groups),
        (13, &signatures),
        (51, &share),
    ] {
        extensions.extend(kind.to_be_bytes());
        extensions.extend(length(body, 2));
    }
    let mut hello = vec![3, 3];
    hello.extend([7; 32]);
    hello.extend(length(&[1; 32], 1));
    hello.extend(length(&[0x13, 1], 2));
    hello.extend([1, 0]);
    hello.extend(length(&extensions, 2));
    let message = [&[1][..], &length(&hello, 3)].concat();
    [&[22, 3, 1][..], &length(&message, 2)].concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_hears_the_wrong_protocol_says_so_and_goes_on() {
    let (edge, origin) = super::shop().await;
    let plain = b"GET /bad HTTP/1.1\r\nhost: shop.test\r\n\r\n";
    let answer = exchange(edge.https(), plain).await;
    let answer = String::from_utf8_lossy(&answer);
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer:?}");
    edge.until_metric(
        "hedgerow_tls_handshakes_total",
        &["outcome=\"plain-http\""],
        1.0,
    )
    .await;
    let answer = exchange(edge.http(), &client_hello(b"shop.test")).await;
    assert!(answer.starts_with(b"HTTP/1.1 400 "), "{answer:?}");
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    exchange(edge.https(), preface).await;
    exchange(edge.https(), b"\x16\x03\x01\xff\xff").await;
    exchange(edge.https(), &[0x16, 3, 1, 0, 5, 1, 0, 0, 1, 0]).await;
    exchange(edge.https(), b"SSH-2.0-OpenSSH_9.9\r\n").await;
    check_unharmed(&edge, &origin).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_name_that_is_none_hears_tls_or_nothing() {
    let (edge, origin) = super::shop().await;
    let long = [b'a'; 4_000];
    for name in [
        b"shop.test".as_slice(),
        b"",
        b"\0",
        b"shop.test\0.evil.test",
        b"../../etc/passwd",
        b"\xff\xfe\xfd",
        b"shop.test.",
        b"*",
        b"[::1]",
        &long,
    ] {
        let answer = exchange_hello(&edge, name).await;
        // A handshake record, an alert (RFC 8446 section 5.1), or the end; never a byte of another protocol.
        assert!(
            matches!(answer.first(), None | Some(21 | 22)),
            "{name:?}: {answer:?}"
        );
    }
    let answer = exchange_hello(&edge, b"shop.test").await;
    assert_eq!(answer.first(), Some(&22), "the hello itself is right");
    check_unharmed(&edge, &origin).await;
    edge.stop().await;
}

async fn exchange_hello(edge: &Edge, name: &[u8]) -> Vec<u8> {
    let mut connection = Connection::open(edge.https()).await.expect("connects");
    connection.send(client_hello(name)).await.expect("sends");
    connection.read_some().await.expect("is answered")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proxy_header_that_is_wrong_ends_the_connection_before_any_request() {
    let origin = Origin::start("a").await;
    let site = manifest::join(&[
        manifest::ingress("shop", "shop.test", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
    ]);
    let edge = Edge::start_with(&site, |settings| {
        settings.http[0].proxy_protocol = true;
        settings.trusted_proxies = vec!["127.0.0.0/8".parse().expect("is a network")];
    })
    .await;
    let request = b"GET /bad HTTP/1.1\r\nhost: shop.test\r\n\r\n".as_slice();
    let long = [b"PROXY TCP4 ".as_slice(), &[b'1'; 200]].concat();
    for header in [
        b"".as_slice(),
        b"PROXY\r\n",
        b"PROXY TCP4 1.2.3.4\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 99999 80\r\n",
        b"PROXY TCP4 1.2.3.999 5.6.7.8 1 80\r\n",
        b"PROXY TCP6 1.2.3.4 5.6.7.8 1 80\r\n",
        b"PROXY TCP4 1.2.3.4 5.6.7.8 1 80\n",
        b"proxy TCP4 1.2.3.4 5.6.7.8 1 80\r\n",
        &long,
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\x0c\x01\x02\x03\x04\x05\x06\x07\x08\0\x01\0\x50",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x02\x01\x02",
        b"\r\n\r\n\0\r\nQUIT\n\x21\x11\xff\xff",
    ] {
        let answer = exchange(edge.http(), &[header, request].concat()).await;
        let text = String::from_utf8_lossy(&answer);
        assert!(!text.starts_with("HTTP/1.1 200"), "{header:?}: {text}");
    }
    assert_eq!(origin.received(), []);
    let right = b"PROXY TCP4 203.0.113.9 127.0.0.1 4711 80\r\n".as_slice();
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    connection.send(right).await.expect("sends");
    let reply = Request::new("GET", "http://shop.test/good")
        .send_on(&mut connection)
        .await;
    assert_eq!(reply.expect("is answered").status, 200);
    assert_eq!(
        origin.received()[0].head.field("x-forwarded-for"),
        Some("203.0.113.9")
    );
    drop(connection);
    edge.stop().await;
}
