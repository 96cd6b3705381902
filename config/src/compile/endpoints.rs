//! Which addresses serve this port of this Service?

use crate::model::{
    Endpoint, EndpointPort, EndpointSlice, Model, Protocol, Service, ServiceKind, ServicePort,
    SliceSource,
};
use crate::name::ObjectName;
use crate::snapshot::{Backend, BackendKey, EndpointAddress};
use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;

/// What the endpoints of one port of one Service come to.
pub struct Resolved<'a> {
    pub service: &'a Service,
    pub port: &'a ServicePort,
    pub addresses: Arc<[EndpointAddress]>,
    /// What the endpoint port says that it speaks.
    pub protocol: Option<Protocol>,
    pub outcome: Outcome,
}

/// Why there are addresses or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Found(SliceSource),
    /// No slice and no Endpoints name the Service.
    NoObject,
    /// They do, and have no address.
    NoAddress,
    /// They have addresses, for ports of other names.
    OtherPorts,
    /// The command line says where the Service is, but not for this port.
    NotOverridden,
}

/// What the endpoints of each port came to the last time: of 20,000 addresses a change concerns a few.
#[derive(Debug, Default)]
pub struct Memo {
    entries: HashMap<Port, Known>,
    /// Counts the runs, so that entries of vanished ports are told from the others.
    run: u64,
}

/// A port of a Service.
type Port = (ObjectName, u16);

/// What was found, and in what.
#[derive(Debug)]
struct Known {
    service: Arc<Service>,
    slices: Vec<Arc<EndpointSlice>>,
    addresses: Arc<[EndpointAddress]>,
    protocol: Option<Protocol>,
    outcome: Outcome,
    run: u64,
}

impl Memo {
    /// Forgets what was not asked for since the last call.
    pub fn end_run(&mut self) {
        let run = self.run;
        self.entries.retain(|_, known| known.run == run);
        self.run = run.wrapping_add(1);
    }

    /// As `resolve`. The same objects come to the same shared addresses, and so do other objects that say the same.
    pub fn resolve<'a>(
        &mut self,
        model: &Model,
        service: &'a Arc<Service>,
        port: &'a ServicePort,
    ) -> Resolved<'a> {
        let name = &service.object.name;
        let slices = model.endpoints.get(name);
        let slices = slices.map(Vec::as_slice).unwrap_or_default();
        let key = (name.clone(), port.port);
        let before = self.entries.get_mut(&key);
        if let Some(known) = before
            && known.is_of(service, slices)
        {
            known.run = self.run;
            return known.resolved(service, port);
        }
        let mut resolved = resolve(model, service, port);
        if let Some(known) = self.entries.get(&key)
            && known.addresses == resolved.addresses
        {
            resolved.addresses = known.addresses.clone();
        }
        let known = Known {
            service: service.clone(),
            slices: slices.to_vec(),
            addresses: resolved.addresses.clone(),
            protocol: resolved.protocol,
            outcome: resolved.outcome,
            run: self.run,
        };
        self.entries.insert(key, known);
        resolved
    }
}

impl Known {
    fn is_of(&self, service: &Arc<Service>, slices: &[Arc<EndpointSlice>]) -> bool {
        let is_same =
            |(left, right): (&Arc<EndpointSlice>, &Arc<EndpointSlice>)| Arc::ptr_eq(left, right);
        Arc::ptr_eq(&self.service, service)
            && self.slices.len() == slices.len()
            && self.slices.iter().zip(slices).all(is_same)
    }

    fn resolved<'a>(&self, service: &'a Service, port: &'a ServicePort) -> Resolved<'a> {
        Resolved {
            service,
            port,
            addresses: self.addresses.clone(),
            protocol: self.protocol,
            outcome: self.outcome,
        }
    }
}

