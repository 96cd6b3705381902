//! Which listeners and tasks run?

mod core;

use self::core::Core;
use crate::connection::{Requests, Worker};
use crate::listener::permits::Permits;
use crate::listener::socket::{BindError, Bound, bind};
use crate::listener::{Listener, ListenerSpec, accept};
use crate::live::Live;
use crate::observe::Metrics;
use crate::observe::access_log::AccessLog;
use crate::runtime::Layout;
use crate::shutdown::Phase;
use crate::tls::Terminator;
use config::settings::Settings;
use pingora_proxy::{HttpProxy, ProxyHttp};
use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_util::task::TaskTracker;

/// What every part of the data path shares.
#[derive(Debug)]
pub struct Shared {
    pub live: Arc<Live>,
    pub metrics: Arc<Metrics>,
    pub access_log: Arc<AccessLog>,
    /// True: requests that end now are cut by the stop.
    pub is_cutting: AtomicBool,
}

/// How the data path is laid out, and the caps that were derived from the memory of the machine.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    pub layout: Layout,
    pub caps: Caps,
}

/// Bounds of connections, resolved: settings, or derived from memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    pub connections_max: usize,
    pub per_client_max: usize,
}

impl Caps {
    /// The caps of the settings; where they say nothing, what memory allows, and a quarter of it for each client.
    pub fn new(settings: &Settings, connections_max_by_memory: usize) -> Caps {
        let connections_max = settings
            .limits
            .connections_max
            .unwrap_or(connections_max_by_memory);
        let per_client_max = settings.limits.connections_per_client_max;
        let per_client_max = per_client_max.unwrap_or(connections_max / 4).max(1);
        Caps {
            connections_max,
            per_client_max,
        }
    }
}

/// Why the data path does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error("{field}: {error}")]
    Listener {
        field: &'static str,
        error: BindError,
    },
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    #[error("a thread of the data path does not start: {0}")]
    Thread(#[from] io::Error),
}

/// A listener that was asked for and could not be bound.
#[derive(Debug, thiserror::Error)]
#[error("{}: {error}", spec.field())]
pub struct ListenerProblem {
    pub spec: ListenerSpec,
    pub error: BindError,
}

/// A listener and the address that it is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundListener {
    pub spec: ListenerSpec,
    pub address: SocketAddr,
}

/// The data path, from outside: its threads end when this is dropped.
#[derive(Debug)]
pub struct Server {
    shared: Arc<Shared>,
    permits: Arc<Permits>,
    cores: Vec<Core>,
    running: Mutex<Vec<Running>>,
    phase: watch::Sender<Phase>,
    shutdown: watch::Sender<bool>,
}

/// A listener with its accept loops.
#[derive(Debug)]
struct Running {
    spec: ListenerSpec,
    listener: Arc<Listener>,
    removed: watch::Sender<bool>,
    loops: Vec<JoinHandle<io::Result<()>>>,
}

impl Server {
    /// Binds every listener of the settings in force, then starts the threads. `make_proxy` is called once on each runtime's own thread.
    pub fn start<SV, F>(
        shared: Arc<Shared>,
        options: Options,
        make_proxy: F,
    ) -> Result<Server, StartError>
    where
        SV: ProxyHttp + Send + Sync + 'static,
        SV::CTX: Send + Sync,
        F: Fn() -> HttpProxy<SV> + Send + Sync + 'static,
    {
        // pingora takes the process's default for its connectors. An error means that it is set already.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let settings = Arc::clone(&shared.live.current().settings);
        let sockets = options.layout.runtimes();
        let mut bound = Vec::new();
        for spec in ListenerSpec::all(&settings) {
            let field = spec.field();
            let sockets = bind(spec.address, sockets, settings.share_port)
                .map_err(|error| StartError::Listener { field, error })?;
            bound.push((spec, sockets));
        }
        let make = move || -> Box<dyn Requests> { Box::new(Arc::new(make_proxy())) };
        let server = Server::start_cores(shared, options, Arc::new(make))?;
        for (spec, sockets) in bound {
            let running = server.run(spec, sockets);
            server.running().push(running);
        }
        server.note_ports(&settings);
        Ok(server)
    }

    fn start_cores(
        shared: Arc<Shared>,
        options: Options,
        make_requests: Arc<dyn Fn() -> Box<dyn Requests> + Send + Sync>,
    ) -> Result<Server, StartError> {
        let Caps {
            connections_max,
            per_client_max,
        } = options.caps;
        let permits = Permits::new(connections_max, per_client_max);
        let terminator = Arc::new(Terminator::new(Arc::clone(&shared.live))?);
        let (phase, phase_seen) = watch::channel(Phase::Serving);
        let (shutdown, shutdown_seen) = watch::channel(false);
        let mut cores = Vec::new();
        for number in 0..options.layout.runtimes() {
            let (shared, permits) = (Arc::clone(&shared), Arc::clone(&permits));
            let (terminator, make) = (Arc::clone(&terminator), Arc::clone(&make_requests));
            let (phase, shutdown) = (phase_seen.clone(), shutdown_seen.clone());
            cores.push(Core::start(options.layout, number, move || Worker {
                requests: make(),
                shared,
                permits,
                terminator,
                phase,
                shutdown,
                tracker: TaskTracker::new(),
                requests_in_flight: AtomicUsize::new(0),
            })?);
        }
        let running = Mutex::default();
        Ok(Server {
            shared,
            permits,
            cores,
            running,
            phase,
            shutdown,
        })
    }

