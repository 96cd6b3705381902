//! What would be in force, with nobody serving it?
//!
//! The engine of `check` and `why --manifests`: the same loading, translation and compilation as `run`.

use crate::app::default_certificate;
use crate::app::paint::count;
use crate::app::settings::readable;
use crate::app::source;
use anyhow::{Result, bail};
use config::problem::Severity;
use config::settings::{Settings, Source};
use config::snapshot::Compiled;
use k8s::objects::Objects;
use k8s::source::directory::Loaded;
use std::path::Path;
use std::sync::Arc;

/// What stands in the place of an object is told this often.
const DOUBTS_TOLD_MAX: usize = 3;

/// Loads and compiles what the settings' source holds. An error: there is nothing to look at.
pub fn build(settings: &Settings) -> Result<Compiled> {
    readable(settings)?;
    let objects = match &settings.source {
        Source::Cluster { .. } => source::load_cluster(settings)?,
        Source::Directory { path } => {
            let loaded = source::load(path)?;
            if is_empty(&loaded.objects) {
                bail!("{}", nothing_there(path, &loaded));
            }
            loaded.objects
        }
    };
    let now = jiff::Timestamp::now().as_second();
    let mut compiled = k8s::control::build(&objects, settings, now);
    if let Some(problem) = default_certificate::problem_with(settings, &objects) {
        Arc::make_mut(&mut compiled.problems).push(Arc::new(problem));
    }
    Ok(compiled)
}

/// Nothing of any kind, and nothing that could have become an object either.
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
    ];
    let problems = &objects.problems;
    let is_right = problems
        .iter()
        .all(|problem| problem.severity != Severity::Error);
    is_right && counts.iter().all(|count| *count == 0)
}

fn nothing_there(path: &Path, loaded: &Loaded) -> String {
    let kinds: Vec<&str> = loaded.passed_over.keys().map(String::as_str).collect();
    let kinds = kinds.iter().filter(|kind| !kind.is_empty());
    let kinds: Vec<String> = kinds.map(ToString::to_string).collect();
    let passed_over = match kinds.is_empty() {
        true => String::new(),
        false => format!("; passed over: {}", kinds.join(", ")),
    };
    let doubts = loaded.objects.problems.iter();
    let doubts = doubts.filter(|problem| problem.severity == Severity::Warning);
    let doubts: String = doubts
        .take(DOUBTS_TOLD_MAX)
        .map(|problem| format!("; {} found {}", problem.object, problem.found))
        .collect();
    let place = match source::is_stdin(path) {
        true => "standard input".to_owned(),
        false => path.display().to_string(),
    };
    let read = count(loaded.files, "file was read", "files were read");
    format!(
        "{place} has no object that an edge reads, such as Ingress, Service or EndpointSlice ({read}; manifests are \
         *.yaml, *.yml and *.json, and names that begin with a dot are skipped{passed_over}{doubts})"
    )
}
