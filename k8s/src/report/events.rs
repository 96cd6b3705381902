//! Which Events tell the authors of objects what came and what was solved?
//!
//! The ledger says which are due, `send` makes them of problems. An Event's name follows from what it tells, so whoever leads next finds it
//! and does not tell it again.

mod ledger;
mod send;

use super::status::{EVENT, EventResult, ReportStatus};
use crate::leader::Leadership;
use crate::objects::Objects;
use crate::source::cluster::{Access, Backoff, Cause};
use config::problem::Problem;
use ledger::{Ledger, Notice};
use send::Sender;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Events of one round. Those that are left come in the next.
const ROUND_MAX: usize = 50;
/// A namespace that takes none (it is being deleted, a quota is used up, a right is missing) is asked again after this time.
const REFUSED_PAUSE: Duration = Duration::from_secs(30);

pub(super) struct Events {
    access: Arc<Access>,
    leadership: Leadership,
    status: Arc<ReportStatus>,
    ledger: Ledger,
    backoff: Backoff,
    wait_until: Option<Instant>,
    /// Namespaces that take none, and until when they are not asked.
    refused: HashMap<Arc<str>, Instant>,
}

impl Events {
    pub fn new(access: Arc<Access>, leadership: Leadership, status: Arc<ReportStatus>) -> Events {
        Events {
            access,
            leadership,
            status,
            ledger: Ledger::default(),
            backoff: Backoff::default(),
            wait_until: None,
            refused: HashMap::new(),
        }
    }

    /// Another edge leads, and tells.
    pub fn rest(&mut self) {
        self.ledger = Ledger::default();
    }

    /// Tells what is new. Returns how long there is nothing to tell unless something changes.
    pub async fn tell(&mut self, objects: &Objects, problems: &[Arc<Problem>]) -> Duration {
        let now = Instant::now();
        let (mut notices, mut wait) = self.ledger.look(objects, problems, now);
        if let Some(until) = self.wait_until.filter(|until| *until > now) {
            return until - now;
        }
        self.forget_places(&notices);
        self.refused.retain(|_, until| *until > now);
        notices.retain(|notice| {
            let until = self
                .refused
                .get(&send::namespace_of(&notice.problem.object));
            wait = until.map_or(wait, |until| wait.min(*until - now));
            until.is_none()
        });
        if notices.len() > ROUND_MAX {
            notices.truncate(ROUND_MAX);
            wait = Duration::ZERO;
        }
        if notices.is_empty() {
            return wait;
        }
        match self.send(objects, notices).await {
            Some(pause) => pause,
            None => wait,
        }
    }

    /// None: all were sent.
    async fn send(&mut self, objects: &Objects, notices: Vec<Notice>) -> Option<Duration> {
        let lease = match self.access.lease().await {
            Ok(lease) => lease,
            Err(fault) => return Some(self.pause(fault.retry_after)),
        };
        let sender = Sender {
            client: lease.client.clone(),
            leadership: &self.leadership,
        };
        for notice in notices {
            let namespace = send::namespace_of(&notice.problem.object);
            if self.refused.contains_key(&namespace) {
                continue;
            }
            match sender.send(objects, &notice).await {
                Ok(None) => return None, // Another edge leads.
                Ok(Some(result)) => {
                    self.backoff.succeeded();
                    self.status.note_event(&namespace, result, None);
                    let costs = result != EventResult::Known;
                    self.ledger.told(&notice, costs, Instant::now());
                }
                Err(fault) => {
                    let result = EventResult::Failed;
                    self.status.note_event(&namespace, result, Some(&fault));
                    if fault.cause == Cause::Unauthorized {
                        self.access.renew(&lease);
                    }
                    match fault.cause {
                        // One namespace's matter, and none of the others'.
                        Cause::Forbidden | Cause::Missing => {
                            let until = Instant::now() + REFUSED_PAUSE;
                            self.refused.insert(namespace, until);
                        }
                        // It would be refused again.
                        Cause::Refused => self.ledger.told(&notice, true, Instant::now()),
                        _ => return Some(self.pause(fault.retry_after)),
                    }
                }
            }
        }
        self.refused
            .values()
            .min()
            .map(|until| until.saturating_duration_since(Instant::now()))
    }

    /// Where nothing is left to tell nothing fails any more.
    fn forget_places(&self, notices: &[Notice]) {
        self.status.retain_failing(|kind, namespace| {
            let of = |notice: &Notice| *send::namespace_of(&notice.problem.object) == *namespace;
            kind != EVENT || notices.iter().any(of)
        });
    }

    fn pause(&mut self, asked: Option<Duration>) -> Duration {
        let pause = self.backoff.next(asked);
        self.wait_until = Some(Instant::now() + pause);
        pause
    }
}
