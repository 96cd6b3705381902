//! Which problems came, which were solved, and which of that may be told now?
//!
//! Time is an argument, so a table of cases is the whole truth.

use super::send::metadata;
use crate::objects::Objects;
use config::name::ObjectRef;
use config::problem::{Problem, Severity};
use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// What comes and goes within this time is not told: the objects of one `kubectl apply` arrive one after the other.
const SETTLE: Duration = Duration::from_secs(2);
/// Events about one object within `WINDOW`.
const EVENTS_MAX: usize = 10;
const WINDOW: Duration = Duration::from_secs(3_600);

/// One thing to tell.
#[derive(Debug, Clone)]
pub(super) struct Notice {
    pub problem: Problem,
    pub is_solved: bool,
    /// How often it has come since we lead.
    pub count: u32,
}

/// What is known of problems and of what was told. A problem is the same on whichever line it stands.
#[derive(Default)]
pub(super) struct Ledger {
    known: HashMap<Problem, Known>,
    told: HashMap<ObjectRef, VecDeque<Instant>>,
}

struct Known {
    is_there: bool,
    /// Since when it is, or is not.
    since: Instant,
    was_told: bool,
    /// At any time, so that its count is worth to be kept.
    is_on_record: bool,
    count: u32,
}

impl Ledger {
    /// What is due now, and how long nothing else is unless something changes.
    pub fn look(
        &mut self,
        objects: &Objects,
        problems: &[Arc<Problem>],
        now: Instant,
    ) -> (Vec<Notice>, Duration) {
        self.forget_old(now);
        self.learn(objects, problems, now);
        let mut notices = Vec::new();
        let mut wait = WINDOW;
        let mut spent: HashMap<&ObjectRef, usize> = HashMap::new();
        for (problem, known) in &self.known {
            // True: it came and was not told; or it went, and that it had come was told.
            if known.is_there == known.was_told {
                continue;
            }
            let due = known.since + SETTLE;
            if now < due {
                wait = wait.min(due - now);
                continue;
            }
            let spent = spent.entry(&problem.object).or_default();
            let before = self.told.get(&problem.object).map_or(0, VecDeque::len);
            if before + *spent >= EVENTS_MAX {
                continue;
            }
            *spent += 1;
            notices.push(Notice {
                problem: problem.clone(),
                is_solved: !known.is_there,
                count: known.count,
            });
        }
        notices.sort_by(|one, other| one.problem.cmp(&other.problem));
        (notices, wait)
    }

    /// It was sent. `costs`: it is one of those that an object may have.
    pub fn told(&mut self, notice: &Notice, costs: bool, now: Instant) {
        if let Some(known) = self.known.get_mut(&notice.problem) {
            known.was_told = !notice.is_solved;
            known.is_on_record = true;
        }
        if costs {
            let object = notice.problem.object.clone();
            self.told.entry(object).or_default().push_back(now);
        }
    }

    fn learn(&mut self, objects: &Objects, problems: &[Arc<Problem>], now: Instant) {
        let there: HashSet<Problem> = (problems.iter())
            // What is not needed is nothing to do: a large site would have thousands.
            .filter(|problem| problem.severity != Severity::Info)
            .filter(|problem| metadata(objects, &problem.object).is_some())
            .map(|problem| Problem {
                origin: None,
                ..Problem::clone(problem)
            })
            .collect();
        for (problem, known) in &mut self.known {
            if known.is_there != there.contains(problem) {
                known.is_there = !known.is_there;
                known.since = now;
                known.count += u32::from(known.is_there);
            }
        }
        for problem in there {
            self.known.entry(problem).or_insert(Known {
                is_there: true,
                since: now,
                was_told: false,
                is_on_record: false,
                count: 1,
            });
        }
        // An object that is gone has nobody to tell.
        self.known
            .retain(|problem, _| metadata(objects, &problem.object).is_some());
    }

    fn forget_old(&mut self, now: Instant) {
        self.told.retain(|_, times| {
            times.retain(|time| now < *time + WINDOW);
            !times.is_empty()
        });
        // What came and went untold is nothing to tell; what was solved so long ago would be news if it came again.
        self.known.retain(|_, known| {
            let is_fresh = known.is_on_record && now < known.since + WINDOW;
            known.is_there || known.was_told || is_fresh
        });
    }
}

#[cfg(test)]
mod tests;
