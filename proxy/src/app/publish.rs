//! How does a compiled configuration come into force?
//!
//! One task on the control runtime. It alone publishes, so versions only grow.

use crate::admin::conditions::Conditions;
use crate::app::default_certificate::Chosen;
use crate::live::{InForce, Live, assemble, retire};
use crate::observe::Metrics;
use config::problem::{Problem, Problems};
use config::settings::Settings;
use config::snapshot::Compiled;
use k8s::objects::Objects;
use std::sync::Arc;
use tokio::sync::watch;

/// What this edge found by itself (settings, listeners, the default certificate), beside what the objects' compilation found.
pub type OwnProblems = Arc<Vec<Problem>>;

/// What the publisher reads.
pub struct Inputs {
    pub objects: watch::Receiver<Option<Arc<Objects>>>,
    pub compiled: watch::Receiver<Option<Arc<Compiled>>>,
    pub settings: watch::Receiver<Arc<Settings>>,
    pub own_problems: watch::Receiver<OwnProblems>,
}

/// Puts into force whatever arrives, and tells of it.
pub struct Publisher {
    pub live: Arc<Live>,
    pub metrics: Arc<Metrics>,
    pub conditions: Arc<Conditions>,
    pub certificate: Chosen,
    /// The version in force; 0: none yet.
    pub version: watch::Sender<u64>,
}

impl Publisher {
    /// Until the objects' compilation or the settings' owner is gone.
    pub async fn run(mut self, mut inputs: Inputs) {
        loop {
            self.publish(&mut inputs);
            let changed = tokio::select! {
                changed = inputs.compiled.changed() => changed,
                changed = inputs.settings.changed() => changed,
                changed = inputs.own_problems.changed() => changed,
            };
            if changed.is_err() {
                return;
            }
        }
    }

    /// Nothing is published before the first compilation.
    fn publish(&mut self, inputs: &mut Inputs) {
        let compiled = inputs.compiled.borrow_and_update().clone();
        let settings = inputs.settings.borrow_and_update().clone();
        let own_problems = inputs.own_problems.borrow_and_update().clone();
        let Some(compiled) = compiled else {
            return;
        };
        self.conditions.set_synced();
        let objects = inputs.objects.borrow().clone();
        let (certificate, problem) = self.certificate.choose(&settings, objects.as_deref());
        let previous = self.live.current();
        let mut next = assemble(&compiled, &settings, &previous, &self.metrics);
        next.default_certificate = certificate;
        next.problems = join(&next.problems, &own_problems, problem);
        self.metrics.config.published(&next);
        self.publish_next(next);
    }

    fn publish_next(&mut self, next: InForce) {
        let version = next.version;
        tokio::spawn(retire(self.live.publish(next)));
        self.conditions.set_snapshot();
        // The certificates that exist are part of the snapshot.
        self.conditions.set_certificates();
        self.version.send_replace(version);
    }
}

/// The problems of all, sorted, each once.
fn join(found: &Arc<Problems>, own: &[Problem], more: Option<Problem>) -> Arc<Problems> {
    if own.is_empty() && more.is_none() {
        return found.clone();
    }
    let own = own.iter().cloned().chain(more).map(Arc::new);
    let mut all: Problems = found.iter().cloned().chain(own).collect();
    all.sort();
    all.dedup();
    Arc::new(all)
}
