//! Which Secrets and ConfigMaps does anything refer to?

use config::model::{BackendPolicy, Model, Route};
use config::name::ObjectName;
use config::settings::{DefaultCertificate, Settings};
use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;

/// What routes and Services refer to. Other Secrets and ConfigMaps are not looked into: they are none of ours, right or wrong.
#[derive(Default)]
pub(super) struct Wanted {
    secrets: HashSet<ObjectName>,
    /// Those that `backend-ca` names.
    pub config_maps: HashSet<ObjectName>,
}

impl Wanted {
    /// Walks through all of the model, so it is for when that has changed.
    pub fn of(model: &Model) -> Wanted {
        let rules = model.routes.iter().flat_map(|route| &route.rules);
        let references = rules.flat_map(|rule| &rule.backends);
        let of_routes = references.filter_map(|reference| reference.policy.as_deref());
        let of_services = model.services.values().map(|service| &service.policy);
        let authorities = of_routes.chain(of_services).filter_map(authority);
        Wanted {
            secrets: of_routes_secrets(&model.routes).cloned().collect(),
            config_maps: authorities.cloned().collect(),
        }
    }

    pub fn references(&self, settings: &Settings) -> References {
        References {
            secrets: self.secrets(settings).cloned().collect(),
            config_maps: self.config_maps.iter().cloned().collect(),
        }
    }

    pub fn secrets<'a>(
        &'a self,
        settings: &'a Settings,
    ) -> impl Iterator<Item = &'a ObjectName> + use<'a> {
        let default = default_secret(settings).filter(|name| !self.secrets.contains(*name));
        self.secrets.iter().chain(default)
    }
}

/// Secrets and ConfigMaps that are referred to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct References {
    pub secrets: BTreeSet<ObjectName>,
    pub config_maps: BTreeSet<ObjectName>,
}

/// Does anything refer to this Secret?
pub(crate) fn is_secret_wanted(
    name: &ObjectName,
    routes: &[Arc<Route>],
    settings: &Settings,
) -> bool {
    default_secret(settings) == Some(name) || of_routes_secrets(routes).any(|other| other == name)
}

fn of_routes_secrets(routes: &[Arc<Route>]) -> impl Iterator<Item = &ObjectName> {
    let blocks = routes.iter().flat_map(|route| &route.tls);
    blocks.filter_map(|tls| tls.secret.as_ref())
}

fn default_secret(settings: &Settings) -> Option<&ObjectName> {
    match &settings.default_certificate {
        Some(DefaultCertificate::Secret(name)) => Some(name),
        _ => None,
    }
}

fn authority(policy: &BackendPolicy) -> Option<&ObjectName> {
    policy.ca.as_ref()
}