    /// One accept loop per runtime, each with its own socket.
    fn run(&self, spec: ListenerSpec, bound: Bound) -> Running {
        let metrics = &self.shared.metrics.connections;
        let listener = Arc::new(Listener::new(spec.clone(), bound.address, metrics));
        let (removed, removal) = watch::channel(false);
        let mut loops = Vec::new();
        for (core, socket) in self.cores.iter().zip(bound.sockets) {
            let (worker, listener) = (Arc::clone(&core.worker), Arc::clone(&listener));
            let accept = accept::accept(worker, listener, socket, removal.clone());
            loops.push(core.runtime.spawn(accept));
        }
        Running {
            spec,
            listener,
            removed,
            loops,
        }
    }

    /// Follows new settings: adds, changes and removes listeners and sets the caps. An unchanged address keeps its sockets, and no
    /// connection is touched. What cannot be bound is reported and leaves the others alone.
    pub async fn apply(&self, settings: &Settings, caps: Caps) -> Vec<ListenerProblem> {
        self.permits
            .resize(caps.connections_max, caps.per_client_max);
        let wanted = ListenerSpec::all(settings);
        // Removed first: the same address may come back with the other scheme.
        for removed in self.take_unwanted(&wanted) {
            let address = removed.spec.address;
            removed.end().await;
            if !self.is_running_on(address) {
                let metrics = &self.shared.metrics.connections;
                metrics.forget_listener(&address.to_string());
            }
        }
        let mut problems = Vec::new();
        for spec in wanted {
            if self.change(&spec) {
                continue;
            }
            match bind(spec.address, self.cores.len(), settings.share_port) {
                Ok(bound) => {
                    tracing::info!(address = %bound.address, https = spec.is_https, "listening");
                    let running = self.run(spec, bound);
                    self.running().push(running);
                }
                Err(error) => problems.push(ListenerProblem { spec, error }),
            }
        }
        self.note_ports(settings);
        problems
    }

    /// Redirects name them where the settings say "any".
    fn note_ports(&self, settings: &Settings) {
        let in_force = self.shared.live.current();
        let specs = ListenerSpec::all(settings);
        for is_https in [false, true] {
            let first = specs.iter().find(|spec| spec.is_https == is_https);
            let running = self.running();
            let bound = first.and_then(|first| {
                let mut running = running.iter();
                running.find(|running| running.spec.is_same_socket(first))
            });
            if let Some(bound) = bound {
                in_force.ports.set(is_https, bound.listener.bound.port());
            }
        }
    }

    fn take_unwanted(&self, wanted: &[ListenerSpec]) -> Vec<Running> {
        let is_unwanted =
            |running: &mut Running| !wanted.iter().any(|spec| spec.is_same_socket(&running.spec));
        self.running().extract_if(.., is_unwanted).collect()
    }

    fn is_running_on(&self, address: SocketAddr) -> bool {
        self.running()
            .iter()
            .any(|running| running.spec.address == address)
    }

    /// False: there is no such listener yet.
    fn change(&self, spec: &ListenerSpec) -> bool {
        let mut running = self.running();
        let Some(found) = running
            .iter_mut()
            .find(|running| running.spec.is_same_socket(spec))
        else {
            return false;
        };
        if found.spec != *spec {
            found.listener.change(spec.clone());
            found.spec = spec.clone();
        }
        true
    }

    /// The listeners that run, with the ports in use.
    pub fn listeners(&self) -> Vec<BoundListener> {
        let running = self.running();
        running
            .iter()
            .map(|running| BoundListener {
                spec: running.spec.clone(),
                address: running.listener.bound,
            })
            .collect()
    }

    pub fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    pub fn connections_open(&self) -> usize {
        self.permits.open()
    }

    pub fn requests_in_flight(&self) -> usize {
        let in_flight = |core: &Core| core.worker.requests_in_flight.load(Ordering::Relaxed);
        self.cores.iter().map(in_flight).sum()
    }

    pub(crate) fn enter(&self, phase: Phase) {
        self.phase.send_if_modified(|current| {
            let is_later = *current < phase;
            *current = phase.max(*current);
            is_later
        });
        self.shutdown.send_replace(phase >= Phase::Draining);
    }

    /// Waits until every accept loop has taken what waited for it, and closed its socket.
    pub(crate) async fn listeners_ended(&self) {
        let running = std::mem::take(&mut *self.running());
        for running in running {
            running.end().await;
        }
    }

    pub(crate) async fn connections_ended(&self) {
        for core in &self.cores {
            core.worker.tracker.close();
            core.worker.tracker.wait().await;
        }
    }

    pub(crate) async fn end(&self) {
        for core in &self.cores {
            core.end().await;
        }
    }

    /// Not locked while connections or requests run.
    fn running(&self) -> MutexGuard<'_, Vec<Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Running {
    async fn end(self) {
        self.removed.send_replace(true);
        for accept in self.loops {
            match accept.await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => {
                    tracing::error!(listener = %self.listener.bound, %error, "accept loop failed");
                }
                Err(error) => {
                    tracing::error!(listener = %self.listener.bound, %error, "accept loop died");
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
