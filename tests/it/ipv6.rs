//! Does everything go over IPv6 as it does over IPv4?

use config::settings::Listener;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use tests::authority::Authority;
use tests::client::Request;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

/// False: this machine has none, and there is nothing to show.
fn is_there() -> bool {
    TcpListener::bind("[::1]:0").is_ok()
}

/// An edge whose listeners have this address, before an endpoint on `::1`.
async fn start(listen: &str) -> (Edge, Origin) {
    let (origin, authority) = (Origin::start_v6("six").await, Authority::default());
    let site = manifest::join(&[
        manifest::ingress_tls("shop", "shop.test", "shop-tls", &[("/", "web", 80)]).replace(
            "metadata:\n",
            "metadata:\n  annotations: { hedgerow.edwardstech.dev/ssl-redirect: \"false\" }\n",
        ),
        manifest::service("web", 80, &[origin.address]),
        authority.secret("shop-tls", &["shop.test"]),
    ]);
    let address: SocketAddr = listen.parse().unwrap();
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |settings| {
        settings.http = vec![Listener::at(address)];
        settings.https = vec![Listener::at(address)];
    })
    .await;
    (edge, origin)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_and_an_endpoint_on_ipv6_meet() {
    if !is_there() {
        return;
    }
    let (edge, origin) = start("[::1]:0").await;
    assert!(edge.http().is_ipv6() && origin.address.is_ipv6());
    for url in ["http://shop.test/a", "https://shop.test/b"] {
        let reply = edge.send(&Request::new("GET", url)).await;
        assert_eq!((reply.status, reply.served_by()), (200, "six"), "{url}");
    }
    for received in origin.received() {
        assert_eq!(received.head.field("x-forwarded-for"), Some("::1"));
    }
    let line = edge.log.line_with("path", "/a").await;
    assert_eq!(line["client"], "::1", "{line}");
    assert_eq!(line["endpoint"], origin.address.to_string(), "{line}");
    edge.stop().await;
}

/// A client of IPv4 has its own address, not the one that a socket for both writes it as.
#[tokio::test(flavor = "multi_thread")]
async fn a_listener_for_both_takes_ipv4_clients_by_their_own_address() {
    if !is_there() {
        return;
    }
    let (edge, origin) = start("[::]:0").await;
    let request = Request::new("GET", "http://shop.test/a");
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, edge.http().port()));
    let mut connection = tests::client::Connection::open(address).await.unwrap();
    let reply = request.send_on(&mut connection).await.unwrap();
    assert_eq!(reply.status, 200);
    let received = origin.received();
    assert_eq!(received[0].head.field("x-forwarded-for"), Some("127.0.0.1"));
    let line = edge.log.line_with("path", "/a").await;
    assert_eq!(line["client"], "127.0.0.1", "{line}");
    edge.stop().await;
}
