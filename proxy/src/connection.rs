//! What does a client's connection know, and how does it live?

pub mod chunk;
pub mod clock;
pub mod context;
pub mod gate;
mod h1;
mod h2;
pub mod head;
mod refusal;
pub mod transport;
pub mod wire;

pub use clock::{RequestClock, current_clock};

use crate::listener::accept::{Arrival, reset};
use crate::listener::permits::{Permits, Ticket};
use crate::listener::{Listener, Terms, proxy_protocol, trust};
use crate::server::Shared;
use crate::shutdown::Phase;
use crate::tls::{self, HandshakeError, Terminator};
use config::settings::Settings;
use context::{ConnectionContext, TlsFacts};
use gate::Gate;
use pingora_core::apps::{HttpServerApp, ReusedHttpStream};
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::{Digest, Stream};
use pingora_core::server::ShutdownWatch;
use pingora_proxy::{HttpProxy, ProxyHttp};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tokio_util::task::TaskTracker;
use transport::Transport;
use wire::Wire;

/// After our FIN, a client's bytes are read this long and this far. Unread bytes at the close become a RST, which can overtake the answer.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(2);
const LEAVE_BYTES_MAX: usize = 256 * 1024;

/// Serves one request. Hides which `ProxyHttp` it is, so that the loops below are compiled once and tested with a small one.
pub trait Requests: Send + Sync {
    fn process<'a>(
        &'a self,
        session: ServerSession,
        shutdown: &'a ShutdownWatch,
    ) -> Pin<Box<dyn Future<Output = Option<ReusedHttpStream>> + Send + 'a>>;
}

impl<SV> Requests for Arc<HttpProxy<SV>>
where
    SV: ProxyHttp + Send + Sync + 'static,
    SV::CTX: Send + Sync,
{
    fn process<'a>(
        &'a self,
        session: ServerSession,
        shutdown: &'a ShutdownWatch,
    ) -> Pin<Box<dyn Future<Output = Option<ReusedHttpStream>> + Send + 'a>> {
        self.process_new_http(session, shutdown)
    }
}

/// What all connections of one runtime share.
pub struct Worker {
    pub requests: Box<dyn Requests>,
    pub shared: Arc<Shared>,
    pub permits: Arc<Permits>,
    pub terminator: Arc<Terminator>,
    pub phase: watch::Receiver<Phase>,
    /// True: answers carry `Connection: close`. What pingora wants to know of `phase`.
    pub shutdown: ShutdownWatch,
    /// Connections and HTTP/2 streams.
    pub tracker: TaskTracker,
    pub requests_in_flight: AtomicUsize,
}

impl fmt::Debug for Worker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Worker").finish_non_exhaustive()
    }
}

/// One connection whose client is known.
#[derive(Debug)]
struct Connection {
    worker: Arc<Worker>,
    context: Arc<ConnectionContext>,
    /// As they were when it began.
    settings: Arc<Settings>,
    ticket: Arc<Ticket>,
}

/// Why a connection ended; its word is the metric's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ending {
    /// A cap, the PROXY protocol or plain HTTP: counted with its own reason.
    Refused,
    /// Counted with its own outcome.
    Handshake,
    /// The client closed it, or it broke.
    ClientClosed,
    /// The last answer said so, or its client was gone.
    Answered,
    /// No request for too long.
    Idle,
    /// No first request in time.
    NoRequest,
    /// Its longest idle time made it give way at the cap.
    Evicted,
    /// A head that we refused.
    HeadRefused,
    /// The proxy ended a request elsewhere than we saw its end.
    Unread,
    /// The clock around a request fired.
    ClockFired,
    /// A phase of a request asked for it.
    Condemned,
    /// Too many malformed HTTP/2 requests.
    Malformed,
    /// HTTP/2 as such was broken, by the client or by its flood.
    Http2Error,
    /// The process stops.
    Stopping,
    /// Ours.
    Internal,
}

