//! What do we tell of the source of objects?
//!
//! Only the API server: a directory has nothing to tell beside its problems.

use prometheus::{Gauge, IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use std::fmt;
use std::sync::Mutex;
use std::time::Duration;

/// How the source is doing at one moment.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct SourceReport {
    pub kinds: Vec<SourceKind>,
    /// What is in force may be older than what the API server holds: it does not answer, or has not told everything since the start.
    pub is_stale: bool,
    /// The last good objects on disk.
    pub store_writes: u64,
    pub store_bytes: u64,
    pub store_failures: u64,
    pub lists: u64,
    pub events: u64,
    /// By cause, a stable word each.
    pub faults: Vec<(&'static str, u64)>,
    /// Since the API server said anything. None: it never did.
    pub last_heard: Option<Duration>,
    /// Why it does not answer at all, if it does not.
    pub outage: Option<String>,
}

/// One kind of object.
#[derive(Debug, Clone, PartialEq)]
pub struct SourceKind {
    pub name: &'static str,
    /// There is nothing to be done about it.
    pub is_good: bool,
    /// How it is doing, as in `is followed`.
    pub words: String,
}

/// Asks the source.
pub type Ask = Box<dyn Fn() -> SourceReport + Send + Sync>;

/// Filled in whenever somebody asks for metrics.
pub struct SourceMetrics {
    ask: Ask,
    up: IntGaugeVec,
    lists: IntCounter,
    events: IntCounter,
    faults: IntCounterVec,
    silence: Gauge,
    stale: IntGauge,
    store_writes: IntCounter,
    store_bytes: IntCounter,
    store_failures: IntCounter,
    /// Two scrapes at once would count twice.
    turn: Mutex<()>,
}

impl fmt::Debug for SourceMetrics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SourceMetrics")
    }
}

impl SourceMetrics {
    /// An error: the registry has metrics of these names already.
    pub fn register(registry: &Registry, ask: Ask) -> Result<SourceMetrics, prometheus::Error> {
        let metrics = SourceMetrics {
            ask,
            up: IntGaugeVec::new(
                Opts::new(
                    "hedgerow_source_up",
                    "1: objects of this kind are read, or need not be; 0: they cannot be read now.",
                ),
                &["kind"],
            )?,
            lists: IntCounter::new(
                "hedgerow_source_lists_total",
                "Lists of objects that were read completely.",
            )?,
            events: IntCounter::new(
                "hedgerow_source_events_total",
                "Single changes that were received.",
            )?,
            faults: IntCounterVec::new(
                Opts::new(
                    "hedgerow_source_failures_total",
                    "Answers of the API server that were not what was asked for, or missing.",
                ),
                &["cause"],
            )?,
            silence: Gauge::new(
                "hedgerow_source_silence_seconds",
                "How long ago the API server said anything.",
            )?,
            stale: IntGauge::new(
                "hedgerow_config_stale",
                "1: what is in force may be older than what the API server holds, which does not answer; 0: it is what it holds.",
            )?,
            store_writes: IntCounter::new(
                "hedgerow_store_writes_total",
                "How often the last good objects were written to the state directory.",
            )?,
            store_bytes: IntCounter::new(
                "hedgerow_store_written_bytes_total",
                "Bytes of the last good objects that were written to the state directory.",
            )?,
            store_failures: IntCounter::new(
                "hedgerow_store_failures_total",
                "Attempts to write the last good objects that failed.",
            )?,
            turn: Mutex::default(),
        };
        registry.register(Box::new(metrics.up.clone()))?;
        registry.register(Box::new(metrics.lists.clone()))?;
        registry.register(Box::new(metrics.events.clone()))?;
        registry.register(Box::new(metrics.faults.clone()))?;
        registry.register(Box::new(metrics.silence.clone()))?;
        registry.register(Box::new(metrics.stale.clone()))?;
        registry.register(Box::new(metrics.store_writes.clone()))?;
        registry.register(Box::new(metrics.store_bytes.clone()))?;
        registry.register(Box::new(metrics.store_failures.clone()))?;
        Ok(metrics)
    }

    pub fn refresh(&self) {
        let report = (self.ask)();
        let Ok(_turn) = self.turn.lock() else {
            return; // Somebody panicked in here; the numbers stay as they are.
        };
        for kind in &report.kinds {
            let up = self.up.with_label_values(&[kind.name]);
            up.set(i64::from(kind.is_good));
        }
        catch_up(&self.lists, report.lists);
        catch_up(&self.events, report.events);
        self.stale.set(i64::from(report.is_stale));
        catch_up(&self.store_writes, report.store_writes);
        catch_up(&self.store_bytes, report.store_bytes);
        catch_up(&self.store_failures, report.store_failures);
        for (cause, count) in &report.faults {
            catch_up(&self.faults.with_label_values(&[*cause]), *count);
        }
        let silence = report
            .last_heard
            .map_or(f64::INFINITY, |age| age.as_secs_f64());
        self.silence.set(silence);
    }
}

fn catch_up(counter: &IntCounter, total: u64) {
    counter.inc_by(total.saturating_sub(counter.get()));
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::TextEncoder;

    #[test]
    fn a_scrape_asks_the_source_and_counters_follow_its_totals() {
        let registry = Registry::new();
        let ask = || SourceReport {
            kinds: vec![SourceKind {
                name: "Ingress",
                is_good: false,
                words: String::new(),
            }],
            is_stale: true,
            store_writes: 6,
            store_bytes: 7,
            store_failures: 8,
            lists: 3,
            events: 4,
            faults: vec![("forbidden", 2)],
            last_heard: Some(Duration::from_secs(5)),
            outage: None,
        };
        let metrics = SourceMetrics::register(&registry, Box::new(ask)).expect("registers");
        metrics.refresh();
        metrics.refresh();
        let text = TextEncoder::new().encode_to_string(&registry.gather());
        let text = text.expect("is text");
        for line in [
            "hedgerow_source_up{kind=\"Ingress\"} 0",
            "hedgerow_source_lists_total 3",
            "hedgerow_source_events_total 4",
            "hedgerow_source_failures_total{cause=\"forbidden\"} 2",
            "hedgerow_source_silence_seconds 5",
            "hedgerow_config_stale 1",
            "hedgerow_store_writes_total 6",
            "hedgerow_store_written_bytes_total 7",
            "hedgerow_store_failures_total 8",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
