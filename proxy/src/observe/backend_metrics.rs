//! What do we count of backends and attempts?

use crate::observe::request_metrics::{OTHER, counters, first};
use config::reason::Reason;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntGauge, IntGaugeVec, Opts, Registry,
};
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// Seconds.
pub const FIRST_BYTE_BUCKETS: [f64; 10] =
    [0.001, 0.005, 0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0];
/// `ready` may be chosen; `terminating` only where none is ready; `unready` never.
pub const ENDPOINT_STATES: [&str; 3] = ["ready", "terminating", "unready"];

/// How one attempt can end. What is not among them counts as `internal`. Sorted as `Reason` is.
pub const OUTCOMES: [Reason; 19] = [
    Reason::Answered,
    Reason::ClientClosed,
    Reason::ClientWriteTimeout,
    Reason::ClientBodyTimeout,
    Reason::BadRequest,
    Reason::BodyTooLarge,
    Reason::ConnectRefused,
    Reason::ConnectTimeout,
    Reason::NoRouteToHost,
    Reason::ConnectFailed,
    Reason::UpstreamTls,
    Reason::UpstreamReset,
    Reason::UpstreamProtocol,
    Reason::UpstreamCut,
    Reason::ResponseTimeout,
    Reason::IdleTimeout,
    Reason::RequestTimeout,
    Reason::Stopped,
    Reason::Internal,
];

#[derive(Debug)]
pub struct BackendMetrics {
    /// Requests that wait for an endpoint that accepts connections.
    pub held: IntGauge,
    attempts: Vec<IntCounter>,
    retries: Vec<IntCounter>,
    first_byte: HistogramVec,
    endpoints: IntGaugeVec,
    other: Placed,
    other_first_byte: Histogram,
    /// By the backend's label. Locked on the control path only.
    placed: Mutex<HashMap<Arc<str>, Placed>>,
}

/// The handles of one backend, or of all that were folded into `other`.
#[derive(Debug, Clone)]
pub struct BackendHandles {
    first_byte: Histogram,
    has_own_histogram: bool,
    /// In the order of `ENDPOINT_STATES`.
    endpoints: Arc<[IntGauge; 3]>,
}

#[derive(Debug, Clone)]
struct Placed {
    own_histogram: Option<Histogram>,
    endpoints: Arc<[IntGauge; 3]>,
}

impl BackendMetrics {
    /// An error: the registry has metrics of these names already.
    pub fn register(registry: &Registry) -> Result<BackendMetrics, prometheus::Error> {
        let attempts = counters(
            registry,
            ("hedgerow_attempts_total", "outcome"),
            "Attempts to have a request answered by an endpoint, by how they ended.",
        )?;
        let retries = counters(
            registry,
            ("hedgerow_retries_total", "reason"),
            "Attempts after the first one of a request, by how the one before ended.",
        )?;
        let by_outcome = |counters: &prometheus::IntCounterVec| {
            let of = |reason: &Reason| counters.get_metric_with_label_values(&[reason.as_str()]);
            OUTCOMES.iter().map(of).collect::<Result<Vec<_>, _>>()
        };
        let first_byte = HistogramVec::new(
            HistogramOpts::new(
                "hedgerow_backend_first_byte_seconds",
                "From the start of an attempt to its response header, by backend.",
            )
            .buckets(FIRST_BYTE_BUCKETS.to_vec()),
            &["backend"],
        )?;
        registry.register(Box::new(first_byte.clone()))?;
        let endpoints = IntGaugeVec::new(
            Opts::new(
                "hedgerow_backend_endpoints",
                "Endpoints by backend and state: ready may be chosen, terminating only where none is ready.",
            ),
            &["backend", "state"],
        )?;
        registry.register(Box::new(endpoints.clone()))?;
        let held = IntGauge::new(
            "hedgerow_requests_held",
            "Requests that wait for an endpoint that accepts connections.",
        )?;
        registry.register(Box::new(held.clone()))?;
        Ok(BackendMetrics {
            held,
            attempts: by_outcome(&attempts)?,
            retries: by_outcome(&retries)?,
            other: Placed {
                own_histogram: None,
                endpoints: gauges(&endpoints, OTHER)?,
            },
            other_first_byte: first_byte.get_metric_with_label_values(&[OTHER])?,
            first_byte,
            endpoints,
            placed: Mutex::new(HashMap::new()),
        })
    }

    /// Counts an attempt that has ended.
    pub fn count_attempt(&self, outcome: Reason) {
        if let Some(counter) = self.attempts.get(outcome_index(outcome)) {
            counter.inc();
        }
    }

    /// Counts another attempt, by how the one before ended.
    pub fn count_retry(&self, before: Reason) {
        if let Some(counter) = self.retries.get(outcome_index(before)) {
            counter.inc();
        }
    }

    /// The handles for backends, in the order of `labels`, which may repeat. At most `room` labels have gauges of their own and at most
    /// `histograms` of these a histogram: first those that have them already, then by name. Series of backends that are gone are removed.
    pub fn place(
        &self,
        labels: &[Arc<str>],
        room: usize,
        histograms: usize,
    ) -> Result<Vec<BackendHandles>, prometheus::Error> {
        let mut placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        let rank = |label: &Arc<str>| {
            let before = placed.get(label)?;
            Some(u8::from(before.own_histogram.is_none()))
        };
        let order = first(labels, room, rank);
        let mut next = HashMap::with_capacity(order.len());
        for (at, label) in order.into_iter().enumerate() {
            let before = placed.remove(label);
            next.insert(
                label.clone(),
                self.place_one(label, before, at < histograms)?,
            );
        }
        for (label, before) in placed.iter() {
            self.remove(label, before)?;
        }
        *placed = next;
        let of = |label: &Arc<str>| self.handles(placed.get(label));
        Ok(labels.iter().map(of).collect())
    }

