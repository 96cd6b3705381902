//! How does a story get a real Kubernetes of its own?
//!
//! etcd and the API server (with `controllers`: controller manager and scheduler too), built by `tests/cluster/build` from pinned Go
//! modules, on free ports of 127.0.0.1, state in memory, certificates of its own. As any user, several side by side. No node, so no
//! pod runs: a story that wants endpoints writes EndpointSlices, or Nodes and pod statuses. A story looks like this:
//!
//! ```no_run
//! use tests::cluster::{Cluster, api, faults::{Fault, Faults}};
//!
//! # async fn story() {
//! let cluster = Cluster::start().await;                       // Or `Cluster::shared()`: one for all stories that only write objects.
//! let proxy = Faults::start(cluster.address()).await;         // Set faults at run time; `faults::http` answers 410, 429, 5xx.
//! let edge = cluster.service_account("default", "edge").await; // Or `cluster.user("anna", &["team"])`, `cluster.admin()`.
//! let kubeconfig = cluster.kubeconfig_via(&edge, proxy.address);
//! cluster.apply("apiVersion: v1\nkind: ConfigMap\nmetadata: { name: a }\n").await; // kubectl; or `cluster.api(..)` for thousands.
//! proxy.set(Fault::Hang).await;
//! cluster.api_server.kill();
//! cluster.start_api_server().await;                           // On the same port.
//! # }
//! ```
//!
//! - Faults of processes: `api_server` and `etcd` are `Process`: `kill`, `freeze`, `thaw`; then `start_api_server`, `start_etcd`.
//! - `snapshot` and `restore` bring etcd back to an older revision, which no client expects.
//! - `Options::audit_policy` turns on `audit`: who asked for what, and what was denied.
//! - Without `controllers` the ClusterRoles view, edit and admin are empty (a controller fills them), and a namespace has no ServiceAccount.
//! - Loopback and link-local addresses are refused in EndpointSlices by Kubernetes itself.
//! - Nothing is left behind, however the test ends: see `cluster/process.rs` and `cluster/directory.rs`.
//! - Stories are in `tests/cluster/`, run by `make e2e`, or with `cargo test --package hedgerow-tests --test cluster`. The first run builds
//!   the programs; HEDGEROW_CLUSTER_CACHE is a folder that several work trees may share.

pub mod access;
pub mod api;
pub mod audit;
pub mod control_plane;
pub mod directory;
pub mod faults;
pub mod helm;
mod kept;
mod kubectl;
pub mod ports;
pub mod process;
pub mod programs;
pub mod rights;
mod state;
mod tokens;

pub use state::Snapshot;

use crate::client::{Connection, Reply, Request};
use access::{Access, Credentials, MASTERS};
use api::Api;
use audit::Audit;
use control_plane::Ports;
use directory::Directory;
use process::Process;
use programs::Programs;
use rustls::ClientConfig;
use serde_json::{Value, json};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::OnceCell;

/// What a story waits for is looked at this often.
pub const LOOK_INTERVAL: Duration = Duration::from_millis(10);
/// Somebody else's port may never answer.
const ANSWER_PATIENCE: Duration = Duration::from_secs(5);
/// A start takes 3 s on a quiet machine; one that compiles at the same time needs several times that.
const START_PATIENCE: Duration = Duration::from_secs(120);
/// Ports are chosen before a program takes them; somebody else may be faster.
const STARTS_MAX: usize = 3;

/// What a cluster shall have beyond etcd and the API server.
#[derive(Debug, Clone)]
pub struct Options {
    /// Gateway API's definitions, experimental channel.
    pub gateway_api: bool,
    /// kube-controller-manager and kube-scheduler.
    pub controllers: bool,
    /// An audit policy, such as `audit::METADATA`.
    pub audit_policy: Option<String>,
    pub api_server_flags: Vec<String>,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            gateway_api: true,
            controllers: false,
            audit_policy: None,
            api_server_flags: Vec::new(),
        }
    }
}

/// A Kubernetes of one story. Dropping it ends everything.
pub struct Cluster {
    pub api_server: Process,
    pub etcd: Process,
    pub access: Access,
    pub audit: Audit,
    /// From the call until it answered.
    pub start_time: Duration,
    /// Only where `Options` asked for them.
    controllers: Vec<Process>,
    ports: Ports,
    programs: Programs,
    /// Last: what runs in it ends before.
    directory: Directory,
}

