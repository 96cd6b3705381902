//! Which rules hold for which host, however it is written?

use super::{check, default_backend, ingress};
use tests::authority::Authority;
use tests::client::Request;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;
use tests::story_source::is_cluster;

/// Three Services of these names, each with its origin.
async fn services(names: [&str; 3]) -> (Vec<Origin>, Vec<String>) {
    let (mut origins, mut documents) = (Vec::new(), Vec::new());
    for name in names {
        let origin = Origin::start(name).await;
        documents.push(manifest::service(name, 80, &[origin.address]));
        origins.push(origin);
    }
    (origins, documents)
}

/// <https://kubernetes.io/docs/concepts/services-networking/ingress/#hostname-wildcards>.
#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_wildcard_table_holds() {
    let (_origins, mut documents) = services(["wild", "b", "c"]).await;
    documents.push(ingress("w", "*.foo.com", &[("Prefix", "/", "wild")]));
    let edge = Edge::start(&manifest::join(&documents)).await;
    for (host, expected) in [
        ("bar.foo.com", "wild"),
        ("BAR.foo.com", "wild"),
        ("baz.bar.foo.com", ""),
        ("foo.com", ""),
        (".foo.com", "bad"),
        ("barfoo.com", ""),
    ] {
        if expected == "bad" {
            let reply = edge.get(&format!("http://{host}/")).await;
            assert_eq!((reply.status, reply.is_ours()), (400, true), "{host}");
            continue;
        }
        check(&edge, host, "/", expected).await;
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exact_host_goes_before_a_wildcard_and_a_wildcard_before_none() {
    let (_origins, mut documents) = services(["exact", "wild", "any"]).await;
    documents.extend([
        ingress(
            "any",
            "",
            &[("Prefix", "/any", "any"), ("Prefix", "/", "any")],
        ),
        ingress(
            "wild",
            "*.foo.com",
            &[("Prefix", "/wild", "wild"), ("Prefix", "/a/b", "wild")],
        ),
        ingress("exact", "bar.foo.com", &[("Prefix", "/a", "exact")]),
    ]);
    let edge = Edge::start(&manifest::join(&documents)).await;
    for (host, target, expected) in [
        // A narrower host wins, whatever the length of the path.
        ("bar.foo.com", "/a/b/c", "exact"),
        ("baz.foo.com", "/a/b/c", "wild"),
        ("foo.com", "/a/b/c", "any"),
        ("192.168.0.40", "/", "any"),
        ("[::1]:8080", "/", "any"),
    ] {
        check(&edge, host, target, expected).await;
    }
    edge.stop().await;
}

/// R11: case, trailing dot and port make no other host; other names and bare addresses get a constant answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_host_is_the_same_in_any_case_with_a_dot_and_with_a_port() {
    let (_origins, mut documents) = services(["site", "b", "c"]).await;
    let authority = Authority::default();
    // Kubernetes takes lower case alone.
    let written = if is_cluster() {
        "example.dev"
    } else {
        "Example.dev"
    };
    documents.extend([
        manifest::ingress_tls("s", written, "tls", &[("/", "site", 80)]).replace(
            "metadata:\n",
            "metadata:\n  annotations: { hedgerow.edwardstech.dev/ssl-redirect: \"false\" }\n",
        ),
        authority.secret("tls", &["example.dev"]),
    ]);
    let files = [("main.yaml", &*manifest::join(&documents))];
    let edge = Edge::start_given(authority, &files, |_| {}).await;
    let over_h2 = edge.connect_h2("example.dev").await;
    for (host, expected) in [
        ("example.dev", "site"),
        ("EXAMPLE.Dev", "site"),
        ("example.dev.", "site"),
        ("example.dev:8080", "site"),
        ("Example.DEV.:443", "site"),
        ("www.example.dev", ""),
        ("example.dev.evil.test", ""),
        ("example", ""),
        ("192.168.0.40", ""),
        ("192.168.0.40:80", ""),
        ("[2001:db8::1]", ""),
        ("localhost", ""),
    ] {
        check(&edge, host, "/", expected).await;
        if expected.is_empty() {
            continue;
        }
        let request = Request::new("GET", &format!("https://{host}/"));
        let reply = over_h2.send(&request).await.expect("answers");
        assert_eq!(
            (reply.status, reply.served_by()),
            (200, "site"),
            "h2 {host}"
        );
    }
    drop(over_h2);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_rule_takes_goes_to_the_default_backend_or_gets_the_same_404() {
    let (_origins, mut documents) = services(["web", "rest", "c"]).await;
    documents.push(ingress("web", "web.test", &[("Prefix", "/only", "web")]));
    let edge = Edge::start(&manifest::join(&documents)).await;
    let mut bodies = Vec::new();
    for (host, target) in [
        ("web.test", "/other"),
        ("no.test", "/"),
        ("127.0.0.1", "/x"),
    ] {
        check(&edge, host, target, "").await;
        let reply = edge.get(&format!("http://{host}{target}")).await;
        let id = reply.field("x-request-id").unwrap_or_default().to_owned();
        bodies.push(reply.text().replace(&id, ""));
    }
    assert!(bodies.iter().all(|body| *body == bodies[0]), "{bodies:?}");
    edge.write("rest.yaml", &default_backend("rest", "rest"))
        .await;
    for (host, target, expected) in [
        ("web.test", "/only/x", "web"),
        ("web.test", "/other", "rest"),
        ("no.test", "/", "rest"),
        ("127.0.0.1", "/x", "rest"),
    ] {
        check(&edge, host, target, expected).await;
    }
    edge.remove("rest.yaml").await;
    check(&edge, "no.test", "/", "").await;
    edge.stop().await;
}
