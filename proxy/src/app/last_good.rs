//! What of an earlier life is served until the API server answers?

use k8s::objects::Objects;
use k8s::store::{self, Store, StoreFacts};
use std::path::Path;
use std::sync::Arc;
use tokio::sync::watch;

/// The last good objects of this node.
#[derive(Debug)]
pub struct LastGood {
    store: Store,
    key: Option<u64>,
    pub facts: Arc<StoreFacts>,
}

impl LastGood {
    /// Reads what lies in the state directory, if it can be used. What cannot is told and passed over. Blocks.
    pub fn read(directory: &Path) -> (LastGood, Option<Arc<Objects>>) {
        let store = Store::new(directory);
        let saved = store.load().unwrap_or_else(|error| {
            tracing::warn!(%error, "there are no last good objects");
            None
        });
        let (key, objects) = match saved {
            Some(saved) => (Some(saved.key), Some(Arc::new(saved.objects))),
            None => (None, None),
        };
        if objects.is_some() {
            let directory = directory.display().to_string();
            tracing::info!(
                directory,
                "the last good objects are served until the API server answers"
            );
        }
        let last_good = LastGood {
            store,
            key,
            facts: Arc::default(),
        };
        (last_good, objects)
    }

    /// Writes what becomes good from now on. Ends with the control path.
    pub async fn keep(
        self,
        objects: watch::Receiver<Option<Arc<Objects>>>,
        compiled: watch::Receiver<Option<Arc<config::snapshot::Compiled>>>,
    ) {
        store::keep(self.store, objects, compiled, self.key, self.facts).await;
    }
}
