//! How is the writing of status doing?
//!
//! Written by those who write to the API server, read by whoever wants to tell. Nobody waits for anybody.

use super::due::Outcome;
use crate::leader::Leadership;
use crate::source::cluster::{Cause, Fault};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Instant;

/// In the place of a kind.
pub(super) const EVENT: &str = "Event";

/// What is written, the kind of an object or `EVENT`, and the namespace; empty: none.
pub(super) type Place = (&'static str, Arc<str>);

/// What became of an Event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum EventResult {
    Created,
    /// It was there, and happened again.
    Repeated,
    /// It was there: whoever led before has told it.
    Known,
    Failed,
}

impl EventResult {
    const ALL: [EventResult; 4] = [
        EventResult::Created,
        EventResult::Repeated,
        EventResult::Known,
        EventResult::Failed,
    ];

    const fn as_str(self) -> &'static str {
        match self {
            EventResult::Created => "created",
            EventResult::Repeated => "repeated",
            EventResult::Known => "known",
            EventResult::Failed => "failed",
        }
    }
}

/// Counters and conditions.
#[derive(Debug, Default)]
pub struct ReportStatus {
    leadership: OnceLock<Leadership>,
    written: AtomicU64,
    conflicts: AtomicU64,
    faults: [AtomicU64; Cause::ALL.len()],
    pending: AtomicU64,
    events: [AtomicU64; EventResult::ALL.len()],
    failing: Mutex<BTreeMap<Place, String>>,
}

/// The same at one moment.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ReportFacts {
    pub is_leader: bool,
    /// What is wanted and not written yet.
    pub pending: u64,
    /// Writes by what became of them, a stable word each.
    pub writes: Vec<(&'static str, u64)>,
    /// Events by what became of them.
    pub events: Vec<(&'static str, u64)>,
    /// What cannot be written now, in words.
    pub failing: Vec<String>,
}

impl ReportStatus {
    pub fn facts(&self) -> ReportFacts {
        let count = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let mut writes = vec![
            ("written", count(&self.written)),
            ("conflict", count(&self.conflicts)),
        ];
        let faults = Cause::ALL.into_iter().zip(&self.faults);
        writes.extend(faults.map(|(cause, counter)| (cause.as_str(), count(counter))));
        let events = EventResult::ALL.into_iter().zip(&self.events);
        let events = events.map(|(result, counter)| (result.as_str(), count(counter)));
        let failing = self.failing();
        let failing = failing.iter().map(|((kind, namespace), fault)| {
            let place = match namespace.is_empty() {
                true => String::new(),
                false => format!(" in namespace {namespace}"),
            };
            format!("{kind}{place}: {fault}")
        });
        ReportFacts {
            is_leader: self.is_leader(),
            pending: count(&self.pending),
            writes,
            events: events.collect(),
            failing: failing.collect(),
        }
    }

    /// Only the leader writes.
    fn is_leader(&self) -> bool {
        let leadership = self.leadership.get();
        leadership.is_some_and(|leadership| leadership.holds(Instant::now()))
    }

    pub(super) fn set_leadership(&self, leadership: Leadership) {
        // Once for each edge.
        let _ = self.leadership.set(leadership);
    }

    pub(super) fn set_pending(&self, count: usize) {
        let count = u64::try_from(count).unwrap_or(u64::MAX);
        self.pending.store(count, Ordering::Relaxed);
    }

    pub(super) fn note(&self, place: Place, outcome: &Outcome) {
        let counter = match outcome {
            Outcome::Written => &self.written,
            Outcome::Conflict => &self.conflicts,
            Outcome::Refused(fault) | Outcome::Failed(fault) => {
                let at = Cause::ALL.iter().position(|cause| *cause == fault.cause);
                let Some(counter) = at.and_then(|at| self.faults.get(at)) else {
                    return;
                };
                counter
            }
        };
        counter.fetch_add(1, Ordering::Relaxed);
        let fault = match outcome {
            Outcome::Written | Outcome::Conflict => None,
            Outcome::Refused(fault) | Outcome::Failed(fault) => Some(fault),
        };
        self.tell(place, fault);
    }

    pub(super) fn note_event(
        &self,
        namespace: &Arc<str>,
        result: EventResult,
        fault: Option<&Fault>,
    ) {
        let at = EventResult::ALL.iter().position(|one| *one == result);
        if let Some(counter) = at.and_then(|at| self.events.get(at)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
        self.tell((EVENT, namespace.clone()), fault);
    }

    /// Each change of how it goes is a line.
    fn tell(&self, place: Place, fault: Option<&Fault>) {
        let mut failing = self.failing();
        let (kind, namespace) = (place.0, place.1.clone());
        let Some(fault) = fault else {
            if failing.remove(&place).is_some() {
                tracing::info!(kind, %namespace, "can be written again");
            }
            return;
        };
        if failing.insert(place, fault.to_string()).is_none() {
            tracing::warn!(
                kind,
                %namespace,
                cause = fault.cause.as_str(),
                error = %fault,
                "status or events cannot be written; it is tried again, and requests are served as before"
            );
        }
    }

    /// Forgets failures of places where nothing is wanted any more.
    pub(super) fn retain_failing(&self, is_wanted: impl Fn(&str, &str) -> bool) {
        self.failing()
            .retain(|(kind, namespace), _| is_wanted(kind, namespace));
    }

    /// Somebody else writes now, and knows how that goes.
    pub(super) fn forget(&self) {
        self.set_pending(0);
        self.failing().clear();
    }

    fn failing(&self) -> std::sync::MutexGuard<'_, BTreeMap<Place, String>> {
        // What a panic leaves behind here is at worst a word that is not up to date.
        self.failing.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
