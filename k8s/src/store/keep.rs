//! When are the last good objects written down?

use super::{Store, StoreError};
use crate::objects::{Objects, Set};
use config::digest;
use config::snapshot::Compiled;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// At most one write in this time: flash wears out, and an hour of rollouts is one site's worth of changes.
const WRITE_INTERVAL: Duration = Duration::from_mins(1);

/// What has been written, for metrics. All count from the start of the process.
#[derive(Debug, Default)]
pub struct StoreFacts {
    pub writes: AtomicU64,
    pub bytes: AtomicU64,
    pub failures: AtomicU64,
}

/// Writes the objects whenever routes or certificates changed, at most once a minute, never for endpoints alone. `saved_key` is of what
/// lies there already. Ends when nobody compiles any more.
pub async fn keep(
    store: Store,
    objects: watch::Receiver<Option<Arc<Objects>>>,
    mut compiled: watch::Receiver<Option<Arc<Compiled>>>,
    saved_key: Option<u64>,
    facts: Arc<StoreFacts>,
) {
    let mut saved_key = saved_key;
    let mut not_before = Instant::now();
    let mut has_failed = false;
    loop {
        tokio::select! {
            changed = compiled.changed() => if changed.is_err() { return },
            // A full disk may have room by now.
            () = tokio::time::sleep_until(not_before), if has_failed => {}
        }
        // What changes while this waits is part of the one write.
        tokio::time::sleep_until(not_before).await;
        let now_compiled = compiled.borrow_and_update().clone();
        let now_objects = objects.borrow().clone();
        let (Some(now_compiled), Some(now_objects)) = (now_compiled, now_objects) else {
            continue;
        };
        let key = key_of(&now_objects, &now_compiled);
        if saved_key == Some(key) {
            has_failed = false;
            continue;
        }
        not_before = Instant::now() + WRITE_INTERVAL;
        has_failed = !save(&store, now_objects, key, &facts).await;
        if !has_failed {
            saved_key = Some(key);
        }
    }
}

/// Equal keys: equal routes, backends and certificates.
fn key_of(objects: &Objects, compiled: &Compiled) -> u64 {
    digest::of(&[
        &compiled.snapshot.digest.to_le_bytes(),
        &revisions(&objects.secrets).to_le_bytes(),
        &revisions(&objects.config_maps).to_le_bytes(),
    ])
}

/// Does not depend on the order, in which a set differs from run to run.
fn revisions<K>(set: &Set<K>) -> u64 {
    set.values().fold(0, |sum, object| {
        let one = digest::of(&[
            object.name.namespace.as_bytes(),
            object.name.name.as_bytes(),
            &object.revision.to_le_bytes(),
        ]);
        sum.wrapping_add(one)
    })
}

/// On a thread that may block: a card can take seconds.
async fn save(store: &Store, objects: Arc<Objects>, key: u64, facts: &StoreFacts) -> bool {
    let store = store.clone();
    let saved = tokio::task::spawn_blocking(move || store.save(&objects, key)).await;
    match saved {
        Ok(Ok(bytes)) => {
            facts.writes.fetch_add(1, Ordering::Relaxed);
            facts.bytes.fetch_add(bytes, Ordering::Relaxed);
            true
        }
        Ok(Err(error)) => {
            tell(&error, facts);
            false
        }
        // Only a panic or the end of the runtime: no reason to stop serving.
        Err(_) => false,
    }
}

fn tell(error: &StoreError, facts: &StoreFacts) {
    let before = facts.failures.fetch_add(1, Ordering::Relaxed);
    // Once for the log of the morning; the counter tells how often.
    if before == 0 {
        tracing::warn!(%error, "the last good objects cannot be saved: a restart without the API server would serve nothing");
    }
}