static SHARED: OnceCell<Cluster> = OnceCell::const_new();

impl Cluster {
    /// With Gateway API's definitions, without controllers.
    pub async fn start() -> Cluster {
        Cluster::start_with(Options::default()).await
    }

    /// One for all stories of this process that write into namespaces of their own and hurt nobody. It ends with the process.
    pub async fn shared() -> &'static Cluster {
        SHARED.get_or_init(Cluster::start).await
    }

    pub async fn start_with(options: Options) -> Cluster {
        let programs = Programs::built().await;
        let kept = kept::etcd(&programs, options.gateway_api).await;
        Cluster::boot(programs, options, Some(kept)).await
    }

    /// From a copy of etcd's directory, or from nothing.
    async fn boot(programs: Programs, options: Options, kept: Option<PathBuf>) -> Cluster {
        for _ in 0..STARTS_MAX {
            let start = Instant::now();
            let mut cluster = Cluster::new(programs.clone(), &options);
            if let Some(kept) = &kept {
                state::copy(kept, &cluster.path("etcd")).await;
            }
            match cluster.start_all(&options).await {
                Ok(()) => {
                    cluster.start_time = start.elapsed();
                    return cluster;
                }
                Err(log) if log.contains("address already in use") => {}
                Err(log) => panic!("the cluster does not start:\n{log}"),
            }
        }
        panic!("{STARTS_MAX} starts found a port taken");
    }

    fn new(programs: Programs, options: &Options) -> Cluster {
        let directory = Directory::create();
        let path = directory.path();
        let access = Access::new(path);
        let ports = Ports {
            etcd: ports::free(),
            etcd_peer: ports::free(),
            api_server: ports::free(),
        };
        let process = |name: &str, arguments| {
            Process::new(name, programs.path(name), arguments, directory.path())
        };
        Cluster {
            etcd: process("etcd", control_plane::etcd(&access, ports)),
            api_server: process(
                "kube-apiserver",
                control_plane::api_server(&access, ports, options),
            ),
            audit: Audit(path.join("audit.log")),
            start_time: Duration::ZERO,
            controllers: Vec::new(),
            access,
            ports,
            programs,
            directory,
        }
    }

    /// Or the end of the log of what does not come up.
    async fn start_all(&mut self, options: &Options) -> Result<(), String> {
        self.try_start_etcd().await?;
        self.try_start_api_server().await?;
        if options.controllers {
            self.start_controllers().await;
        }
        Ok(())
    }

    /// Where the API server answers, over TLS.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.api_server).into()
    }

    /// Where etcd answers, over TLS.
    pub fn etcd_address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.ports.etcd).into()
    }

    /// A file of this cluster alone: logs, keys, kubeconfigs.
    pub fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// The ids of everything that runs for it.
    pub fn pids(&self) -> Vec<u32> {
        let programs = [&self.etcd, &self.api_server].into_iter();
        let programs = programs.chain(&self.controllers);
        programs.filter_map(Process::pid).collect()
    }
}

/// Processes. Each start is on the same port as before, and returns when it answers.
impl Cluster {
    /// After `api_server.kill()`.
    pub async fn start_api_server(&self) {
        let started = self.try_start_api_server().await;
        started.unwrap_or_else(|log| panic!("the API server does not start:\n{log}"));
    }

    pub async fn restart_api_server(&self) {
        self.api_server.kill();
        self.start_api_server().await;
    }

    /// After `etcd.kill()`. The API server finds it again by itself.
    pub async fn start_etcd(&self) {
        let started = self.try_start_etcd().await;
        started.unwrap_or_else(|log| panic!("etcd does not start:\n{log}"));
    }

    async fn try_start_etcd(&self) -> Result<(), String> {
        self.etcd.start();
        let door = (self.etcd_address(), self.access.client(&self.admin(), &[]));
        until_answered(&self.etcd, door, "/health").await
    }

    async fn try_start_api_server(&self) -> Result<(), String> {
        self.api_server.start();
        // Anybody may ask; but who asks as admin learns as well that certificates count, a moment after the port is open.
        let door = (self.address(), self.access.client(&self.admin(), &[]));
        until_answered(&self.api_server, door, "/readyz").await
    }

