//! Which hosts have a listener and a route in common?

use super::{GATEWAY, check, services};
use tests::edge::Edge;
use tests::manifest;

/// The Gateway of the conformance test HTTPRouteHostnameIntersection.
const LISTENERS: &str = "listeners:
    - { name: listener-1, protocol: HTTP, port: 80, hostname: very.specific.com }
    - { name: listener-2, protocol: HTTP, port: 80, hostname: \"*.wildcard.io\" }
    - { name: listener-3, protocol: HTTP, port: 80, hostname: \"*.anotherwildcard.io\" }
";

fn route(name: &str, hosts: &str, path: &str, service: &str) -> String {
    let rule = format!(
        "    - matches: [{{ path: {{ value: {path} }} }}]\n      backendRefs: [{{ name: {service}, port: 8080 }}]"
    );
    super::route(name, hosts, &rule)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_is_reached_by_the_hosts_it_shares_with_a_listener() {
    let (_origins, mut documents) = services(&["v1", "v2", "v3"]).await;
    let (class, _) = GATEWAY.split_once("listeners:").expect("has listeners");
    documents[0] = format!("{class}{LISTENERS}");
    documents.extend([
        route("s1", "[non.matching.com, \"*.nonmatchingwildcard.io\", very.specific.com]", "/s1", "v1"),
        route("s2", "[non.matching.com, wildcard.io, foo.wildcard.io, bar.wildcard.io, foo.bar.wildcard.io]", "/s2", "v2"),
        route("s3", "[non.matching.com, \"*.specific.com\"]", "/s3", "v3"),
        route("s4", "[\"*.anotherwildcard.io\"]", "/s4", "v1"),
        route("s5", "[specific.but.wrong.com, wildcard.io]", "/s5", "v2"),
        route("s6", "[]", "/s6", "v3"),
    ]);
    let edge = Edge::start(&manifest::join(&documents)).await;
    for (request, expected) in [
        ("very.specific.com/s1", "v1"),
        ("non.matching.com/s1", "404"),
        ("foo.nonmatchingwildcard.io/s1", "404"),
        ("foo.wildcard.io/s1", "404"),
        ("very.specific.com/non-matching-prefix", "404"),
        ("bar.wildcard.io/s2", "v2"),
        ("foo.wildcard.io/s2", "v2"),
        ("foo.bar.wildcard.io/s2", "v2"),
        ("non.matching.com/s2", "404"),
        ("wildcard.io/s2", "404"),
        ("very.specific.com/s2", "404"),
        ("very.specific.com/s3", "v3"),
        ("non.matching.com/s3", "404"),
        ("foo.specific.com/s3", "404"),
        ("foo.wildcard.io/s3", "404"),
        ("one.anotherwildcard.io/s4", "v1"),
        ("one.two.three.anotherwildcard.io/s4", "v1"),
        ("anotherwildcard.io/s4", "404"),
        ("foo.wildcard.io/s4", "404"),
        ("specific.but.wrong.com/s5", "404"),
        ("wildcard.io/s5", "404"),
        ("very.specific.com/s5", "404"),
        // Without hosts of its own a route takes the listeners'.
        ("very.specific.com/s6", "v3"),
        ("a.b.wildcard.io/s6", "v3"),
        ("other.com/s6", "404"),
    ] {
        check(&edge, request, expected).await;
    }
    let problems = edge.admin("/problems").await.text();
    assert!(
        problems.contains("\"name\":\"s5\""),
        "s5 is told that it is not served: {problems}"
    );
    edge.stop().await;
}

/// "Hostname" of a Gateway's wildcard stands for one label or more; an exact name goes before it, and the longer wildcard before the shorter.
#[tokio::test(flavor = "multi_thread")]
async fn the_most_specific_host_wins() {
    let (_origins, mut documents) = services(&["v1", "v2", "v3"]).await;
    documents.extend([
        route("wide", "[\"*.com\"]", "/", "v1"),
        route("narrow", "[\"*.example.com\"]", "/", "v2"),
        route("exact", "[a.example.com]", "/", "v3"),
    ]);
    let edge = Edge::start(&manifest::join(&documents)).await;
    for (request, expected) in [
        ("a.example.com/", "v3"),
        ("b.example.com/", "v2"),
        ("b.a.example.com/", "v2"),
        ("example.com/", "v1"),
        ("a.b.c.com/", "v1"),
        ("com/", "404"),
        ("example.net/", "404"),
    ] {
        check(&edge, request, expected).await;
    }
    edge.stop().await;
}
