//! What is in force right now?

pub(crate) mod assemble;
mod carried;
mod ports;
mod retire;
mod weights;

pub use assemble::assemble;
pub use ports::PortsInUse;
pub use retire::retire;

use crate::observe::request_metrics::RouteMetrics;
use crate::upstream::BackendState;
use arc_swap::ArcSwap;
use config::problem::Problems;
use config::settings::Settings;
use config::snapshot::{Backend, BackendId, Rule, RuleId, Snapshot, UnusedHosts};
use rustls::sign::CertifiedKey;
use std::sync::Arc;
use weights::Turns;

/// The one place from which requests read. Replaced only by `publish`.
#[derive(Debug)]
pub struct Live(ArcSwap<InForce>);

/// A snapshot with its run-time state. A request pins one for its whole life.
#[derive(Debug, Clone)]
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
    pub problems: Arc<Problems>,
    /// For `why`: see `Compiled`.
    pub unused_hosts: Arc<UnusedHosts>,
    /// Shown for a name without an entry.
    pub default_certificate: Arc<CertifiedKey>,
    pub ports: Arc<PortsInUse>,
}

/// What a rule keeps while requests run: its name, its metric handles, and whose turn it is among its targets.
#[derive(Debug)]
pub struct RuleState {
    /// `Kind namespace/name`; `none` for the rule that answers 404.
    pub label: Arc<str>,
    pub metrics: RouteMetrics,
    turns: Turns,
}

impl Live {
    pub fn new(first: InForce) -> Live {
        Live(ArcSwap::from_pointee(first))
    }

    pub fn current(&self) -> Arc<InForce> {
        self.0.load_full()
    }

    /// What was in force before, for `retire`.
    pub fn publish(&self, next: InForce) -> Arc<InForce> {
        self.0.swap(Arc::new(next))
    }
}

impl InForce {
    /// Before the first configuration: nothing is served, every request is 404.
    pub fn nothing(settings: Arc<Settings>, default_certificate: Arc<CertifiedKey>) -> InForce {
        InForce {
            version: 0,
            published_at: jiff::Timestamp::now(),
            settings,
            snapshot: Arc::new(Snapshot::default()),
            rules: Vec::new(),
            backends: Vec::new(),
            problems: Arc::default(),
            unused_hosts: Arc::default(),
            default_certificate,
            ports: Arc::default(),
        }
    }

    pub fn rule(&self, id: RuleId) -> Option<(&Rule, &Arc<RuleState>)> {
        Some((self.snapshot.rule(id)?, self.rules.get(id.index())?))
    }

    pub fn backend(&self, id: BackendId) -> Option<(&Backend, &Arc<BackendState>)> {
        Some((self.snapshot.backend(id)?, self.backends.get(id.index())?))
    }
}

impl RuleState {
    /// A number below the sum of the rule's weights, for the next request.
    pub fn next_turn(&self) -> u32 {
        self.turns.next()
    }
}
