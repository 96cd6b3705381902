//! What do signals ask for?
//!
//! SIGTERM stops after the lame duck, SIGINT without it, a second one of either at once. SIGHUP reads the settings again.

use super::{Edge, ShutdownReport};
use crate::server::Server;
use crate::shutdown::{StopMode, StopReport};
use anyhow::{Context, Result};
use std::io;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// Serves until a signal, and stops as it asks. Blocks the main thread.
pub fn serve_until_signal(edge: Edge) -> Result<ShutdownReport> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("signals cannot be waited for")?;
    let stopped = runtime.block_on(stop_on_signal(&edge));
    let stopped = stopped.context("signals cannot be waited for")?;
    Ok(edge.end(Some(stopped)))
}

async fn stop_on_signal(edge: &Edge) -> io::Result<StopReport> {
    let mut stops = Stops {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    let mut hangup = signal(SignalKind::hangup())?;
    let mode = loop {
        tokio::select! {
            mode = stops.next() => break mode,
            _ = hangup.recv() => read_settings_again(edge),
        }
    };
    edge.ground.conditions.set_draining();
    Ok(stop(&edge.server, mode, &mut stops).await)
}

async fn stop(server: &Server, mode: StopMode, stops: &mut Stops) -> StopReport {
    tokio::select! {
        report = server.stop(mode) => report,
        _ = stops.next() => server.stop(StopMode::AtOnce).await,
    }
}

fn read_settings_again(edge: &Edge) {
    match &edge.settings_file {
        Some(file) => file.read_again(),
        None => tracing::info!("SIGHUP: there is no settings file to read again"),
    }
}

struct Stops {
    terminate: Signal,
    interrupt: Signal,
}

impl Stops {
    async fn next(&mut self) -> StopMode {
        tokio::select! {
            _ = self.terminate.recv() => StopMode::AfterLameDuck,
            _ = self.interrupt.recv() => StopMode::Drain,
        }
    }
}
