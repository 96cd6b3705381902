//! Which Secrets and ConfigMaps does anything refer to?

use config::model::{BackendPolicy, Route, Service};
use config::name::ObjectName;
use config::settings::{DefaultCertificate, Settings};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Other Secrets are not looked into: they are none of ours, right or wrong.
pub(crate) fn secrets<'a>(
    routes: &'a [Arc<Route>],
    settings: &'a Settings,
) -> HashSet<&'a ObjectName> {
    let blocks = routes.iter().flat_map(|route| &route.tls);
    let mut wanted: HashSet<&ObjectName> = blocks.filter_map(|tls| tls.secret.as_ref()).collect();
    if let Some(DefaultCertificate::Secret(name)) = &settings.default_certificate {
        wanted.insert(name);
    }
    wanted
}

/// The ConfigMaps that `backend-ca` names.
pub(super) fn config_maps<'a>(
    routes: &'a [Arc<Route>],
    services: &'a HashMap<ObjectName, Arc<Service>>,
) -> HashSet<&'a ObjectName> {
    let rules = routes.iter().flat_map(|route| &route.rules);
    let references = rules.flat_map(|rule| &rule.backends);
    let of_routes = references.filter_map(|reference| reference.policy.as_deref());
    let of_services = services.values().map(|service| &service.policy);
    of_routes.chain(of_services).filter_map(authority).collect()
}

fn authority(policy: &BackendPolicy) -> Option<&ObjectName> {
    policy.ca.as_ref()
}
