//! What does every part of an edge stand on?

use crate::admin::conditions::Conditions;
use crate::admin::log_level::LogLevel;
use crate::admin::{self, AdminServer, AdminState};
use crate::app::reload::caps;
use crate::gateway::new_proxy;
use crate::live::{InForce, Live};
use crate::observe::Metrics;
use crate::observe::access_log::AccessLog;
use crate::runtime::Layout;
use crate::server::{self, Server, Shared};
use anyhow::{Context, Result};
use config::settings::Settings;
use rustls::sign::CertifiedKey;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// Made first, shared by all.
#[derive(Debug)]
pub struct Ground {
    pub settings: Arc<Settings>,
    pub metrics: Arc<Metrics>,
    pub conditions: Arc<Conditions>,
    pub access_log: Arc<AccessLog>,
    pub live: Arc<Live>,
}

impl Ground {
    /// Nothing is in force yet, and nothing runs but the access log's writer.
    pub fn new(
        settings: Arc<Settings>,
        self_signed: Arc<CertifiedKey>,
        access_log: Box<dyn Write + Send>,
    ) -> Result<Ground> {
        let metrics = Arc::new(Metrics::new().context("the metrics cannot be registered")?);
        let access_log = AccessLog::start(settings.access_log, access_log, &metrics.access_log)
            .context("the access log's thread does not start")?;
        let live = Live::new(InForce::nothing(settings.clone(), self_signed));
        Ok(Ground {
            settings,
            metrics,
            conditions: Arc::default(),
            access_log: Arc::new(access_log),
            live: Arc::new(live),
        })
    }

    /// Probes are answered from here on, truthfully.
    pub fn start_admin(&self, log_level: LogLevel) -> Result<AdminServer> {
        let listener = admin::bind(self.settings.admin)?;
        self.metrics.config.log_level(log_level.most_verbose());
        let state = AdminState {
            live: self.live.clone(),
            metrics: self.metrics.clone(),
            conditions: self.conditions.clone(),
            log_level,
        };
        Ok(AdminServer::start(listener, Arc::new(state))?)
    }

    /// Binds every listener, and serves what is in force.
    pub fn start_server(&self, layout: Layout) -> Result<Server> {
        trusted_roots_can_be_read()?;
        let shared = Arc::new(Shared {
            live: self.live.clone(),
            metrics: self.metrics.clone(),
            access_log: self.access_log.clone(),
            is_cutting: AtomicBool::new(false),
        });
        let options = server::Options {
            layout,
            caps: caps(&self.settings),
        };
        let for_proxies = shared.clone();
        let server = Server::start(shared, options, move || new_proxy(for_proxies.clone()))?;
        self.conditions.set_listeners(true);
        Ok(server)
    }
}

/// The engine takes the machine's certificate authorities for backends over TLS, and panics where these variables name what is not there.
fn trusted_roots_can_be_read() -> Result<()> {
    for variable in ["SSL_CERT_FILE", "SSL_CERT_DIR"] {
        if let Some(path) = std::env::var_os(variable) {
            let path = PathBuf::from(path);
            std::fs::metadata(&path).with_context(|| {
                format!(
                    "the environment says {variable}={}, which cannot be read; unset it, or install the package ca-certificates",
                    path.display()
                )
            })?;
        }
    }
    Ok(())
}
