//! Which inputs are measured?
//!
//! Models and manifests of any size, the same at each call: no clock, no chance.

use config::hostname::{Hostname, WildcardLabels};
use config::model::{
    BackendPolicy, BackendReference, Endpoint, EndpointPort, EndpointSlice, HostMatch,
    ListenerScope, Model, PathMatch, PortReference, RequestMatch, Route, RoutePolicy, RouteRule,
    Service, ServiceKind, ServicePort, SliceSource, WeightedReference,
};
use config::name::{Kind, ObjectName, ObjectRef};
use std::fmt::Write as _;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

/// Services behind the routes, whatever their number.
const SERVICES: usize = 50;

/// `hosts` objects, each with one host and `paths` paths below it, over 50 Services of two endpoints.
pub fn model(hosts: usize, paths: usize) -> Model {
    let mut model = Model::default();
    for number in 0..SERVICES {
        let name = ObjectName::new("bench", &format!("service-{number}"));
        model
            .services
            .insert(name.clone(), Arc::new(service(&name)));
        model
            .endpoints
            .insert(name.clone(), vec![Arc::new(slice(&name, number))]);
    }
    model.routes = (0..hosts)
        .map(|host| Arc::new(route(host, paths)))
        .collect();
    model
}

/// One object of the model, as an edit would make it anew.
pub fn route(host: usize, paths: usize) -> Route {
    let hosts: Arc<[HostMatch]> = Arc::new([HostMatch {
        name: Hostname::parse(&host_name(host)).unwrap(),
        labels: WildcardLabels::One,
    }]);
    let policy = Arc::new(RoutePolicy::default());
    let rules = (0..paths)
        .map(|path| RouteRule {
            field: format!("spec.rules[0].http.paths[{path}]").into(),
            origin: None,
            hosts: hosts.clone(),
            matches: Arc::new([RequestMatch {
                path: PathMatch::Prefix(path_of(path).into()),
                method: None,
                headers: vec![],
                query: vec![],
            }]),
            scope: ListenerScope::ALL,
            is_default_backend: false,
            filters: vec![],
            backends: vec![reference(host + path)],
            policy: policy.clone(),
        })
        .collect();
    Route {
        object: ObjectRef::new(Kind::Ingress, "bench", &format!("route-{host}")),
        created: Some(1_700_000_000),
        origin: None,
        rules,
        lost: vec![],
        tls: vec![],
        digest: config::digest::of(&[&host.to_le_bytes(), &paths.to_le_bytes()]),
    }
}

/// The host of object number `host`.
pub fn host_name(host: usize) -> String {
    format!("host-{host}.bench.test")
}

/// The path of rule number `path`: `/` first, then below it.
pub fn path_of(path: usize) -> String {
    if path == 0 {
        "/".to_owned()
    } else {
        format!("/part-{path}/page")
    }
}

fn reference(number: usize) -> WeightedReference {
    let service = format!("service-{}", number % SERVICES);
    WeightedReference {
        weight: 1,
        field: "backend.service".to_owned(),
        origin: None,
        reference: BackendReference::Service {
            service: ObjectName::new("bench", &service),
            port: PortReference::Number(80),
        },
        filters: vec![],
        policy: None,
    }
}

fn service(name: &ObjectName) -> Service {
    Service {
        object: ObjectRef {
            kind: Kind::Service,
            name: name.clone(),
        },
        origin: None,
        kind: ServiceKind::Cluster { has_selector: true },
        ports: vec![ServicePort {
            name: "http".into(),
            port: 80,
            protocol: None,
        }],
        policy: BackendPolicy::default(),
        digest: config::digest::of(&[name.name.as_bytes()]),
    }
}

fn slice(name: &ObjectName, number: usize) -> EndpointSlice {
    let last = u8::try_from(number % 250).unwrap_or_default();
    let endpoints = [1, 2].map(|third| Endpoint {
        address: IpAddr::V4(Ipv4Addr::new(10, 0, third, last)),
        ready: true,
        serving: true,
        terminating: false,
        node: None,
        zone: None,
    });
    EndpointSlice {
        object: ObjectRef {
            kind: Kind::EndpointSlice,
            name: name.clone(),
        },
        origin: None,
        source: SliceSource::Slice,
        ports: vec![EndpointPort {
            name: "http".into(),
            port: 8080,
            protocol: None,
        }],
        endpoints: endpoints.to_vec(),
    }
}

/// The same as manifests: `routes` Ingresses with one path each, 50 Services, their slices, one class. All backends are at `endpoint_port` on loopback.
pub fn manifests(routes: usize, endpoint_port: u16) -> String {
    let mut text = String::from(
        "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: { name: hedgerow }\nspec: { controller: edwardstech.dev/hedgerow }\n",
    );
    for number in 0..SERVICES {
        let _ = write!(
            text,
            "---\napiVersion: v1\nkind: Service\nmetadata: {{ name: service-{number}, namespace: bench }}\nspec: {{ ports: [{{ name: http, port: 80 }}] }}\n\
             ---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: {{ name: service-{number}, namespace: bench, labels: {{ kubernetes.io/service-name: service-{number} }} }}\n\
             addressType: IPv4\nports: [{{ name: http, port: {endpoint_port} }}]\nendpoints: [{{ addresses: [127.0.0.1] }}]\n"
        );
    }
    for number in 0..routes {
        let _ = write!(
            text,
            "---\napiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{ name: route-{number}, namespace: bench }}\nspec:\n  ingressClassName: hedgerow\n  rules:\n\
             \x20   - host: {}\n      http:\n        paths:\n          - path: /\n            pathType: Prefix\n            backend: {{ service: {{ name: service-{}, port: {{ number: 80 }} }} }}\n",
            host_name(number),
            number % SERVICES
        );
    }
    text
}
