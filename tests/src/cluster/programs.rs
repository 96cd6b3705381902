//! Which programs does a cluster consist of, and where were they built?

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::LazyLock;

/// Asked once per process; what is there already costs a tenth of a second.
static BUILT: LazyLock<PathBuf> = LazyLock::new(build);

/// The folder of what `tests/cluster/build` built. Copies of etcd's directory are kept in it as well.
#[derive(Debug, Clone)]
pub struct Programs(PathBuf);

impl Programs {
    /// Builds what is missing, with progress on stderr.
    pub async fn built() -> Programs {
        let path = tokio::task::spawn_blocking(|| BUILT.clone()).await.unwrap();
        Programs(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

fn build() -> PathBuf {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("cluster/build");
    let built = Command::new(&script).stderr(Stdio::inherit()).output();
    let built = built.unwrap_or_else(|error| panic!("{}: {error}", script.display()));
    assert!(
        built.status.success(),
        "{} says above what is missing",
        script.display()
    );
    PathBuf::from(String::from_utf8(built.stdout).unwrap().trim())
}
