//! How does etcd get back to an older state?

use super::Cluster;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A copy of etcd's directory, of one moment.
pub struct Snapshot(PathBuf);

impl Cluster {
    /// While etcd is frozen: what was written by then is what a power cut would leave, and no connection breaks.
    pub async fn snapshot(&self, name: &str) -> Snapshot {
        let copied = self.path(&format!("snapshot-{name}"));
        self.etcd.freeze().await;
        copy(&self.path("etcd"), &copied).await;
        self.etcd.thaw();
        Snapshot(copied)
    }

    /// Both are started again on their ports: resource versions that clients know are in the future then, as after a restored backup.
    pub async fn restore(&self, snapshot: &Snapshot) {
        self.api_server.kill();
        self.etcd.kill();
        let directory = self.path("etcd");
        std::fs::remove_dir_all(&directory).unwrap();
        copy(&snapshot.0, &directory).await;
        self.start_etcd().await;
        self.start_api_server().await;
    }
}

/// A whole directory; etcd's files are mostly holes.
pub async fn copy(from: &Path, to: &Path) {
    let mut command = Command::new("cp");
    command.args(["-r", "--sparse=always"]).arg(from).arg(to);
    let copied = tokio::task::spawn_blocking(move || command.output());
    let copied = copied.await.unwrap().unwrap();
    let words = String::from_utf8_lossy(&copied.stderr);
    assert!(copied.status.success(), "cp: {words}");
}
