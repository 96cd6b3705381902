//! Which backend does a reference name?

use super::endpoints::{self, Resolved};
use super::fingerprint;
use super::known::Known;
use super::manifest;
use super::rules::failure;
use crate::model::{
    BackendPolicy, BackendReference, LostReference, Model, PortReference, Protocol, Route,
    RouteRule, Service, ServiceKind, ServicePort, WeightedReference,
};
use crate::name::{ObjectName, ObjectRef, Origin};
use crate::problem::{Problem, ProblemCode, Severity};
use crate::reason::Reason;
use crate::snapshot::{Backend, BackendId, BackendKey, Failure};
use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;

/// Backends as references name them: one for each Service, port and policy.
pub struct Backends<'a> {
    model: &'a Model,
    known: &'a Known<'a>,
    default_policy: BackendPolicy,
    ids: HashMap<BackendKey, BackendId>,
    list: Vec<Backend>,
    resolved: Vec<Resolved<'a>>,
    endpoints: &'a mut endpoints::Memo,
}

/// One reference, and where it stands.
struct Place<'a> {
    route: &'a Route,
    /// Field and line of its rule.
    field: &'a str,
    origin: &'a Option<Origin>,
    reference: &'a WeightedReference,
    /// The weights of all backends of the rule.
    whole: u32,
    is_lost: bool,
}

impl<'a> Backends<'a> {
    pub fn new(
        model: &'a Model,
        known: &'a Known<'a>,
        endpoints: &'a mut endpoints::Memo,
    ) -> Backends<'a> {
        Backends {
            model,
            known,
            default_policy: BackendPolicy::default(),
            ids: HashMap::with_capacity(model.services.len()),
            list: Vec::with_capacity(model.services.len()),
            resolved: Vec::with_capacity(model.services.len()),
            endpoints,
        }
    }

    /// By `BackendId`: the backends, and what their Service's endpoints come to.
    pub fn into_parts(self) -> (Vec<Backend>, Vec<Resolved<'a>>) {
        self.endpoints.end_run();
        (self.list, self.resolved)
    }

    /// The backend that is meant, or the answer that every request gets instead. What is wrong is reported.
    pub fn resolve(
        &mut self,
        route: &Route,
        rule: &RouteRule,
        reference: &WeightedReference,
        problems: &mut Vec<Problem>,
    ) -> Result<BackendId, Failure> {
        let place = Place {
            route,
            field: &rule.field,
            origin: &rule.origin,
            reference,
            whole: rule.whole_weight(),
            is_lost: false,
        };
        let (service, port) = self.named(&place, problems)?;
        Ok(self.backend(&place, service, port, problems))
    }

    /// Reports what is wrong with a reference of a rule that serves nothing.
    pub fn judge(&self, route: &Route, lost: &LostReference, problems: &mut Vec<Problem>) {
        let place = Place {
            route,
            field: &lost.field,
            origin: &lost.origin,
            reference: &lost.reference,
            whole: lost.reference.weight,
            is_lost: true,
        };
        // What it would answer is nobody's answer.
        let _ = self.named(&place, problems);
    }

    /// The Service and its port. What is wrong is reported, unless it was found before.
    fn named(
        &self,
        place: &Place<'_>,
        problems: &mut Vec<Problem>,
    ) -> Result<(&'a Arc<Service>, &'a ServicePort), Failure> {
        let route = place.route;
        let (name, port) = match &place.reference.reference {
            BackendReference::Service { service, port } => (service, port),
            BackendReference::Invalid { sentence } => {
                return Err(failure(route, Reason::InvalidRule, sentence.clone()));
            }
        };
        let Some(service) = self.model.services.get(name) else {
            problems.push(self.no_service(place, name));
            let sentence = format!("Service {name} does not exist");
            return Err(failure(route, Reason::NoService, sentence));
        };
        if let ServiceKind::ExternalName(target) = &service.kind {
            problems.push(external_name(service, target, port));
            let sentence = format!("Service {name} is an ExternalName, which is not served");
            return Err(failure(route, Reason::InvalidRule, sentence));
        }
        let Some(found) = find_port(service, port) else {
            problems.push(no_port(place, service, port));
            let sentence = format!("Service {name} has no port {}", written(port));
            return Err(failure(route, Reason::NoPort, sentence));
        };
        Ok((service, found))
    }

    fn backend(
        &mut self,
        place: &Place<'_>,
        service: &'a Arc<Service>,
        port: &'a ServicePort,
        problems: &mut Vec<Problem>,
    ) -> BackendId {
        let merged;
        let policy = match &place.reference.policy {
            None => &service.policy,
            Some(own) => {
                merged = own.or(&service.policy);
                &merged
            }
        };
        let policy_digest = match *policy == self.default_policy {
            true => 0,
            false => fingerprint::of_policy(policy),
        };
        let key = BackendKey {
            service: service.object.name.clone(),
            port: port.port,
            policy: policy_digest,
        };
        if let Some(id) = self.ids.get(&key) {
            return *id;
        }
        let authority = self.authority(place, service, policy, problems);
        let resolved = self.endpoints.resolve(self.model, service, port);
        let id = BackendId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Backend {
            label: format!("{}:{}", key.service, key.port).into(),
            key: key.clone(),
            protocol: protocol(policy, &resolved),
            policy: policy.clone(),
            is_manual: is_manual(service),
            authority,
        });
        self.resolved.push(resolved);
        self.ids.insert(key, id);
        id
    }

    /// A missing ConfigMap is an authority that signed nothing: to trust everybody instead would be worse than 502.
    fn authority(
        &self,
        place: &Place<'_>,
        service: &Service,
        policy: &BackendPolicy,
        problems: &mut Vec<Problem>,
    ) -> Option<Arc<Vec<Vec<u8>>>> {
        let name = policy.ca.as_ref()?;
        if let Some(authority) = self.model.authorities.get(name) {
            return Some(authority.clone());
        }
        let is_own = place
            .reference
            .policy
            .as_ref()
            .is_some_and(|own| own.ca.is_some());
        let (object, origin) = if is_own {
            (&place.route.object, &place.route.origin)
        } else {
            (&service.object, &service.origin)
        };
        problems.push(Problem {
            severity: Severity::Warning,
            code: ProblemCode::NoSuchConfigMap,
            object: object.clone(),
            field: "metadata.annotations[hedgerow.edwardstech.dev/backend-ca]".to_owned(),
            found: format!("ConfigMap {name} does not exist or has no certificate"),
            expected: "a ConfigMap with ca.crt in PEM form; no endpoint of this backend is trusted meanwhile (502)".to_owned(),
            origin: origin.clone(),
        });
        Some(Arc::default())
    }

    fn no_service(&self, place: &Place<'_>, name: &ObjectName) -> Problem {
        let hint = self.known.service_hint(name);
        place.problem(
            ProblemCode::NoSuchService,
            format!("Service {name} does not exist"),
            format!(
                "a Service in namespace {}{hint}{}",
                name.namespace,
                place.meanwhile()
            ),
        )
    }
}

