//! Which Events tell the authors of objects what came and what was solved?
//!
//! The ledger says which are due, `send` makes them of problems. An Event's name follows from what it tells, so whoever leads next finds it
//! and does not tell it again.

mod ledger;
mod send;

use super::status::{EventResult, ReportStatus};
use crate::leader::Leadership;
use crate::objects::Objects;
use crate::source::cluster::{Access, Backoff, Cause};
use config::problem::Problem;
use ledger::{Ledger, Notice};
use send::Sender;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Events of one round. Those that are left come in the next.
const ROUND_MAX: usize = 50;

pub(super) struct Events {
    access: Arc<Access>,
    leadership: Leadership,
    status: Arc<ReportStatus>,
    ledger: Ledger,
    backoff: Backoff,
    wait_until: Option<Instant>,
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
                    return Some(self.pause(fault.retry_after));
                }
            }
        }
        None
    }

    fn pause(&mut self, asked: Option<Duration>) -> Duration {
        let pause = self.backoff.next(asked);
        self.wait_until = Some(Instant::now() + pause);
        pause
    }
}
