//! What does the source say of itself, in the words of those who tell it?

use crate::admin::conditions::Conditions;
use crate::observe::Metrics;
use crate::observe::source_metrics::{SourceKind, SourceReport};
use k8s::source::cluster::{KindState, KindStatus, SourceStatus};
use k8s::store::StoreFacts;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Whoever is asked for metrics or conditions asks the source.
pub fn offer(
    status: &Arc<SourceStatus>,
    store: &Arc<StoreFacts>,
    metrics: &Metrics,
    conditions: &Conditions,
) {
    let ask = || {
        let (status, store) = (status.clone(), store.clone());
        Box::new(move || report(&status, &store))
    };
    conditions.set_source(ask());
    if let Err(error) = metrics.set_source(ask()) {
        tracing::error!(%error, "the source has no metrics");
    }
}

fn report(status: &SourceStatus, store: &StoreFacts) -> SourceReport {
    let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
    SourceReport {
        is_stale: !status.is_current(),
        store_writes: count(&store.writes),
        store_bytes: count(&store.bytes),
        store_failures: count(&store.failures),
        kinds: status.kinds().iter().map(kind).collect(),
        lists: status.lists(),
        events: status.events(),
        faults: status
            .faults()
            .map(|(cause, count)| (cause.as_str(), count))
            .collect(),
        last_heard: status.last_heard(),
        outage: status.outage().map(|fault| fault.to_string()),
    }
}

fn kind(status: &KindStatus) -> SourceKind {
    let words = match &status.state {
        KindState::Synced => "is followed".to_owned(),
        KindState::Waiting => "was not told yet".to_owned(),
        KindState::NotInstalled => "is not installed".to_owned(),
        KindState::NotNeeded => "may not be read, and need not be".to_owned(),
        KindState::Failing(fault) => format!("cannot be read: {fault}"),
    };
    SourceKind {
        name: status.kind.as_str(),
        is_good: status.state.is_good(),
        words,
    }
}
