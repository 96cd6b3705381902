//! What does the source say of itself, in the words of those who tell it?

use crate::admin::conditions::Conditions;
use crate::observe::Metrics;
use crate::observe::source_metrics::{SourceKind, SourceReport};
use k8s::source::cluster::{KindState, KindStatus, SourceStatus};
use std::sync::Arc;

/// Whoever is asked for metrics or conditions asks the source.
pub fn offer(status: &Arc<SourceStatus>, metrics: &Metrics, conditions: &Conditions) {
    let asked = status.clone();
    conditions.set_source(Box::new(move || report(&asked)));
    let asked = status.clone();
    if let Err(error) = metrics.set_source(Box::new(move || report(&asked))) {
        tracing::error!(%error, "the source has no metrics");
    }
}

fn report(status: &SourceStatus) -> SourceReport {
    SourceReport {
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
