//! Do hostile bytes reach a backend, or hurt anybody else?

mod http1;
mod http2;
mod manifests;
mod ports;
mod random;

use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

/// A shop whose paths begin with `/good`; whoever asks for another one has come past a check.
async fn shop() -> (Edge, Origin) {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::join(&[
        manifest::ingress("shop", "shop.test", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
    ]))
    .await;
    (edge, origin)
}

/// Everything that is answered on a connection until the edge closes it: the statuses, in order.
async fn statuses(edge: &Edge, bytes: &[u8]) -> Vec<u16> {
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    // An edge that has answered may have closed already.
    let _ = connection.send(bytes).await;
    let mut found = Vec::new();
    while let Ok(reply) = connection.read_reply(false).await {
        found.push(reply.status);
    }
    found
}

/// Nothing but `/good...` ever came to the origin, and the edge still serves.
async fn check_unharmed(edge: &Edge, origin: &Origin) {
    for received in origin.received() {
        let is_good = received.head.target.starts_with("/good");
        assert!(is_good, "this came through:\n{}", received.raw);
    }
    let reply = edge
        .send(&Request::new("POST", "http://shop.test/good").body("x"))
        .await;
    assert_eq!((reply.status, reply.served_by()), (200, "a"));
}
