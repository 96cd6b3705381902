//! How do new settings come into force while the edge runs?

use crate::admin::conditions::Conditions;
use crate::app::memory::Memory;
use crate::app::publish::OwnProblems;
use crate::app::settings::sentences;
use crate::observe::Metrics;
use crate::observe::access_log::AccessLog;
use crate::observe::config_metrics::Applied;
use crate::server::{Caps, ListenerProblem, Server};
use config::name::{Kind, ObjectRef};
use config::problem::{Problem, ProblemCode, Severity};
use config::settings::{Flags, Settings};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{Mutex, watch};

/// A listener that could not be bound is tried again this often.
const RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// The publisher takes milliseconds.
const IN_FORCE_TIMEOUT: Duration = Duration::from_secs(5);

/// Everybody who wants to know of new settings.
pub struct Reloader {
    pub flags: Flags,
    pub memory: Memory,
    pub server: Arc<Server>,
    pub access_log: Arc<AccessLog>,
    pub metrics: Arc<Metrics>,
    pub conditions: Arc<Conditions>,
    pub settings: watch::Sender<Arc<Settings>>,
    pub own_problems: watch::Sender<OwnProblems>,
    /// Of what is in force.
    pub version: watch::Receiver<u64>,
    /// One reload at a time: listeners are bound and closed in between.
    pub turn: Mutex<Standing>,
}

/// What is wrong with the settings in force, and with those that are not.
#[derive(Debug, Default)]
pub struct Standing {
    /// Until other settings come.
    others: Vec<Problem>,
    /// Until the address can be bound.
    unbound: Vec<Problem>,
    /// Of a settings file that was refused, until it is mended.
    refused: Vec<Problem>,
}

impl Standing {
    fn all(&self) -> Vec<Problem> {
        let of_settings = self.others.iter().chain(&self.unbound);
        of_settings.chain(&self.refused).cloned().collect()
    }
}

impl Reloader {
    /// Settings as a file says them, before flags, with what is probably not meant in them; or why the file is wrong.
    pub async fn take(&self, loaded: Result<(Settings, Vec<Problem>), Vec<Problem>>) {
        let merged =
            loaded.and_then(|(settings, warnings)| Ok((self.flags.apply(settings)?, warnings)));
        match merged {
            Ok((settings, warnings)) => self.apply(settings, warnings).await,
            Err(problems) => self.refuse(problems).await,
        }
    }

    /// The last good settings stay in force.
    async fn refuse(&self, problems: Vec<Problem>) {
        let error = sentences(&problems);
        let mut standing = self.turn.lock().await;
        if standing.all().is_empty() {
            // What was found at the start has not come by here.
            standing.others = self.own_problems.borrow().to_vec();
        }
        standing.refused = problems;
        self.own_problems.send_replace(Arc::new(standing.all()));
        tracing::error!(%error, "the settings file is wrong; the last good settings stay in force");
        self.metrics.config.settings_applied(Applied::Failed);
        self.conditions.set_settings_problem(Some(error));
    }

    /// Puts these settings into force, as far as that is possible without a restart.
    pub async fn apply(&self, mut wanted: Settings, warnings: Vec<Problem>) {
        let mut standing = self.turn.lock().await;
        let before = self.settings.borrow().clone();
        let later = before.changes_needing_restart(&wanted);
        keep_until_restart(&mut wanted, &before);
        let wanted = resolve(wanted, self.memory);
        standing.refused.clear();
        standing.others = warnings;
        let later = later.iter().map(|key| needs_restart(key));
        standing.others.extend(later);
        standing.unbound = self.bind(&wanted).await;
        let problems = standing.all();
        self.access_log.configure(wanted.access_log);
        let wanted = Arc::new(wanted);
        self.settings.send_replace(wanted.clone());
        // Whoever is told that they are in force may rely on it. Before the first snapshot nothing is.
        let in_force = self.until_in_force(&wanted);
        if tokio::time::timeout(IN_FORCE_TIMEOUT, in_force)
            .await
            .is_err()
        {
            tracing::warn!("new settings wait for a configuration to come into force with");
        }
        if !problems.is_empty() {
            tracing::warn!(problems = %sentences(&problems), "settings are in force, with problems");
        } else {
            tracing::info!("new settings are in force");
        }
        self.own_problems.send_replace(Arc::new(problems));
        self.metrics.config.settings_applied(Applied::Ok);
        self.conditions.set_settings_problem(None);
    }

