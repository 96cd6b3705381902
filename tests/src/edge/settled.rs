//! Is what is in force what the manifests say?

use config::model::Certificate;
use config::name::Kind;
use config::problem::Problem;
use config::snapshot::{Compiled, EndpointAddress, Snapshot};
use k8s::objects::Objects;
use proxy::live::InForce;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Objects as they would be in force. Compiled once for each version that is looked at: that is what costs.
pub struct Written {
    /// What was in force when it was read.
    pub version: u64,
    compiled: Compiled,
    is_cluster: bool,
}

impl Written {
    /// Compiles them as `hedgerow check` does.
    pub fn read(in_force: &InForce, objects: Objects) -> Written {
        let now = in_force.published_at.as_second();
        Written {
            version: in_force.version,
            is_cluster: !objects.is_directory,
            compiled: k8s::control::build(&objects, &in_force.settings, now),
        }
    }

    /// Compares all that a request or an operator could tell apart.
    pub fn is_in_force(&self, in_force: &InForce) -> bool {
        let written = &self.compiled;
        in_force.version > 0
            && in_force.snapshot.digest == written.snapshot.digest
            && certificates(&in_force.snapshot) == certificates(&written.snapshot)
            && endpoints(in_force) == endpoints_of(written)
            && self.has_same_problems(&in_force.problems)
    }

    /// The edge's own (settings, listeners) are nobody's manifest.
    fn has_same_problems(&self, in_force: &[Arc<Problem>]) -> bool {
        let is_told = |problem: &&Arc<Problem>| match self.is_cluster {
            true => problem.object.kind != Kind::Settings,
            false => problem.origin.is_some(),
        };
        let told = |all: &[Arc<Problem>]| -> BTreeSet<Arc<Problem>> {
            all.iter().filter(is_told).cloned().collect()
        };
        told(in_force) == told(&self.compiled.problems)
    }
}

fn certificates(snapshot: &Snapshot) -> BTreeMap<String, u64> {
    let digest = |certificate: &Arc<Certificate>| certificate.digest;
    let entries = snapshot.tls.entries();
    entries
        .map(|entry| (entry.host.to_string(), digest(&entry.certificate)))
        .collect()
}

type Endpoints = BTreeMap<String, Vec<(String, bool, bool)>>;

fn endpoints(in_force: &InForce) -> Endpoints {
    let backends = in_force.backends.iter();
    backends
        .map(|backend| {
            let set = backend.pool.current();
            (format!("{:?}", backend.key), told_apart(set.published()))
        })
        .collect()
}

fn endpoints_of(written: &Compiled) -> Endpoints {
    let backends = written.snapshot.backends.iter();
    backends
        .map(|backend| {
            let set = written.endpoints.get(&backend.key);
            let set = set.map(|set| told_apart(set)).unwrap_or_default();
            (format!("{:?}", backend.key), set)
        })
        .collect()
}

fn told_apart(set: &[EndpointAddress]) -> Vec<(String, bool, bool)> {
    let mut all: Vec<_> = set
        .iter()
        .map(|one| (one.address.to_string(), one.ready, one.terminating))
        .collect();
    all.sort();
    all
}
