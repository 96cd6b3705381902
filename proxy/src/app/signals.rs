//! What do signals ask for?
//!
//! SIGTERM stops after the lame duck, SIGINT without it, a second one of either at once. SIGHUP reads the settings file again; an edge without
//! one ignores it, because whoever reloads all services alike must not end one. A demo belongs to its terminal: when that is gone it stops, as
//! on SIGINT (unless `nohup` said that SIGHUP shall be ignored).

use super::{Edge, ShutdownReport};
use crate::server::Server;
use crate::shutdown::{StopMode, StopReport};
use anyhow::{Context, Result};
use std::io;
use tokio::runtime::Runtime;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// What SIGHUP means where there is no settings file to read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hangup {
    Ignored,
    /// The terminal is gone.
    Ends,
}

/// The signals of this process, caught from `catch` on: one that arrives during the start stops the edge as soon as it stands.
pub struct Signals {
    runtime: Runtime,
    stops: Stops,
    hangup: Signal,
    meaning: Hangup,
}

impl Signals {
    /// Before anything is started, so that none of them ends the process by its default action.
    pub fn catch(meaning: Hangup) -> Result<Signals> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("signals cannot be waited for")?;
        // Before ours replaces what whoever started us asked for.
        let meaning = match is_hangup_ignored() {
            true => Hangup::Ignored,
            false => meaning,
        };
        let caught = {
            let _inside = runtime.enter();
            signals().context("signals cannot be caught")?
        };
        let (stops, hangup) = caught;
        Ok(Signals {
            runtime,
            stops,
            hangup,
            meaning,
        })
    }

    /// What the work comes to. None: a signal to stop came first. Blocks the main thread.
    pub fn unless_stopped<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        self.runtime.block_on(async {
            tokio::select! {
                done = work => Some(done),
                _ = self.stops.next() => None,
            }
        })
    }

    /// Serves until a signal, and stops as it asks. Blocks the main thread.
    pub fn serve_until_stopped(mut self, edge: Edge) -> ShutdownReport {
        let stopped = self.runtime.block_on(async {
            let mode = tokio::select! {
                mode = self.stops.next() => mode,
                () = ended_by_hangup(&edge, &mut self.hangup, self.meaning) => StopMode::Drain,
            };
            edge.ground.conditions.set_draining();
            edge.control.begin_end();
            stop(&edge.server, mode, &mut self.stops).await
        });
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

/// Reads the settings at each SIGHUP. Ends at one that means the end.
async fn ended_by_hangup(edge: &Edge, hangup: &mut Signal, meaning: Hangup) {
    while hangup.recv().await.is_some() {
        match &edge.settings_file {
            Some(file) => file.read_again(),
            None if meaning == Hangup::Ends => return,
            None => tracing::info!("SIGHUP is ignored: there is no settings file to read again"),
        }
    }
    std::future::pending::<()>().await;
}

/// What we inherited for SIGHUP (signal 1, the lowest bit), from proc(5). False where that cannot be read.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    is_bit_set(&status)
}

fn is_bit_set(status: &str) -> bool {
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

async fn stop(server: &Server, mode: StopMode, stops: &mut Stops) -> StopReport {
    tokio::select! {
        report = server.stop(mode) => report,
        _ = stops.next() => server.stop(StopMode::AtOnce).await,
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hangup_that_nohup_ignores_is_seen_in_the_mask() {
        let of = |mask: &str| is_bit_set(&format!("Name:\tx\nSigIgn:\t{mask}\nSigCgt:\t1\n"));
        assert!(of("0000000000001001") && of("1"));
        assert!(!of("0000000000001000") && !of("") && !is_bit_set(""));
    }
}
