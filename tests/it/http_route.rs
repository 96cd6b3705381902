//! Does the whole edge serve HTTPRoutes as the documentation of Gateway API says?
//!
//! Examples are those of <https://gateway-api.sigs.k8s.io/guides/> and of the conformance tests with the same subjects.

mod filters;
mod hostnames;
mod https;
mod matches;
mod references;
mod weights;

use tests::client::{Reply, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

/// A class of ours, and a Gateway `default/gw` with one listener for every host.
pub(super) const GATEWAY: &str = "
apiVersion: gateway.networking.k8s.io/v1
kind: GatewayClass
metadata: { name: hedgerow }
spec: { controllerName: edwardstech.dev/hedgerow }
---
apiVersion: gateway.networking.k8s.io/v1
kind: Gateway
metadata: { name: gw, namespace: default }
spec:
  gatewayClassName: hedgerow
  listeners: [{ name: http, protocol: HTTP, port: 80, allowedRoutes: { namespaces: { from: All } } }]
";

/// An HTTPRoute of `gw` in that namespace for these hosts (as `[a.test, b.test]`; `[]`: all), with its rules as YAML below `rules:`.
fn route_in(namespace: &str, name: &str, hosts: &str, rules: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{ name: {name}, namespace: {namespace} }}\n\
         spec:\n  parentRefs: [{{ name: gw, namespace: default }}]\n  hostnames: {hosts}\n  rules:\n{rules}\n"
    )
}

fn route(name: &str, hosts: &str, rules: &str) -> String {
    route_in("default", name, hosts, rules)
}

/// Origins and their Services of the same names, port 8080.
async fn services(names: &[&str]) -> (Vec<Origin>, Vec<String>) {
    let (mut origins, mut documents) = (Vec::new(), vec![GATEWAY.to_owned()]);
    for name in names {
        let origin = Origin::start(name).await;
        documents.push(manifest::service(name, 8080, &[origin.address]));
        origins.push(origin);
    }
    (origins, documents)
}

/// `GET host/path`, or another method in front, with `name: value` fields behind.
async fn ask(edge: &Edge, request: &str) -> Reply {
    let mut words = request.split(" | ");
    let first = words.next().unwrap_or_default();
    let (method, url) = first.split_once(' ').unwrap_or(("GET", first));
    let fields = words.filter_map(|field| field.split_once(": "));
    let asked = fields.fold(
        Request::new(method, &format!("http://{url}")),
        |asked, (name, value)| asked.field(name, value),
    );
    edge.send(&asked).await
}

/// Who answers, by name; `404` and the like where the edge does.
async fn check(edge: &Edge, request: &str, expected: &str) {
    let reply = ask(edge, request).await;
    let found = match reply.served_by() {
        "" => reply.status.to_string(),
        name => name.to_owned(),
    };
    assert_eq!(found, expected, "{request}: {reply:?}");
}