    /// They are at work when a namespace has got its ServiceAccount.
    async fn start_controllers(&mut self) {
        let kubeconfig = |name: &str| {
            let user = self.access.user(&format!("system:{name}"), &[]);
            self.access.kubeconfig(&user, self.address())
        };
        let manager = kubeconfig("kube-controller-manager");
        let rows = [
            (
                "kube-controller-manager",
                control_plane::controller_manager(&self.access, &manager),
            ),
            (
                "kube-scheduler",
                control_plane::scheduler(&kubeconfig("kube-scheduler")),
            ),
        ];
        for (name, arguments) in rows {
            let program = self.programs.path(name);
            let process = Process::new(name, program, arguments, self.directory.path());
            process.start();
            self.controllers.push(process);
        }
        let door = (self.address(), self.access.client(&self.admin(), &[]));
        let account = "/api/v1/namespaces/default/serviceaccounts/default";
        let started = until_answered(&self.controllers[0], door, account).await;
        started.unwrap_or_else(|log| panic!("the controllers do not start:\n{log}"));
    }
}

/// Who asks, and how.
impl Cluster {
    /// May do everything, whatever RBAC says.
    pub fn admin(&self) -> Credentials {
        self.access.user("admin", &[MASTERS])
    }

    /// A user in at most two groups, with a certificate. RBAC gives it nothing yet.
    pub fn user(&self, name: &str, groups: &[&str]) -> Credentials {
        self.access.user(name, groups)
    }

    /// A ServiceAccount, made if it is missing, with a token for an hour. RBAC gives it nothing yet.
    pub async fn service_account(&self, namespace: &str, name: &str) -> Credentials {
        let api = self.api(&self.admin()).await;
        let account = json!({
            "apiVersion": "v1", "kind": "ServiceAccount",
            "metadata": { "name": name, "namespace": namespace },
        });
        api.apply(&account).await.unwrap();
        self.token(namespace, name).await
    }

    /// A token for an hour, of a ServiceAccount that is there.
    pub async fn token(&self, namespace: &str, name: &str) -> Credentials {
        self.token_for(namespace, name, Duration::from_hours(1))
            .await
    }

    /// The same for another time; the API server takes no less than ten minutes.
    pub async fn token_for(&self, namespace: &str, name: &str, time: Duration) -> Credentials {
        let api = self.api(&self.admin()).await;
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}/token");
        let request = json!({
            "apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest",
            "spec": { "expirationSeconds": time.as_secs() },
        });
        let answer: Value = api.create(&path, &request).await.unwrap();
        Credentials {
            name: format!("{namespace}-{name}"),
            certificate: None,
            token: answer["status"]["token"].as_str().map(str::to_owned),
        }
    }

    /// A file for `--kubeconfig`.
    pub fn kubeconfig(&self, credentials: &Credentials) -> PathBuf {
        self.kubeconfig_via(credentials, self.address())
    }

    /// The same through a proxy at this address.
    pub fn kubeconfig_via(&self, credentials: &Credentials, proxy: SocketAddr) -> PathBuf {
        self.access.kubeconfig(credentials, proxy)
    }

    /// A connection for many requests.
    pub async fn api(&self, credentials: &Credentials) -> Api {
        let opened = Api::open(&self.access, credentials, self.address()).await;
        opened.unwrap_or_else(|error| panic!("the API server does not answer: {error}"))
    }
}

/// Where to ask, and with which certificate.
type Door = (SocketAddr, Arc<ClientConfig>);

/// Asks until the answer is 200. Err: the end of the program's log, when it ended or never answered.
async fn until_answered(process: &Process, door: Door, path: &str) -> Result<(), String> {
    let deadline = Instant::now() + START_PATIENCE;
    loop {
        let answer = tokio::time::timeout(ANSWER_PATIENCE, ask(&door, path)).await;
        if matches!(answer, Ok(Ok(reply)) if reply.status == 200) {
            return Ok(());
        }
        if process.ended().is_some() || Instant::now() > deadline {
            return Err(format!("{}: {}", process.name, process.log_end()));
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

async fn ask((address, tls): &Door, path: &str) -> io::Result<Reply> {
    let request = Request::new("GET", &format!("https://127.0.0.1{path}"));
    let connection = Connection::open_tls(*address, "127.0.0.1", tls.clone());
    request.send_on(&mut connection.await?).await
}
