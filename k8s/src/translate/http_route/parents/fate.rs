//! How does one reference of a route to a Gateway of ours fare, in the words of the specification?

use super::{common_hosts, is_named};
use crate::translate::gateway::{GatewayView, ListenerView};
use config::hostname::Hostname;
use config::name::ObjectName;
use gateway_api::apis::standard::httproutes::{HttpRouteParentRefs, HttpRouteSpec};

/// `Accepted` of RouteParentStatus, and its reasons.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::translate) enum Fate {
    /// To these listeners.
    Attached(Vec<String>),
    NoMatchingParent,
    NotAllowedByListeners,
    NoMatchingListenerHostname,
}

/// The same judgement as that of `attach`, without a word to the author.
pub(in crate::translate) fn fate(
    spec: &HttpRouteSpec,
    route_namespace: &str,
    parent: &HttpRouteParentRefs,
    (gateway, view): (&ObjectName, &GatewayView),
) -> Fate {
    let named: Vec<&ListenerView> = view
        .listeners
        .iter()
        .filter(|listener| is_named(parent, listener))
        .collect();
    if named.is_empty() {
        return Fate::NoMatchingParent;
    }
    let allows = |listener: &&ListenerView| {
        let namespace = &gateway.namespace;
        listener.allowed.allow(namespace, route_namespace)
    };
    let allowing: Vec<&ListenerView> = named.into_iter().filter(allows).collect();
    if allowing.is_empty() {
        return Fate::NotAllowedByListeners;
    }
    let written = spec.hostnames.as_deref().unwrap_or_default();
    let hostnames = written.iter().filter_map(|raw| Hostname::parse(raw).ok());
    let hostnames: Vec<Hostname> = hostnames.collect();
    let is_unreadable = hostnames.is_empty() && !written.is_empty();
    let fits = |listener: &&ListenerView| {
        let hosts = common_hosts(listener.hostname.as_ref(), &hostnames);
        !is_unreadable && !hosts.is_empty()
    };
    let fitting = allowing.into_iter().filter(fits);
    let names: Vec<String> = fitting.map(|listener| listener.name.clone()).collect();
    match names.is_empty() {
        true => Fate::NoMatchingListenerHostname,
        false => Fate::Attached(names),
    }
}
