//! Is a directory followed through whatever editors, mounts and accidents do to it?

mod once;
mod stories;

use super::*;
use std::fs;
use tempfile::TempDir;
use tokio::sync::watch::Receiver;

/// Long enough for a machine that is busy with other things. A test that is right never waits for it.
const PATIENCE: Duration = Duration::from_secs(30);
/// A test that wants to be told does not want to be polled.
const NEVER: Duration = Duration::from_secs(3600);

fn ingress(name: &str, host: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {name}\nspec:\n  rules:\n    - host: {host}\n"
    )
}

/// `name=host` of each Ingress, sorted.
fn hosts(objects: &Objects) -> Vec<String> {
    let mut found: Vec<String> = objects
        .ingresses
        .values()
        .map(|ingress| {
            let spec = ingress.value.spec.as_ref().unwrap();
            let host = spec.rules.as_ref().unwrap()[0].host.as_deref().unwrap();
            format!("{}={host}", ingress.name.name)
        })
        .collect();
    found.sort_unstable();
    found
}

/// A directory that is being followed, and all that was sent of it.
struct Followed {
    directory: TempDir,
    receiver: Receiver<Option<Arc<Objects>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Followed {
    async fn start(files: &[(&str, &str)], poll_interval: Duration) -> Followed {
        let directory = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let (sender, receiver) = channel::channel(None);
        let path = directory.path().to_owned();
        let task = tokio::spawn(follow(path, sender, poll_interval));
        let mut followed = Followed {
            directory,
            receiver,
            task,
        };
        followed.until("the first objects", |_| true).await;
        followed
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.path(name), text).unwrap();
    }

    /// Waits for objects of this sort and returns them, and the time it took.
    async fn until(
        &mut self,
        what: &str,
        is_right: impl Fn(&Objects) -> bool,
    ) -> (Arc<Objects>, Duration) {
        let start = Instant::now();
        let wait = self
            .receiver
            .wait_for(|sent| sent.as_ref().is_some_and(|objects| is_right(objects)));
        match tokio::time::timeout(PATIENCE, wait).await {
            Ok(Ok(sent)) => (sent.clone().unwrap(), start.elapsed()),
            other => panic!("{what} did not come: {:?}", other.is_err()),
        }
    }

    async fn until_hosts(&mut self, expected: &[&str]) -> (Arc<Objects>, Duration) {
        let what = format!("{expected:?}");
        self.until(&what, |objects| hosts(objects) == expected)
            .await
    }

    /// All hosts that were sent until there is only this one.
    async fn all_until(&mut self, expected: &str) -> Vec<Vec<String>> {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        let mut seen = Vec::new();
        loop {
            let found = hosts(self.receiver.borrow_and_update().as_ref().unwrap());
            if found == [expected] {
                return seen;
            }
            seen.push(found);
            let changed = tokio::time::timeout_at(deadline, self.receiver.changed()).await;
            assert!(changed.is_ok(), "{seen:?} instead of {expected:?}");
        }
    }
}

impl Drop for Followed {
    fn drop(&mut self) {
        self.task.abort();
    }
}
