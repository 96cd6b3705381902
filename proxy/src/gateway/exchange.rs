//! What happens to the heads and bodies that pass, and to the client when none comes?

use super::attempt::{has_response_begun, known};
use super::waits;
use crate::client;
use crate::policy;
use crate::request::RequestCtx;
use crate::request::kind::{Kind, is_event_stream, is_grpc};
use crate::response::own::{self, Answer};
use crate::retry::failure;
use crate::route;
use crate::upstream::fields;
use bytes::Bytes;
use config::reason::{Fault, Reason};
use http::header::{CONTENT_LENGTH, EXPECT};
use http::{Method, StatusCode, Version};
use pingora_error::{Error, ErrorSource, ErrorType, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use pingora_proxy::{FailToProxy, Session};
use std::sync::atomic::Ordering;

/// What the engine itself can time out towards a client.
pub fn set_client_timeouts(session: &mut Session, ctx: &RequestCtx) {
    let limits = &ctx.in_force.settings.limits;
    session.set_read_timeout(Some(limits.body_stall_timeout));
    // On HTTP/1 the engine would bound a write as a whole, up to some 256 KiB; the gate bounds the time in which nothing of it moves.
    let is_http2 = session.req_header().version == Version::HTTP_2;
    session.set_write_timeout(is_http2.then_some(limits.write_stall_timeout));
    session.set_total_drain_timeout(Some(limits.drain_body_timeout));
    // The engine would take a `100 Continue` for an answer to an unread body, and close the connection after the request.
    if session.req_header().headers.contains_key(EXPECT) {
        session.set_close_on_response_before_downstream_finish(false);
    }
    // RFC 9110 §15.2: HTTP/1.0 has no informational responses.
    let is_http10 = session.req_header().version == Version::HTTP_10;
    session.set_ignore_info_resp(is_http10);
}

/// Sends an answer of our own instead of asking a backend.
pub async fn answer(session: &mut Session, ctx: &mut RequestCtx, answer: &Answer) -> Result<bool> {
    ctx.failed = Some(answer.reason);
    own::send(session, ctx, answer).await?;
    Ok(true)
}

/// The request as the backend gets it. The engine has taken away what `Connection` names.
pub fn prepare_request(
    session: &mut Session,
    request: &mut RequestHeader,
    ctx: &mut RequestCtx,
) -> Result<()> {
    let is_http1 = request.version != Version::HTTP_2;
    fields::clean(request)?;
    let (Some(forward), Some(seen), Some(connection)) = (&ctx.forward, &ctx.seen, &ctx.connection)
    else {
        return Err(known(ctx, Reason::Internal));
    };
    client::write(
        request,
        &client::Written {
            client: &ctx.client,
            peer: &connection.client_text,
            listener: &connection.listener,
            host: seen.host(),
            id: &ctx.id,
            via: ctx.in_force.settings.via.then_some(seen.version),
        },
    )?;
    forward.rewrite(request)?;
    route::apply_request_headers(&ctx.in_force, forward, request)?;
    if let Some(attempt) = &mut ctx.attempt {
        attempt.is_alone |= is_http1;
        if is_http1 {
            attempt.endpoint().learn_http1();
        }
    }
    waits::after_head(!session.as_mut().is_body_empty(), ctx);
    Ok(())
}

/// Counts the body, and refuses what is longer than the route allows.
pub fn count_request_body(body: Option<&Bytes>, ctx: &mut RequestCtx) -> Result<()> {
    ctx.bytes_in += length(body);
    if ctx.is_upgraded() {
        return Ok(());
    }
    let max = ctx.policy().and_then(|policy| policy.body_bytes_max);
    if policy::exceeds(max, ctx.bytes_in) {
        return Err(known(ctx, Reason::BodyTooLarge));
    }
    Ok(())
}

/// An end without bytes (an empty DATA frame with END_STREAM, as most HTTP/2 clients send it) is an end and no part. The engine would write an
/// empty part as the last chunk and then the last chunk again; a backend on HTTP/1 takes the second one for a request, and its answer would
/// be the one that the next client of that connection gets.
pub fn end_request_body_once(body: &mut Option<Bytes>, end_of_stream: bool) {
    if end_of_stream && body.as_ref().is_some_and(Bytes::is_empty) {
        *body = None;
    }
}

/// The response as the client gets it. Fields of ours are only those that the route asks for.
pub fn prepare_response(
    session: &mut Session,
    response: &mut ResponseHeader,
    ctx: &mut RequestCtx,
) -> Result<()> {
    if response.status.is_informational() && response.status != StatusCode::SWITCHING_PROTOCOLS {
        return Ok(());
    }
    if let Some(forward) = &ctx.forward {
        route::apply_response_headers(&ctx.in_force, forward, response)?;
    }
    if response.version < Version::HTTP_11 {
        // "A proxy MUST send its own HTTP-version in forwarded messages" (RFC 9110 §6.2).
        response.set_version(Version::HTTP_11);
    }
    ctx.status = response.status.as_u16();
    ctx.reason = Reason::Answered;
    set_body_idle(response, ctx);
    if response.status == StatusCode::SWITCHING_PROTOCOLS {
        upgrade(session, ctx);
        return Ok(());
    }
    // A final response to an unread body does end the connection: who knows how much is still to come.
    session.set_close_on_response_before_downstream_finish(true);
    if ctx.kind == Kind::Upgrade {
        // A client that did not wait for the answer has sent bytes behind its request that are not HTTP.
        own::close_after(session, ctx);
    }
    let is_http10 = session.req_header().version == Version::HTTP_10;
    if is_http10 && !response.headers.contains_key(CONTENT_LENGTH) {
        // The body ends with the connection, so nothing may promise another request.
        own::close_after(session, ctx);
    }
    waits::after_response_head(is_bodiless(session, response), ctx)
}

/// Counts the body. Where it ends before the request does, nobody wants the rest: a client on HTTP/1 that does not hang up by itself is
/// waited for as long as after an answer of our own.
pub fn count_response_body(
    session: &mut Session,
    body: Option<&Bytes>,
    end_of_stream: bool,
    ctx: &mut RequestCtx,
) {
    ctx.bytes_out += length(body);
    if !end_of_stream || ctx.is_upgraded() || session.is_body_done() {
        return;
    }
    ctx.is_answer_whole = true;
    let drain = ctx.in_force.settings.limits.drain_body_timeout;
    session.set_read_timeout(Some(drain));
}

/// No further attempt: the client gets an answer of ours, if none has begun and it is still there.
pub async fn give_up(session: &mut Session, ctx: &mut RequestCtx, error: &Error) -> FailToProxy {
    ctx.patience.disarm();
    let begun = has_response_begun(session);
    let reason = ctx
        .failed
        .unwrap_or_else(|| failure::of_exchange(error, begun));
    ctx.reason = reason;
    if ctx.is_answer_whole && is_unread_body(error) {
        ctx.reason = Reason::Answered;
    }
    if begun || reason.status() == 0 {
        return FailToProxy {
            error_code: 0,
            can_reuse_downstream: false,
        };
    }
    // What the client did wrong may have left anything behind it.
    let closes = matches!(reason.fault(), Fault::Client) || reason == Reason::Internal;
    let answer = Answer::of(reason).closing(closes);
    match own::send(session, ctx, &answer).await {
        Ok(()) => keep_connection(session, ctx).await,
        // The client has gone meanwhile. Why the request failed is still the better reason.
        Err(_) => ctx.reason = reason,
    }
    FailToProxy {
        error_code: answer.status,
        can_reuse_downstream: false,
    }
}

/// The engine drops an HTTP/1 connection after an error. Where the whole request was read it can go on: a backend that is down shall not
/// cost every client a handshake for each request.
async fn keep_connection(session: &mut Session, ctx: &RequestCtx) {
    let Some(connection) = ctx.connection.as_ref().filter(|_| !session.is_http2()) else {
        return;
    };
    let is_kept = session.is_body_done()
        && session.as_ref().get_keepalive().is_some()
        && !connection.closes.load(Ordering::Relaxed);
    if is_kept && session.as_mut().finish_body().await.is_ok() {
        connection.keeps.store(true, Ordering::Relaxed);
    }
}

/// The client did not send the rest of a body that nobody waits for any more.
fn is_unread_body(error: &Error) -> bool {
    *error.esource() == ErrorSource::Downstream
        && matches!(
            error.etype(),
            ErrorType::ReadTimedout | ErrorType::ReadError | ErrorType::ConnectionClosed
        )
}

fn set_body_idle(response: &ResponseHeader, ctx: &mut RequestCtx) {
    let is_stream = is_event_stream(&response.headers) || is_grpc(&response.headers);
    if let (Some(attempt), Some(forward)) = (&mut ctx.attempt, &ctx.forward) {
        let terms = &forward.backend.terms;
        attempt.body_idle = if is_stream {
            terms.stream_idle_timeout
        } else {
            terms.idle_timeout
        };
    }
}

/// From now on the bytes are not HTTP: the gate opens, and silence is bounded by the idle time of streams, in both directions.
fn upgrade(session: &mut Session, ctx: &mut RequestCtx) {
    ctx.patience.disarm();
    if let Some(forward) = &ctx.forward {
        session.set_read_timeout(Some(forward.backend.terms.stream_idle_timeout));
    }
    if let Some(connection) = &ctx.connection {
        connection.is_upgraded.store(true, Ordering::Release);
    }
}

/// Is the response complete with its head (RFC 9112 §6.3)? The engine calls no filter for a body that is none.
fn is_bodiless(session: &Session, response: &ResponseHeader) -> bool {
    let length = response.headers.get(CONTENT_LENGTH);
    session.req_header().method == Method::HEAD
        || matches!(
            response.status,
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED
        )
        || length.is_some_and(|length| length.as_bytes() == b"0")
}

fn length(body: Option<&Bytes>) -> u64 {
    u64::try_from(body.map_or(0, Bytes::len)).unwrap_or_default()
}
