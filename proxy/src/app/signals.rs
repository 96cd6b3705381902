//! What do signals ask for?
//!
//! SIGTERM stops after the lame duck, SIGINT without it, a second one of either at once. SIGHUP reads the settings again.

use super::{Edge, ShutdownReport};
use crate::server::Server;
use crate::shutdown::{StopMode, StopReport};
use anyhow::{Context, Result};
use std::io;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// The signals of this process, caught from `catch` on: one that arrives during the start stops the edge as soon as it stands.
pub struct Signals {
    runtime: Runtime,
    stops: Stops,
    hangup: Signal,
}

impl Signals {
    /// Before anything is started, so that none of them ends the process by its default action.
    pub fn catch() -> Result<Signals> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("signals cannot be waited for")?;
        let caught = {
            let _inside = runtime.enter();
            signals().context("signals cannot be caught")?
        };
        let (stops, hangup) = caught;
        Ok(Signals {
            runtime,
            stops,
            hangup,
        })
    }

    /// Serves until a signal, and stops as it asks. Blocks the main thread.
    pub fn serve_until_stopped(mut self, edge: Edge) -> ShutdownReport {
        let stopped =
            self.runtime
                .block_on(stop_on_signal(&edge, &mut self.stops, &mut self.hangup));
        edge.end(Some(stopped))
    }
}

fn signals() -> io::Result<(Stops, Signal)> {
    let stops = Stops {
        terminate: signal(SignalKind::terminate())?,
        interrupt: signal(SignalKind::interrupt())?,
    };
    Ok((stops, signal(SignalKind::hangup())?))
}

async fn stop_on_signal(edge: &Edge, stops: &mut Stops, hangup: &mut Signal) -> StopReport {
    let mode = loop {
        tokio::select! {
            mode = stops.next() => break mode,
            _ = hangup.recv() => read_settings_again(edge),
        }
    };
    edge.ground.conditions.set_draining();
    stop(&edge.server, mode, stops).await
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
