//! Which of the edges writes?
//!
//! One of them holds a Lease (coordination.k8s.io/v1) and renews it. Who sees it unchanged for its whole duration, by its own monotonic
//! clock, takes it: the clocks of nodes need not agree. Every change names the version that it replaces, so two cannot both take it.
//! kube-leader-election 0.44 compares wall clocks and names no version, hence these lines.

mod record;

use crate::source::cluster::{Access, Backoff, Cause, Fault, Lease as Connection};
use k8s_openapi::api::coordination::v1::Lease;
use kube::Api;
use kube::api::PostParams;
use record::{Candidate, Step};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;

/// The Lease, in our own namespace.
const LEASE: &str = "hedgerow";
/// Who holds it and does not renew it for so long has lost it.
const DURATION: Duration = Duration::from_secs(15);
/// The leader itself counts on it for less: what it sends must have arrived before somebody else leads.
const HOLD: Duration = Duration::from_secs(10);
const RENEW_INTERVAL: Duration = Duration::from_secs(4);
/// The others look this often, so that the handover takes at most the duration and this.
const LOOK_INTERVAL: Duration = Duration::from_secs(2);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(3);
const _: () = assert!(
    HOLD.as_secs() + REQUEST_TIMEOUT.as_secs() < DURATION.as_secs(),
    "a leader must know that it lost the lead before anybody else has it"
);

/// Until when this edge leads. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Leadership(watch::Receiver<Option<Instant>>);

/// The other end.
#[derive(Debug)]
pub struct Lead(watch::Sender<Option<Instant>>);

impl Leadership {
    pub fn new() -> (Leadership, Lead) {
        let (sender, receiver) = watch::channel(None);
        (Leadership(receiver), Lead(sender))
    }

    pub fn holds(&self, now: Instant) -> bool {
        self.time_left(now).is_some()
    }

    /// None: somebody else leads, or nobody.
    pub fn time_left(&self, now: Instant) -> Option<Duration> {
        let until = *self.0.borrow();
        let left = until?.saturating_duration_since(now);
        (!left.is_zero()).then_some(left)
    }

    /// The lead was won, or given up.
    pub async fn changed(&mut self) {
        if self.0.changed().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

impl Lead {
    /// Whoever listens hears of a change of who leads, and not of each renewal.
    fn set(&self, until: Option<Instant>) {
        self.0.send_if_modified(|last| {
            let now = Instant::now();
            let holds = |until: Option<Instant>| until.is_some_and(|until| until > now);
            let is_change = holds(*last) != holds(until);
            *last = until;
            is_change
        });
    }
}

/// Tries to lead until it is told to stop; then gives the lead up, if it has it.
pub(crate) async fn follow(access: Arc<Access>, lead: Lead, mut stop: watch::Receiver<bool>) {
    let mut candidate = Candidate::new(identity(), DURATION);
    let mut backoff = Backoff::default();
    while !*stop.borrow() {
        let (until, pause) = match turn(&access, &mut candidate).await {
            Ok(until) => {
                backoff.succeeded();
                let pause = match until {
                    Some(_) => RENEW_INTERVAL,
                    None => LOOK_INTERVAL,
                };
                (until, pause)
            }
            Err(fault) => {
                tracing::debug!(error = %fault, "the Lease cannot be read or renewed");
                let pause = backoff.next(fault.retry_after);
                // What was won before lasts until its end, and is worth a try more.
                let now = Instant::now();
                match candidate.held_until().filter(|until| *until > now) {
                    Some(until) => (Some(until), LOOK_INTERVAL),
                    None => (None, pause),
                }
            }
        };
        tell(&lead, until, &candidate);
        lead.set(until);
        let stopped = stop.wait_for(|stop| *stop);
        // Both ways it is time for another look.
        let _ = tokio::time::timeout(pause, stopped).await;
    }
    lead.set(None);
    give_up(&access, &mut candidate).await;
}

fn tell(lead: &Lead, until: Option<Instant>, candidate: &Candidate) {
    let now = Instant::now();
    let holds = |until: Option<Instant>| until.is_some_and(|until| until > now);
    let last = *lead.0.borrow();
    let (had, has) = (last.is_some(), holds(until));
    if has && !had {
        tracing::info!(
            holder = candidate.identity(),
            "this edge leads: it writes status and events"
        );
    } else if had && !has {
        tracing::info!(
            holder = candidate.identity(),
            "this edge does not lead any more"
        );
    }
}

/// One look at the Lease, and what follows from it. Until when we lead then.
async fn turn(access: &Access, candidate: &mut Candidate) -> Result<Option<Instant>, Fault> {
    let connection = access.lease().await?;
    let asked = tokio::time::timeout(REQUEST_TIMEOUT, ask(&connection, candidate)).await;
    let asked = asked.unwrap_or_else(|_| {
        let message = "the Lease was not answered in time".to_owned();
        Err(Fault::new(Cause::Unreachable, message))
    });
    if let Err(fault) = &asked
        && matches!(
            fault.cause,
            Cause::Unauthorized | Cause::Tls | Cause::Access
        )
    {
        access.renew(&connection);
    }
    asked?;
    Ok(candidate.held_until())
}

async fn ask(connection: &Connection, candidate: &mut Candidate) -> Result<(), Fault> {
    let client = &connection.client;
    let api: Api<Lease> = Api::namespaced(client.clone(), client.default_namespace());
    let found = match candidate.own() {
        // Renewed without a look: if it is another one by now, that is refused.
        Some(own) => Some(own.clone()),
        None => api.get_opt(LEASE).await.map_err(of_client)?,
    };
    let now = Instant::now();
    let params = PostParams::default();
    let written = match candidate.step(found, now) {
        Step::Wait => return Ok(()),
        Step::Create(lease) => api.create(&params, &lease).await,
        Step::Replace(lease) => api.replace(LEASE, &params, &lease).await,
    };
    match written {
        Ok(lease) => candidate.won(lease, now + HOLD),
        // Somebody else was faster.
        Err(kube::Error::Api(status)) if matches!(status.code, 404 | 409) => candidate.lost(),
        Err(error) => return Err(of_client(error)),
    }
    Ok(())
}

async fn give_up(access: &Access, candidate: &mut Candidate) {
    let Some(released) = candidate.release() else {
        return;
    };
    let releasing = async {
        let connection = access.lease().await.ok()?;
        let client = &connection.client;
        let api: Api<Lease> = Api::namespaced(client.clone(), client.default_namespace());
        let replaced = api.replace(LEASE, &PostParams::default(), &released).await;
        replaced.ok()
    };
    // Not reached: the others take it when its time is over.
    if let Ok(Some(_)) = tokio::time::timeout(REQUEST_TIMEOUT, releasing).await {
        tracing::info!("the lead was given up");
    }
}

fn of_client(error: kube::Error) -> Fault {
    Fault::of_client(&error)
}

/// The pod, or the machine; and something that no other process has.
fn identity() -> String {
    let name = std::env::var("HOSTNAME").ok();
    let name = name.or_else(|| std::fs::read_to_string("/etc/hostname").ok());
    let name = name.unwrap_or_default();
    let unique = RandomState::new().hash_one(std::process::id());
    format!("{}_{unique:016x}", name.trim())
}
