//! How is a request answered that no backend answers?

use super::page::{self, Form};
use crate::request::RequestCtx;
use crate::request::kind::Kind;
use bytes::Bytes;
use config::reason::Reason;
use config::snapshot::Failure;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, EXPECT, LOCATION, RETRY_AFTER, SERVER,
};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Version};
use pingora_error::Result;
use pingora_http::ResponseHeader;
use pingora_proxy::Session;
use std::sync::atomic::Ordering;

/// After a 503 a client waits at least this long. A hold has been waited for already, and a restart takes seconds.
const RETRY_AFTER_SECONDS: u16 = 2;
pub const ALLOWED_METHODS: &str = "GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS";
const GRPC_STATUS: HeaderName = HeaderName::from_static("grpc-status");
const GRPC_MESSAGE: HeaderName = HeaderName::from_static("grpc-message");

/// An answer of the edge itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: u16,
    pub reason: Reason,
    location: Option<HeaderValue>,
    /// The connection ends with it, on HTTP/1.
    pub closes: bool,
}

impl Answer {
    /// With the reason's own status.
    pub fn of(reason: Reason) -> Answer {
        let status = match reason.status() {
            0 => Reason::Internal.status(),
            status => status,
        };
        Answer {
            status,
            reason,
            location: None,
            closes: false,
        }
    }

    /// What the configuration has decided already.
    pub fn failure(failure: &Failure) -> Answer {
        Answer {
            status: failure.status,
            ..Answer::of(failure.reason)
        }
    }

    pub fn redirect(status: u16, location: HeaderValue) -> Answer {
        Answer {
            status,
            location: Some(location),
            ..Answer::of(Reason::Redirected)
        }
    }

    /// Where the client is sent.
    pub fn location(&self) -> Option<&HeaderValue> {
        self.location.as_ref()
    }

    /// The connection is not to be used again.
    pub fn closing(self, closes: bool) -> Answer {
        Answer { closes, ..self }
    }
}

/// Sends an answer, and reads what is left of the request's body, at most for the time of the session's drain timeout: a client that still
/// sends would otherwise meet a reset and lose the answer (measured, HTTP/1 and HTTP/2).
pub async fn send(session: &mut Session, ctx: &mut RequestCtx, answer: &Answer) -> Result<()> {
    // A client that waits for `100 Continue` sends nothing until it has it; and nobody can know whether it will.
    let waits_to_send = session.req_header().headers.contains_key(EXPECT)
        && session.body_bytes_read() == 0
        && !session.is_body_done();
    // A client that does not wait for its 101 sends bytes behind the request that are not HTTP.
    if answer.closes || waits_to_send || ctx.kind == Kind::Upgrade {
        close_after(session, ctx);
    }
    // The engine ends the connection by itself where the body is unread; the drain makes that needless.
    session.set_close_on_response_before_downstream_finish(false);
    ctx.reason = answer.reason;
    if ctx.kind == Kind::Grpc && session.is_http2() && answer.status >= 400 {
        send_grpc(session, ctx, answer).await?;
    } else {
        send_page(session, ctx, answer).await?;
    }
    if waits_to_send || session.is_body_done() {
        return Ok(());
    }
    session.as_mut().finish_body().await?;
    if session.as_mut().drain_request_body().await.is_err() {
        close_after(session, ctx);
    }
    let drained = u64::try_from(session.body_bytes_read()).unwrap_or_default();
    ctx.bytes_in = ctx.bytes_in.max(drained);
    Ok(())
}

/// No further request on this connection. Nothing to say on HTTP/2, where only the stream ends.
pub fn close_after(session: &mut Session, ctx: &RequestCtx) {
    session.set_keepalive(None);
    if let Some(connection) = ctx.connection.as_ref().filter(|_| !session.is_http2()) {
        connection.closes.store(true, Ordering::Relaxed);
    }
}

