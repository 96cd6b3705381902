//! What becomes of a connection that arrives?

use super::permits::Ticket;
use super::{Listener, closing};
use crate::connection::wire::reset_on_close;
use crate::connection::{self, Worker};
use crate::shutdown::Phase;
use config::limits::HANDSHAKE_LINGER;
use socket2::SockRef;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::timeout;

/// What the kernel keeps of an answer beyond what is on its way.
const UNSENT_BYTES_MAX: u32 = 128 * 1024;
/// Out of file descriptors, nothing helps but to wait until a connection ends; without a pause the loop would spin.
const ERROR_PAUSE: Duration = Duration::from_millis(50);

/// Accepts on one socket until the process stops, or until this listener is removed (`removed` turns true or its sender is gone).
pub async fn accept(
    worker: Arc<Worker>,
    listener: Arc<Listener>,
    socket: std::net::TcpListener,
    mut removed: watch::Receiver<bool>,
) -> io::Result<()> {
    let socket = TcpListener::from_std(socket)?;
    let mut phase = worker.phase.clone();
    tokio::select! {
        () = accept_all(&worker, &listener, &socket) => {}
        _ = phase.wait_for(|phase| *phase >= Phase::NotAccepting) => {}
        _ = removed.wait_for(|removed| *removed) => {}
    }
    // What the kernel has completed, or is about to, would be reset with the socket.
    closing::refuse_handshakes(&socket);
    let _ = timeout(HANDSHAKE_LINGER, accept_all(&worker, &listener, &socket)).await;
    Ok(())
}

async fn accept_all(worker: &Arc<Worker>, listener: &Arc<Listener>, socket: &TcpListener) {
    loop {
        match socket.accept().await {
            Ok((tcp, peer)) => admit(worker, listener, tcp, peer),
            // The client was gone before we came; the next one waits.
            Err(error) if error.kind() == ErrorKind::ConnectionAborted => {}
            Err(error) => pause(listener, &error).await,
        }
    }
}

fn admit(worker: &Arc<Worker>, listener: &Arc<Listener>, tcp: TcpStream, peer: SocketAddr) {
    listener.metrics.accepted.inc();
    let (ticket, has_evicted) = match worker.permits.admit() {
        Ok(admitted) => admitted,
        Err(refused) => {
            let label = &listener.terms().facts.label;
            worker
                .shared
                .metrics
                .connections
                .count_refused(label, refused.as_str());
            return reset_on_close(&tcp);
        }
    };
    if has_evicted {
        listener.metrics.evicted.inc();
    }
    // Answers leave as soon as they are written; we write whole heads and bodies. A socket that refuses is slower, not wrong.
    let _ = tcp.set_nodelay(true);
    // Without it a write waits until a third of the send buffer is free, megabytes, and a slow client looks like one that stalls.
    let _ = SockRef::from(&tcp).set_tcp_notsent_lowat(UNSENT_BYTES_MAX);
    spawn(worker, listener, Arrival { tcp, peer, ticket });
}

fn spawn(worker: &Arc<Worker>, listener: &Arc<Listener>, arrival: Arrival) {
    let (worker_of_task, listener) = (Arc::clone(worker), Arc::clone(listener));
    worker.tracker.spawn(async move {
        listener.metrics.open.inc();
        let _open = Open(&listener);
        connection::serve(worker_of_task, &listener, arrival).await;
    });
}

/// A connection that was admitted and not yet looked at.
#[derive(Debug)]
pub struct Arrival {
    pub tcp: TcpStream,
    pub peer: SocketAddr,
    pub ticket: Ticket,
}

/// Counts down however the connection ends.
struct Open<'a>(&'a Listener);

impl Drop for Open<'_> {
    fn drop(&mut self) {
        self.0.metrics.open.dec();
    }
}

async fn pause(listener: &Listener, error: &io::Error) {
    listener.metrics.accept_errors.inc();
    // The counter tells how often; at info or above, one log line for each would be a flood of its own.
    tracing::debug!(listener = %listener.bound, %error, "accept failed");
    tokio::time::sleep(ERROR_PAUSE).await;
}
