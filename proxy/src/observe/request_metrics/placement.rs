//! Which routes have series of their own?

use super::OTHER;
use prometheus::{IntCounter, IntCounterVec, Opts, Registry};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};

/// The last one: nothing was sent.
pub(super) const CLASSES: [&str; 6] = ["1xx", "2xx", "3xx", "4xx", "5xx", "none"];

/// The handles of one route, or of all that were folded into `other`.
#[derive(Debug, Clone)]
pub struct RouteMetrics {
    classes: Arc<[IntCounter; 6]>,
}

impl RouteMetrics {
    /// Counts a request that has ended with this status; 0: nothing was sent.
    pub fn count(&self, status: u16) {
        let [c1, c2, c3, c4, c5, none] = &*self.classes;
        let counter = match status {
            100..=199 => c1,
            200..=299 => c2,
            300..=399 => c3,
            400..=499 => c4,
            500..=599 => c5,
            _ => none,
        };
        counter.inc();
    }

    /// Requests counted, whatever came of them.
    pub fn total(&self) -> u64 {
        self.classes.iter().map(IntCounter::get).sum()
    }

    /// Do both count into the same series?
    pub fn is_same(&self, other: &RouteMetrics) -> bool {
        Arc::ptr_eq(&self.classes, &other.classes)
    }
}

/// Requests by route and code class. A route keeps its series as long as it exists; a new one gets some while there is room; the rest
/// count into `other`. So what a dashboard shows does not change because a younger route came.
#[derive(Debug)]
pub(super) struct Routes {
    counters: IntCounterVec,
    other: RouteMetrics,
    /// Locked on the control path only.
    placed: Mutex<HashMap<Arc<str>, RouteMetrics>>,
}

impl Routes {
    pub(super) fn register(registry: &Registry) -> Result<Routes, prometheus::Error> {
        let counters = IntCounterVec::new(
            Opts::new(
                "hedgerow_requests_total",
                "Requests by route and class of the status code; none where nothing was sent.",
            ),
            &["route", "code_class"],
        )?;
        registry.register(Box::new(counters.clone()))?;
        Ok(Routes {
            other: handles(&counters, OTHER)?,
            counters,
            placed: Mutex::new(HashMap::new()),
        })
    }

    /// Handles in the order of `labels`, which may repeat. At most `room` labels have series of their own: first those that have some
    /// already, then by name. Series of routes that are gone are removed.
    pub(super) fn place(
        &self,
        labels: &[Arc<str>],
        room: usize,
    ) -> Result<Vec<RouteMetrics>, prometheus::Error> {
        let mut placed = self.placed.lock().unwrap_or_else(PoisonError::into_inner);
        let order = first(labels, room, |label| {
            placed.contains_key(label).then_some(0)
        });
        let mut next = HashMap::with_capacity(order.len());
        for label in order {
            let metrics = match placed.remove(label) {
                Some(metrics) => metrics,
                None => handles(&self.counters, label)?,
            };
            next.insert(label.clone(), metrics);
        }
        for label in placed.keys() {
            for class in CLASSES {
                self.counters.remove_label_values(&[label, class])?;
            }
        }
        *placed = next;
        let of = |label: &Arc<str>| placed.get(label).unwrap_or(&self.other).clone();
        Ok(labels.iter().map(of).collect())
    }

    pub(super) fn others(&self, routes: usize) -> Vec<RouteMetrics> {
        vec![self.other.clone(); routes]
    }
}

/// At most `room` of the labels, each once: first those that have a rank, by rank and name, then the others by name. There may be thousands, at
/// every change of configuration, so only those for which there is room are sorted.
pub(in crate::observe) fn first(
    labels: &[Arc<str>],
    room: usize,
    rank: impl Fn(&Arc<str>) -> Option<u8>,
) -> Vec<&Arc<str>> {
    let distinct: HashSet<&Arc<str>> = labels.iter().collect();
    let mut ranked: Vec<(u8, &Arc<str>)> = distinct
        .into_iter()
        .map(|label| (rank(label).unwrap_or(u8::MAX), label))
        .collect();
    if let Some(last) = room.checked_sub(1).filter(|last| *last < ranked.len()) {
        ranked.select_nth_unstable(last);
    }
    ranked.truncate(room);
    ranked.sort_unstable();
    ranked.into_iter().map(|(_, label)| label).collect()
}

fn handles(counters: &IntCounterVec, route: &str) -> Result<RouteMetrics, prometheus::Error> {
    let [c1, c2, c3, c4, c5, none] = CLASSES;
    let of = |class| counters.get_metric_with_label_values(&[route, class]);
    Ok(RouteMetrics {
        classes: Arc::new([of(c1)?, of(c2)?, of(c3)?, of(c4)?, of(c5)?, of(none)?]),
    })
}