impl Ending {
    fn as_str(self) -> &'static str {
        match self {
            Ending::Refused => "refused",
            Ending::Handshake => "handshake-failed",
            Ending::ClientClosed => "client-closed",
            Ending::Answered => "answered",
            Ending::Idle => "idle",
            Ending::NoRequest => "no-request",
            Ending::Evicted => "evicted",
            Ending::HeadRefused => "head-refused",
            Ending::Unread => "unread",
            Ending::ClockFired => "clock-fired",
            Ending::Condemned => "condemned",
            Ending::Malformed => "malformed",
            Ending::Http2Error => "http2-error",
            Ending::Stopping => "stopping",
            Ending::Internal => "internal",
        }
    }
}

/// The whole life of a connection.
pub async fn serve(worker: Arc<Worker>, listener: &Listener, arrival: Arrival) {
    let Arrival { tcp, peer, ticket } = arrival;
    let ticket = Arc::new(ticket);
    let terms = listener.terms();
    let wire = Wire::new(tcp, Arc::clone(&listener.metrics));
    let begun = Begun { worker: Arc::clone(&worker), terms, peer, ticket: Arc::clone(&ticket) };
    let ending = tokio::select! {
        biased;
        // Only an idle connection is evicted, so no request is lost with it.
        () = ticket.evicted() => Ending::Evicted,
        ending = begun.serve(wire) => ending,
    };
    worker.shared.metrics.connections.count_closed(ending.as_str());
}

/// A connection of which only the socket's peer is known.
struct Begun {
    worker: Arc<Worker>,
    terms: Arc<Terms>,
    peer: SocketAddr,
    ticket: Arc<Ticket>,
}

impl Begun {
    async fn serve(self, mut wire: Wire) -> Ending {
        let settings = Arc::clone(&self.worker.shared.live.current().settings);
        let deadline = Instant::now() + settings.limits.handshake_timeout;
        let client = match self.client(&mut wire, &settings, deadline).await {
            Ok(client) => client,
            Err(reason) => {
                let label = &self.terms.facts.label;
                self.worker.shared.metrics.connections.count_refused(label, reason);
                return Ending::Refused;
            }
        };
        let (transport, tls) = match self.secure(wire, deadline).await {
            Ok(secured) => secured,
            Err(ending) => return ending,
        };
        let is_http2 = is_http2(&transport);
        let context = Arc::new(self.context(client, tls));
        let Self { worker, ticket, .. } = self;
        let write_stall = settings.limits.write_stall_timeout;
        let gate = Gate::new(transport, Arc::clone(&context), is_http2, write_stall);
        let connection = Arc::new(Connection { worker, context, settings, ticket });
        match gate {
            Ok(gate) if is_http2 => h2::serve(&connection, gate).await,
            Ok(gate) => h1::serve(&connection, Box::new(gate)).await,
            Err(_) => Ending::Internal,
        }
    }