/// Slices count first; Endpoints only for a Service that no slice names. Ports are matched by name, as kube-proxy does.
fn resolve<'a>(model: &Model, service: &'a Service, port: &'a ServicePort) -> Resolved<'a> {
    if let ServiceKind::Override(addresses) = &service.kind {
        return overridden(service, port, addresses);
    }
    let slices = counting(model, service);
    let mut found = Vec::new();
    let mut protocol: Option<Protocol> = None;
    for slice in slices.clone() {
        for own in slice.ports.iter().filter(|own| own.name == port.name) {
            // Slices are in no order: the least one is the same on every node.
            protocol = [protocol, own.protocol].into_iter().flatten().min();
            found.extend(
                slice
                    .endpoints
                    .iter()
                    .map(|endpoint| address(slice, own, endpoint)),
            );
        }
    }
    let outcome = match slices.clone().next() {
        None => Outcome::NoObject,
        Some(first) if !found.is_empty() => Outcome::Found(first.source),
        Some(_) if slices.clone().all(|slice| slice.endpoints.is_empty()) => Outcome::NoAddress,
        Some(_) => Outcome::OtherPorts,
    };
    Resolved {
        service,
        port,
        addresses: merged(found).into(),
        protocol,
        outcome,
    }
}

/// The slices that count for a Service.
pub fn counting<'m>(
    model: &'m Model,
    service: &Service,
) -> impl Iterator<Item = &'m EndpointSlice> + Clone {
    let all = model.endpoints.get(&service.object.name);
    let all = all.map(Vec::as_slice).unwrap_or_default();
    let source = all.iter().map(|slice| slice.source).min();
    let counting = all.iter().filter(move |slice| Some(slice.source) == source);
    counting.map(|slice| &**slice)
}

/// The addresses of each backend, by its key.
pub fn by_key(
    backends: &[Backend],
    resolved: Vec<Resolved<'_>>,
) -> HashMap<BackendKey, Arc<[EndpointAddress]>> {
    let keys = backends.iter().map(|backend| backend.key.clone());
    keys.zip(resolved.into_iter().map(|r| r.addresses))
        .collect()
}

fn overridden<'a>(
    service: &'a Service,
    port: &'a ServicePort,
    addresses: &[(Option<u16>, SocketAddr)],
) -> Resolved<'a> {
    let is_named = addresses
        .iter()
        .any(|(wanted, _)| *wanted == Some(port.port));
    let wanted = is_named.then_some(port.port);
    let for_port = addresses.iter().filter(|(of, _)| *of == wanted);
    let found = for_port.map(|(_, address)| EndpointAddress {
        address: *address,
        ready: true,
        serving: true,
        terminating: false,
        node: None,
        zone: None,
        object: service.object.clone(),
        origin: service.origin.clone(),
    });
    let addresses = merged(found.collect());
    Resolved {
        service,
        port,
        outcome: match addresses.is_empty() {
            true => Outcome::NotOverridden,
            false => Outcome::Found(SliceSource::Slice),
        },
        addresses: addresses.into(),
        protocol: None,
    }
}

fn address(slice: &EndpointSlice, port: &EndpointPort, endpoint: &Endpoint) -> EndpointAddress {
    EndpointAddress {
        address: SocketAddr::new(endpoint.address, port.port),
        ready: endpoint.ready,
        serving: endpoint.serving,
        terminating: endpoint.terminating,
        node: endpoint.node.clone(),
        zone: endpoint.zone.clone(),
        object: slice.object.clone(),
        origin: slice.origin.clone(),
    }
}

/// Sorted by address, each once. While an endpoint moves from one slice to another it is in both: the one that says ready is right.
fn merged(mut found: Vec<EndpointAddress>) -> Vec<EndpointAddress> {
    if found.len() < 2 {
        return found;
    }
    found.sort_by(|left, right| {
        let state = |of: &EndpointAddress| (Reverse(of.ready), Reverse(of.serving), of.terminating);
        left.address
            .cmp(&right.address)
            .then_with(|| state(left).cmp(&state(right)))
            .then_with(|| left.object.cmp(&right.object))
            .then_with(|| left.origin.cmp(&right.origin))
            .then_with(|| (&left.node, &left.zone).cmp(&(&right.node, &right.zone)))
    });
    found.dedup_by(|later, kept| {
        let is_same = later.address == kept.address;
        if is_same {
            kept.serving |= later.serving;
            kept.terminating &= later.terminating;
        }
        is_same
    });
    found
}
