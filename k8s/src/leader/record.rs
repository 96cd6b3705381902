//! What does a Lease that was found mean for us?
//!
//! Time is an argument, so a table of cases is the whole truth.

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{MicroTime, ObjectMeta};
use std::time::{Duration, Instant};

/// Whatever a Lease says of its own duration is taken within these bounds.
const DURATION_MIN: Duration = Duration::from_secs(1);
const DURATION_MAX: Duration = Duration::from_secs(60);

/// One who may lead.
#[derive(Debug)]
pub(super) struct Candidate {
    identity: String,
    duration: Duration,
    /// Ours, as the API server has it.
    own: Option<(Lease, Instant)>,
    /// Somebody else's, and since when it has not changed.
    seen: Option<(Lease, Instant)>,
}

/// What to do about it.
#[derive(Debug, PartialEq)]
pub(super) enum Step {
    /// Somebody else leads.
    Wait,
    Create(Lease),
    Replace(Lease),
}

impl Candidate {
    pub fn new(identity: String, duration: Duration) -> Candidate {
        Candidate {
            identity,
            duration,
            own: None,
            seen: None,
        }
    }

    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The Lease that we hold, as it was when we wrote it.
    pub fn own(&self) -> Option<&Lease> {
        self.own.as_ref().map(|(lease, _)| lease)
    }

    pub fn held_until(&self) -> Option<Instant> {
        self.own.as_ref().map(|(_, until)| *until)
    }

    pub fn step(&mut self, found: Option<Lease>, now: Instant) -> Step {
        let Some(found) = found else {
            return Step::Create(self.lease(ObjectMeta::default(), None));
        };
        let spec = found.spec.clone().unwrap_or_default();
        let holder = spec.holder_identity.as_deref().unwrap_or_default();
        if holder == self.identity || holder.is_empty() {
            return Step::Replace(self.lease(found.metadata, Some(&spec)));
        }
        let version = |lease: &Lease| lease.metadata.resource_version.clone();
        let since = match &self.seen {
            Some((seen, since)) if version(seen) == version(&found) => *since,
            _ => now,
        };
        let seconds = spec.lease_duration_seconds;
        let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok());
        let duration = seconds.map_or(self.duration, Duration::from_secs);
        let duration = duration.clamp(DURATION_MIN, DURATION_MAX);
        if now.saturating_duration_since(since) >= duration {
            return Step::Replace(self.lease(found.metadata, Some(&spec)));
        }
        self.seen = Some((found, since));
        Step::Wait
    }

    pub fn won(&mut self, lease: Lease, until: Instant) {
        self.own = Some((lease, until));
        self.seen = None;
    }

    /// It is somebody else's, or the next look says whose.
    pub fn lost(&mut self) {
        self.own = None;
    }

    /// The Lease without a holder, if it is ours.
    pub fn release(&mut self) -> Option<Lease> {
        let (lease, _) = self.own.take()?;
        let spec = lease.spec.unwrap_or_default();
        Some(Lease {
            metadata: lease.metadata,
            spec: Some(LeaseSpec {
                holder_identity: Some(String::new()),
                lease_duration_seconds: Some(1),
                renew_time: Some(MicroTime(Timestamp::now())),
                ..spec
            }),
        })
    }

    fn lease(&self, metadata: ObjectMeta, before: Option<&LeaseSpec>) -> Lease {
        let now = Some(MicroTime(Timestamp::now()));
        let holder = before.and_then(|spec| spec.holder_identity.as_deref());
        let is_renewal = holder == Some(&*self.identity);
        let transitions = before.and_then(|spec| spec.lease_transitions);
        let acquired = before.and_then(|spec| spec.acquire_time.clone());
        Lease {
            metadata: ObjectMeta {
                name: Some(super::LEASE.to_owned()),
                managed_fields: None,
                ..metadata
            },
            spec: Some(LeaseSpec {
                acquire_time: if is_renewal { acquired } else { now.clone() },
                holder_identity: Some(self.identity.clone()),
                lease_duration_seconds: i32::try_from(self.duration.as_secs()).ok(),
                lease_transitions: match before {
                    None => Some(0),
                    Some(_) => Some(transitions.unwrap_or(0) + i32::from(!is_renewal)),
                },
                renew_time: now,
                ..LeaseSpec::default()
            }),
        }
    }
}

#[cfg(test)]
mod tests;
