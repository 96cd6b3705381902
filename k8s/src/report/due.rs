//! Which of the wanted writes are due?
//!
//! What is wanted is made of objects as they were seen, and those lag behind what was just written. So nothing is written twice for one
//! version of an object; and nobody who changes it back and forth makes us do the same.

use super::plan::Write;
use crate::source::cluster::{Backoff, Fault};
use config::name::{Kind, ObjectRef};
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Somebody else changes back what we wrote: we write it again after this time, which doubles ...
const REPEAT_FIRST: Duration = Duration::from_secs(2);
/// ... up to this one.
const REPEAT_LONGEST: Duration = Duration::from_secs(300);
/// Then it is forgotten that it was ever written.
const MEMORY: Duration = Duration::from_secs(900);
/// A version that was already another one: the watch will bring it, or this time passes.
const CONFLICT_WAIT: Duration = Duration::from_secs(5);

/// What became of a write.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Written,
    /// The object is another one by now. Nothing was changed.
    Conflict,
    /// The API server does not take it, and will not until something about it changes.
    Refused(Fault),
    /// Perhaps later.
    Failed(Fault),
}

/// What was written lately, and what has to wait.
#[derive(Default)]
pub(super) struct Due {
    objects: HashMap<ObjectRef, Sent>,
    /// A right that is missing is missing for all objects of a kind in a namespace.
    places: HashMap<(Kind, Arc<str>), Waiting>,
    /// The API server does not answer, or has asked for patience.
    all: Waiting,
}

struct Sent {
    revision: u64,
    digest: u64,
    at: Instant,
    /// In a row: somebody changed it back.
    repeats: u32,
    /// Until then not again for this version.
    conflict_until: Option<Instant>,
}

#[derive(Default)]
struct Waiting {
    backoff: Backoff,
    until: Option<Instant>,
}

impl Waiting {
    fn is_over(&self, now: Instant) -> bool {
        self.until.is_none_or(|until| now >= until)
    }

    fn fail(&mut self, fault: &Fault, now: Instant) {
        // Several writes at once fail alike; that is one failure.
        if self.is_over(now) {
            self.until = Some(now + self.backoff.next(fault.retry_after));
        }
    }

    fn succeed(&mut self) {
        self.until = None;
        self.backoff.succeeded();
    }
}

/// Whether a write is due.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum When {
    Now,
    At(Instant),
    /// Once the object has changed.
    Changed,
}

impl Due {
    pub fn when(&self, write: &Write, now: Instant) -> When {
        let place = self.places.get(&place(write));
        let waits = [Some(&self.all), place].into_iter().flatten();
        let latest = waits.filter_map(|one| one.until).max();
        if let Some(until) = latest.filter(|until| *until > now) {
            return When::At(until);
        }
        let Some(sent) = self.objects.get(&write.object) else {
            return When::Now;
        };
        let is_same_version = sent.revision == write.revision;
        if let Some(until) = sent.conflict_until {
            return match is_same_version && now < until {
                true => When::At(until),
                false => When::Now,
            };
        }
        let is_same = sent.digest == write.digest();
        let next = sent.at + repeat_wait(sent.repeats);
        match (is_same, is_same_version) {
            (true, true) => When::Changed,
            (true, false) if now < next => When::At(next),
            _ => When::Now,
        }
    }

    pub fn done(&mut self, write: &Write, outcome: &Outcome, now: Instant) {
        let digest = write.digest();
        let last = self.objects.get(&write.object);
        let is_again = last.is_some_and(|last| last.digest == digest);
        let repeats = last.filter(|_| is_again).map_or(0, |last| last.repeats);
        let mut sent = Sent {
            revision: write.revision,
            digest,
            at: now,
            repeats,
            conflict_until: None,
        };
        match outcome {
            Outcome::Written => {
                self.all.succeed();
                self.places.remove(&place(write));
                sent.repeats = repeats + u32::from(is_again);
            }
            Outcome::Refused(_) => {}
            Outcome::Conflict => sent.conflict_until = Some(now + CONFLICT_WAIT),
            Outcome::Failed(fault) if is_of_all(fault) => return self.all.fail(fault, now),
            Outcome::Failed(fault) => {
                let waiting = self.places.entry(place(write)).or_default();
                return waiting.fail(fault, now);
            }
        }
        self.objects.insert(write.object.clone(), sent);
    }

    /// Nothing is kept for ever, and nothing of places where nothing is wanted.
    pub fn forget_old(&mut self, wanted: &[Write], now: Instant) {
        self.places
            .retain(|known, _| wanted.iter().any(|write| place(write) == *known));
        self.objects.retain(|_, sent| now < sent.at + MEMORY);
    }
}

fn place(write: &Write) -> (Kind, Arc<str>) {
    (write.object.kind, write.object.name.namespace.clone())
}

/// True: it says nothing of the kind or the object.
fn is_of_all(fault: &Fault) -> bool {
    use crate::source::cluster::Cause;
    fault.cause.is_of_the_server() || matches!(fault.cause, Cause::Throttled | Cause::Refused)
}

fn repeat_wait(repeats: u32) -> Duration {
    match repeats {
        0 => Duration::ZERO,
        _ => REPEAT_FIRST
            .saturating_mul(1_u32.checked_shl(repeats.min(10)).unwrap_or(1))
            .min(REPEAT_LONGEST),
    }
}

#[cfg(test)]
mod tests;
