//! How does the outcome get back onto the objects of the API server?
//!
//! One edge of all writes, the leader. What is wanted follows from the objects as they were last seen (`plan`), so there is no queue: what
//! could not be written is wanted still, and what was written is no longer. Nothing here is waited for by anybody.

mod addresses;
mod condition;
mod due;
mod events;
mod gateway;
mod http_route;
mod ingress;
mod plan;
mod status;
mod writer;

pub use status::{ReportFacts, ReportStatus};

use crate::leader::{self, Leadership};
use crate::objects::Objects;
use crate::source::cluster::{Access, SourceStatus};
use addresses::Address;
use config::settings::Settings;
use config::snapshot::Compiled;
use events::Events;
use plan::{Change, View};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch;
use writer::Writer;

/// The name under which the API server notes what we wrote.
pub const MANAGER: &str = crate::translate::CONTROLLER;

/// A burst of changes is one look.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);
/// Without any change we look this often whether a wait is over.
const LOOK_INTERVAL_MAX: Duration = Duration::from_secs(10);

/// What is heard from the rest of the program.
pub struct Inputs {
    /// None: the service account of a pod, or what kubectl would take.
    pub kubeconfig: Option<PathBuf>,
    pub objects: watch::Receiver<Option<Arc<Objects>>>,
    pub settings: watch::Receiver<Arc<Settings>>,
    pub compiled: watch::Receiver<Option<Arc<Compiled>>>,
    pub source: Arc<SourceStatus>,
    /// True: give the lead to somebody else, and end.
    pub stop: watch::Receiver<bool>,
}

/// Writes what is wanted while this edge leads. Ends when it is told to stop, or when the objects end.
pub async fn run(inputs: Inputs, status: Arc<ReportStatus>) {
    let access = Arc::new(Access::new(inputs.kubeconfig.clone()));
    let (leadership, lead) = Leadership::new();
    status.set_leadership(leadership.clone());
    let leading = leader::follow(access.clone(), lead, inputs.stop.clone());
    let (address_sender, addresses) = watch::channel(None);
    let publishing = addresses::follow(access.clone(), inputs.settings.clone(), address_sender);
    let publishing = tokio::spawn(publishing);
    let reporter = Reporter {
        events: Events::new(access.clone(), leadership.clone(), status.clone()),
        writer: Writer::new(access, leadership.clone(), status),
        inputs,
        leadership,
        addresses,
    };
    tokio::join!(reporter.run(), leading);
    publishing.abort();
}

struct Reporter {
    inputs: Inputs,
    leadership: Leadership,
    addresses: watch::Receiver<Option<Vec<Address>>>,
    writer: Writer,
    events: Events,
}

impl Reporter {
    async fn run(mut self) {
        while !*self.inputs.stop.borrow() {
            let wait = self.look().await;
            let pause = tokio::time::sleep(LOOK_INTERVAL);
            tokio::select! {
                () = pause => {}
                _ = self.inputs.stop.wait_for(|stop| *stop) => return,
            }
            tokio::select! {
                changed = self.inputs.objects.changed() => if changed.is_err() { return },
                () = changed_ever(&mut self.inputs.settings) => {}
                () = changed_ever(&mut self.inputs.compiled) => {}
                () = changed_ever(&mut self.addresses) => {}
                () = self.leadership.changed() => {}
                _ = self.inputs.stop.wait_for(|stop| *stop) => return,
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Writes what is wanted and due. Returns how long there is nothing to do without a change.
    async fn look(&mut self) -> Duration {
        let objects = self.inputs.objects.borrow_and_update().clone();
        let settings = self.inputs.settings.borrow_and_update().clone();
        let compiled = self.inputs.compiled.borrow_and_update().clone();
        let addresses = self.addresses.borrow_and_update().clone();
        if !self.leadership.holds(Instant::now()) {
            self.writer.rest();
            self.events.rest();
            return LOOK_INTERVAL_MAX;
        }
        // What was restored from disk, or may be older than what the API server holds, is nothing to go by.
        let (Some(objects), true) = (objects, self.inputs.source.is_current()) else {
            return LOOK_INTERVAL_MAX;
        };
        let planned = objects.clone();
        let planned = tokio::task::spawn_blocking(move || {
            plan::plan(&View {
                objects: &planned,
                settings: &settings,
                addresses: addresses.as_deref(),
            })
        });
        let Ok(mut wanted) = planned.await else {
            return LOOK_INTERVAL_MAX; // The runtime ends.
        };
        if !self.inputs.source.knows_classes() {
            // Whatever looks like somebody else's keeps what we said of it.
            wanted.retain(|write| write.change != Change::Release);
        }
        let wait = self.writer.write(wanted).await.min(LOOK_INTERVAL_MAX);
        match compiled {
            Some(compiled) => wait.min(self.events.tell(&objects, &compiled.problems).await),
            None => wait,
        }
    }
}

/// What nobody can change any more is not a reason to end.
async fn changed_ever<T>(receiver: &mut watch::Receiver<T>) {
    if receiver.changed().await.is_err() {
        std::future::pending::<()>().await;
    }
}
