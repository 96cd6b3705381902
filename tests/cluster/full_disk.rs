//! Does a full disk cost anything but what would have been written on it?

use super::last_good::{check_served, node, shop};
use super::source_edge::edge;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Says to the story inside where its small disk is.
const DISK: &str = "HEDGEROW_STORY_DISK";
const ME: &str = "full_disk::a_full_disk_costs_no_request_and_leaves_no_half_of_a_file";

/// The disk is mounted in a namespace of this story's own process, which ends with it.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_costs_no_request_and_leaves_no_half_of_a_file() {
    if let Some(disk) = std::env::var_os(DISK) {
        return on(&PathBuf::from(disk)).await;
    }
    let disk = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    // Whoever is not root may mount as the root of a user namespace.
    if !nix::unistd::geteuid().is_root() {
        command.arg("--map-root-user");
    }
    command
        .args(["--mount", "sh", "-c"])
        .arg(r#"mount -t tmpfs -o size=64k tmpfs "$0" && exec "$@""#)
        .arg(disk.path())
        .arg(std::env::current_exe().unwrap())
        .args(["--exact", ME, "--nocapture"])
        .env(DISK, disk.path());
    let ended = tokio::task::spawn_blocking(move || command.status().unwrap());
    let status = ended.await.unwrap();
    assert!(status.success(), "{status}");
}

async fn on(disk: &Path) {
    let ballast = disk.join("ballast");
    let filled = fs::write(&ballast, vec![b'x'; 128 * 1024]);
    filled.expect_err("the disk is small");
    let (cluster, origin) = shop().await;
    let kubeconfig = cluster.kubeconfig(&cluster.admin());
    let edge = edge(kubeconfig, node(&disk.join("state"), "shop", &origin)).await;
    edge.until_metric("hedgerow_store_failures_total", &[], 1.0)
        .await;
    check_served(&edge).await;
    assert_eq!(edge.metric("hedgerow_store_writes_total", &[]).await, 0.0);
    let ready = edge.admin("/readyz").await;
    assert_eq!(ready.status, 200, "{}", ready.text());
    edge.stop().await;
    let state = fs::read_dir(disk.join("state")).into_iter().flatten();
    let left: Vec<_> = state.map(|entry| entry.unwrap().file_name()).collect();
    assert!(left.is_empty(), "{left:?}");
}
