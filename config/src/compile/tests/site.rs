//! Which models do the tests compile?

use super::super::{CompileOptions, compile};
use crate::digest;
use crate::hostname::{Hostname, WildcardLabels};
use crate::model::*;
use crate::name::{Kind, ObjectName, ObjectRef};
use crate::path;
use crate::snapshot::Compiled;
use std::sync::Arc;

/// A model that grows by one object for each call.
#[derive(Clone, Default)]
pub struct Site {
    pub model: Model,
    pub options: CompileOptions,
}

/// `namespace/name`.
pub fn name(text: &str) -> ObjectName {
    let (namespace, name) = text.split_once('/').unwrap();
    ObjectName::new(namespace, name)
}

fn object(kind: Kind, text: &str) -> ObjectRef {
    ObjectRef {
        kind,
        name: name(text),
    }
}

/// A number, or a name.
pub fn port_reference(text: &str) -> PortReference {
    match text.parse() {
        Ok(number) => PortReference::Number(number),
        Err(_) => PortReference::Name(text.into()),
    }
}

impl Site {
    /// `/api` on a VM, `/` in two pods.
    pub fn edwardstech() -> Site {
        let paths = [
            ("edwardstech.dev", "/api", "backend-service", "3001"),
            ("edwardstech.dev", "/", "frontend-service", "80"),
        ];
        Site::default()
            .service("website/backend-service", &[("", 3001)], false)
            .endpoints("website/backend-service", &[("", 3001)], &["192.168.0.50"])
            .service("website/frontend-service", &[("", 80)], true)
            .slice(
                "website/frontend-service",
                &[("", 8080)],
                &["10.42.1.9", "10.42.0.7"],
            )
            .ingress("website/site", 0, &paths)
    }

    pub fn compile(&self) -> Compiled {
        compile(&self.model, Vec::new(), &self.options)
    }

    pub fn in_cluster(mut self) -> Site {
        self.options.is_cluster = true;
        self
    }

    pub fn service(self, at: &str, ports: &[(&str, u16)], has_selector: bool) -> Site {
        self.service_of(at, ports, ServiceKind::Cluster { has_selector })
    }

    pub fn service_of(mut self, at: &str, ports: &[(&str, u16)], kind: ServiceKind) -> Site {
        let digest = digest::of(&[at.as_bytes(), format!("{kind:?} {ports:?}").as_bytes()]);
        let ports = ports.iter().map(|(name, port)| ServicePort {
            name: (*name).into(),
            port: *port,
            protocol: None,
        });
        let service = Service {
            object: object(Kind::Service, at),
            origin: None,
            kind,
            ports: ports.collect(),
            policy: BackendPolicy::default(),
            digest,
        };
        self.model.services.insert(name(at), Arc::new(service));
        self
    }

    pub fn change_service(mut self, at: &str, change: impl FnOnce(&mut Service)) -> Site {
        let service = self.model.services.get_mut(&name(at)).unwrap();
        change(Arc::make_mut(service));
        self
    }

    /// Addresses are ready; `!address` is not, `~address` terminates but serves.
    pub fn slice(self, service: &str, ports: &[(&str, u16)], addresses: &[&str]) -> Site {
        self.slice_of(SliceSource::Slice, service, ports, addresses)
    }

    pub fn endpoints(self, service: &str, ports: &[(&str, u16)], addresses: &[&str]) -> Site {
        self.slice_of(SliceSource::Endpoints, service, ports, addresses)
    }

    fn slice_of(
        mut self,
        source: SliceSource,
        service: &str,
        ports: &[(&str, u16)],
        addresses: &[&str],
    ) -> Site {
        let slices = self.model.endpoints.entry(name(service)).or_default();
        let (kind, at) = match source {
            SliceSource::Slice => (Kind::EndpointSlice, format!("{service}-{}", slices.len())),
            SliceSource::Endpoints => (Kind::Endpoints, service.to_owned()),
        };
        let ports = ports.iter().map(|(name, port)| EndpointPort {
            name: (*name).into(),
            port: *port,
            protocol: None,
        });
        let endpoints = addresses.iter().map(|text| Endpoint {
            address: text.trim_start_matches(['!', '~']).parse().unwrap(),
            ready: !text.starts_with(['!', '~']),
            serving: !text.starts_with('!'),
            terminating: text.starts_with('~'),
            node: None,
            zone: None,
        });
        slices.push(Arc::new(EndpointSlice {
            object: object(kind, &at),
            origin: None,
            source,
            ports: ports.collect(),
            endpoints: endpoints.collect(),
        }));
        self
    }

