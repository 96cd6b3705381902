//! What do we count of requests?

mod budget;
mod codes;
mod placement;
#[cfg(test)]
mod tests;

pub use budget::{Budget, LISTENERS_MAX, Wanted};
pub use placement::RouteMetrics;
pub(super) use placement::first;

use arc_swap::ArcSwap;
use codes::ByCode;
use config::reason::Reason;
use placement::Routes;
use prometheus::{
    Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
};
use std::sync::Arc;
use std::time::Duration;

/// Methods that have a series of their own; every other one counts as `other`.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE",
];

/// Seconds. From what a static file takes to the longest wait for an answer.
pub const DURATION_BUCKETS: [f64; 14] = [
    0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
];

/// Where what has no series of its own is counted.
pub const OTHER: &str = "other";

/// Handles for all that is counted once per request. Every handle exists before the first request: counting takes no lock.
#[derive(Debug)]
pub struct RequestMetrics {
    pub in_flight: IntGauge,
    by_code: ByCode,
    by_method: Vec<IntCounter>,
    by_reason: Vec<(Reason, IntCounter)>,
    body_bytes_in: IntCounter,
    body_bytes_out: IntCounter,
    durations: HistogramVec,
    /// By the listener's label; the last one is `other`.
    listeners: ArcSwap<Vec<(Arc<str>, Histogram)>>,
    routes: Routes,
}

/// What is counted of one request, at its end.
#[derive(Debug)]
pub struct Counted<'a> {
    pub listener: &'a str,
    pub method: &'a str,
    /// 0: nothing was sent.
    pub status: u16,
    pub reason: Reason,
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub total: Duration,
}

impl RequestMetrics {
    /// An error: the registry has metrics of these names already.
    pub fn register(registry: &Registry) -> Result<RequestMetrics, prometheus::Error> {
        let by_method = counters(
            registry,
            ("hedgerow_requests_by_method_total", "method"),
            "Requests by method; what is not one of the nine methods of the specification counts as other.",
        )?;
        let by_reason = counters(
            registry,
            ("hedgerow_requests_by_reason_total", "reason"),
            "Requests by the reason for which they ended.",
        )?;
        let bytes = counters(
            registry,
            ("hedgerow_request_body_bytes_total", "direction"),
            "Bytes of bodies: in, from clients; out, to clients.",
        )?;
        let durations = HistogramVec::new(
            HistogramOpts::new(
                "hedgerow_request_duration_seconds",
                "From a request's head to the last byte of its answer, by listener.",
            )
            .buckets(DURATION_BUCKETS.to_vec()),
            &["listener"],
        )?;
        registry.register(Box::new(durations.clone()))?;
        let in_flight = IntGauge::new(
            "hedgerow_requests_in_flight",
            "Requests that have begun and not ended.",
        )?;
        registry.register(Box::new(in_flight.clone()))?;
        let metrics = RequestMetrics {
            in_flight,
            by_code: ByCode::register(registry)?,
            by_method: METHODS
                .iter()
                .chain([&OTHER])
                .map(|method| by_method.get_metric_with_label_values(&[method]))
                .collect::<Result<_, _>>()?,
            by_reason: Reason::ALL
                .iter()
                .map(|reason| {
                    let counter = by_reason.get_metric_with_label_values(&[reason.as_str()])?;
                    Ok((*reason, counter))
                })
                .collect::<Result<_, prometheus::Error>>()?,
            body_bytes_in: bytes.get_metric_with_label_values(&["in"])?,
            body_bytes_out: bytes.get_metric_with_label_values(&["out"])?,
            durations,
            listeners: ArcSwap::from_pointee(Vec::new()),
            routes: Routes::register(registry)?,
        };
        metrics.place_listeners(&[])?;
        Ok(metrics)
    }

    /// Gives each listener its histogram, and takes it from listeners that are gone. On the control path.
    pub fn place_listeners(&self, labels: &[Arc<str>]) -> Result<(), prometheus::Error> {
        let before = self.listeners.load_full();
        let mut next = Vec::with_capacity(labels.len() + 1);
        for label in labels.iter().take(LISTENERS_MAX) {
            let histogram = self.durations.get_metric_with_label_values(&[label])?;
            next.push((label.clone(), histogram));
        }
        let other = self.durations.get_metric_with_label_values(&[OTHER])?;
        next.push((OTHER.into(), other));
        for (label, _) in before.iter() {
            if !next.iter().any(|(kept, _)| kept == label) {
                self.durations.remove_label_values(&[label])?;
            }
        }
        self.listeners.store(Arc::new(next));
        Ok(())
    }

    /// The handles for routes, in the order of `labels`: at most `room` of them have series of their own, see `placement`. On the control path.
    pub fn place_routes(
        &self,
        labels: &[Arc<str>],
        room: usize,
    ) -> Result<Vec<RouteMetrics>, prometheus::Error> {
        self.routes.place(labels, room)
    }

    /// Handles of `other` for so many routes.
    pub fn others(&self, routes: usize) -> Vec<RouteMetrics> {
        self.routes.others(routes)
    }

    /// Counts a request that has ended, but for its route.
    pub fn count(&self, request: &Counted<'_>) {
        self.by_code.of(request.status).inc();
        let method = request.method;
        let at = METHODS
            .iter()
            .position(|known| *known == method)
            .unwrap_or(METHODS.len());
        if let Some(counter) = self.by_method.get(at) {
            counter.inc();
        }
        let at = self
            .by_reason
            .binary_search_by_key(&request.reason, |(reason, _)| *reason);
        if let Some((_, counter)) = at.ok().and_then(|at| self.by_reason.get(at)) {
            counter.inc();
        }
        self.body_bytes_in.inc_by(request.bytes_in);
        self.body_bytes_out.inc_by(request.bytes_out);
        let listeners = self.listeners.load();
        let listener = listeners
            .iter()
            .find(|(label, _)| **label == *request.listener)
            .or(listeners.last());
        if let Some((_, histogram)) = listener {
            histogram.observe(request.total.as_secs_f64());
        }
    }
}

/// A counter by one label, registered.
pub(super) fn counters(
    registry: &Registry,
    (name, label): (&str, &str),
    help: &str,
) -> Result<IntCounterVec, prometheus::Error> {
    let counters = IntCounterVec::new(Opts::new(name, help), &[label])?;
    registry.register(Box::new(counters.clone()))?;
    Ok(counters)
}
