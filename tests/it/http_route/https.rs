//! How do routes of an HTTP listener and of an HTTPS listener stand beside each other?

use tests::authority::Authority;
use tests::client::{Connection, Request};
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

/// Two ports and a host of its own on one of them: what is attached to one listener is not reached through another.
#[tokio::test(flavor = "multi_thread")]
async fn a_route_is_reached_through_its_own_listener_alone() {
    let origin = Origin::start("web").await;
    let all = "allowedRoutes: { namespaces: { from: All } }";
    let gateway = format!(
        "listeners:\n    - {{ name: public, protocol: HTTP, port: 36080, {all} }}\n    - {{ name: internal, protocol: HTTP, port: 36081, {all} }}\n    - {{ name: admin, protocol: HTTP, port: 36080, hostname: admin.test }}\n"
    );
    let (class, _) = GATEWAY.split_once("listeners:").expect("has listeners");
    let route = |name: &str, listener: &str, host: &str| {
        format!(
            "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{ name: {name}, namespace: default }}\nspec: {{ parentRefs: [{{ name: redirect-gateway, sectionName: {listener} }}], hostnames: [{host}], rules: [{{ backendRefs: [{{ name: web, port: 80 }}] }}] }}\n"
        )
    };
    let site = manifest::join(&[
        format!("{class}{gateway}"),
        route("inside", "internal", "a.test"),
        route("evil", "public", "admin.test"),
        route("wide", "public", "\"*.test\""),
        manifest::service("web", 80, &[origin.address]),
    ]);
    let edge = Edge::start_with(&site, |settings| {
        let second = settings.http[0].clone();
        settings.http.push(second);
        for (listener, port) in settings.http.iter_mut().zip([36080, 36081]) {
            listener.public_port = Some(port);
        }
    })
    .await;
    let addresses = edge.app().http_addrs();
    for (listener, host, expected) in [
        (0, "b.test", 200),
        (1, "b.test", 404),
        (1, "a.test", 200),
        (0, "admin.test", 404),
    ] {
        let request = Request::new("GET", &format!("http://{host}/"));
        let connection = Connection::open(addresses[listener]).await;
        let reply = request.send_on(&mut connection.expect("connects")).await;
        let reply = reply.expect("answers");
        assert_eq!(reply.status, expected, "{listener} {host}: {reply:?}");
    }
    let problems = edge.admin("/problems").await.text();
    assert!(problems.contains("is not attached to"), "{problems}");
    edge.stop().await;
}