    /// Each path: host (empty: any), path, Service of the same namespace, port.
    pub fn ingress(self, at: &str, created: i64, paths: &[(&str, &str, &str, &str)]) -> Site {
        self.route(Kind::Ingress, at, created, paths)
    }

    pub fn http_route(self, at: &str, paths: &[(&str, &str, &str, &str)]) -> Site {
        self.route(Kind::HttpRoute, at, 0, paths)
    }

    fn route(
        mut self,
        kind: Kind,
        at: &str,
        created: i64,
        paths: &[(&str, &str, &str, &str)],
    ) -> Site {
        let namespace = name(at).namespace;
        let rules = paths
            .iter()
            .enumerate()
            .map(|(index, (host, path, service, port))| {
                let host = (!host.is_empty()).then(|| HostMatch {
                    name: Hostname::parse(host).unwrap(),
                    labels: WildcardLabels::One,
                });
                rule(index, host, path, backend(&namespace, service, port))
            });
        let route = Route {
            object: object(kind, at),
            created: (created != 0).then_some(created),
            origin: None,
            rules: rules.collect(),
            lost: Vec::new(),
            tls: Vec::new(),
            digest: digest::of(&[format!("{created} {paths:?}").as_bytes()]),
        };
        self.model.routes.push(Arc::new(route));
        self
    }

    pub fn forget(&mut self, kind: Kind, at: &str) {
        let object = object(kind, at);
        self.model.routes.retain(|route| route.object != object);
    }

    /// Changes the object that was added last.
    pub fn change(mut self, change: impl FnOnce(&mut Route)) -> Site {
        change(Arc::make_mut(self.model.routes.last_mut().unwrap()));
        self
    }

    /// The last object asks for this Secret for these hosts.
    pub fn tls(self, secret: &str, hosts: &[&str]) -> Site {
        let hosts = hosts.iter().map(|host| Hostname::parse(host).unwrap());
        let hosts = hosts.collect();
        self.change(|route| {
            route.tls.push(TlsHosts {
                field: format!("spec.tls[{}]", route.tls.len()),
                origin: None,
                hosts,
                secret: Some(name(secret)),
            });
        })
    }

    /// A certificate for these names, valid between these times.
    pub fn certificate(mut self, at: &str, names: &[&str], valid: (i64, i64)) -> Site {
        let names = names.iter().map(|name| (*name).to_owned());
        let made = rcgen::generate_simple_self_signed(names.collect::<Vec<_>>()).unwrap();
        let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
        let mut certificate = Certificate::parse(chain.as_bytes(), key.as_bytes()).unwrap();
        (certificate.not_before, certificate.not_after) = valid;
        self.model
            .certificates
            .insert(name(at), Arc::new(certificate));
        self
    }
}

pub fn backend(namespace: &str, service: &str, port: &str) -> WeightedReference {
    WeightedReference {
        weight: 1,
        field: "backend.service".to_owned(),
        origin: None,
        reference: BackendReference::Service {
            service: ObjectName::new(namespace, service),
            port: port_reference(port),
        },
        filters: Vec::new(),
        policy: None,
    }
}

fn rule(index: usize, host: Option<HostMatch>, path: &str, to: WeightedReference) -> RouteRule {
    let parsed = match path.strip_prefix('=') {
        Some(exact) => path::exact(exact),
        None => path::prefix(path),
    };
    RouteRule {
        field: format!("spec.rules[0].http.paths[{index}]").into(),
        origin: None,
        hosts: host.into_iter().collect(),
        matches: Arc::new([RequestMatch {
            path: parsed.unwrap(),
            method: None,
            headers: Vec::new(),
            query: Vec::new(),
        }]),
        scope: ListenerScope::ALL,
        is_default_backend: false,
        filters: Vec::new(),
        backends: vec![to],
        policy: Arc::default(),
    }
}
