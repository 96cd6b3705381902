//! Which watches are needed?
//!
//! A function of what is known; whoever runs them begins and ends watches until they are these.

use super::definitions::Served;
use super::kinds::{CORE, definition};
use super::shelf::{Place, Shelf};
use super::status::Key;
use crate::control::Wanted;
use crate::objects::{EndpointSlice, Objects, Secret, Set};
use crate::translate::{is_of_the_api_server, service_of};
use config::name::{Kind, ObjectName, ObjectRef};
use config::problem::{Problem, ProblemCode, Severity};
use k8s_openapi::api::core::v1::Service;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::net::SocketAddr;
use std::sync::Arc;

/// Objects of one kind that are watched by their names. Each is a stream of the API server.
const NAMED_MAX: usize = 256;

/// The watches that are needed, and the version of their kind.
pub(super) type Plan = BTreeMap<Key, &'static str>;

/// Which namespaces are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Scope {
    All,
    List(BTreeSet<Arc<str>>),
    /// Those with these labels.
    Selected(String),
}

impl Scope {
    pub fn new(namespaces: Vec<String>, selector: Option<String>) -> Scope {
        match selector {
            Some(selector) => Scope::Selected(selector),
            None if namespaces.is_empty() => Scope::All,
            None => Scope::List(namespaces.into_iter().map(Arc::from).collect()),
        }
    }

    pub fn is_list(&self) -> bool {
        matches!(self, Scope::List(_))
    }
}

/// What decides which watches are needed.
#[derive(Debug)]
pub(super) struct Known {
    scope: Scope,
    /// None: nobody knows yet.
    pub served: Option<Served>,
    /// What the objects refer to.
    pub wanted: Wanted,
    /// Services whose endpoints only Endpoints can tell.
    manual: BTreeSet<ObjectName>,
    /// Where the API server says that it is.
    api_server: Vec<SocketAddr>,
    /// What the two above were found in.
    seen: Option<(Set<Service>, Set<EndpointSlice>)>,
}

impl Known {
    pub fn new(scope: Scope) -> Known {
        Known {
            scope,
            served: None,
            wanted: Wanted::default(),
            manual: BTreeSet::new(),
            api_server: Vec::new(),
            seen: None,
        }
    }

    /// Looks at what is on the shelf, where it is other than the last time.
    pub fn learn(&mut self, shelf: &Shelf) {
        let (services, slices) = (&shelf.objects.services, &shelf.objects.endpoint_slices);
        let is_same = |seen: &(Set<Service>, Set<EndpointSlice>)| {
            Arc::ptr_eq(&seen.0, services) && Arc::ptr_eq(&seen.1, slices)
        };
        if self.seen.as_ref().is_some_and(is_same) {
            return;
        }
        self.manual = manual(&shelf.objects);
        self.api_server = api_server(slices);
        self.seen = Some((services.clone(), slices.clone()));
    }

    /// False: which watches are needed is not known yet.
    pub fn is_certain(&self) -> bool {
        self.served.is_some()
    }

    /// Where no endpoint may be, sorted.
    pub fn api_server(&self, mut addresses: Vec<SocketAddr>) -> Vec<SocketAddr> {
        addresses.extend_from_slice(&self.api_server);
        addresses.sort_unstable();
        addresses.dedup();
        addresses
    }

    /// What is asked for beside the kind.
    pub fn labels_of(&self, kind: Kind) -> Option<String> {
        match (&self.scope, kind) {
            (Scope::Selected(selector), Kind::Namespace) => Some(selector.clone()),
            _ => None,
        }
    }

    pub fn plan(&self, shelf: &Shelf) -> Plan {
        let mut plan = Plan::new();
        if matches!(self.scope, Scope::Selected(_)) {
            plan.insert((Kind::Namespace, Place::All), "v1");
        }
        let namespaces = self.namespaces(shelf);
        let served = self.served.iter().flatten();
        let kinds = CORE.into_iter().map(|kind| (kind, "v1"));
        for (kind, version) in kinds.chain(served.map(|(kind, version)| (*kind, *version))) {
            match &namespaces {
                Some(namespaces) if definition(kind).is_namespaced => {
                    let places = namespaces.iter().cloned().map(Place::Namespace);
                    plan.extend(places.map(|place| ((kind, place), version)));
                }
                _ => drop(plan.insert((kind, Place::All), version)),
            }
        }
        let is_watched = |name: &ObjectName| {
            let namespaces = namespaces.as_ref();
            namespaces.is_none_or(|all| all.contains(&name.namespace))
        };
        for (kind, names) in self.named(&shelf.objects.secrets, &is_watched) {
            let names = names.into_iter().take(NAMED_MAX);
            plan.extend(names.map(|name| {
                let place = match is_watched(name) {
                    true => Place::Name(name.clone()),
                    false => Place::Alone(name.clone()),
                };
                ((kind, place), "v1")
            }));
        }
        plan
    }