    async fn until_in_force(&self, settings: &Arc<Settings>) {
        let live = &self.server.shared().live;
        let mut version = self.version.clone();
        loop {
            version.mark_unchanged();
            if Arc::ptr_eq(&live.current().settings, settings) || version.changed().await.is_err() {
                return;
            }
        }
    }

    /// Returns what is wrong with those listeners that cannot be bound.
    async fn bind(&self, settings: &Settings) -> Vec<Problem> {
        let unbound = self.server.apply(settings, caps(settings)).await;
        self.conditions.set_listeners(unbound.is_empty());
        unbound.iter().map(listener_problem).collect()
    }

    /// Never ends. Whoever had the address of a listener may have given it back.
    pub async fn keep_binding(self: Arc<Self>) {
        loop {
            tokio::time::sleep(RETRY_INTERVAL).await;
            self.bind_again().await;
        }
    }

    async fn bind_again(&self) {
        let mut standing = self.turn.lock().await;
        if standing.unbound.is_empty() || self.conditions.is_draining() {
            return;
        }
        let settings = self.settings.borrow().clone();
        let unbound = self.bind(&settings).await;
        if unbound == standing.unbound {
            return;
        }
        standing.unbound = unbound;
        let left = standing.unbound.len();
        tracing::info!(left, "a listener that could not be bound is bound now");
        self.own_problems.send_replace(Arc::new(standing.all()));
    }
}

/// The bounds that nobody set, from the memory of this process: requests read settled numbers.
pub fn resolve(mut settings: Settings, memory: Memory) -> Settings {
    let Memory {
        cgroup_limit_bytes,
        total_bytes,
    } = memory;
    let limits = &mut settings.limits;
    let connections = limits.connections_max(cgroup_limit_bytes, total_bytes);
    let per_client = limits.connections_per_client_max(connections);
    let requests = limits.requests_max(cgroup_limit_bytes, total_bytes);
    limits.connections_max = Some(connections);
    limits.connections_per_client_max = Some(per_client);
    limits.requests_max = Some(requests);
    settings
}

/// Of settings that `resolve` has settled.
pub fn caps(settings: &Settings) -> Caps {
    Caps {
        connections_max: settings.limits.connections_max.unwrap_or(usize::MAX),
        per_client_max: settings
            .limits
            .connections_per_client_max
            .unwrap_or(usize::MAX),
    }
}

/// What is read once, at start (`Settings::changes_needing_restart` names the same keys).
fn keep_until_restart(wanted: &mut Settings, before: &Settings) {
    wanted.admin = before.admin;
    wanted.source = before.source.clone();
    wanted.share_port = before.share_port;
    wanted.state_directory = before.state_directory.clone();
    wanted.series_max = before.series_max;
}

fn needs_restart(key: &str) -> Problem {
    own_problem(
        Severity::Warning,
        key,
        "has changed, and is read only at start".into(),
        "a restart; until then the old value is in force".into(),
    )
}

fn listener_problem(unbound: &ListenerProblem) -> Problem {
    own_problem(
        Severity::Error,
        unbound.spec.field(),
        unbound.error.to_string(),
        "an address that can be bound; the other listeners serve meanwhile, and it is tried again every 5 s".into(),
    )
}

fn own_problem(severity: Severity, field: &str, found: String, expected: String) -> Problem {
    Problem {
        severity,
        code: ProblemCode::InvalidSetting,
        object: ObjectRef::new(Kind::Settings, "", "settings"),
        field: field.to_owned(),
        found,
        expected,
        origin: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_needs_a_restart_is_kept_and_nothing_else() {
        let before = Settings::default();
        let mut wanted = Settings {
            admin: "127.0.0.1:1".parse().expect("is an address"),
            share_port: true,
            state_directory: "/elsewhere".into(),
            series_max: 1,
            via: true,
            ..Settings::default()
        };
        assert_ne!(before.changes_needing_restart(&wanted), Vec::<&str>::new());
        keep_until_restart(&mut wanted, &before);
        assert_eq!(before.changes_needing_restart(&wanted), Vec::<&str>::new());
        assert!(wanted.via);
    }

    #[test]
    fn bounds_that_nobody_set_follow_memory() {
        let memory = Memory {
            cgroup_limit_bytes: Some(128 << 20),
            total_bytes: 4 << 30,
        };
        let settings = resolve(Settings::default(), memory);
        let found = caps(&settings);
        assert_eq!((found.connections_max, found.per_client_max), (1024, 256));
        assert_eq!(settings.limits.requests_max, Some(512));
    }
}
