//! How does the process write its own log?
//!
//! To standard error: people read lines on a terminal, everything else gets one JSON object per line. Standard output belongs to
//! the access log. This is the one thing, beside the provider of rustls, that all edges of a process share.

use crate::admin::log_level::{LogLevel, parse};
use anyhow::{Result, anyhow};
use std::io::IsTerminal;
use std::sync::OnceLock;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer, Registry, fmt, reload};

/// The environment variable with the levels.
pub const VARIABLE: &str = "HEDGEROW_LOG";
/// Without it: what we say is rare at `info`; of the engine only what is wrong with the engine, because its word on each failed
/// request stands in the access log already; nothing of the client for the API server, because the source tells what it makes of it.
pub const DEFAULT: &str =
    "info,pingora_core=error,pingora_proxy=off,kube_client=off,kube_runtime=off";
/// For those who look at a page and not at a log.
pub const QUIET: &str = "error,pingora_core=off,pingora_proxy=off";

/// Logs whole answers of the API server that it cannot read, Secrets among them: it is never heard, whatever the levels are.
const NEVER: &str = "kube_client::client";

static HANDLE: OnceLock<reload::Handle<EnvFilter, Registry>> = OnceLock::new();

/// Starts the log with what `HEDGEROW_LOG` says, else with these levels; again: a further handle of the same log.
pub fn start(default: &str) -> Result<LogLevel> {
    if let Some(handle) = HANDLE.get() {
        return Ok(LogLevel::new(handle.clone()));
    }
    let wanted = match std::env::var(VARIABLE) {
        Ok(text) if !text.trim().is_empty() => text,
        _ => default.to_owned(),
    };
    let filter = parse(&wanted).map_err(|error| anyhow!("{VARIABLE}: {error}"))?;
    let (filter, handle) = reload::Layer::new(filter);
    let handle = HANDLE.get_or_init(|| handle).clone();
    let lines = if std::io::stderr().is_terminal() {
        fmt::layer().with_writer(std::io::stderr).boxed()
    } else {
        let json = fmt::layer().json().flatten_event(true);
        json.with_writer(std::io::stderr).boxed()
    };
    // An error says that somebody else in this process has a log already (another thread that starts an edge, a test's own).
    let _ = tracing_subscriber::registry()
        .with(filter)
        .with(filter_fn(|about| about.target() != NEVER))
        .with(lines)
        .try_init();
    Ok(LogLevel::new(handle))
}
