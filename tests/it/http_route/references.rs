//! What becomes of a reference that is wrong, or into another namespace?

use super::{GATEWAY, check, route, route_in};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;
use tests::story_source::is_cluster;

fn service_in(namespace: &str, origin: &Origin) -> String {
    manifest::service(&origin.name, 8080, &[origin.address])
        .replace("namespace: default", &format!("namespace: {namespace}"))
}

/// As in the documentation of ReferenceGrant: routes of `from` may send to Services of `to`.
fn grant(from: &str, to: &str, name: &str) -> String {
    let name = match name {
        "" => String::new(),
        name => format!(", name: {name}"),
    };
    format!(
        "apiVersion: gateway.networking.k8s.io/v1beta1\nkind: ReferenceGrant\nmetadata: {{ name: grant, namespace: {to} }}\n\
         spec:\n  from: [{{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: {from} }}]\n  \
         to: [{{ group: \"\", kind: Service{name} }}]\n"
    )
}

/// To a Service: the API server refuses it.
const WITHOUT_PORT: &str = "{ name: b }";

#[tokio::test(flavor = "multi_thread")]
async fn a_reference_that_is_wrong_is_500_and_keeps_its_path() {
    let (a, b) = (Origin::start("a").await, Origin::start("b").await);
    let edge = Edge::start(&manifest::join(&[
        GATEWAY.to_owned(),
        service_in("default", &a),
        service_in("default", &b),
        route(
            "root",
            "[a.test]",
            "    - backendRefs: [{ name: a, port: 8080 }]",
        ),
    ]))
    .await;
    for (reference, expected) in [
        ("{ name: b, port: 8080 }", "b"),
        ("{ name: nobody, port: 8080 }", "500"),
        ("{ name: b, port: 8081 }", "500"),
        (WITHOUT_PORT, "500"),
        (
            "{ name: b, port: 8080, kind: Bucket, group: example.com }",
            "500",
        ),
        (
            "{ name: b, port: 8080, kind: Deployment, group: apps }",
            "500",
        ),
        ("{ name: b, port: 8080, namespace: elsewhere }", "500"),
        // A rule without backends, or with weights of 0 alone, is 500 too.
        ("", "500"),
        ("{ name: b, port: 8080, weight: 0 }", "500"),
    ] {
        if is_cluster() && reference == WITHOUT_PORT {
            continue;
        }
        let rule = format!(
            "    - matches: [{{ path: {{ value: /b }} }}]\n      backendRefs: [{reference}]"
        );
        edge.write("b.yaml", &route("b", "[a.test]", &rule)).await;
        check(&edge, "a.test/b/x", expected).await;
        check(&edge, "a.test/", "a").await;
    }
    // Valid, and nobody is there: that is no wrong reference (HTTPRouteRule.backendRefs).
    edge.write("b.yaml", &route("b", "[a.test]", "    - matches: [{ path: { value: /b } }]\n      backendRefs: [{ name: empty, port: 80 }]")).await;
    edge.write("empty.yaml", &manifest::service("empty", 80, &[]))
        .await;
    check(&edge, "a.test/b", "503").await;
    check(&edge, "a.test/", "a").await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_namespace_is_reached_with_its_grant_alone() {
    let web = Origin::start("web").await;
    let edge = Edge::start(&manifest::join(&[
        GATEWAY.to_owned(),
        service_in("backends", &web),
        route_in(
            "apps",
            "r",
            "[a.test]",
            "    - backendRefs: [{ name: web, namespace: backends, port: 8080 }]",
        ),
    ]))
    .await;
    check(&edge, "a.test/", "500").await;
    let problems = edge.admin("/problems").await.text();
    assert!(problems.contains("not-granted"), "{problems}");
    for (grant, expected) in [
        (grant("apps", "backends", ""), "web"),
        (grant("other", "backends", ""), "500"),
        (grant("apps", "backends", "web"), "web"),
        (grant("apps", "backends", "api"), "500"),
        // A grant counts where the Service is.
        (grant("apps", "apps", ""), "500"),
        (
            grant("apps", "backends", "").replace("kind: HTTPRoute", "kind: GRPCRoute"),
            "500",
        ),
    ] {
        edge.write("grant.yaml", &grant).await;
        check(&edge, "a.test/", expected).await;
    }
    edge.write("grant.yaml", &grant("apps", "backends", ""))
        .await;
    check(&edge, "a.test/", "web").await;
    edge.remove("grant.yaml").await;
    check(&edge, "a.test/", "500").await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_takes_routes_of_the_namespaces_it_allows() {
    let web = Origin::start("web").await;
    let edge = Edge::start(&manifest::join(&[
        service_in("apps", &web),
        route_in(
            "apps",
            "r",
            "[a.test]",
            "    - backendRefs: [{ name: web, port: 8080 }]",
        ),
        "apiVersion: v1\nkind: Namespace\nmetadata: { name: apps, labels: { team: red } }\n"
            .to_owned(),
    ]))
    .await;
    for (allowed, expected) in [("All", "web"), ("Same", "404")] {
        let gateway = GATEWAY.replace("from: All", &format!("from: {allowed}"));
        edge.write("gateway.yaml", &gateway).await;
        check(&edge, "a.test/", expected).await;
    }
    edge.stop().await;
}
