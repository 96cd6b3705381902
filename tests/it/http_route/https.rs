//! How do routes of an HTTP listener and of an HTTPS listener stand beside each other?

use tests::authority::Authority;
use tests::client::Request;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

const GATEWAY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: hedgerow }
spec: { controllerName: edwardstech.dev/hedgerow }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: redirect-gateway, namespace: default }
spec:
  gatewayClassName: hedgerow
  listeners:
    - { name: http, protocol: HTTP, port: 80 }
    - { name: https, protocol: HTTPS, port: 443, tls: { mode: Terminate, certificateRefs: [{ name: redirect-example }] } }
";

/// The guide of redirects: HTTP to HTTPS, with the real route on the HTTPS listener.
const ROUTES: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: http-filter-redirect, namespace: default }
spec:
  parentRefs: [{ name: redirect-gateway, sectionName: http }]
  hostnames: [redirect.example]
  rules: [{ filters: [{ type: RequestRedirect, requestRedirect: { scheme: https, statusCode: 301 } }] }]
---
apiVersion: gateway.networking.k8s.io/v1
kind: HTTPRoute
metadata: { name: https-route, namespace: default }
spec:
  parentRefs: [{ name: redirect-gateway, sectionName: https }]
  hostnames: [redirect.example]
  rules: [{ matches: [{ path: { type: PathPrefix, value: / } }], backendRefs: [{ name: example-svc, port: 80 }] }]
";

async fn start(routes: &str) -> (Edge, Origin) {
    let origin = Origin::start("example-svc").await;
    let authority = Authority::default();
    let site = manifest::join(&[
        GATEWAY.to_owned(),
        routes.to_owned(),
        manifest::service("example-svc", 80, &[origin.address]),
        authority.secret("redirect-example", &["redirect.example"]),
    ]);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |_| {}).await;
    (edge, origin)
}

#[tokio::test(flavor = "multi_thread")]
async fn http_redirects_by_its_own_route_and_https_serves() {
    let (edge, _origin) = start(ROUTES).await;
    let reply = edge.get("http://redirect.example/a?b=c").await;
    assert_eq!(reply.status, 301);
    assert_eq!(
        reply.field("location"),
        Some("https://redirect.example/a?b=c")
    );
    let reply = edge.get("https://redirect.example/a?b=c").await;
    assert_eq!((reply.status, reply.served_by()), (200, "example-svc"));
    let over_h2 = edge.connect_h2("redirect.example").await;
    let request = Request::new("GET", "https://redirect.example/");
    assert_eq!(over_h2.send(&request).await.expect("answers").status, 200);
    drop(over_h2);
    edge.stop().await;
}

/// An HTTPRoute is redirected by its filter alone, whatever certificate there is.
#[tokio::test(flavor = "multi_thread")]
async fn a_route_without_the_filter_is_served_on_both() {
    let (_, real) = ROUTES.split_once("---").expect("two routes");
    let (edge, _origin) = start(&real.replace(", sectionName: https", "")).await;
    for scheme in ["http", "https"] {
        let reply = edge.get(&format!("{scheme}://redirect.example/")).await;
        assert_eq!(
            (reply.status, reply.served_by()),
            (200, "example-svc"),
            "{scheme}"
        );
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_of_one_listener_is_not_served_on_the_other() {
    let (_, real) = ROUTES.split_once("---").expect("two routes");
    let (edge, _origin) = start(real).await;
    assert_eq!(edge.get("https://redirect.example/").await.status, 200);
    assert_eq!(edge.get("http://redirect.example/").await.status, 404);
    edge.stop().await;
}
