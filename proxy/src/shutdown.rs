//! In which order do we stop?
//!
//! Measured: nobody who asks gets an error if readiness goes off first, the listeners stay open for the lame duck, the kernel's queue is
//! emptied before they close (`listener::closing`), answers then say `Connection: close` or GOAWAY, and idle connections keep a moment
//! for a request that was on its way.

use crate::server::Server;
use config::limits::LINGER;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};
use tokio::time::timeout;

/// How far the stop has come. Later ones are greater.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Also while lame duck: only readiness says otherwise.
    Serving,
    /// No handshake begins any more; those that have begun are taken, then the sockets close.
    NotAccepting,
    /// Answers carry `Connection: close`, HTTP/2 gets GOAWAY.
    Draining,
    /// Idle HTTP/1 connections close.
    ClosingIdle,
}

/// How to stop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StopMode {
    /// SIGTERM: load balancers get time to take notice.
    AfterLameDuck,
    /// SIGINT: somebody waits at a terminal.
    Drain,
    /// The second signal.
    AtOnce,
}

/// How the stop went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StopReport {
    /// Requests that were in flight at the hard deadline.
    pub requests_cut: usize,
    /// Connections that were open then; those of the requests included.
    pub connections_cut: usize,
    pub took: Duration,
}

impl Server {
    /// Stops in order, and ends the data path's threads. May be dropped and called again with a faster mode.
    pub async fn stop(&self, mode: StopMode) -> StopReport {
        let begun = Instant::now();
        let limits = self.shared().live.current().settings.limits.clone();
        tracing::info!(?mode, connections = self.connections_open(), "stopping");
        if mode == StopMode::AfterLameDuck {
            tokio::time::sleep(limits.lame_duck).await;
        }
        if mode != StopMode::AtOnce {
            // The hard deadline; what is left after it is cut.
            let _ = timeout(limits.drain, self.drain()).await;
        }
        let report = StopReport {
            requests_cut: self.requests_in_flight(),
            connections_cut: self.connections_open(),
            took: begun.elapsed(),
        };
        self.shared().is_cutting.store(true, Ordering::Relaxed);
        self.end().await;
        tracing::info!(?report, "stopped");
        report
    }

    async fn drain(&self) {
        self.enter(Phase::NotAccepting);
        self.listeners_ended().await;
        self.enter(Phase::Draining);
        // Connections that were accepted just now still send their first request.
        if timeout(LINGER, self.connections_ended()).await.is_err() {
            self.enter(Phase::ClosingIdle);
            self.connections_ended().await;
        }
    }
}
