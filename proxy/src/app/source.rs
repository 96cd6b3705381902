//! How do the objects of this edge arrive?
//!
//! From a directory (or a single file), or from standard input, which is read once: `-`.

use anyhow::{Context, Result};
use k8s::objects::Objects;
use k8s::source::directory::{self, Loaded};
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use tokio::sync::watch;

/// Standard input above this is refused: manifests of ten thousand objects are a tenth of it.
const STDIN_BYTES_MAX: u64 = 256 * 1024 * 1024;

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

/// Sends what the source holds, and each change. Ends when nobody listens any more.
pub async fn follow(path: PathBuf, objects: watch::Sender<Option<Arc<Objects>>>) {
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

pub fn is_stdin(path: &Path) -> bool {
    path == Path::new("-")
}