async fn send_page(session: &mut Session, ctx: &mut RequestCtx, answer: &Answer) -> Result<()> {
    let request = session.req_header();
    let form = Form::accepted(&request.headers);
    let is_head = request.method == Method::HEAD;
    // After 431 a stream ends with its header: the window of an attacker, which is zero, is not waited for.
    let body = if answer.location.is_some() || answer.reason == Reason::HeaderTooLarge {
        Bytes::new()
    } else {
        page::write(form, answer.status, answer.reason, ctx.id.as_str())
    };
    let header = header(ctx, answer, form, body.len())?;
    ctx.status = answer.status;
    let ends = is_head || body.is_empty();
    session
        .write_response_header(Box::new(header), ends)
        .await?;
    if is_head {
        return Ok(());
    }
    ctx.bytes_out += u64::try_from(body.len()).unwrap_or_default();
    session.write_response_body(Some(body), true).await
}

fn header(
    ctx: &RequestCtx,
    answer: &Answer,
    form: Form,
    body_bytes: usize,
) -> Result<ResponseHeader> {
    let mut header = common_header(ctx, answer.status)?;
    if let Some(location) = &answer.location {
        header.insert_header(LOCATION, location.clone())?;
    } else {
        header.insert_header(CONTENT_TYPE, HeaderValue::from_static(form.content_type()))?;
    }
    header.insert_header(CONTENT_LENGTH, HeaderValue::from(body_bytes))?;
    if answer.status == 503 {
        header.insert_header(RETRY_AFTER, HeaderValue::from(RETRY_AFTER_SECONDS))?;
    }
    if answer.status == 405 {
        header.insert_header(ALLOW, HeaderValue::from_static(ALLOWED_METHODS))?;
    }
    Ok(header)
}

fn common_header(ctx: &RequestCtx, status: u16) -> Result<ResponseHeader> {
    let mut header = ResponseHeader::build(status, Some(8))?;
    header.insert_header(SERVER, HeaderValue::from_static("hedgerow"))?;
    header.insert_header(crate::client::X_REQUEST_ID.text, ctx.id.to_header())?;
    header.insert_header(CACHE_CONTROL, HeaderValue::from_static("no-store"))?;
    Ok(header)
}

/// gRPC says how a call ended in trailers; without them its clients report an unknown error
/// (gRPC over HTTP2, "HTTP2 Transport Mapping", Responses).
async fn send_grpc(session: &mut Session, ctx: &mut RequestCtx, answer: &Answer) -> Result<()> {
    let mut header = common_header(ctx, 200)?;
    header.set_version(Version::HTTP_2);
    header.insert_header(CONTENT_TYPE, HeaderValue::from_static("application/grpc"))?;
    ctx.status = 200;
    session
        .write_response_header(Box::new(header), false)
        .await?;
    let mut trailers = HeaderMap::with_capacity(2);
    trailers.insert(
        GRPC_STATUS,
        HeaderValue::from_static(grpc_status(answer.status)),
    );
    trailers.insert(
        GRPC_MESSAGE,
        HeaderValue::from_static(answer.reason.sentence()),
    );
    session.as_mut().write_response_trailers(trailers).await
}

/// "HTTP to gRPC Status Code Mapping" of gRPC, with 504 as the deadline that it is.
fn grpc_status(http: u16) -> &'static str {
    match http {
        400 => "13",
        401 => "16",
        403 => "7",
        404 => "12",
        413 => "8",
        408 | 504 => "4",
        429 | 502 | 503 => "14",
        500 => "13",
        _ => "2",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_the_status_of_its_reason_and_never_none() {
        assert_eq!(Answer::of(Reason::NoRule).status, 404);
        assert_eq!(Answer::of(Reason::ClientClosed).status, 500);
        for reason in Reason::ALL {
            assert!(Answer::of(*reason).status >= 300);
        }
    }

    #[test]
    fn unavailable_and_late_are_told_apart_in_grpc() {
        assert_eq!(grpc_status(503), "14");
        assert_eq!(grpc_status(504), "4");
        assert_eq!(grpc_status(404), "12");
    }
}
