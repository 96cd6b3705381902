//! Does anybody notice that a certificate is replaced?

use super::{leaf, shown};
use crate::load::{Load, Patron};
use tests::authority::{Authority, secret};
use tests::client::Request;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

const ROTATIONS: usize = 100;

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_rotations_fail_no_handshake_and_no_request() {
    let origin = Origin::start("web").await;
    let authority = Authority::default();
    let site = manifest::join(&[
        manifest::ingress_tls("a", "a.test", "a-tls", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
    ]);
    let first = authority.secret("a-tls", &["a.test"]);
    let files = [("main.yaml", &*site), ("secret.yaml", &*first)];
    let edge = Edge::start_given(authority, &files, |_| {}).await;
    let request = Request::new("GET", "https://a.test/");
    let config = edge.authority.client(&["http/1.1"]);
    let mut load = Load::new();
    // Full handshakes, resumed ones, and connections that stay.
    let patron = Patron::tls(edge.https(), "a.test", config.clone());
    load.add(patron.forgetful().fickle(), vec![request.clone()]);
    load.add(
        Patron::tls(edge.https(), "a.test", config.clone()).fickle(),
        vec![request.clone()],
    );
    load.add(
        Patron::tls(edge.https(), "a.test", config),
        vec![request.clone()],
    );
    load.add_h2(edge.connect_h2("a.test").await, vec![request]);
    for number in 0..ROTATIONS {
        let pair = edge.authority.sign(&["a.test"]);
        edge.write("secret.yaml", &secret("a-tls", &pair)).await;
        assert!(
            shown(&edge, "a.test").await == leaf(&pair),
            "rotation {number}"
        );
    }
    load.stop().await;
    edge.stop().await;
}
