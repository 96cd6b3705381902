//! What stands behind the edge when it speaks HTTP/2 without TLS (h2c), gRPC for one?
//!
//! | content type of the request | answer |
//! |---|---|
//! | `application/grpc` | 200, every part of the request's body comes back as it arrives, then the trailers `grpc-status: 0` |
//! | the same, to `/fail` | 200 and `grpc-status: 5` in one head without a body (Trailers-Only) |
//! | any other | 200, the origin's name as body; with a request body `x-body-bytes` |

use crate::story_source::endpoint;
use bytes::Bytes;
use h2::RecvStream;
use h2::server::SendResponse;
use http::{HeaderMap, HeaderValue, Request, Response};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// One h2c server of a story. Dropping it closes its port and cuts its connections.
pub struct H2Origin {
    pub name: String,
    pub address: SocketAddr,
    requests: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl H2Origin {
    /// Listens on a free port of this machine.
    pub async fn start(name: &str) -> H2Origin {
        let listener = TcpListener::bind(endpoint()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let requests = Arc::new(AtomicUsize::new(0));
        let task = tokio::spawn(accept(listener, Arc::from(name), requests.clone()));
        H2Origin {
            name: name.to_owned(),
            address,
            requests,
            task: task.abort_handle(),
        }
    }

    /// Requests since the start.
    pub fn requests(&self) -> usize {
        self.requests.load(Ordering::Relaxed)
    }
}

impl Drop for H2Origin {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn accept(listener: TcpListener, name: Arc<str>, requests: Arc<AtomicUsize>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                connections.spawn(serve(stream, name.clone(), requests.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn serve(stream: TcpStream, name: Arc<str>, requests: Arc<AtomicUsize>) {
    let Ok(mut connection) = h2::server::handshake(stream).await else {
        return;
    };
    let mut streams = JoinSet::new();
    while let Some(Ok((request, answer))) = connection.accept().await {
        requests.fetch_add(1, Ordering::Relaxed);
        let name = name.clone();
        streams.spawn(async move {
            // A client that leaves in the middle is what some stories are about.
            let _ = serve_one(request, answer, &name).await;
        });
    }
}

async fn serve_one(
    request: Request<RecvStream>,
    mut answer: SendResponse<Bytes>,
    name: &str,
) -> Result<(), h2::Error> {
    let content_type = request.headers().get("content-type");
    let is_grpc = content_type.is_some_and(|kind| kind.as_bytes().starts_with(b"application/grpc"));
    if is_grpc && request.uri().path() == "/fail" {
        let mut head = head(name, "application/grpc");
        let status = HeaderValue::from_static("5");
        head.headers_mut().insert("grpc-status", status);
        return answer.send_response(head, true).map(drop);
    }
    if is_grpc {
        return echo_grpc(request.into_body(), answer, name).await;
    }
    answer_plain(request.into_body(), answer, name).await
}

async fn echo_grpc(
    mut body: RecvStream,
    mut answer: SendResponse<Bytes>,
    name: &str,
) -> Result<(), h2::Error> {
    let head = head(name, "application/grpc");
    let mut reply = answer.send_response(head, false)?;
    while let Some(part) = body.data().await {
        let part = part?;
        body.flow_control().release_capacity(part.len())?;
        reply.send_data(part, false)?;
    }
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", HeaderValue::from_static("0"));
    trailers.insert("grpc-message", HeaderValue::from_static("fine"));
    reply.send_trailers(trailers)
}

async fn answer_plain(
    mut body: RecvStream,
    mut answer: SendResponse<Bytes>,
    name: &str,
) -> Result<(), h2::Error> {
    let mut bytes = 0;
    while let Some(part) = body.data().await {
        let part = part?;
        bytes += part.len();
        body.flow_control().release_capacity(part.len())?;
    }
    let mut head = head(name, "text/plain");
    head.headers_mut()
        .insert("x-body-bytes", HeaderValue::from(bytes));
    let mut reply = answer.send_response(head, false)?;
    reply.send_data(Bytes::from(name.to_owned()), true)
}

fn head(name: &str, content_type: &'static str) -> Response<()> {
    let mut head = Response::new(());
    let fields = head.headers_mut();
    fields.insert("content-type", HeaderValue::from_static(content_type));
    if let Ok(name) = HeaderValue::from_str(name) {
        fields.insert("x-origin", name);
    }
    head
}
