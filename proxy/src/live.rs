//! What is in force right now?

use crate::observe::Metrics;
use crate::upstream::BackendState;
use arc_swap::ArcSwap;
use config::problem::Problem;
use config::settings::Settings;
use config::snapshot::{Compiled, Snapshot};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// The one place from which requests read. Replaced only by `publish`.
#[derive(Debug)]
pub struct Live(ArcSwap<InForce>);

/// A snapshot with its run-time state. A request pins one for its whole life.
#[derive(Debug)]
pub struct InForce {
    /// Counts publications of this process, from 1. 0: nothing was published yet.
    pub version: u64,
    pub published_at: jiff::Timestamp,
    pub settings: Arc<Settings>,
    pub snapshot: Arc<Snapshot>,
    /// By `RuleId`.
    pub rules: Vec<Arc<RuleState>>,
    /// By `BackendId`.
    pub backends: Vec<Arc<BackendState>>,
    pub problems: Arc<Vec<Problem>>,
    /// Shown for a name without an entry.
    pub default_certificate: Arc<CertifiedKey>,
}

/// What a rule keeps while requests run: its metric handles.
#[derive(Debug)]
pub struct RuleState {
    pub metrics: crate::observe::request_metrics::RouteMetrics,
}

impl Live {
    pub fn new(first: InForce) -> Live {
        Live(ArcSwap::from_pointee(first))
    }

    pub fn current(&self) -> Arc<InForce> {
        self.0.load_full()
    }

    pub fn publish(&self, next: InForce) {
        self.0.store(Arc::new(next));
    }
}

/// Gives a compiled configuration its run-time state: metric handles for rules, keyed state for backends (endpoints, in flight), which survives.
/// Runs on the control runtime.
pub fn assemble(
    _compiled: &Compiled,
    _settings: &Arc<Settings>,
    _previous: &InForce,
    _metrics: &Metrics,
) -> InForce {
    todo!()
}
