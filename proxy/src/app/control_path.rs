//! Which tasks turn objects into what is in force?

use crate::app::default_certificate::Chosen;
use crate::app::ground::Ground;
use crate::app::publish::{Inputs, OwnProblems, Publisher};
use crate::app::settings::readable;
use crate::app::signals::Signals;
use crate::app::source::{self, Ends};
use crate::runtime;
use anyhow::{Context, Result, bail};
use config::problem::Problem;
use config::settings::{Settings, Source};
use k8s::control::Wanted;
use std::sync::{Arc, mpsc};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::watch;

/// The source has this long to tell what it knows at start; a directory takes milliseconds.
const FIRST_SNAPSHOT_TIMEOUT: Duration = Duration::from_secs(60);
/// Tasks get this long to end.
const END_TIMEOUT: Duration = Duration::from_secs(2);

/// Source, compilation and publication, on a runtime of their own.
#[derive(Debug)]
pub struct ControlPath {
    pub settings: watch::Sender<Arc<Settings>>,
    pub own_problems: watch::Sender<OwnProblems>,
    /// The version in force; 0: none yet.
    pub version: watch::Receiver<u64>,
    /// True: what has to end in order ends.
    stop: watch::Sender<bool>,
    /// Closed when it has.
    ended: tokio::sync::mpsc::Receiver<()>,
    /// How long the first snapshot is waited for. None: for ever; an API server that is away comes back.
    patience: Option<Duration>,
    /// None only while it ends.
    runtime: Option<Runtime>,
}

impl ControlPath {
    /// Source -> objects -> compiled -> in force. Each arrow is a `watch`: who is busy sees the latest, never a queue.
    pub fn start(
        ground: &Ground,
        certificate: Chosen,
        warnings: Vec<Problem>,
    ) -> Result<ControlPath> {
        readable(&ground.settings)?;
        let runtime =
            runtime::background("control").context("the control thread does not start")?;
        let (settings, settings_seen) = watch::channel(ground.settings.clone());
        let (own_problems, own_problems_seen) = watch::channel(Arc::new(warnings));
        let (objects_sender, objects) = watch::channel(None);
        let (compiled_sender, compiled) = watch::channel(None);
        let (version_sender, version) = watch::channel(0);
        let (wanted_sender, wanted) = watch::channel(Wanted::default());
        let (stop, stop_seen) = watch::channel(false);
        let (ended_sender, ended) = tokio::sync::mpsc::channel(1);
        let publisher = Publisher {
            live: ground.live.clone(),
            metrics: ground.metrics.clone(),
            conditions: ground.conditions.clone(),
            certificate,
            version: version_sender,
        };
        let inputs = Inputs {
            objects: objects.clone(),
            compiled,
            settings: settings_seen.clone(),
            own_problems: own_problems_seen,
        };
        let ends = Ends {
            objects: objects_sender,
            settings: settings_seen.clone(),
            wanted,
            compiled: inputs.compiled.clone(),
            metrics: ground.metrics.clone(),
            conditions: ground.conditions.clone(),
            stop: stop_seen,
            ended: Some(ended_sender),
        };
        runtime.spawn(source::follow(ground.settings.clone(), ends));
        runtime.spawn(k8s::control::run(
            objects,
            settings_seen,
            compiled_sender,
            wanted_sender,
        ));
        runtime.spawn(publisher.run(inputs));
        Ok(ControlPath {
            settings,
            own_problems,
            version,
            stop,
            ended,
            patience: match &ground.settings.source {
                Source::Directory { .. } => Some(FIRST_SNAPSHOT_TIMEOUT),
                Source::Cluster { .. } => None,
            },
            runtime: Some(runtime),
        })
    }

    /// Blocks until something is in force. False: a signal came first.
    pub fn wait_for_first_snapshot(&self, signals: Option<&mut Signals>) -> Result<bool> {
        let mut version = self.version.clone();
        let patience = self.patience.unwrap_or(Duration::MAX);
        let first = async move {
            let first = version.wait_for(|version| *version > 0);
            let first = tokio::time::timeout(patience, first).await;
            first.is_ok_and(|first| first.is_ok())
        };
        let first = match signals {
            None => self.block_on(first),
            Some(signals) => match signals.unless_stopped(first) {
                None => return Ok(false),
                first => first,
            },
        };
        match first {
            Some(true) => Ok(true),
            _ => bail!(
                "the source of objects told nothing within {} s",
                FIRST_SNAPSHOT_TIMEOUT.as_secs()
            ),
        }
    }

    /// The edge stops: somebody else shall lead. Waits for nothing.
    pub fn begin_end(&self) {
        self.stop.send_replace(true);
    }

    /// Runs this on the control runtime, as long as that lives.
    pub fn spawn(&self, work: impl Future<Output = ()> + Send + 'static) {
        if let Some(runtime) = &self.runtime {
            runtime.spawn(work);
        }
    }

    /// Runs this on the control runtime and blocks until it is done. Works where `Runtime::block_on` does not: inside another runtime.
    /// None: it panicked, or the runtime is gone.
    pub fn block_on<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (sender, receiver) = mpsc::sync_channel(1);
        self.runtime.as_ref()?.spawn(async move {
            // Nobody waits any more only if the caller's thread is gone.
            let _ = sender.send(work.await);
        });
        receiver.recv().ok()
    }
}

impl Drop for ControlPath {
    fn drop(&mut self) {
        let Some(runtime) = self.runtime.take() else {
            return;
        };
        // Nothing is ever sent: it is closed when everything has ended in order.
        let ended = &mut self.ended;
        let ending = async { tokio::time::timeout(END_TIMEOUT, ended.recv()).await };
        let is_in_order = *self.stop.borrow();
        // Not `drop`: that waits, which is forbidden inside another runtime.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                let _ = is_in_order.then(|| runtime.block_on(ending));
                runtime.shutdown_timeout(END_TIMEOUT);
            });
        });
    }
}
