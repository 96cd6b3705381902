//! What do the sample backends answer?

use super::switch::Switchboard;
use super::websocket;
use bytes::Bytes;
use http::{HeaderValue, Request, Response, StatusCode, header};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Frame, Incoming};
use hyper_util::rt::TokioIo;
use serde_json::json;
use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Interval;

/// A body of any of our services.
pub type ReplyBody = UnsyncBoxBody<Bytes, Infallible>;

const PAGE: &str = include_str!("page.html");
/// Stands in the page where the pod's name goes.
const POD_MARK: &str = "{{pod}}";
/// A contact form's message above this is 413 from the sample API.
const MESSAGE_BYTES_MAX: usize = 64 * 1024;
/// Between two events of the sample stream.
const EVENT_INTERVAL: Duration = Duration::from_secs(1);

/// Which backend this is.
#[derive(Debug, Clone)]
pub enum Role {
    /// A pod with the page; like nginx for a single-page app it answers every path with it.
    Frontend { pod: Arc<str> },
    /// The machine outside the cluster: JSON, a WebSocket echo, an event stream.
    Vm,
    /// Stops and starts the others.
    Switch(Arc<Switchboard>),
}

/// Answers one request.
pub async fn answer(role: Role, request: Request<Incoming>) -> Response<ReplyBody> {
    match role {
        Role::Frontend { pod } => reply(
            StatusCode::OK,
            "text/html; charset=utf-8",
            PAGE.replace(POD_MARK, &pod),
        ),
        Role::Vm => answer_vm(request).await,
        Role::Switch(board) => answer_switch(&board, &request),
    }
}

async fn answer_vm(request: Request<Incoming>) -> Response<ReplyBody> {
    match request.uri().path() {
        "/api/health" => reply_json(StatusCode::OK, &json!({ "status": "ok" })),
        "/api/ws" => upgrade(request),
        "/api/events" => events(),
        _ => echo_request(request).await,
    }
}

/// Shows what reached the VM: the forwarded fields say who asked the edge.
async fn echo_request(request: Request<Incoming>) -> Response<ReplyBody> {
    let (head, body) = request.into_parts();
    let Ok(body) = Limited::new(body, MESSAGE_BYTES_MAX).collect().await else {
        let words = json!({ "error": "the sample API takes at most 64 KiB" });
        return reply_json(StatusCode::PAYLOAD_TOO_LARGE, &words);
    };
    let field = |name: &str| {
        let value = head.headers.get(name);
        value.map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    let words = json!({
        "servedBy": "backend-service, the machine outside the cluster",
        "method": head.method.as_str(),
        "path": head.uri.to_string(),
        "host": field("host"),
        "forwardedFor": field("x-forwarded-for"),
        "forwardedProto": field("x-forwarded-proto"),
        "requestId": field("x-request-id"),
        "bodyBytes": body.to_bytes().len(),
    });
    reply_json(StatusCode::OK, &words)
}

/// RFC 6455 section 4.2: switches to the echo, or says what is missing.
fn upgrade(mut request: Request<Incoming>) -> Response<ReplyBody> {
    let key = request.headers().get(header::SEC_WEBSOCKET_KEY);
    let Some(accept) = key
        .and_then(|key| key.to_str().ok())
        .and_then(|key| HeaderValue::from_str(&websocket::accept_value(key)).ok())
    else {
        let mut response = reply(
            StatusCode::UPGRADE_REQUIRED,
            "text/plain; charset=utf-8",
            "This is a WebSocket; ask for it with Upgrade: websocket.\n".to_owned(),
        );
        let fields = response.headers_mut();
        fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        return response;
    };
    let upgraded = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        // A client that leaves in the middle of a frame is no news to an echo.
        if let Ok(stream) = upgraded.await {
            let _ = websocket::echo(TokioIo::new(stream)).await;
        }
    });
    let mut response = reply(StatusCode::SWITCHING_PROTOCOLS, "", String::new());
    let fields = response.headers_mut();
    fields.remove(header::CONTENT_TYPE);
    fields.insert(header::CONNECTION, HeaderValue::from_static("upgrade"));
    fields.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
    fields.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
    response
}

fn events() -> Response<ReplyBody> {
    let ticks = Ticks {
        interval: tokio::time::interval(EVENT_INTERVAL),
        number: 0,
    };
    let mut response = Response::new(ticks.boxed_unsync());
    let fields = response.headers_mut();
    fields.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static("text/event-stream"),
    );
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// `GET` lists the backends; `POST .../NAME/stop` and `.../start` do that.
fn answer_switch(board: &Switchboard, request: &Request<Incoming>) -> Response<ReplyBody> {
    let parts: Vec<&str> = request.uri().path().trim_matches('/').split('/').collect();
    let known = match parts.as_slice() {
        [_, name, "stop"] if request.method() == http::Method::POST => board.set(name, false),
        [_, name, "start"] if request.method() == http::Method::POST => board.set(name, true),
        [_] => true,
        _ => false,
    };
    let status = if known {
        StatusCode::OK
    } else {
        StatusCode::NOT_FOUND
    };
    reply_json(status, &board.states())
}

fn reply_json(status: StatusCode, value: &serde_json::Value) -> Response<ReplyBody> {
    reply(status, "application/json", format!("{value}\n"))
}

fn reply(status: StatusCode, content_type: &'static str, text: String) -> Response<ReplyBody> {
    let mut response = Response::new(Full::new(Bytes::from(text)).boxed_unsync());
    *response.status_mut() = status;
    let fields = response.headers_mut();
    fields.insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    fields.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

/// A body that never ends: one server-sent event per second.
struct Ticks {
    interval: Interval,
    number: u64,
}

impl Body for Ticks {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        self.interval.poll_tick(context).map(|_| {
            self.number += 1;
            let text = format!("id: {0}\ndata: event {0}\n\n", self.number);
            Some(Ok(Frame::data(Bytes::from(text))))
        })
    }
}
