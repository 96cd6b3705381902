//! What does the status of an Ingress say of where it is served?

use super::addresses::Address;
use super::plan::{Change, View, Write, has_our_mark};
use crate::objects::Object;
use crate::translate::own_ingresses;
use config::name::Kind;
use k8s_openapi::api::networking::v1::{Ingress, IngressLoadBalancerIngress};
use serde_json::{Value, json};

/// Addresses for those that are ours; nothing of ours for the others.
pub(super) fn plan(view: &View<'_>) -> Vec<Write> {
    let is_ours = own_ingresses(view.objects, view.settings);
    let all = view.objects.ingresses.values();
    all.filter_map(|ingress| {
        let change = match is_ours(ingress) {
            true => ours(ingress, view.addresses?)?,
            false => theirs(ingress)?,
        };
        Write::new(Kind::Ingress, ingress, &ingress.value.metadata, change)
    })
    .collect()
}

fn ours(ingress: &Object<Ingress>, addresses: &[Address]) -> Option<Change> {
    if addresses.is_empty() {
        return theirs(ingress);
    }
    let entries: Vec<Value> = addresses.iter().map(Address::entry).collect();
    let status = json!({ "loadBalancer": { "ingress": entries } });
    (!says(ingress, addresses)).then_some(Change::Apply(status))
}

fn theirs(ingress: &Object<Ingress>) -> Option<Change> {
    has_our_mark(&ingress.value.metadata).then_some(Change::Release)
}

/// In whatever order.
fn says(ingress: &Object<Ingress>, addresses: &[Address]) -> bool {
    let status = ingress.value.status.as_ref();
    let balancer = status.and_then(|status| status.load_balancer.as_ref());
    let entries = balancer.and_then(|balancer| balancer.ingress.as_deref());
    let entries = entries.unwrap_or_default();
    let said = |address: &Address| entries.iter().any(|entry| is_same(entry, address));
    entries.len() == addresses.len() && addresses.iter().all(said)
}

fn is_same(entry: &IngressLoadBalancerIngress, address: &Address) -> bool {
    let parts = (entry.ip.as_deref(), entry.hostname.as_deref());
    let has_ports = entry.ports.as_ref().is_some_and(|ports| !ports.is_empty());
    !has_ports
        && match address {
            Address::Ip(ip) => parts == (Some(&*ip.to_string()), None),
            Address::Name(name) => parts == (None, Some(&**name)),
        }
}

#[cfg(test)]
mod tests;
