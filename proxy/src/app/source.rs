//! How do the objects of this edge arrive?
//!
//! From the API server, from a directory (or a single file), or from standard input, which is read once: `-`.

use crate::admin::conditions::Conditions;
use crate::app::last_good::LastGood;
use crate::app::{report, source_report};
use crate::observe::Metrics;
use anyhow::{Context, Result, anyhow};
use config::settings::{Settings, Source};
use config::snapshot::Compiled;
use k8s::control::Wanted;
use k8s::objects::Objects;
use k8s::source::cluster::{self, Inputs, SourceStatus};
use k8s::source::directory::{self, Loaded};
use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};

/// Standard input above this is refused: manifests of ten thousand objects are a tenth of it.
const STDIN_BYTES_MAX: u64 = 256 * 1024 * 1024;
/// `check` and `why` ask an API server for so long.
const CLUSTER_PATIENCE: Duration = Duration::from_secs(30);

/// Where the objects go, and what the source hears.
pub struct Ends {
    pub objects: watch::Sender<Option<Arc<Objects>>>,
    pub settings: watch::Receiver<Arc<Settings>>,
    pub wanted: watch::Receiver<Wanted>,
    pub compiled: watch::Receiver<Option<Arc<Compiled>>>,
    pub metrics: Arc<Metrics>,
    pub conditions: Arc<Conditions>,
    /// True: the edge stops.
    pub stop: watch::Receiver<bool>,
    /// Dropped when everything that was begun here has ended in order.
    pub ended: Option<mpsc::Sender<()>>,
}

/// Sends what the source of the settings holds, and each change. Ends when nobody listens any more.
pub async fn follow(settings: Arc<Settings>, mut ends: Ends) {
    let ended = ends.ended.take();
    let path = match &settings.source {
        Source::Directory { path } => path.clone(),
        cluster @ Source::Cluster { .. } => {
            let directory = settings.state_directory.clone();
            let read = tokio::task::spawn_blocking(move || LastGood::read(&directory));
            let Ok((last_good, restored)) = read.await else {
                return; // The runtime ends.
            };
            let status = Arc::new(SourceStatus::default());
            source_report::offer(&status, &last_good.facts, &ends.metrics, &ends.conditions);
            report::begin(&settings, &status, &ends, ended);
            tokio::spawn(last_good.keep(ends.objects.subscribe(), ends.compiled));
            let inputs = Inputs {
                settings: ends.settings,
                wanted: ends.wanted,
            };
            let options = cluster::Options {
                restored,
                ..options(cluster)
            };
            return cluster::follow(options, inputs, status, ends.objects).await;
        }
    };
    drop(ended);
    let objects = ends.objects;
    if !is_stdin(&path) {
        return directory::follow(path, objects, directory::POLL_INTERVAL).await;
    }
    match tokio::task::spawn_blocking(move || load(&path)).await {
        Ok(Ok(loaded)) => drop(objects.send_replace(Some(Arc::new(loaded.objects)))),
        Ok(Err(error)) => tracing::error!(error = %format!("{error:#}"), "no objects"),
        Err(error) => tracing::error!(%error, "no objects"),
    }
    objects.closed().await;
}

/// What a source with this path holds now.
pub fn load(path: &Path) -> Result<Loaded> {
    if !is_stdin(path) {
        return Ok(directory::load(path));
    }
    let mut text = String::new();
    let mut stdin = std::io::stdin().lock().take(STDIN_BYTES_MAX);
    stdin
        .read_to_string(&mut text)
        .context("standard input cannot be read as text")?;
    Ok(directory::gather_stdin(&text))
}

/// What an API server holds now. Blocks.
pub fn load_cluster(settings: &Settings) -> Result<Objects> {
    let runtime = crate::runtime::background("control")?;
    let status = Arc::new(SourceStatus::default());
    let (objects, mut first) = watch::channel(None);
    let (_wanted_sender, wanted) = watch::channel(Wanted::default());
    let (_settings_sender, settings_seen) = watch::channel(Arc::new(settings.clone()));
    let inputs = Inputs {
        settings: settings_seen,
        wanted,
    };
    let following = cluster::follow(options(&settings.source), inputs, status.clone(), objects);
    runtime.spawn(following);
    let arrived = async move {
        let arrived = first.wait_for(Option::is_some);
        let arrived = tokio::time::timeout(CLUSTER_PATIENCE, arrived).await.ok()?;
        arrived.ok()?.as_deref().cloned()
    };
    let objects = runtime.block_on(arrived);
    runtime.shutdown_background();
    objects.ok_or_else(|| match status.outage() {
        Some(fault) => anyhow!("the API server cannot be read: {fault}"),
        None => anyhow!(
            "the API server did not tell everything within {} s",
            CLUSTER_PATIENCE.as_secs()
        ),
    })
}

pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}

/// What the settings say of the API server; nothing if they name a directory.
fn options(source: &Source) -> cluster::Options {
    match source {
        Source::Directory { .. } => cluster::Options::default(),
        Source::Cluster {
            namespaces,
            namespace_selector,
            kubeconfig,
        } => cluster::Options {
            kubeconfig: kubeconfig.clone(),
            namespaces: namespaces.clone(),
            selector: namespace_selector.clone(),
            restored: None,
        },
    }
}