    /// What is left out.
    pub fn problems(&self) -> impl Iterator<Item = Problem> {
        let sets = [
            (Kind::Secret, self.wanted.secrets.len()),
            (Kind::ConfigMap, self.wanted.config_maps.len()),
            (Kind::Endpoints, self.manual.len()),
        ];
        // Most Secrets come with the watch on TLS Secrets.
        let too_many = |(kind, count): &(Kind, usize)| *kind != Kind::Secret && *count > NAMED_MAX;
        sets.into_iter()
            .filter(too_many)
            .map(|(kind, count)| Problem {
                severity: Severity::Warning,
                code: ProblemCode::UnreadableKind,
                object: ObjectRef::new(kind, "", "*"),
                field: String::new(),
                found: format!("{count} objects are needed"),
                expected: format!(
                    "at most {NAMED_MAX}; those that come first by namespace and name are read"
                ),
                origin: None,
            })
    }

    /// None: all.
    fn namespaces(&self, shelf: &Shelf) -> Option<BTreeSet<Arc<str>>> {
        match &self.scope {
            Scope::All => None,
            Scope::List(names) => Some(names.clone()),
            Scope::Selected(_) => {
                let names = shelf.namespaces.keys();
                Some(names.map(|name| name.name.clone()).collect())
            }
        }
    }

    fn named<'a>(
        &'a self,
        secrets: &'a Set<Secret>,
        is_watched: &impl Fn(&ObjectName) -> bool,
    ) -> [(Kind, Vec<&'a ObjectName>); 3] {
        // Those that come with the watch on all TLS Secrets need no other one.
        let comes = |name: &ObjectName| is_watched(name) && is_tls(secrets, name);
        let secrets = self.wanted.secrets.iter().filter(|name| !comes(name));
        [
            (Kind::Secret, secrets.collect()),
            (Kind::ConfigMap, self.wanted.config_maps.iter().collect()),
            (Kind::Endpoints, self.manual.iter().collect()),
        ]
    }
}

fn is_tls(secrets: &Set<Secret>, name: &ObjectName) -> bool {
    use super::kinds::Watched;
    secrets
        .get(name)
        .is_some_and(|secret| secret.value.is_watched_in_bulk())
}

/// Services without a selector that no EndpointSlice names. Where the controller that mirrors Endpoints runs, there is none.
fn manual(objects: &Objects) -> BTreeSet<ObjectName> {
    let services = objects.services.values();
    let services = services.filter(|service| is_manual(&service.value));
    let mut manual: BTreeSet<ObjectName> = services.map(|service| service.name.clone()).collect();
    manual.remove(&ObjectName::new("default", "kubernetes"));
    if manual.is_empty() {
        return manual;
    }
    let slices = objects.endpoint_slices.values();
    let named: HashSet<(&str, &str)> = slices
        .filter_map(|slice| Some((&*slice.name.namespace, service_of(&slice.value)?)))
        .collect();
    manual.retain(|service| !named.contains(&(&*service.namespace, &*service.name)));
    manual
}

fn is_manual(service: &Service) -> bool {
    let Some(spec) = &service.spec else {
        return false;
    };
    let has_selector = spec.selector.as_ref().is_some_and(|all| !all.is_empty());
    !has_selector && spec.type_.as_deref() != Some("ExternalName")
}

fn api_server(slices: &Set<EndpointSlice>) -> Vec<SocketAddr> {
    let theirs = slices.values().map(|slice| &slice.value);
    let theirs = theirs.filter(|slice| is_of_the_api_server(slice));
    let mut addresses = Vec::new();
    for slice in theirs {
        let ports = slice.ports.iter().flatten().filter_map(|port| port.port);
        let ports: Vec<u16> = ports.filter_map(|port| u16::try_from(port).ok()).collect();
        let endpoints = slice.endpoints.iter().flatten();
        let texts = endpoints.flat_map(|endpoint| &endpoint.addresses);
        for address in texts.filter_map(|text| text.parse().ok()) {
            addresses.extend(ports.iter().map(|port| SocketAddr::new(address, *port)));
        }
    }
    addresses
}

#[cfg(test)]
mod tests;