    /// Handles of `other` for so many backends.
    pub fn others(&self, backends: usize) -> Vec<BackendHandles> {
        std::iter::repeat_with(|| self.handles(None))
            .take(backends)
            .collect()
    }

    /// Sets how many endpoints each backend has in each state (in the order of `ENDPOINT_STATES`), after a change of placement.
    pub fn set_endpoints(&self, backends: &[(Arc<str>, [i64; 3])]) {
        let placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        let mut others = [0; 3];
        for (label, counts) in backends {
            match placed.get(label) {
                Some(placed) => set(&placed.endpoints, *counts),
                None => others.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n),
            }
        }
        set(&self.other.endpoints, others);
    }

    fn place_one(
        &self,
        label: &str,
        before: Option<Placed>,
        with_histogram: bool,
    ) -> Result<Placed, prometheus::Error> {
        let (endpoints, histogram) = match before {
            Some(before) => (before.endpoints, before.own_histogram),
            None => (gauges(&self.endpoints, label)?, None),
        };
        let own_histogram = match (histogram, with_histogram) {
            (Some(histogram), true) => Some(histogram),
            (None, true) => Some(self.first_byte.get_metric_with_label_values(&[label])?),
            (Some(_), false) => {
                self.first_byte.remove_label_values(&[label])?;
                None
            }
            (None, false) => None,
        };
        Ok(Placed {
            own_histogram,
            endpoints,
        })
    }

    fn remove(&self, label: &str, placed: &Placed) -> Result<(), prometheus::Error> {
        for state in ENDPOINT_STATES {
            self.endpoints.remove_label_values(&[label, state])?;
        }
        if placed.own_histogram.is_some() {
            self.first_byte.remove_label_values(&[label])?;
        }
        Ok(())
    }

    fn handles(&self, placed: Option<&Placed>) -> BackendHandles {
        let placed = placed.unwrap_or(&self.other);
        let own = placed.own_histogram.as_ref();
        BackendHandles {
            first_byte: own.unwrap_or(&self.other_first_byte).clone(),
            has_own_histogram: own.is_some(),
            endpoints: placed.endpoints.clone(),
        }
    }
}

impl BackendHandles {
    /// The time from an attempt's start to its response header.
    pub fn observe_first_byte(&self, time: Duration) {
        self.first_byte.observe(time.as_secs_f64());
    }

    /// The number of endpoints in each state, in the order of `ENDPOINT_STATES`, was `before` and is `after`.
    pub fn shift_endpoints(&self, before: [i64; 3], after: [i64; 3]) {
        for ((gauge, before), after) in self.endpoints.iter().zip(before).zip(after) {
            gauge.add(after - before);
        }
    }

    /// Do both count into the same series?
    pub fn is_same(&self, other: &BackendHandles) -> bool {
        Arc::ptr_eq(&self.endpoints, &other.endpoints)
            && self.has_own_histogram == other.has_own_histogram
    }
}

fn set(gauges: &[IntGauge; 3], counts: [i64; 3]) {
    for (gauge, count) in gauges.iter().zip(counts) {
        gauge.set(count);
    }
}

fn outcome_index(outcome: Reason) -> usize {
    OUTCOMES
        .binary_search(&outcome)
        .unwrap_or(OUTCOMES.len() - 1)
}

fn gauges(gauges: &IntGaugeVec, label: &str) -> Result<Arc<[IntGauge; 3]>, prometheus::Error> {
    let [ready, terminating, unready] = ENDPOINT_STATES;
    let of = |state| gauges.get_metric_with_label_values(&[label, state]);
    Ok(Arc::new([of(ready)?, of(terminating)?, of(unready)?]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outcomes_are_sorted_and_unknown_ones_are_internal() {
        assert!(OUTCOMES.is_sorted());
        assert_eq!(
            OUTCOMES[outcome_index(Reason::UpstreamCut)],
            Reason::UpstreamCut
        );
        assert_eq!(OUTCOMES[outcome_index(Reason::NoRule)], Reason::Internal);
    }

    /// A request ends so before it has an endpoint to try.
    const BEFORE_ANY_ATTEMPT: [Reason; 19] = [
        Reason::Redirected,
        Reason::NoRule,
        Reason::HeaderTimeout,
        Reason::HeaderTooLarge,
        Reason::TargetTooLong,
        Reason::BadPath,
        Reason::BadHost,
        Reason::UnknownCoding,
        Reason::MethodNotAllowed,
        Reason::BadExpectation,
        Reason::Misdirected,
        Reason::Loop,
        Reason::NoService,
        Reason::NoPort,
        Reason::NoEndpoint,
        Reason::InvalidRule,
        Reason::InvalidBackend,
        Reason::Overloaded,
        Reason::HoldFull,
    ];

    #[test]
    fn every_way_in_which_an_attempt_ends_is_counted_as_what_it_is() {
        for reason in Reason::ALL {
            let is_outcome = OUTCOMES.contains(reason);
            assert_eq!(is_outcome, !BEFORE_ANY_ATTEMPT.contains(reason), "{reason}");
        }
    }
}
