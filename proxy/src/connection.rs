//! What does a client's connection know, and how does it live?

mod arrival;
pub mod chunk;
pub mod clock;
pub mod context;
mod ending;
pub mod gate;
mod h1;
mod h2;
pub mod head;
mod refusal;
mod timer;
pub mod transport;
pub mod wire;

pub use arrival::serve;
pub use clock::{PartInFlight, RequestClock, current_clock};

use crate::listener::permits::{Permits, Ticket};
use crate::server::Shared;
use crate::shutdown::Phase;
use crate::tls::Terminator;
use config::settings::Settings;
use context::ConnectionContext;
use ending::Ending;
use pingora_core::apps::{HttpServerApp, ReusedHttpStream};
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::{Digest, Stream};
use pingora_core::server::ShutdownWatch;
use pingora_proxy::{HttpProxy, ProxyHttp};
use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Sleep, timeout};
use tokio_util::task::TaskTracker;

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
        self.worker
            .requests_in_flight
            .fetch_add(1, Ordering::Relaxed);
        Some(InFlight(Arc::clone(self)))
    }

    /// Runs one request, with its clock around it. The timer is the connection's, where it has one request at a time.
    async fn process(
        &self,
        session: ServerSession,
        clock: &Arc<RequestClock>,
        timer: Pin<&mut Sleep>,
    ) -> Processed {
        let request = self.worker.requests.process(session, &self.worker.shutdown);
        let request = clock.around(request);
        let reused = tokio::select! {
            biased;
            reused = request => reused,
            () = clock.expired(timer) => {
                self.worker.shared.metrics.connections.clocks_fired.inc();
                return Processed::ClockFired;
            }
        };
        match reused {
            Some(reused) => Processed::Reusable(reused.consume().0), // Its settings are ours already.
            None => Processed::Ended,
        }
    }
}

/// A request in flight, however it ends.
#[derive(Debug)]
struct InFlight(Arc<Connection>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0
            .worker
            .requests_in_flight
            .fetch_sub(1, Ordering::Relaxed);
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