impl Place<'_> {
    fn problem(&self, code: ProblemCode, found: String, expected: String) -> Problem {
        let own: &Option<Origin> = &self.reference.origin;
        Problem {
            severity: Severity::Error,
            code,
            object: ObjectRef::clone(&self.route.object),
            field: format!("{}.{}", self.field, self.reference.field),
            found,
            expected,
            origin: own.clone().or_else(|| self.origin.clone()),
        }
    }

    /// What becomes of the requests. Of a lost reference the problem of its rule says so.
    fn meanwhile(&self) -> String {
        let status = failure(self.route, Reason::NoService, String::new()).status;
        match self.reference.weight {
            _ if self.is_lost => String::new(),
            0 => "; its weight is 0, so no request is for it".to_owned(),
            weight if weight < self.whole => {
                format!("; its share of the requests is answered with {status}")
            }
            _ => format!("; requests for this path are answered with {status}"),
        }
    }
}

/// What the backend speaks: its policy says, else the Service port, else the endpoint port.
pub fn protocol(policy: &BackendPolicy, resolved: &Resolved<'_>) -> Protocol {
    policy
        .protocol
        .or(resolved.port.protocol)
        .or(resolved.protocol)
        .unwrap_or(Protocol::Http1)
}

pub fn is_manual(service: &Service) -> bool {
    !matches!(service.kind, ServiceKind::Cluster { has_selector: true })
}

fn find_port<'s>(service: &'s Service, wanted: &PortReference) -> Option<&'s ServicePort> {
    service.ports.iter().find(|port| match wanted {
        PortReference::Number(number) => port.port == *number,
        PortReference::Name(name) => port.name == *name,
    })
}

fn written(port: &PortReference) -> String {
    match port {
        PortReference::Number(number) => number.to_string(),
        PortReference::Name(name) => format!("named {name:?}"),
    }
}

fn no_port(place: &Place<'_>, service: &Service, port: &PortReference) -> Problem {
    let name = &service.object.name;
    let ports: Vec<String> = service.ports.iter().map(describe_port).collect();
    let list = match ports.as_slice() {
        [] => "it has none for TCP".to_owned(),
        _ => format!("it has {}", ports.join(", ")),
    };
    let hint = match port {
        PortReference::Name(wanted) => {
            let names = service.ports.iter().map(|port| &*port.name);
            crate::nearest::nearest(wanted, names.filter(|name| !name.is_empty()))
                .map(|near| format!("; did you mean {near}?"))
        }
        PortReference::Number(_) => None,
    };
    place.problem(
        ProblemCode::NoSuchPort,
        format!("Service {name} has no port {}", written(port)),
        format!(
            "a port of the Service: {list}{}{}",
            hint.unwrap_or_default(),
            place.meanwhile()
        ),
    )
}

/// `80 (http)`, or `80` where it has no name.
pub fn describe_port(port: &ServicePort) -> String {
    if port.name.is_empty() {
        return port.port.to_string();
    }
    format!("{} ({})", port.port, port.name)
}

/// What endpoints may not be in any cluster (`ValidateNonSpecialIP` of the API server).
fn refused_by_kubernetes(address: IpAddr) -> Option<&'static str> {
    let address = address.to_canonical();
    let is_link_local = match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    };
    match () {
        () if address.is_loopback() => Some("loopback: each node is another one"),
        () if address.is_unspecified() => Some("no address of a machine"),
        () if address.is_multicast() => Some("multicast"),
        () if is_link_local => Some("link-local, where nodes keep their metadata services"),
        () => None,
    }
}

fn external_name(service: &Service, target: &str, port: &PortReference) -> Problem {
    let expected = match target.trim_end_matches('.').parse() {
        Ok(address) if let Some(what) = refused_by_kubernetes(address) => format!(
            "a Service without selector and the address of another machine in Endpoints: Kubernetes refuses {address} there, which is {what}"
        ),
        Ok(address) => format!(
            "a Service without selector, and its address in Endpoints, because ExternalName is for DNS names:\n{}",
            manifest::service_and_endpoints(service, address, port)
        ),
        Err(_) => "a Service without selector and its address in an EndpointSlice: ExternalName with a DNS name is not in this version".to_owned(),
    };
    Problem {
        severity: Severity::Error,
        code: ProblemCode::ExternalName,
        object: service.object.clone(),
        field: "spec.externalName".to_owned(),
        found: format!("ExternalName {target:?}"),
        expected,
        origin: service.origin.clone(),
    }
}
