//! How do the parts fit together?
//!
//! The composition root: the one place that knows everybody. `Edge::start` reads as a list. Several edges may live in one process
//! (the tests start many); they share nothing but the log and the provider of rustls.

mod ask_admin;
mod banner;
pub mod check;
mod command;
mod control_path;
mod default_certificate;
pub mod demo;
mod ground;
mod last_good;
pub mod log;
pub mod memory;
mod offline;
pub mod paint;
mod publish;
mod reload;
mod report;
mod run;
mod say;
pub mod served;
pub mod settings;
mod settings_file;
mod signals;
mod source;
mod source_report;
pub mod version;
mod why;

pub use command::run_command;

use crate::admin::AdminServer;
use crate::live::{InForce, Live};
use crate::runtime::Layout;
use crate::server::Server;
use crate::shutdown::{StopMode, StopReport};
use anyhow::{Context, Result, anyhow};
use config::problem::Problem;
use config::settings::{Flags, Settings};
use control_path::ControlPath;
use ground::Ground;
use reload::Reloader;
use settings_file::SettingsFile;
use signals::Signals;
use std::io::Write;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Access log lines that still wait at the end get this long.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);

/// What is not a setting.
pub struct Options {
    /// Followed while the edge runs.
    pub settings_file: Option<PathBuf>,
    /// The command line's; they beat the file each time it is read.
    pub flags: Flags,
    /// What was found in the settings and is in force all the same.
    pub warnings: Vec<Problem>,
    /// Where access log lines go.
    pub access_log: Box<dyn Write + Send>,
    /// Levels of the process's own log where `HEDGEROW_LOG` says none.
    pub log_levels: &'static str,
    pub layout: Layout,
}

impl Default for Options {
    fn default() -> Options {
        Options {
            settings_file: None,
            flags: Flags::default(),
            warnings: Vec::new(),
            access_log: Box::new(std::io::stdout()),
            log_levels: log::DEFAULT,
            layout: Layout::of_this_machine(),
        }
    }
}

/// A whole edge. Dropped without `shutdown`: everything is cut.
pub struct Edge {
    ground: Ground,
    server: Arc<Server>,
    reloader: Arc<Reloader>,
    settings_file: Option<SettingsFile>,
    admin: AdminServer,
    control: Arc<ControlPath>,
}

/// How the stop went.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ShutdownReport {
    pub data_path: StopReport,
    /// Every access log line was written.
    pub is_log_flushed: bool,
}

impl ShutdownReport {
    /// No request was cut, and no line was lost.
    pub fn is_clean(&self) -> bool {
        self.data_path.requests_cut == 0 && self.is_log_flushed
    }
}

impl Edge {
    /// Starts an edge. When it returns, the first snapshot is in force and every listener accepts. Blocks.
    pub fn start(settings: Settings, options: Options) -> Result<Edge> {
        let started = Edge::start_unless_stopped(settings, options, None)?;
        started.context("the start was given up")
    }

    /// The same; a signal ends the wait for an API server that does not answer, and then there is no edge.
    fn start_unless_stopped(
        settings: Settings,
        options: Options,
        signals: Option<&mut Signals>,
    ) -> Result<Option<Edge>> {
        let log_level = log::start(options.log_levels)?;
        let memory = memory::read();
        let settings = Arc::new(reload::resolve(settings, memory));
        let certificate = default_certificate::Chosen::new()?;
        let ground = Ground::new(settings, certificate.self_signed(), options.access_log)?;
        let admin = ground.start_admin(log_level)?;
        let control = Arc::new(ControlPath::start(&ground, certificate, options.warnings)?);
        if !control.wait_for_first_snapshot(signals)? {
            return Ok(None);
        }
        let server = Arc::new(ground.start_server(options.layout)?);
        let reloader = Arc::new(Reloader {
            flags: options.flags,
            memory,
            server: server.clone(),
            access_log: ground.access_log.clone(),
            metrics: ground.metrics.clone(),
            conditions: ground.conditions.clone(),
            settings: control.settings.clone(),
            own_problems: control.own_problems.clone(),
            version: control.version.clone(),
            turn: Default::default(),
        });
        control.spawn(reloader.clone().keep_binding());
        let settings_file = options.settings_file;
        let settings_file = settings_file
            .map(|path| follow_settings(path, control.clone(), reloader.clone()))
            .transpose()?;
        Ok(Some(Edge {
            ground,
            server,
            reloader,
            settings_file,
            admin,
            control,
        }))
    }

