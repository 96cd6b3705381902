//! How do the admin endpoints stay answerable, whoever calls and however slowly?

use super::AdminState;
use super::answer::{Answer, Endpoint, Question, answer};
use bytes::Bytes;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use std::convert::Infallible;
use std::io;
use std::net::{SocketAddr, TcpListener};
use std::pin::pin;
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

/// A kubelet, a few scrapers, and people. The next one waits in the kernel's queue until one of these ends.
pub(super) const CONNECTIONS_MAX: usize = 32;
/// A request head, and the time between two of them on one connection.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// Afterwards the connection ends with the answer under way: nobody occupies one of the few for ever.
const CONNECTION_MAX: Duration = Duration::from_secs(60);
/// A client that does not read its answer is cut off after this.
const LAST_ANSWER_MAX: Duration = Duration::from_secs(10);
const BODY_BYTES_MAX: usize = 64 * 1024;
const BODY_TIMEOUT: Duration = Duration::from_secs(5);
/// Dumps in the making or on their way: each may be some megabytes with many routes.
pub(super) const DUMPS_MAX: usize = 2;
const TURN_MAX: Duration = Duration::from_secs(2);
/// Answers under way get this long at the stop.
pub(super) const STOP_MAX: Duration = Duration::from_secs(1);
/// After an error of `accept` (no descriptor is free, say): never spin.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// One line about such errors says as much as a thousand.
const ACCEPT_SILENCE: Duration = Duration::from_secs(60);

struct Server {
    state: Arc<AdminState>,
    dumps: Arc<Semaphore>,
    stops: CancellationToken,
}

/// One thread with a runtime of its own. Dumps are made on two further threads, so that probes never wait behind them.
pub fn start(
    listener: TcpListener,
    state: Arc<AdminState>,
    stops: CancellationToken,
) -> io::Result<JoinHandle<()>> {
    listener.set_nonblocking(true)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(DUMPS_MAX)
        .thread_name("admin-dump")
        .build()?;
    let listener = {
        let _entered = runtime.enter();
        tokio::net::TcpListener::from_std(listener)?
    };
    let server = Arc::new(Server {
        state,
        dumps: Arc::new(Semaphore::new(DUMPS_MAX)),
        stops,
    });
    thread::Builder::new().name("admin".into()).spawn(move || {
        runtime.block_on(accept(listener, server));
        runtime.shutdown_timeout(STOP_MAX);
    })
}

async fn accept(listener: tokio::net::TcpListener, server: Arc<Server>) {
    let connections = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let tasks = TaskTracker::new();
    let accepting = async {
        let mut told: Option<Instant> = None;
        loop {
            let Ok(permit) = connections.clone().acquire_owned().await else {
                return; // The semaphore is never closed.
            };
            match listener.accept().await {
                Ok((stream, peer)) => {
                    tasks.spawn(connection(stream, peer, permit, server.clone()));
                }
                Err(error) => {
                    if told.is_none_or(|at| at.elapsed() > ACCEPT_SILENCE) {
                        tracing::warn!(%error, "admin connection not accepted");
                        told = Some(Instant::now());
                    }
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    };
    server.stops.run_until_cancelled(accepting).await;
    drop(listener);
    tasks.close();
    let _ = timeout(STOP_MAX, tasks.wait()).await; // What is not done by then is cut off with the runtime.
}

async fn connection(
    stream: TcpStream,
    peer: SocketAddr,
    permit: OwnedSemaphorePermit,
    server: Arc<Server>,
) {
    let service = service_fn(|request| respond(request, peer, server.clone()));
    let mut connection = pin!(
        http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIMEOUT)
            .max_buf_size(16 * 1024)
            .serve_connection(TokioIo::new(stream), service)
    );
    // How a connection ends is the client's affair, here as below.
    tokio::select! {
        _ = connection.as_mut() => return drop(permit),
        () = server.stops.cancelled() => {}
        () = sleep(CONNECTION_MAX) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = timeout(LAST_ANSWER_MAX, connection).await;
    drop(permit);
}

async fn respond(
    request: Request<Incoming>,
    peer: SocketAddr,
    server: Arc<Server>,
) -> Result<Response<Full<Bytes>>, Infallible> {
    let (head, body) = request.into_parts();
    let body = timeout(BODY_TIMEOUT, Limited::new(body, BODY_BYTES_MAX).collect()).await;
    let Ok(Ok(body)) = body else {
        let sentence = format!("at most {BODY_BYTES_MAX} bytes, in {BODY_TIMEOUT:?}\n");
        return Ok(Answer::text(StatusCode::PAYLOAD_TOO_LARGE, sentence).into_response());
    };
    let body = body.to_bytes();
    let endpoint = Endpoint::find(head.uri.path());
    let make = move |state: &AdminState| {
        let host = head.headers.get(http::header::HOST);
        let question = Question {
            method: &head.method,
            path: head.uri.path(),
            query: head.uri.query().unwrap_or_default(),
            host: host.map(|host| host.to_str().unwrap_or_default()),
            peer: peer.ip(),
            body: &body,
        };
        answer(state, &question)
    };
    Ok(match endpoint {
        Some(Endpoint::Metrics) => make_apart(server, make, None).await,
        Some(endpoint) if !endpoint.is_probe() => dump(server, make).await,
        _ => make(&server.state).into_response(),
    })
}

/// A dump waits for its turn, but not for long: a reader of another one may have stopped reading.
async fn dump(
    server: Arc<Server>,
    make: impl FnOnce(&AdminState) -> Answer + Send + 'static,
) -> Response<Full<Bytes>> {
    match timeout(TURN_MAX, server.dumps.clone().acquire_owned()).await {
        Ok(permit) => make_apart(server, make, permit.ok()).await,
        Err(_) => {
            let sentence = "others are reading large answers; ask again\n";
            Answer::text(StatusCode::SERVICE_UNAVAILABLE, sentence).into_response()
        }
    }
}

/// Makes an answer away from the probes' thread. Its bytes hold the permit until they are sent.
async fn make_apart(
    server: Arc<Server>,
    make: impl FnOnce(&AdminState) -> Answer + Send + 'static,
    permit: Option<OwnedSemaphorePermit>,
) -> Response<Full<Bytes>> {
    let state = server.state.clone();
    let made = tokio::task::spawn_blocking(move || make(&state)).await;
    let Ok(mut answer) = made else {
        let sentence = "the edge failed to answer; its log says why\n";
        return Answer::text(StatusCode::INTERNAL_SERVER_ERROR, sentence).into_response();
    };
    let body = Bytes::from_owner(Dump {
        body: std::mem::take(&mut answer.body),
        _permit: permit,
    });
    let (head, _) = answer.into_response().into_parts();
    Response::from_parts(head, Full::new(body))
}

struct Dump {
    body: Vec<u8>,
    _permit: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Dump {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}
