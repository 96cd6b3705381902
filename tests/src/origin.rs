//! What stands behind the edge in a story, and how may it misbehave?
//!
//! An `Origin` is a raw HTTP/1.1 server on a port of this machine. What it answers depends on the request's path (`origin/answer.rs`
//! lists them); how it misbehaves is a `Fault`, which a story sets while requests run.

mod answer;
mod http1;

pub use answer::{DIGEST_SEED, digest};
pub use http1::{Head, Received};

use crate::client::until;
use crate::story_source::{endpoint, endpoint_v6};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// What goes wrong, from the next request on.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Fault {
    #[default]
    None,
    /// Connections are accepted and reset before a byte is read.
    ResetOnAccept,
    /// The request's head is read, then the connection is reset.
    ResetBeforeAnswer,
    /// The same with a clean close (FIN).
    CloseBeforeAnswer,
    /// The answer's head announces 1,000 bytes; this many follow, then a reset.
    ResetInBody(usize),
    /// Nothing is ever answered.
    Hang,
    /// The answer's head waits this long.
    SlowHead(Duration),
    /// What is answered is not HTTP.
    Garbage,
    /// Every answer has this status.
    Status(u16),
    /// After each answer the connection is closed, without a word about it.
    CloseAfterAnswer,
    /// An idle connection is closed after this long, without a word about it.
    IdleTimeout(Duration),
}

/// One server of a story. Dropping it closes its port and its connections.
pub struct Origin {
    /// Sent back in every answer, as `x-origin`.
    pub name: String,
    pub address: SocketAddr,
    pub(crate) shared: Arc<Shared>,
    listener: Mutex<Option<AbortHandle>>,
}

/// What the connections of one origin share.
#[derive(Default)]
pub(crate) struct Shared {
    pub name: String,
    pub fault: Mutex<Fault>,
    pub received: Mutex<Vec<Received>>,
    pub accepted: AtomicUsize,
}

impl Origin {
    /// Listens on a free port of this machine.
    pub async fn start(name: &str) -> Origin {
        let listener = bind(endpoint());
        Origin::on(name, listener)
    }

    /// The same over IPv6.
    pub async fn start_v6(name: &str) -> Origin {
        Origin::on(name, bind(endpoint_v6()))
    }

    fn on(name: &str, listener: TcpListener) -> Origin {
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            name: name.to_owned(),
            ..Shared::default()
        });
        let task = tokio::spawn(accept(listener, shared.clone()));
        Origin {
            name: name.to_owned(),
            address,
            shared,
            listener: Mutex::new(Some(task.abort_handle())),
        }
    }

    /// Misbehaves from the next request (`ResetOnAccept`: connection) on.
    pub fn fail(&self, fault: Fault) {
        *self.shared.fault.lock().unwrap() = fault;
    }

    /// Behaves again.
    pub fn recover(&self) {
        self.fail(Fault::None);
    }

    /// Closes the port and cuts every connection: the next connect is refused. Returns when the port is closed.
    pub async fn refuse(&self) {
        let Some(listener) = self.listener.lock().unwrap().take() else {
            return;
        };
        listener.abort();
        while !listener.is_finished() {
            tokio::task::yield_now().await;
        }
    }

    /// Listens again on the same port.
    pub fn accept_again(&self) {
        let task = tokio::spawn(accept(bind(self.address), self.shared.clone()));
        *self.listener.lock().unwrap() = Some(task.abort_handle());
    }

    /// Every request whose head was read, in order.
    pub fn received(&self) -> Vec<Received> {
        self.shared.received.lock().unwrap().clone()
    }

    /// Waits until so many were.
    pub async fn until_received(&self, count: usize) {
        until(async || match self.shared.received.lock().unwrap().len() {
            few if few < count => Err(format!("{}: {few} requests, not {count}", self.name)),
            _ => Ok(()),
        })
        .await;
    }

    /// Connections accepted since the start.
    pub fn accepted(&self) -> usize {
        self.shared.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Origin {
    fn drop(&mut self) {
        if let Some(listener) = self.listener.lock().unwrap().take() {
            listener.abort();
        }
    }
}

/// SO_REUSEADDR, so that a port can be opened again while old connections linger.
fn bind(address: SocketAddr) -> TcpListener {
    let socket = match address {
        SocketAddr::V4(_) => TcpSocket::new_v4(),
        SocketAddr::V6(_) => TcpSocket::new_v6(),
    }
    .unwrap();
    socket.set_reuseaddr(true).unwrap();
    socket.bind(address).unwrap();
    socket.listen(1024).unwrap()
}

/// Connections live in the accept loop's own set: when it is aborted, they are cut.
async fn accept(listener: TcpListener, shared: Arc<Shared>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                shared.accepted.fetch_add(1, Ordering::Relaxed);
                stream.set_nodelay(true).unwrap();
                connections.spawn(http1::serve(stream, shared.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

/// Closes with a reset instead of a FIN.
pub(crate) fn reset(stream: TcpStream) {
    // Zero linger time is a reset on close (socket(7)); it cannot block.
    let _ = socket2::SockRef::from(&stream).set_linger(Some(Duration::ZERO));
}