    /// Where HTTP listeners are bound, with the ports in use.
    pub fn http_addrs(&self) -> Vec<SocketAddr> {
        self.addresses(false)
    }

    /// Where HTTPS listeners are bound, with the ports in use.
    pub fn https_addrs(&self) -> Vec<SocketAddr> {
        self.addresses(true)
    }

    /// The first HTTP listener.
    pub fn http_addr(&self) -> Option<SocketAddr> {
        self.http_addrs().first().copied()
    }

    /// The first HTTPS listener.
    pub fn https_addr(&self) -> Option<SocketAddr> {
        self.https_addrs().first().copied()
    }

    pub fn admin_addr(&self) -> SocketAddr {
        self.admin.address()
    }

    fn addresses(&self, is_https: bool) -> Vec<SocketAddr> {
        let all = self.server.listeners();
        let wanted = all.iter().filter(|bound| bound.spec.is_https == is_https);
        wanted.map(|bound| bound.address).collect()
    }

    /// What is in force right now.
    pub fn in_force(&self) -> Arc<InForce> {
        self.ground.live.current()
    }

    /// The one place from which requests read.
    pub fn live(&self) -> &Arc<Live> {
        &self.ground.live
    }

    /// All of `/readyz`'s conditions hold.
    pub fn is_ready(&self) -> bool {
        self.ground.conditions.is_ready()
    }

    /// Waits until a version later than this one is in force. None: not within that time.
    pub async fn wait_for_version_above(&self, version: u64, patience: Duration) -> Option<u64> {
        let mut seen = self.control.version.clone();
        let later = seen.wait_for(|current| *current > version);
        let later = tokio::time::timeout(patience, later).await.ok()?.ok()?;
        Some(*later)
    }

    /// Puts other settings (flags included) into force, as far as that is possible without a restart; `/problems` says what is not. Blocks.
    pub fn reload(&self, settings: Settings) -> Result<()> {
        let reloader = self.reloader.clone();
        let applied = self
            .control
            .block_on(async move { reloader.apply(settings, Vec::new()).await });
        applied
            .ok_or_else(|| anyhow!("the new settings were not applied: the control path is gone"))
    }

    /// Stops in order and ends every thread. Blocks.
    pub fn shutdown(self, mode: StopMode) -> ShutdownReport {
        self.ground.conditions.set_draining();
        self.control.begin_end();
        let server = self.server.clone();
        let stopped = self
            .control
            .block_on(async move { server.stop(mode).await });
        self.end(stopped)
    }

    /// Ends what is left after the data path: follower, control path, admin, log.
    fn end(self, data_path: Option<StopReport>) -> ShutdownReport {
        drop(self.settings_file);
        drop(self.reloader);
        drop(self.control);
        self.admin.stop();
        let is_log_flushed = self.ground.access_log.stop(FLUSH_TIMEOUT);
        // None: the stop itself panicked. Its log says why; nobody knows what was cut.
        let data_path = data_path.unwrap_or(StopReport {
            requests_cut: usize::MAX,
            connections_cut: usize::MAX,
            took: Duration::ZERO,
        });
        ShutdownReport {
            data_path,
            is_log_flushed,
        }
    }
}

fn follow_settings(
    path: PathBuf,
    control: Arc<ControlPath>,
    reloader: Arc<Reloader>,
) -> Result<SettingsFile> {
    SettingsFile::follow(path, move |loaded| {
        let reloader = reloader.clone();
        if control
            .block_on(async move { reloader.take(loaded).await })
            .is_none()
        {
            tracing::error!("an edit of the settings file was lost: the control path is gone");
        }
    })
    .context("the settings file cannot be followed")
}