    /// The client behind the socket, counted; or the reason for which it is not let in.
    async fn client(
        &self,
        wire: &mut Wire,
        settings: &Settings,
        deadline: Instant,
    ) -> Result<SocketAddr, &'static str> {
        let trusted = &settings.trusted_proxies;
        let mut client = SocketAddr::new(self.peer.ip().to_canonical(), self.peer.port());
        if self.terms.spec.proxy_protocol {
            // Without a list everybody may: a listener that asks for the header is reached by load balancers only.
            if !trusted.is_empty() && !trust::trusts(trusted, client.ip()) {
                return Err("proxy-protocol-untrusted");
            }
            let header = timeout_at(deadline, proxy_protocol::read(wire)).await;
            let header = header.map_err(|_| "proxy-protocol-timeout")?;
            client = header.map_err(proxy_protocol::HeaderError::as_str)?.unwrap_or(client);
        }
        if !trust::trusts(trusted, client.ip()) {
            self.ticket.count_client(client.ip()).map_err(|refused| refused.as_str())?;
        }
        Ok(client)
    }

    async fn secure(
        &self,
        wire: Wire,
        deadline: Instant,
    ) -> Result<(Transport, Option<TlsFacts>), Ending> {
        if !self.terms.spec.is_https {
            return Ok((Transport::Plain(wire), None));
        }
        let metrics = &self.worker.shared.metrics.connections;
        match tls::handshake(&self.worker.terminator, wire, deadline).await {
            Ok((stream, facts)) => {
                metrics.count_handshake(facts.version, "ok");
                Ok((Transport::Tls(stream), Some(facts)))
            }
            Err(error) => {
                metrics.count_handshake("none", error.as_str());
                if error == HandshakeError::PlainHttp {
                    metrics.count_refused(&self.terms.facts.label, error.as_str());
                }
                Err(Ending::Handshake)
            }
        }
    }

    fn context(&self, client: SocketAddr, tls: Option<TlsFacts>) -> ConnectionContext {
        ConnectionContext {
            listener: Arc::clone(&self.terms.facts),
            client,
            tls,
            active: 0.into(),
            is_upgraded: false.into(),
            is_condemned: false.into(),
            closes: false.into(),
            bytes_in: 0.into(),
            bytes_out: 0.into(),
        }
    }
}

fn is_http2(transport: &Transport) -> bool {
    match transport {
        Transport::Plain(_) => false, // Prior knowledge (h2c) is not offered to clients.
        Transport::Tls(tls) => tls.get_ref().1.alpn_protocol() == Some(b"h2"),
    }
}

/// How a request left its connection.
enum Processed {
    /// HTTP/1: the connection may serve another one.
    Reusable(Stream),
    Ended,
    ClockFired,
}

impl Connection {
    /// `None`: the connection was evicted a moment ago.
    fn begin_request(self: &Arc<Self>) -> Option<InFlight> {
        if !self.ticket.begin_request() {
            return None;
        }
        self.context.active.fetch_add(1, Ordering::Relaxed);
        self.worker.requests_in_flight.fetch_add(1, Ordering::Relaxed);
        Some(InFlight(Arc::clone(self)))
    }

    /// Runs one request, with its clock around it.
    async fn process(&self, session: ServerSession) -> Processed {
        let clock = RequestClock::new();
        let request = self.worker.requests.process(session, &self.worker.shutdown);
        let request = clock.around(request);
        let reused = tokio::select! {
            biased;
            reused = request => reused,
            () = clock.expired() => {
                self.worker.shared.metrics.connections.clocks_fired.inc();
                return Processed::ClockFired;
            }
        };
        match reused {
            Some(reused) => Processed::Reusable(reused.consume().0), // Its settings are ours already.
            None => Processed::Ended,
        }
    }

    fn is_stopping(&self) -> bool {
        *self.worker.phase.borrow() >= Phase::Draining
    }
}

/// A request in flight, however it ends.
#[derive(Debug)]
struct InFlight(Arc<Connection>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.worker.requests_in_flight.fetch_sub(1, Ordering::Relaxed);
        self.0.context.active.fetch_sub(1, Ordering::Relaxed);
        self.0.ticket.end_request();
    }
}

/// The connection that a request came on; from `session.digest()` in any phase.
pub fn context_of(digest: Option<&Digest>) -> Option<&Arc<ConnectionContext>> {
    let user = digest?.proxy_digest.as_ref()?.user_data.as_ref()?;
    user.downcast_ref()
}

/// Sends FIN and reads on for a moment, so that what was written last arrives.
pub async fn leave<S>(stream: &mut S) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let reading = async {
        stream.shutdown().await?;
        let mut bytes = [0; 2048];
        let mut left = LEAVE_BYTES_MAX;
        while left > 0 {
            let read = stream.read(&mut bytes).await?;
            if read == 0 {
                return Ok(());
            }
            left = left.saturating_sub(read);
        }
        Ok(())
    };
    timeout(LEAVE_TIMEOUT, reading).await.unwrap_or(Ok(()))
}
