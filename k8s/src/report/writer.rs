//! How does a write reach the API server, and who may still send it?
//!
//! Fenced twice: whoever does not lead any more, by its own clock, sends nothing; and what a stalled leader sends after it woke up names a
//! version of the object that somebody else has replaced by then.

use super::condition;
use super::due::{Due, Outcome, When};
use super::plan::{Change, Write};
use super::status::{EVENT, ReportStatus};
use crate::leader::Leadership;
use crate::report::MANAGER;
use crate::source::cluster::{Access, Cause, Fault, definition};
use config::name::{Kind, ObjectName};
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use kube::api::{DynamicObject, Patch, PatchParams};
use kube::core::{ApiResource, Status};
use kube::{Api, Client};
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Writes of one round. Those that are left are wanted in the next.
const ROUND_MAX: usize = 256;
/// Writes on their way at once: an API server of a small cluster has other things to do.
const AT_ONCE_MAX: usize = 4;
/// For one write; several fit into what a leader is ahead of its successor.
const WRITE_TIMEOUT: Duration = Duration::from_secs(4);

pub(super) struct Writer {
    access: Arc<Access>,
    leadership: Leadership,
    status: Arc<ReportStatus>,
    due: Due,
}

impl Writer {
    pub fn new(access: Arc<Access>, leadership: Leadership, status: Arc<ReportStatus>) -> Writer {
        Writer {
            access,
            leadership,
            status,
            due: Due::default(),
        }
    }

    /// Another edge leads.
    pub fn rest(&mut self) {
        self.due = Due::default();
        self.status.forget();
    }

    /// Writes what is due. Returns how long nothing else is.
    pub async fn write(&mut self, wanted: Vec<Write>) -> Duration {
        let now = Instant::now();
        self.due.forget_old(&wanted, now);
        self.status.retain_failing(|kind, namespace| {
            let of = |write: &Write| {
                let object = &write.object;
                object.kind.as_str() == kind && *object.name.namespace == *namespace
            };
            kind == EVENT || wanted.iter().any(of)
        });
        let (round, mut pending, mut wait) = self.round(wanted, now);
        if !round.is_empty() {
            pending += self.send(round).await;
            wait = Duration::ZERO;
        }
        self.status.set_pending(pending);
        wait
    }

    /// What is due now, how many are not, and when the first of those is.
    fn round(&self, wanted: Vec<Write>, now: Instant) -> (Vec<Write>, usize, Duration) {
        let mut round = Vec::new();
        let mut pending = 0;
        let mut wait = Duration::MAX;
        for write in wanted {
            match self.due.when(&write, now) {
                When::Now if round.len() < ROUND_MAX => round.push(write),
                When::Now => {
                    pending += 1;
                    wait = Duration::ZERO;
                }
                When::At(then) => {
                    pending += 1;
                    wait = wait.min(then.saturating_duration_since(now));
                }
                When::Changed => {}
            }
        }
        (round, pending, wait)
    }

    /// Returns how many were not written.
    async fn send(&mut self, round: Vec<Write>) -> usize {
        let count = round.len();
        let lease = match self.access.lease().await {
            Ok(lease) => lease,
            Err(fault) => {
                if let Some(first) = round.first() {
                    self.note(first, &Outcome::Failed(fault));
                }
                return count;
            }
        };
        let leadership = &self.leadership;
        let sending = stream::iter(round).map(|write| {
            let client = lease.client.clone();
            async move {
                let outcome = send(client, &write, leadership).await;
                (write, outcome)
            }
        });
        let mut results = sending.buffer_unordered(AT_ONCE_MAX);
        let mut written = 0;
        let mut done = Vec::new();
        while let Some((write, outcome)) = results.next().await {
            let Some(outcome) = outcome else {
                break; // Another edge leads.
            };
            let is_end = matches!(&outcome, Outcome::Failed(fault) if fault.cause.is_of_the_server() || fault.cause == Cause::Throttled);
            written += usize::from(outcome == Outcome::Written);
            done.push((write, outcome));
            if is_end {
                break; // The others would fare alike.
            }
        }
        drop(results);
        for (write, outcome) in done {
            if let Outcome::Failed(fault) = &outcome
                && fault.cause == Cause::Unauthorized
            {
                self.access.renew(&lease);
            }
            self.note(&write, &outcome);
        }
        count - written
    }

    fn note(&mut self, write: &Write, outcome: &Outcome) {
        self.due.done(write, outcome, Instant::now());
        let kind = write.object.kind.as_str();
        let place = (kind, write.object.name.namespace.clone());
        self.status.note(place, outcome);
    }
}

/// None: we do not lead any more, and nothing was sent.
async fn send(client: Client, write: &Write, leadership: &Leadership) -> Option<Outcome> {
    let left = leadership.time_left(Instant::now())?;
    let patched = tokio::time::timeout(left.min(WRITE_TIMEOUT), patch(client, write)).await;
    Some(match patched {
        Ok(Ok(())) => Outcome::Written,
        // Of an object that is gone there is nothing to say any more; the watch will tell.
        Ok(Err(kube::Error::Api(status))) if status.code == 409 || is_gone(&status, write) => {
            Outcome::Conflict
        }
        Ok(Err(error @ kube::Error::Api(_))) if is_final(&error) => {
            Outcome::Refused(Fault::of_client(&error))
        }
        Ok(Err(error)) => Outcome::Failed(Fault::of_client(&error)),
        Err(_) => {
            let message = "a write was not answered in time".to_owned();
            Outcome::Failed(Fault::new(Cause::Unreachable, message))
        }
    })
}

/// The object is not there, which is another thing than a kind that is not there.
fn is_gone(status: &Status, write: &Write) -> bool {
    let details = status.details.as_ref();
    status.code == 404 && details.is_some_and(|details| *details.name == *write.object.name.name)
}

/// What we wrote is not valid.
fn is_final(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 400 | 422))
}

async fn patch(client: Client, write: &Write) -> Result<(), kube::Error> {
    let (kind, name) = (write.object.kind, &write.object.name);
    let resource = resource(kind);
    let api = api(client, kind, name, &resource);
    let mut body = json!({
        "apiVersion": resource.api_version,
        "kind": resource.kind,
        "metadata": { "name": &*name.name, "resourceVersion": write.version },
    });
    let params = PatchParams::apply(MANAGER);
    let (params, patch) = match &write.change {
        Change::Apply(status) => {
            set(&mut body, status);
            (params.force(), Patch::Apply(body))
        }
        Change::Merge(status) => {
            set(&mut body, status);
            (params, Patch::Merge(body))
        }
        // Nobody is in the way of giving up.
        Change::Release => (params, Patch::Apply(body)),
    };
    api.patch_status(&name.name, &params, &patch)
        .await
        .map(drop)
}

fn set(body: &mut Value, status: &Value) {
    let mut status = status.clone();
    let now = Timestamp::now().as_second();
    let now = Timestamp::from_second(now).unwrap_or_default();
    condition::stamp(&mut status, &now.to_string());
    if let Some(body) = body.as_object_mut() {
        body.insert("status".to_owned(), status);
    }
}

fn api(
    client: Client,
    kind: Kind,
    name: &ObjectName,
    resource: &ApiResource,
) -> Api<DynamicObject> {
    match definition(kind).is_namespaced {
        true => Api::namespaced_with(client, &name.namespace, resource),
        false => Api::all_with(client, resource),
    }
}

/// In version v1, which all kinds with a status of ours have.
fn resource(kind: Kind) -> ApiResource {
    crate::source::cluster::resource(kind, "v1")
}
