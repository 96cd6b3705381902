//! What do we tell of what is written to the API server?

use prometheus::{IntCounterVec, IntGauge, Opts, Registry};
use std::fmt;
use std::sync::Mutex;

/// How the writing of status and events is doing at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reporting {
    /// This edge is the one that writes.
    pub is_leader: bool,
    /// What is wanted and not written yet.
    pub pending: u64,
    /// By what became of them, a stable word each.
    pub writes: Vec<(&'static str, u64)>,
    /// Events in the same way.
    pub events: Vec<(&'static str, u64)>,
    /// What cannot be written now, in words.
    pub failing: Vec<String>,
}

/// Asks whoever writes.
pub type Ask = Box<dyn Fn() -> Reporting + Send + Sync>;

/// Filled in whenever somebody asks for metrics.
pub struct ReportMetrics {
    ask: Ask,
    leader: IntGauge,
    up: IntGauge,
    pending: IntGauge,
    writes: IntCounterVec,
    events: IntCounterVec,
    /// Two scrapes at once would count twice.
    turn: Mutex<()>,
}

impl fmt::Debug for ReportMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReportMetrics")
    }
}

impl ReportMetrics {
    /// An error: the registry has metrics of these names already.
    pub fn register(registry: &Registry, ask: Ask) -> Result<ReportMetrics, prometheus::Error> {
        let metrics = ReportMetrics {
            ask,
            leader: IntGauge::new(
                "hedgerow_leader",
                "1: this edge is the one that writes status and events; 0: another one is, or none.",
            )?,
            up: IntGauge::new(
                "hedgerow_report_up",
                "1: what is to be written to the API server can be; 0: some of it is refused or not answered now.",
            )?,
            pending: IntGauge::new(
                "hedgerow_report_pending",
                "Writes that are wanted and not done yet.",
            )?,
            writes: IntCounterVec::new(
                Opts::new(
                    "hedgerow_report_writes_total",
                    "Writes of status, by what became of them.",
                ),
                &["result"],
            )?,
            events: IntCounterVec::new(
                Opts::new(
                    "hedgerow_report_events_total",
                    "Events about problems that came or were solved, by what became of them.",
                ),
                &["result"],
            )?,
            turn: Mutex::default(),
        };
        registry.register(Box::new(metrics.leader.clone()))?;
        registry.register(Box::new(metrics.up.clone()))?;
        registry.register(Box::new(metrics.pending.clone()))?;
        registry.register(Box::new(metrics.writes.clone()))?;
        registry.register(Box::new(metrics.events.clone()))?;
        Ok(metrics)
    }

    pub fn refresh(&self) {
        let report = (self.ask)();
        let Ok(_turn) = self.turn.lock() else {
            return; // Somebody panicked in here; the numbers stay as they are.
        };
        self.leader.set(i64::from(report.is_leader));
        self.up.set(i64::from(report.failing.is_empty()));
        let pending = i64::try_from(report.pending).unwrap_or(i64::MAX);
        self.pending.set(pending);
        for (counters, totals) in [
            (&self.writes, &report.writes),
            (&self.events, &report.events),
        ] {
            for (result, total) in totals {
                let counter = counters.with_label_values(&[*result]);
                counter.inc_by(total.saturating_sub(counter.get()));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::TextEncoder;

    #[test]
    fn a_scrape_asks_who_writes_and_counters_follow_the_totals() {
        let registry = Registry::new();
        let ask = || Reporting {
            is_leader: true,
            pending: 3,
            writes: vec![("written", 7), ("conflict", 1)],
            events: vec![("created", 2)],
            failing: vec!["Ingress: forbidden".to_owned()],
        };
        let metrics = ReportMetrics::register(&registry, Box::new(ask)).expect("registers");
        metrics.refresh();
        metrics.refresh();
        let text = TextEncoder::new().encode_to_string(&registry.gather());
        let text = text.expect("is text");
        for line in [
            "hedgerow_leader 1",
            "hedgerow_report_up 0",
            "hedgerow_report_pending 3",
            "hedgerow_report_writes_total{result=\"written\"} 7",
            "hedgerow_report_writes_total{result=\"conflict\"} 1",
            "hedgerow_report_events_total{result=\"created\"} 2",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
