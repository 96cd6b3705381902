//! What can an operator ask?
//!
//! On its own address (loopback by default), its own thread and its own runtime, so that a busy data path cannot starve a probe and an
//! operator's question cannot slow a request. Reads only, but for the log level. Nothing here waits for anything outside the process.

pub mod answer;
pub mod conditions;
mod dump;
mod health;
pub mod log_level;
pub mod problems;
mod serve;
mod why;

use crate::live::Live;
use crate::observe::Metrics;
use conditions::Conditions;
use log_level::LogLevel;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::Arc;
use std::thread::JoinHandle;
use tokio_util::sync::CancellationToken;

/// What the answers are made of. Shared with those who change it.
#[derive(Debug)]
pub struct AdminState {
    pub live: Arc<Live>,
    pub metrics: Arc<Metrics>,
    pub conditions: Arc<Conditions>,
    pub log_level: LogLevel,
}

/// Why there are no admin endpoints.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    #[error(
        "admin address {address}: the port is taken by another process; stop it, or choose another one with --admin"
    )]
    Taken { address: SocketAddr },
    #[error("admin address {address}: {source}")]
    Bind {
        address: SocketAddr,
        source: io::Error,
    },
    #[error("admin: no thread or runtime can be started: {0}")]
    Start(io::Error),
}

/// The admin endpoints while they are there. Dropped: they end without waiting.
#[derive(Debug)]
pub struct AdminServer {
    address: SocketAddr,
    stops: CancellationToken,
    thread: Option<JoinHandle<()>>,
}

impl AdminServer {
    /// Starts to answer on a listener from `bind`.
    pub fn start(listener: TcpListener, state: Arc<AdminState>) -> Result<AdminServer, AdminError> {
        let address = listener.local_addr().map_err(AdminError::Start)?;
        let stops = CancellationToken::new();
        let thread = serve::start(listener, state, stops.clone()).map_err(AdminError::Start)?;
        Ok(AdminServer {
            address,
            stops,
            thread: Some(thread),
        })
    }

    /// Where it listens: with port 0, the port that was found.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Lets answers under way end (`serve::STOP_MAX` at most) and frees the port. Blocks: not for a runtime's thread.
    pub fn stop(mut self) {
        self.stops.cancel();
        if let Some(thread) = self.thread.take() {
            // An error says that the thread panicked, which its panic has told already.
            let _ = thread.join();
        }
    }
}

impl Drop for AdminServer {
    fn drop(&mut self) {
        self.stops.cancel();
    }
}

/// Takes the address for this process alone. Where there is no IPv6, `[::]` means `0.0.0.0`.
pub fn bind(address: SocketAddr) -> Result<TcpListener, AdminError> {
    match TcpListener::bind(address) {
        Ok(listener) => Ok(listener),
        Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
            Err(AdminError::Taken { address })
        }
        Err(_) if address.is_ipv6() && address.ip().is_unspecified() => bind(SocketAddr::new(
            Ipv4Addr::UNSPECIFIED.into(),
            address.port(),
        )),
        Err(source) => Err(AdminError::Bind { address, source }),
    }
}

#[cfg(test)]
mod tests;
