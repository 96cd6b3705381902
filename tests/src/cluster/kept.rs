//! From which state does a new cluster start?
//!
//! Kubernetes' own roles and priorities and Gateway API's definitions take seconds to write. They are written once, and every later
//! cluster starts from a copy of that etcd.

use super::programs::Programs;
use super::{Cluster, Options, state};
use std::fs::File;
use std::path::PathBuf;

/// Changes when a kept copy of the same programs would differ.
const RECIPE: u32 = 1;

/// The kept directory, made by the first who wants it.
pub async fn etcd(programs: &Programs, gateway_api: bool) -> PathBuf {
    let name = if gateway_api { "gateway-api" } else { "bare" };
    let kept = programs.path(&format!("etcd-{name}-{RECIPE}"));
    if kept.is_dir() {
        return kept;
    }
    // Held until this function ends. Tests of other processes may want the same copy at this moment.
    let _lock = lock(programs.path("etcd.lock")).await;
    if !kept.is_dir() {
        eprintln!("cluster: making the first etcd ({name}), once");
        make(programs, gateway_api, &kept).await;
    }
    kept
}

async fn lock(path: PathBuf) -> File {
    let locked = tokio::task::spawn_blocking(move || {
        let file = File::create(path).unwrap();
        file.lock().unwrap();
        file
    });
    locked.await.unwrap()
}

impl Cluster {
    /// Gateway API's definitions, where `Options` did not ask for them from the start.
    pub async fn install_gateway_api(&self) {
        let definitions = self.programs.path("crd/experimental").display().to_string();
        self.kubectl(&["apply", "--server-side", "-k", &definitions])
            .await;
        let condition = "--for=condition=Established";
        self.kubectl(&["wait", condition, "--timeout=60s", "crd", "--all"])
            .await;
    }
}

async fn make(programs: &Programs, gateway_api: bool, kept: &PathBuf) {
    let cluster = Cluster::boot(programs.clone(), Options::default(), None).await;
    if gateway_api {
        cluster.install_gateway_api().await;
    }
    cluster.api_server.kill();
    cluster.etcd.kill();
    let part = kept.with_extension("part");
    if part.exists() {
        std::fs::remove_dir_all(&part).unwrap();
    }
    state::copy(&cluster.path("etcd"), &part).await;
    std::fs::rename(part, kept).unwrap();
}
