//! How do the sample backends live in this process?
//!
//! One thread with a runtime of its own, so that they never slow the edge down more than another process would.

use super::service::{Role, answer};
use super::switch::Switchboard;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio::task::JoinSet;

/// A pause after an error that another try at once would only repeat (no file descriptors left, port still taken).
const RETRY_PAUSE: Duration = Duration::from_millis(100);

/// The running backends and where they are. Dropping it ends them.
#[derive(Debug)]
pub struct Backends {
    /// By name: `frontend-1`, `frontend-2`, `backend`, `switch`.
    pub addresses: Vec<(&'static str, SocketAddr)>,
    /// None only while it is dropped.
    runtime: Option<Runtime>,
}

impl Backends {
    /// Two frontend pods, one machine outside the cluster, and the switchboard, each on a free port of 127.0.0.1.
    pub fn start() -> io::Result<Backends> {
        let runtime = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("demo-backends")
            .enable_all()
            .build()?;
        let mut board = Switchboard::default();
        let mut addresses = Vec::new();
        for name in ["frontend-1", "frontend-2", "backend"] {
            let switch = board.add(name);
            let role = match name {
                "backend" => Role::Vm,
                pod => Role::Frontend { pod: pod.into() },
            };
            addresses.push((name, start_one(&runtime, role, switch)?));
        }
        // Nobody throws the switchboard's own switch.
        let (_, always) = watch::channel(true);
        let role = Role::Switch(Arc::new(board));
        addresses.push(("switch", start_one(&runtime, role, always)?));
        Ok(Backends {
            addresses,
            runtime: Some(runtime),
        })
    }
}

impl Drop for Backends {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            // Their connections may last for ever (event streams): nobody waits.
            runtime.shutdown_background();
        }
    }
}

/// Binds a free port and serves there from now on.
fn start_one(
    runtime: &Runtime,
    role: Role,
    switch: watch::Receiver<bool>,
) -> io::Result<SocketAddr> {
    let listener = runtime.block_on(TcpListener::bind(SocketAddr::from((
        Ipv4Addr::LOCALHOST,
        0,
    ))))?;
    let address = listener.local_addr()?;
    runtime.spawn(live(listener, address, role, switch));
    Ok(address)
}

/// Serves while the switch is on; refuses connections while it is off, on the same port afterwards.
async fn live(
    first: TcpListener,
    address: SocketAddr,
    role: Role,
    mut switch: watch::Receiver<bool>,
) {
    let mut next = Some(first);
    loop {
        let listener = match next.take() {
            Some(listener) => listener,
            None => bind_again(address).await,
        };
        serve_until_off(listener, &role, &mut switch).await;
        if switch.wait_for(|is_on| *is_on).await.is_err() {
            return;
        }
    }
}

async fn bind_again(address: SocketAddr) -> TcpListener {
    loop {
        match TcpListener::bind(address).await {
            Ok(listener) => return listener,
            Err(error) => {
                tracing::warn!(%address, %error, "a sample backend cannot listen again yet");
                tokio::time::sleep(RETRY_PAUSE).await;
            }
        }
    }
}

/// Returns when the switch is off; every connection is then cut, as when a pod is killed.
async fn serve_until_off(listener: TcpListener, role: &Role, switch: &mut watch::Receiver<bool>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => drop(connections.spawn(serve(stream, role.clone()))),
                Err(_) => tokio::time::sleep(RETRY_PAUSE).await,
            },
            Some(_) = connections.join_next() => {}
            () = wait_for_off(switch) => return,
        }
    }
}

/// A switch that nobody holds any more stays where it is.
async fn wait_for_off(switch: &mut watch::Receiver<bool>) {
    if switch.wait_for(|is_on| !*is_on).await.is_err() {
        std::future::pending::<()>().await;
    }
}

async fn serve(stream: TcpStream, role: Role) {
    let service = service_fn(move |request| {
        let role = role.clone();
        async move { Ok::<_, Infallible>(answer(role, request).await) }
    });
    // A client that leaves in the middle is no news to a sample.
    let _ = hyper::server::conn::http1::Builder::new()
        .timer(TokioTimer::new())
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades()
        .await;
}
