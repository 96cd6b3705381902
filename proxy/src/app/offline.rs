//! What would be in force, with nobody serving it?
//!
//! The engine of `check` and `why --manifests`: the same loading, translation and compilation as `run`.

use crate::app::settings::directory;
use anyhow::{Result, bail};
use config::settings::Settings;
use config::snapshot::Compiled;
use k8s::objects::Objects;
use std::path::Path;

/// Loads and compiles what the settings' source holds. An error: there is nothing to look at.
pub fn build(settings: &Settings) -> Result<Compiled> {
    let path = directory(settings)?;
    let objects = k8s::source::directory::load(path);
    if is_empty(&objects) {
        bail!("{}", nothing_there(path));
    }
    let now = jiff::Timestamp::now().as_second();
    Ok(k8s::control::build(&objects, settings, now))
}

/// Nothing of any kind, and nothing wrong either.
fn is_empty(objects: &Objects) -> bool {
    let counts = [
        objects.ingresses.len(),
        objects.ingress_classes.len(),
        objects.services.len(),
        objects.endpoint_slices.len(),
        objects.endpoints.len(),
        objects.secrets.len(),
        objects.config_maps.len(),
        objects.reference_grants.len(),
        objects.gateways.len(),
        objects.gateway_classes.len(),
        objects.http_routes.len(),
        objects.problems.len(),
    ];
    counts.iter().all(|count| *count == 0)
}

fn nothing_there(path: &Path) -> String {
    if path == Path::new("-") {
        return "standard input has no object that an edge reads (Ingress, Service, EndpointSlice ...)".to_owned();
    }
    format!(
        "{} has no object that an edge reads; manifests are *.yaml, *.yml and *.json, with kinds such as \
         Ingress, Service and EndpointSlice (names that begin with a dot are passed over)",
        path.display()
    )
}
