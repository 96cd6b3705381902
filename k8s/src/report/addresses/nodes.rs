//! Which addresses have the nodes where this edge is ready?

use super::{Address, Known, tell};
use crate::source::cluster::{Backoff, Fault, Lease};
use config::name::ObjectName;
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Node;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::Api;
use kube::runtime::watcher::{self, Event};
use std::collections::{BTreeMap, BTreeSet};
use std::pin::pin;
use std::time::Duration;

/// Addresses of nodes hardly ever change; they are asked for again this often.
const NODES_INTERVAL: Duration = Duration::from_secs(300);
/// A node that is not ready any more stays for so long: while a rollout replaces its pod, nobody has to change a DNS record.
const LEAVE_DELAY: Duration = Duration::from_secs(10);

/// Tells the addresses of the nodes on which this Service has a ready endpoint. Returns why it cannot go on.
pub(super) async fn follow(
    lease: &Lease,
    name: &ObjectName,
    known: &Known,
    backoff: &mut Backoff,
) -> Fault {
    let api: Api<EndpointSlice> = Api::namespaced(lease.client.clone(), &name.namespace);
    let labels = format!("kubernetes.io/service-name={}", name.name);
    let config = watcher::Config::default().labels(&labels);
    let mut events = pin!(watcher::watcher(api, config));
    let mut slices = Slices::default();
    let mut told = Told::default();
    loop {
        tokio::select! {
            event = events.next() => match event {
                Some(Ok(event)) => {
                    // Said before the first list: it is no success.
                    let is_begun = matches!(event, Event::Init);
                    slices.take(event);
                    if is_begun {
                        continue;
                    }
                }
                Some(Err(error)) => return Fault::of_watch(&error),
                None => return Fault::of_watch(&watcher::Error::NoResourceVersion),
            },
            () = tokio::time::sleep_until(told.next_look) => {}
        }
        if let Some(nodes) = slices.ready_nodes()
            && let Err(error) = told.tell(lease, nodes, known).await
        {
            return Fault::of_client(&error);
        }
        backoff.succeeded();
    }
}

/// The slices of the Service, by their names. None while a list is not complete.
#[derive(Default)]
struct Slices {
    by_name: BTreeMap<String, EndpointSlice>,
    listing: Option<BTreeMap<String, EndpointSlice>>,
    is_known: bool,
}

impl Slices {
    fn take(&mut self, event: Event<EndpointSlice>) {
        let name = |slice: &EndpointSlice| slice.metadata.name.clone().unwrap_or_default();
        match event {
            Event::Init => self.listing = Some(BTreeMap::new()),
            Event::InitApply(slice) => {
                let listing = self.listing.get_or_insert_default();
                listing.insert(name(&slice), slice);
            }
            Event::InitDone => {
                self.by_name = self.listing.take().unwrap_or_default();
                self.is_known = true;
            }
            Event::Apply(slice) => drop(self.by_name.insert(name(&slice), slice)),
            Event::Delete(slice) => drop(self.by_name.remove(&name(&slice))),
        }
    }

    fn ready_nodes(&self) -> Option<BTreeSet<String>> {
        self.is_known.then(|| ready_nodes(self.by_name.values()))
    }
}

/// The nodes of endpoints that are ready, or of which nobody says that they are not.
fn ready_nodes<'a>(slices: impl Iterator<Item = &'a EndpointSlice>) -> BTreeSet<String> {
    let endpoints = slices.flat_map(|slice| slice.endpoints.iter().flatten());
    let ready = endpoints.filter(|endpoint| {
        let conditions = endpoint.conditions.as_ref();
        conditions.and_then(|conditions| conditions.ready) != Some(false)
    });
    ready
        .filter_map(|endpoint| endpoint.node_name.clone())
        .collect()
}

/// What was told last, and of which nodes.
struct Told {
    addresses: BTreeMap<String, Vec<Address>>,
    asked: tokio::time::Instant,
    /// Since when fewer nodes are ready than were told.
    fewer_since: Option<tokio::time::Instant>,
    next_look: tokio::time::Instant,
}

impl Default for Told {
    fn default() -> Told {
        let now = tokio::time::Instant::now();
        Told {
            addresses: BTreeMap::new(),
            asked: now,
            fewer_since: None,
            next_look: now + NODES_INTERVAL,
        }
    }
}

impl Told {
    async fn tell(
        &mut self,
        lease: &Lease,
        nodes: BTreeSet<String>,
        known: &Known,
    ) -> Result<(), kube::Error> {
        let now = tokio::time::Instant::now();
        if now >= self.asked + NODES_INTERVAL {
            self.asked = now;
            self.addresses.retain(|node, _| !nodes.contains(node));
        }
        for node in &nodes {
            if !self.addresses.contains_key(node) {
                let api: Api<Node> = Api::all(lease.client.clone());
                let found = api.get_opt(node).await?;
                let found = found.map_or_else(Vec::new, |node| addresses(&node));
                self.addresses.insert(node.clone(), found);
            }
        }
        self.forget_others(&nodes, now);
        // Not one node: whatever is wrong, an empty answer of the DNS would not make it better.
        if !nodes.is_empty() {
            tell(known, self.addresses.values().flatten().cloned().collect());
        }
        Ok(())
    }

    fn forget_others(&mut self, nodes: &BTreeSet<String>, now: tokio::time::Instant) {
        self.next_look = self.asked + NODES_INTERVAL;
        if nodes.is_empty() || self.addresses.keys().all(|node| nodes.contains(node)) {
            self.fewer_since = None;
            return;
        }
        let since = *self.fewer_since.get_or_insert(now);
        if now >= since + LEAVE_DELAY {
            self.addresses.retain(|node, _| nodes.contains(node));
            self.fewer_since = None;
            return;
        }
        self.next_look = self.next_look.min(since + LEAVE_DELAY);
    }
}

/// The external ones if there are any, else the internal ones.
fn addresses(node: &Node) -> Vec<Address> {
    let status = node.status.as_ref();
    let all = status.and_then(|status| status.addresses.as_deref());
    let all = all.unwrap_or_default();
    let of = |kind: &str| -> Vec<Address> {
        let some = all.iter().filter(|address| address.type_ == kind);
        some.map(|address| Address::parse(&address.address))
            .collect()
    };
    let external = of("ExternalIP");
    match external.is_empty() {
        true => of("InternalIP"),
        false => external,
    }
}

#[cfg(test)]
mod tests;
