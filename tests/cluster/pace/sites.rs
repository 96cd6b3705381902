//! How large is the site that is served?

use serde_json::{Value, json};
use std::fmt;
use tests::authority::Authority;
use tests::cluster::api::{Change, objects};

/// Of one Service. The API server allows 1,000 in a slice.
const ENDPOINTS_PER_SERVICE: usize = 40;

/// Ingresses of one host and path each, over a number of namespaces.
pub struct Site {
    routes: usize,
    namespaces: usize,
    services_per_namespace: usize,
    /// Half of the routes name one of these.
    secrets_per_namespace: usize,
}

impl Site {
    pub fn of_routes(routes: usize) -> Site {
        Site {
            routes,
            namespaces: 10,
            services_per_namespace: 5,
            secrets_per_namespace: 0,
        }
    }

    /// 5,000 routes, 20,000 endpoints, 100 Secrets.
    pub fn large() -> Site {
        Site {
            routes: 5_000,
            namespaces: 50,
            services_per_namespace: 10,
            secrets_per_namespace: 2,
        }
    }

    /// One after the other; what is in a stage comes in any order.
    pub fn stages(&self) -> [Vec<Change>; 2] {
        let steady = objects(
            "{ apiVersion: networking.k8s.io/v1, kind: IngressClass, metadata: { name: hedgerow }, spec: { controller: edwardstech.dev/hedgerow } }\n---\n\
             { apiVersion: v1, kind: Service, metadata: { name: steady }, spec: { ports: [{ port: 80 }] } }\n---\n\
             { apiVersion: networking.k8s.io/v1, kind: Ingress, metadata: { name: steady }, spec: { ingressClassName: hedgerow, rules: [{ host: steady.pace.test, \
             http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: steady, port: { number: 80 } } } }] } }] } }\n",
        );
        let namespaces = (0..self.namespaces).map(|number| json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": format!("pace-{number}") } }));
        let services = (0..self.namespaces * self.services_per_namespace)
            .flat_map(|number| self.service(number));
        let routes = (0..self.routes).map(|number| self.ingress(number));
        let first = namespaces.chain(steady);
        let second = self.secrets().into_iter().chain(services).chain(routes);
        [
            first.map(Change::Apply).collect(),
            second.map(Change::Apply).collect(),
        ]
    }

    fn namespace(&self, number: usize) -> String {
        format!("pace-{}", number % self.namespaces)
    }

    fn host(&self, number: usize) -> String {
        format!("host-{number}.{}.test", self.namespace(number))
    }

    fn secrets(&self) -> Vec<Value> {
        let authority = Authority::default();
        let all = (0..self.namespaces).flat_map(|namespace| {
            (0..self.secrets_per_namespace).map(move |number| (namespace, number))
        });
        let manifests = all.map(|(namespace, number)| {
            let yaml = authority.secret(
                &format!("tls-{number}"),
                &[&format!("*.pace-{namespace}.test")],
            );
            let mut secret = objects(&yaml).remove(0);
            secret["metadata"]["namespace"] = json!(self.namespace(namespace));
            secret
        });
        manifests.collect()
    }

    fn service(&self, number: usize) -> [Value; 2] {
        let (namespace, name) = (
            self.namespace(number),
            format!("service-{}", number / self.namespaces),
        );
        let endpoints = (0..ENDPOINTS_PER_SERVICE).map(|endpoint| {
            let address = format!("10.{}.{}.{}", number / 250, number % 250, endpoint + 1);
            json!({
                "addresses": [address], "conditions": { "ready": true, "serving": true, "terminating": false },
                "nodeName": format!("node-{}", endpoint % 3), "zone": "zone-a",
                "targetRef": { "kind": "Pod", "namespace": namespace, "name": format!("{name}-{endpoint}") },
            })
        });
        let service = json!({
            "apiVersion": "v1", "kind": "Service", "metadata": { "name": name, "namespace": namespace },
            "spec": { "selector": { "app": name }, "ports": [{ "name": "http", "port": 80, "targetPort": 8080 }] },
        });
        let slice = json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice",
            "metadata": { "name": format!("{name}-abcde"), "namespace": namespace, "labels": { "kubernetes.io/service-name": name } },
            "addressType": "IPv4", "ports": [{ "name": "http", "port": 8080, "protocol": "TCP" }],
            "endpoints": endpoints.collect::<Vec<_>>(),
        });
        [service, slice]
    }

    fn ingress(&self, number: usize) -> Value {
        let round = number / self.namespaces;
        let service = format!("service-{}", round % self.services_per_namespace);
        let mut spec = json!({
            "ingressClassName": "hedgerow",
            "rules": [{ "host": self.host(number), "http": { "paths": [{
                "path": "/", "pathType": "Prefix", "backend": { "service": { "name": service, "port": { "name": "http" } } },
            }] } }],
        });
        if round.is_multiple_of(2) && self.secrets_per_namespace > 0 {
            let secret = format!("tls-{}", round / 2 % self.secrets_per_namespace);
            spec["tls"] = json!([{ "hosts": [self.host(number)], "secretName": secret }]);
        }
        json!({
            "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
            "metadata": { "name": format!("route-{round}"), "namespace": self.namespace(number), "labels": { "app.kubernetes.io/managed-by": "story" } },
            "spec": spec,
        })
    }
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let services = self.namespaces * self.services_per_namespace;
        write!(
            f,
            "{} routes in {} namespaces, {services} Services with {} endpoints, {} Secrets",
            self.routes,
            self.namespaces,
            services * ENDPOINTS_PER_SERVICE,
            self.namespaces * self.secrets_per_namespace
        )
    }
}
