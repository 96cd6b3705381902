//! Who is sent from HTTP to HTTPS, and where exactly?

use tests::authority::Authority;
use tests::client::Request;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

const ACME: &str = "/.well-known/acme-challenge/token";

/// `certain.test` and `*.wild.test` have certificates, `without.test` has none, `localhost` has one and is left alone.
async fn start(public_port: u16) -> (Edge, Origin) {
    let origin = Origin::start("web").await;
    let authority = Authority::default();
    let paths = [("/", "web", 80)];
    let never = manifest::ingress_tls("never", "never.test", "never", &paths).replace(
        "metadata:\n",
        "metadata:\n  annotations: { hedgerow.edwardstech.dev/ssl-redirect: \"false\" }\n",
    );
    let always =
        manifest::ingress_annotated("always", "always.test", &paths, &[("ssl-redirect", "true")]);
    let site = manifest::join(&[
        manifest::ingress_tls("certain", "certain.test", "certain", &paths),
        manifest::ingress_tls("wild", "*.wild.test", "wild", &paths),
        manifest::ingress_tls("local", "localhost", "local", &paths),
        manifest::ingress_tls("missing", "missing.test", "missing", &paths),
        manifest::ingress("without", "without.test", &paths),
        never,
        always,
        manifest::service("web", 80, &[origin.address]),
        authority.secret("certain", &["certain.test"]),
        authority.secret("wild", &["*.wild.test"]),
        authority.secret("local", &["localhost"]),
        authority.secret("never", &["never.test"]),
    ]);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |settings| {
        settings.https[0].public_port = Some(public_port);
    })
    .await;
    (edge, origin)
}

/// What is asked for, and the Location of a 308; empty: it is served.
const CASES: &[(&str, &str)] = &[
    ("http://certain.test/", "https://certain.test/"),
    ("http://certain.test", "https://certain.test/"),
    (
        "http://certain.test/a/b?c=d&e",
        "https://certain.test/a/b?c=d&e",
    ),
    (
        "http://certain.test/a%20b%2Fc?%zz",
        "https://certain.test/a%20b%2Fc?%zz",
    ),
    ("http://CERTAIN.test.:8080/a", "https://certain.test/a"),
    ("http://x.wild.test/", "https://x.wild.test/"),
    (
        "http://certain.test//evil.test/",
        "https://certain.test//evil.test/",
    ),
    ("http://without.test/", ""),
    ("http://missing.test/", ""),
    ("http://localhost/", ""),
    ("http://localhost:8080/a", ""),
    ("http://never.test/", ""),
    ("http://always.test/x", "https://always.test/x"),
    ("https://certain.test/", ""),
    ("http://certain.test/.well-known/acme-challenge/token", ""),
    (
        "http://certain.test/.well-known/acme-challenge",
        "https://certain.test/.well-known/acme-challenge",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn http_goes_to_https_where_a_real_certificate_is_loaded() {
    let (edge, _origin) = start(443).await;
    for (url, location) in CASES {
        for method in ["GET", "POST", "HEAD"] {
            let reply = edge.send(&Request::new(method, url)).await;
            let found = (reply.status, reply.field("location").unwrap_or_default());
            let expected = if location.is_empty() { 200 } else { 308 };
            assert_eq!(found, (expected, *location), "{method} {url}: {reply:?}");
            assert_eq!(reply.is_ours(), expected == 308, "{method} {url}");
        }
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_redirect_names_the_port_that_clients_dial() {
    for (public_port, expected) in [
        (443, "https://certain.test/x"),
        (8443, "https://certain.test:8443/x"),
        (80, "https://certain.test:80/x"),
    ] {
        let (edge, _origin) = start(public_port).await;
        let reply = edge.get("http://certain.test:8080/x").await;
        assert_eq!(reply.field("location"), Some(expected));
        let reply = edge.get(&format!("http://certain.test{ACME}")).await;
        assert_eq!(reply.status, 200);
        edge.stop().await;
    }
}

/// Without an HTTPS listener there is nowhere to go.
#[tokio::test(flavor = "multi_thread")]
async fn without_an_https_listener_nobody_is_redirected() {
    let origin = Origin::start("web").await;
    let authority = Authority::default();
    let site = manifest::join(&[
        manifest::ingress_tls("a", "a.test", "a", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
        authority.secret("a", &["a.test"]),
    ]);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |settings| {
        settings.https.clear();
    })
    .await;
    assert_eq!(edge.get("http://a.test/").await.status, 200);
    edge.stop().await;
}
