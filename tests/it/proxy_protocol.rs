//! Does a listener that requires the PROXY protocol believe it, and nobody else?

use tests::authority::trusting_client;
use tests::client::h2::H2Connection;
use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

const SIGNATURE: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// Version 2 (section 2.2 of the specification): command, family, addresses and ports, one TLV behind them.
fn version_2(command: u8, source: [u8; 4]) -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    let tlv = [0x04, 0, 2, 9, 9];
    header.extend([0x20 | command, 0x11, 0, 12 + 5]);
    header.extend(source);
    header.extend([127, 0, 0, 1, 0xab, 0xcd, 0, 80]);
    header.extend(tlv);
    header
}

fn version_2_v6() -> Vec<u8> {
    let mut header = SIGNATURE.to_vec();
    header.extend([0x21, 0x21, 0, 36]);
    let source: std::net::Ipv6Addr = "2001:db8::7".parse().unwrap();
    header.extend(source.octets());
    header.extend(std::net::Ipv6Addr::LOCALHOST.octets());
    header.extend([0xab, 0xcd, 0, 80]);
    header
}

/// Headers, and the client that the backend then hears of.
fn headers() -> Vec<(Vec<u8>, &'static str)> {
    vec![
        (
            b"PROXY TCP4 203.0.113.7 127.0.0.1 43981 80\r\n".to_vec(),
            "203.0.113.7",
        ),
        (
            b"PROXY TCP6 2001:db8::7 ::1 43981 80\r\n".to_vec(),
            "2001:db8::7",
        ),
        // The load balancer itself: its own address stays.
        (b"PROXY UNKNOWN\r\n".to_vec(), "127.0.0.1"),
        (version_2(1, [203, 0, 113, 7]), "203.0.113.7"),
        (version_2_v6(), "2001:db8::7"),
        (version_2(0, [0, 0, 0, 0]), "127.0.0.1"),
    ]
}

async fn site(required: bool) -> (Origin, Edge) {
    let origin = Origin::start("a").await;
    let edge = Edge::start_with(&manifest::shop(&[origin.address]), |settings| {
        settings.http[0].proxy_protocol = required;
        settings.https[0].proxy_protocol = required;
    })
    .await;
    (origin, edge)
}

fn heard(origin: &Origin) -> String {
    let head = origin.received().pop().expect("came").head;
    assert_eq!(head.field("x-forwarded-for"), head.field("x-real-ip"));
    head.field("x-real-ip").expect("is there").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_name_the_client_on_plain_and_tls_listeners() {
    let (origin, edge) = site(true).await;
    for (header, client) in headers() {
        let get = Request::new("GET", "http://shop.test/");
        let mut connection = Connection::open(edge.http()).await.expect("connects");
        // In one write with the request, and on its own: both happen.
        let whole = [header.clone(), get.to_bytes()].concat();
        connection.send(whole).await.expect("sends");
        let reply = connection.read_reply(false).await.expect("answers");
        assert_eq!((reply.status, heard(&origin).as_str()), (200, client));
        let reply = get.send_on(&mut connection).await.expect("goes on");
        assert_eq!((reply.status, heard(&origin).as_str()), (200, client));

        let mut connection = Connection::open(edge.https()).await.expect("connects");
        connection.send(&header).await.expect("sends");
        let tls = connection.start_tls("shop.test", trusting_client(&["h2"]));
        let h2 = H2Connection::open(tls.await.expect("shakes hands"));
        let h2 = h2.await.expect("speaks HTTP/2");
        let get = Request::new("GET", "https://shop.test/");
        assert_eq!(h2.send(&get).await.expect("answers").status, 200);
        assert_eq!(heard(&origin), client);
    }
    let line = edge.log.line_with("client", "2001:db8::7").await;
    assert_eq!(line["status"], 200, "{line}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_without_its_header_is_closed_without_a_word() {
    let (origin, edge) = site(true).await;
    let wrong: [&[u8]; 5] = [
        b"GET / HTTP/1.1\r\nhost: shop.test\r\n\r\n",
        b"\x16\x03\x01\x00\x05hello",
        b"PROXY TCP4 203.0.113.7\r\nGET / HTTP/1.1\r\nhost: shop.test\r\n\r\n",
        b"PROXY TCP4 not.an.ad.dress 127.0.0.1 1 2\r\nGET / HTTP/1.1\r\nhost: shop.test\r\n\r\n",
        b"\r\n\r\n\0\r\nQUIT\n\x41\x11\0\x0cabcdefghijkl",
    ];
    for bytes in wrong {
        for address in [edge.http(), edge.https()] {
            let mut connection = Connection::open(address).await.expect("connects");
            let _ = connection.send(bytes).await;
            assert!(connection.read_to_end().await.is_empty());
        }
    }
    assert!(origin.received().is_empty());
    let refused = edge.metric("hedgerow_connections_refused_total", &["proxy-protocol"]);
    assert!(
        refused.await >= 10.0,
        "{}",
        edge.admin("/metrics").await.text()
    );
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_nobody_asked_for_is_not_believed() {
    let (origin, edge) = site(false).await;
    for (header, _) in headers() {
        let mut connection = Connection::open(edge.http()).await.expect("connects");
        let get = Request::new("GET", "http://shop.test/").to_bytes();
        connection
            .send([header, get].concat())
            .await
            .expect("sends");
        let answer = connection.read_to_end().await;
        let answer = String::from_utf8_lossy(&answer);
        assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    }
    assert!(origin.received().is_empty());
    edge.stop().await;
}
