//! How does the way to the API server fail, as a network does?
//!
//! A TCP proxy that a story puts between a client and the API server (or before etcd, or before anything). `http` answers in the API
//! server's place.

pub mod http;
mod pump;
#[cfg(test)]
mod tests;

use super::ports;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{AbortHandle, JoinSet};

/// What the way does from now on, to open connections too.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Fault {
    Pass,
    /// As a machine whose program is gone: open connections are closed, new ones refused.
    Refuse,
    /// As a dead firewall: connections come about, and nothing moves on any of them, not even an end.
    Hang,
    /// Open connections, and new ones once they are accepted, end with a reset.
    Reset,
    /// Each byte arrives so much later, in each direction; up to 1 MiB is under way.
    Delay(Duration),
    /// Each connection is closed at this age (an open one: so long from now).
    CutEvery(Duration),
    /// Bytes per second, for each connection and direction.
    Bandwidth(u32),
}

/// The fault in force, and its number.
type Order = (usize, Fault);

/// A proxy on a port of its own, which it keeps. Dropping it closes everything.
pub struct Faults {
    pub address: SocketAddr,
    fault: watch::Sender<Order>,
    /// The number of the last fault that the listener obeys.
    obeyed: watch::Receiver<usize>,
    counts: Arc<Counts>,
    task: AbortHandle,
}

#[derive(Debug, Default)]
struct Counts {
    open: AtomicUsize,
    accepted: AtomicUsize,
}

impl Faults {
    /// Passes everything on to that address.
    pub async fn start(upstream: SocketAddr) -> Faults {
        let listener = ports::listener();
        let address = listener.local_addr().unwrap();
        let (fault, orders) = watch::channel((0, Fault::Pass));
        let (obeying, obeyed) = watch::channel(0);
        let counts = Arc::new(Counts::default());
        let way = Way {
            upstream,
            orders,
            counts: counts.clone(),
        };
        let task = tokio::spawn(way.serve(listener, address, obeying));
        Faults {
            address,
            fault,
            obeyed,
            counts,
            task: task.abort_handle(),
        }
    }

    /// In force when this returns.
    pub async fn set(&self, fault: Fault) {
        let mut number = 0;
        self.fault.send_modify(|order| {
            number = order.0 + 1;
            *order = (number, fault);
        });
        let mut obeyed = self.obeyed.clone();
        obeyed.wait_for(|last| *last >= number).await.unwrap();
    }

    /// Connections at this moment.
    pub fn open(&self) -> usize {
        self.counts.open.load(Ordering::Relaxed)
    }

    /// Connections so far.
    pub fn accepted(&self) -> usize {
        self.counts.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Faults {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// What each connection needs to know.
#[derive(Clone)]
struct Way {
    upstream: SocketAddr,
    orders: watch::Receiver<Order>,
    counts: Arc<Counts>,
}

impl Way {
    async fn serve(
        mut self,
        listener: TcpListener,
        address: SocketAddr,
        obeying: watch::Sender<usize>,
    ) {
        let mut listener = Some(listener);
        let mut connections = JoinSet::new();
        loop {
            let (number, fault) = *self.orders.borrow_and_update();
            if fault == Fault::Refuse {
                listener = None;
                // Closed when this one says so, and not a moment later.
                connections.shutdown().await;
            } else if listener.is_none() {
                listener = Some(ports::listen(address).unwrap());
            }
            obeying.send_replace(number);
            tokio::select! {
                changed = self.orders.changed() => {
                    if changed.is_err() { return }
                }
                stream = accept(listener.as_ref()) => {
                    self.counts.accepted.fetch_add(1, Ordering::Relaxed);
                    connections.spawn(self.clone().carry(stream));
                }
                Some(_) = connections.join_next() => {}
            }
        }
    }

    async fn carry(self, mut client: TcpStream) {
        let _open = Open::new(&self.counts);
        let Ok(mut upstream) = TcpStream::connect(self.upstream).await else {
            return;
        };
        for stream in [&client, &upstream] {
            let _ = stream.set_nodelay(true);
        }
        let pumps = pump::both(&mut client, &mut upstream, &self.orders);
        let is_reset = tokio::select! {
            () = pumps => false,
            is_reset = ended(self.orders.clone()) => is_reset,
        };
        if is_reset {
            for stream in [&client, &upstream] {
                // Zero linger time is a reset on close (socket(7)); it cannot block.
                let _ = socket2::SockRef::from(stream).set_linger(Some(Duration::ZERO));
            }
        }
    }
}

/// Counts a connection for as long as it is carried.
struct Open(Arc<Counts>);

impl Open {
    fn new(counts: &Arc<Counts>) -> Open {
        counts.open.fetch_add(1, Ordering::Relaxed);
        Open(counts.clone())
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Returns when a fault ends the connection; true: by a reset.
async fn ended(mut orders: watch::Receiver<Order>) -> bool {
    loop {
        let (_, fault) = *orders.borrow_and_update();
        match fault {
            Fault::Reset => return true,
            Fault::CutEvery(age) => {
                tokio::select! {
                    () = tokio::time::sleep(age) => return false,
                    _ = orders.changed() => {}
                }
            }
            _ => {
                if orders.changed().await.is_err() {
                    return false;
                }
            }
        }
    }
}

/// The next connection; never, where nobody listens.
async fn accept(listener: Option<&TcpListener>) -> TcpStream {
    let Some(listener) = listener else {
        return std::future::pending().await;
    };
    loop {
        // A connection that is gone before it is accepted is nobody's concern.
        if let Ok((stream, _)) = listener.accept().await {
            return stream;
        }
    }
}
