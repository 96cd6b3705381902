//! What if Host and SNI are not the same?

use super::start;
use tests::authority::Authority;
use tests::client::h2::H2Connection;
use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

/// Opened for, asked for, expected: 421 only where the two select different certificates (RFC 9110 §15.5.20).
const CASES: &[(&str, &str, u16)] = &[
    ("a.test", "a.test", 200),
    ("a.test", "A.test.", 200),
    ("a.test", "a.test:8443", 200),
    ("a.test", "b.test", 421),
    ("b.test", "a.test", 421),
    ("a.test", "x.wild.test", 421),
    ("x.wild.test", "a.test", 421),
    // One wildcard entry covers both: browsers share such connections.
    ("x.wild.test", "y.wild.test", 200),
    // An entry of its own, below the wildcard.
    ("x.wild.test", "own.wild.test", 421),
    ("own.wild.test", "x.wild.test", 421),
    // One has an entry, the other has not.
    ("a.test", "unknown.test", 421),
    ("unknown.test", "a.test", 421),
    // Two without an entry share the default; no rule takes them.
    ("unknown.test", "other.test", 404),
    // No SNI selects nothing.
    ("127.0.0.1", "a.test", 200),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_request_for_another_certificate_is_421_on_h1_and_h2() {
    let hosts = start(&["a.test", "b.test", "*.wild.test", "own.wild.test"]).await;
    for (name, host, expected) in CASES {
        let request = Request::new("GET", &format!("https://{host}/"));
        for alpn in ["http/1.1", "h2"] {
            let config = tests::authority::trusting_client(&[alpn]);
            let connection = Connection::open_tls(hosts.edge.https(), name, config).await;
            let mut connection = connection.expect("shakes hands");
            let reply = if alpn == "h2" {
                let over_h2 = H2Connection::open(connection).await.expect("speaks h2");
                over_h2.send(&request).await
            } else {
                request.send_on(&mut connection).await
            };
            let reply = reply.expect("answers");
            assert_eq!(
                reply.status, *expected,
                "{alpn}: {name} then {host}: {reply:?}"
            );
            assert_eq!(
                reply.is_ours(),
                *expected != 200,
                "{alpn}: {name} then {host}"
            );
        }
    }
    hosts.edge.stop().await;
}

/// The apex and `www` in one certificate, which browsers ask for on one connection.
#[tokio::test(flavor = "multi_thread")]
async fn hosts_of_one_secret_share_a_connection() {
    let (origin, authority) = (Origin::start("web").await, Authority::default());
    let names = ["apex.test", "www.apex.test", "*.w.test"];
    let mut documents = vec![
        manifest::service("web", 80, &[origin.address]),
        authority.secret("pair", &names),
    ];
    for (name, host) in ["apex", "www", "w"].into_iter().zip(names) {
        documents.push(manifest::ingress_tls(
            name,
            host,
            "pair",
            &[("/", "web", 80)],
        ));
    }
    let site = manifest::join(&documents);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |_| {}).await;
    let over_h2 = edge.connect_h2("apex.test").await;
    for host in ["apex.test", "www.apex.test", "x.w.test"] {
        let request = Request::new("GET", &format!("https://{host}/"));
        let reply = over_h2.send(&request).await.expect("answers");
        assert_eq!(reply.status, 200, "{host}: {reply:?}");
    }
    drop(over_h2);
    edge.stop().await;
}

/// A connection goes on after a 421: only the one request was in the wrong place.
#[tokio::test(flavor = "multi_thread")]
async fn an_h2_connection_serves_its_own_host_after_a_421() {
    let hosts = start(&["a.test", "b.test"]).await;
    let over_h2 = hosts.edge.connect_h2("a.test").await;
    for (host, expected) in [("a.test", 200), ("b.test", 421), ("a.test", 200)] {
        let request = Request::new("GET", &format!("https://{host}/"));
        let reply = over_h2.send(&request).await.expect("answers");
        assert_eq!(reply.status, expected, "{host}");
    }
    drop(over_h2);
    hosts.edge.stop().await;
}
