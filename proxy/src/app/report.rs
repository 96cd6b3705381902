//! Who writes status and events to the API server, and who is told how that goes?

use crate::app::source::Ends;
use crate::observe::report_metrics::Reporting;
use config::settings::{Settings, Source};
use k8s::report::{self, Inputs, ReportStatus};
use k8s::source::cluster::{SourceStatus, is_in_pod};
use std::sync::Arc;
use tokio::sync::mpsc;

/// Begins to report, unless the settings say otherwise. `ended` is dropped when that has ended in order.
pub fn begin(
    settings: &Settings,
    source: &Arc<SourceStatus>,
    ends: &Ends,
    ended: Option<mpsc::Sender<()>>,
) {
    let Source::Cluster { kubeconfig, .. } = &settings.source else {
        return;
    };
    if !settings
        .report
        .unwrap_or_else(|| is_in_pod(kubeconfig.as_deref()))
    {
        return;
    }
    let status = Arc::new(ReportStatus::default());
    let ask = || {
        let status = status.clone();
        Box::new(move || told(&status))
    };
    ends.conditions.set_report(ask());
    if let Err(error) = ends.metrics.set_report(ask()) {
        tracing::error!(%error, "the writing of status has no metrics");
    }
    let inputs = Inputs {
        kubeconfig: kubeconfig.clone(),
        objects: ends.objects.subscribe(),
        settings: ends.settings.clone(),
        compiled: ends.compiled.clone(),
        source: source.clone(),
        stop: ends.stop.clone(),
    };
    tokio::spawn(async move {
        report::run(inputs, status).await;
        drop(ended);
    });
}

fn told(status: &ReportStatus) -> Reporting {
    let facts = status.facts();
    Reporting {
        is_leader: facts.is_leader,
        pending: facts.pending,
        writes: facts.writes,
        events: facts.events,
        failing: facts.failing,
    }
}
