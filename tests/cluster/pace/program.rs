//! How does the whole program run beside a story, and what does it use?

use super::{SETTLE_TIME, is_full};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use tempfile::TempDir;
use tests::client::{Connection, PATIENCE, Request};
use tests::cluster::process::Process;
use tests::cluster::{Cluster, LOOK_INTERVAL, ports};

/// The kernel counts CPU in these (`getconf CLK_TCK`: 100 on every Linux).
const TICK: Duration = Duration::from_millis(10);

/// `hedgerow run`, reading a cluster's API server. Killed when it is dropped.
pub struct Program {
    pub http: SocketAddr,
    pub begun: Instant,
    process: Process,
    directory: TempDir,
}

impl Program {
    /// `HEDGEROW` says which build; else it is the one beside this test.
    pub fn start(cluster: &Cluster, steady: SocketAddr) -> Program {
        let directory = tempfile::tempdir().unwrap();
        let address = || SocketAddr::from((Ipv4Addr::LOCALHOST, ports::free()));
        let (http, https, admin) = (address(), address(), address());
        let settings = directory.path().join("hedgerow.yaml");
        let state = directory.path().join("state");
        std::fs::write(
            &settings,
            format!(
                "accessLog: {{ format: \"off\" }}\nstate: {{ directory: {} }}\n",
                state.display()
            ),
        )
        .unwrap();
        let kubeconfig = cluster.kubeconfig(&cluster.admin());
        let arguments = [
            "run".to_owned(),
            format!("--settings={}", settings.display()),
            format!("--kubeconfig={}", kubeconfig.display()),
            format!("--http={http}"),
            format!("--https={https}"),
            format!("--admin={admin}"),
            format!("--endpoint=default/steady:80={steady}"),
        ];
        let process = Process::new("hedgerow", binary(), arguments.into(), directory.path());
        let begun = Instant::now();
        process.start();
        Program {
            http,
            begun,
            process,
            directory,
        }
    }

    /// Ends it without a word, and starts it anew in its place.
    pub async fn again(mut self) -> Program {
        self.process.kill();
        self.begun = Instant::now();
        self.process.start();
        self
    }

    /// `release` or `debug`, by the folder of the binary.
    pub fn build(&self) -> String {
        let binary = binary();
        let folder = binary.parent().and_then(Path::file_name);
        folder.unwrap_or_default().to_string_lossy().into_owned()
    }

    /// Until the site's steady route is. All that a source holds at its start comes into force at once.
    pub async fn until_served(&self) {
        let request = Request::new("GET", "http://steady.pace.test/");
        let deadline = Instant::now() + 3 * PATIENCE;
        loop {
            if let Ok(mut connection) = Connection::open(self.http).await
                && let Ok(reply) = request.send_on(&mut connection).await
                && reply.status == 200
            {
                return;
            }
            assert!(
                Instant::now() < deadline && self.process.ended().is_none(),
                "{}",
                self.process.log_end()
            );
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Until the state directory has this file.
    pub async fn until_file(&self, name: &str) {
        let path = self.directory.path().join("state").join(name);
        let deadline = Instant::now() + PATIENCE;
        while !path.exists() {
            assert!(Instant::now() < deadline, "there is never a {name}");
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    pub fn settle_time(&self) -> Duration {
        match is_full() {
            true => SETTLE_TIME,
            false => Duration::ZERO,
        }
    }

    /// CPU since the start, of all threads.
    pub fn cpu(&self) -> Duration {
        let text = self.read("stat");
        let after_name = text.rsplit(')').next().unwrap();
        let fields: Vec<&str> = after_name.split_whitespace().collect();
        // proc(5): utime and stime are fields 14 and 15, and 3 comes first here.
        let ticks: u32 = [11, 12]
            .iter()
            .map(|at| fields[*at].parse::<u32>().unwrap())
            .sum();
        TICK * ticks
    }

    /// Share of a core from now on, over a while.
    pub async fn cpu_percent(&self) -> f64 {
        let (before, begun) = (self.cpu(), Instant::now());
        tokio::time::sleep(3 * self.settle_time() + LOOK_INTERVAL).await;
        let used = self.cpu() - before;
        used.as_secs_f64() / begun.elapsed().as_secs_f64() * 100.0
    }

    pub fn resident_mib(&self) -> f64 {
        self.status_mib("VmRSS:")
    }

    pub fn peak_mib(&self) -> f64 {
        self.status_mib("VmHWM:")
    }

    fn status_mib(&self, key: &str) -> f64 {
        let text = self.read("status");
        let line = text
            .lines()
            .find_map(|line| line.strip_prefix(key))
            .unwrap();
        let kib: f64 = line.trim().trim_end_matches(" kB").parse().unwrap();
        kib / 1024.0
    }

    fn read(&self, name: &str) -> String {
        let pid = self.process.pid().expect("it runs");
        std::fs::read_to_string(format!("/proc/{pid}/{name}")).unwrap()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.process.kill();
    }
}

fn binary() -> PathBuf {
    let given = std::env::var_os("HEDGEROW").map(PathBuf::from);
    let binary = given.unwrap_or_else(|| {
        let test = std::env::current_exe().unwrap();
        test.ancestors().nth(2).unwrap().join("hedgerow")
    });
    assert!(
        binary.exists(),
        "{} is missing: cargo build --package hedgerow-proxy",
        binary.display()
    );
    binary
}
