//! How does an attempt begin, and what follows when it fails?

use crate::request::RequestCtx;
use crate::request::attempts::Attempt;
use crate::request::kind::Kind;
use crate::response::headers;
use crate::retry::{self, Verdict, failure};
use crate::upstream::BackendState;
use crate::upstream::peer::Load;
use crate::upstream::state::EndpointState;
use crate::upstream::watchdog::Watchdog;
use crate::upstream::{choose, peer, timeouts};
use config::model::RoutePolicy;
use config::reason::Reason;
use http::StatusCode;
use http::header::CONTENT_LENGTH;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_error::{Error, ErrorSource, Result};
use pingora_http::ResponseHeader;
use pingora_proxy::Session;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Instant;

/// Informational responses that are passed on for one request. A backend that sends more has lost its way.
const INTERIMS_MAX: u32 = 16;

/// Every endpoint's machine takes as much before its program reads: Linux's smallest receive buffer in use is larger.
const UNREAD_BYTES_MAX: u64 = 16 * 1024;

/// Waits if the hold says so, chooses an endpoint, and says how to connect to it.
pub async fn begin(session: &mut Session, ctx: &mut RequestCtx) -> Result<Box<HttpPeer>> {
    ctx.patience.disarm();
    let Some(forward) = &ctx.forward else {
        return Err(known(ctx, Reason::Internal));
    };
    let backend = forward.backend.clone();
    let endpoint = match choose_for_client(session, ctx, &backend).await {
        Ok(endpoint) => endpoint,
        Err(reason) => return Err(known(ctx, reason)),
    };
    if let Some(before) = ctx.attempts.last_outcome {
        ctx.shared.metrics.backends.count_retry(before);
    }
    let now = Instant::now();
    let default = RoutePolicy::default();
    let route = ctx.policy().unwrap_or(&default);
    let left = ctx.left(now);
    let load = Load {
        kind: ctx.kind,
        is_upload: is_upload(session),
    };
    let timeouts = timeouts::of_attempt(&backend.terms, route, load, endpoint.speaks_http1(), left);
    ctx.failed = None;
    // What was read of the body comes again, from the engine's buffer.
    ctx.bytes_in = 0;
    let mut attempt = Attempt::new(&endpoint, timeouts, now);
    attempt.is_alone = load.is_alone();
    ctx.attempt = Some(attempt);
    Ok(peer::build(&backend.terms, &endpoint, &timeouts, load))
}

/// Chooses an endpoint, which takes as long as the hold if it must. A client that leaves meanwhile gives its place to another, if it had sent
/// its whole request: what it still has to send cannot be read before there is somebody to send it to, and before it nothing else can be.
async fn choose_for_client(
    session: &mut Session,
    ctx: &mut RequestCtx,
    backend: &Arc<BackendState>,
) -> Result<Arc<EndpointState>, Reason> {
    let has_sent_all = session.is_body_done();
    let left = async {
        if !has_sent_all {
            return std::future::pending().await;
        }
        // On the heap, and made only where there is something to wait for. It ends when the client does, in whichever way.
        let _ = Box::pin(session.as_mut().read_body_or_idle(true)).await;
    };
    tokio::select! {
        biased;
        chosen = choose::choose(ctx, backend) => chosen,
        () = left => Err(Reason::ClientClosed),
    }
}

/// May the body be more than an endpoint takes without reading it?
fn is_upload(session: &mut Session) -> bool {
    let length = session.req_header().headers.get(CONTENT_LENGTH);
    match length.map(|length| length.to_str().map(str::parse::<u64>)) {
        Some(Ok(Ok(length))) => length > UNREAD_BYTES_MAX,
        _ => !session.as_mut().is_body_empty(),
    }
}

/// No connection could be made, so nothing was sent: another endpoint, or the same ones after a wait, until the hold ends.
pub fn not_connected(ctx: &mut RequestCtx, mut error: Box<Error>) -> Box<Error> {
    let reason = failure::of_connect(&error);
    let began = ctx.attempt.as_ref().map(|attempt| attempt.began);
    ctx.end_attempt(reason);
    ctx.failed = Some(reason);
    let backend = ctx.forward.as_ref().map(|forward| forward.backend.clone());
    let may_go_on = failure::is_worth_holding(reason) || reason == Reason::UpstreamTls;
    let (Some(backend), Some(began), true) = (backend, began, may_go_on) else {
        error.set_retry(false);
        return error;
    };
    let next = choose::after_failed_connect(ctx, &backend, began, reason);
    if let Err(Some(reason)) = next {
        ctx.failed = Some(reason);
    }
    error.set_retry(next.is_ok());
    error
}

/// There is a connection, a new one or one from the pool.
pub fn connected(ctx: &mut RequestCtx, fd: RawFd) {
    ctx.hold.connected();
    ctx.attempts.connected += 1;
    if let Some(attempt) = &mut ctx.attempt {
        attempt.fd = Some(fd);
    }
}

/// A response header has come, or an informational one. An error: this status is to be tried again, or it is one too many.
pub fn response_began(
    session: &Session,
    response: &mut ResponseHeader,
    ctx: &mut RequestCtx,
) -> Result<()> {
    let is_final =
        !response.status.is_informational() || response.status == StatusCode::SWITCHING_PROTOCOLS;
    if !is_final {
        let attempt = ctx.attempt.as_mut();
        let interims = attempt.map_or(0, |attempt| {
            attempt.interims += 1;
            attempt.interims
        });
        if interims > INTERIMS_MAX {
            return Err(known(ctx, Reason::UpstreamProtocol).into_up());
        }
        headers::clean_response(response);
        return Ok(());
    }
    // RFC 9110 §15.2.2: only a client that offered to switch may be told to. Behind a switch that nobody asked for, the bytes would be anything.
    if response.status == StatusCode::SWITCHING_PROTOCOLS && ctx.kind != Kind::Upgrade {
        return Err(known(ctx, Reason::UpstreamProtocol).into_up());
    }
    if is_to_be_retried(session, response.status, ctx) {
        return Error::e_explain(failure::STATUS_TO_RETRY, "").map_err(Error::into_up);
    }
    if let (Some(attempt), Some(forward)) = (&mut ctx.attempt, &ctx.forward) {
        attempt.watchdog = None;
        let time = attempt.began.elapsed();
        attempt.first_byte = Some(time);
        forward.backend.metrics.observe_first_byte(time);
        if let Some(timeout) = headers::keep_alive(&response.headers) {
            attempt.endpoint().learn_keep_alive(timeout);
        }
    }
    headers::clean_response(response);
    Ok(())
}

/// An attempt that had a connection has failed: is there another one?
pub fn failed(session: &Session, ctx: &mut RequestCtx, mut error: Box<Error>) -> Box<Error> {
    let now = Instant::now();
    let response_begun = has_response_begun(session);
    let is_lost = failure::is_lost_answer(&error);
    if is_lost {
        // What still waited for the client to read was not sent.
        let sent = u64::try_from(session.as_ref().body_bytes_sent()).unwrap_or(u64::MAX);
        ctx.bytes_out = ctx.bytes_out.min(sent);
    }
    let is_answered = ctx
        .attempt
        .as_ref()
        .is_some_and(|attempt| attempt.is_answered);
    if is_answered && response_begun && !is_lost {
        // A client that stops its upload once it has the whole answer does nothing wrong.
        ctx.failed = Some(Reason::Answered);
        ctx.end_attempt(Reason::Answered);
        error.set_retry(false);
        return error;
    }
    let (reason, is_attempt_timeout) = reason(ctx, &error, now);
    let facts = retry::Facts {
        reason,
        is_backends_fault: is_backends_fault(&error, reason),
        response_begun: response_begun || session.response_written().is_some(),
        is_replayable: !session.as_ref().retry_buffer_truncated(),
        is_idempotent: session.req_header().method.is_idempotent(),
        is_unsent: failure::is_unsent(&error),
        is_attempt_timeout: is_attempt_timeout || *error.etype() == failure::STATUS_TO_RETRY,
        attempts: ctx.attempts.connected,
        attempts_max: ctx.attempts_max(),
        has_time: ctx.left(now).is_none_or(|left| !left.is_zero()),
    };
    let again = retry::verdict(&facts) == Verdict::Again;
    ctx.end_attempt(reason);
    ctx.failed = Some(match reason {
        // A status that was to be tried again, but the time ran out in between.
        Reason::Answered if !again => Reason::RequestTimeout,
        reason => reason,
    });
    // Always decided: the engine panics on `ReusedOnly` left as it is.
    error.set_retry(again);
    error
}

/// An error whose reason the context has.
pub fn known(ctx: &mut RequestCtx, reason: Reason) -> Box<Error> {
    ctx.failed = Some(reason);
    Error::explain(failure::REASON_IS_KNOWN, reason.as_str())
}

/// Did the header of the response, not only of an informational one, go to the client?
pub fn has_response_begun(session: &Session) -> bool {
    session
        .response_written()
        .is_some_and(|header| !header.status.is_informational() || session.was_upgraded())
}

/// Why the attempt failed, and whether it was the bound that the route sets on an attempt.
fn reason(ctx: &RequestCtx, error: &Error, now: Instant) -> (Reason, bool) {
    let attempt = ctx.attempt.as_ref();
    let begun = attempt.is_some_and(|attempt| attempt.first_byte.is_some());
    let bitten = attempt
        .and_then(|attempt| attempt.watchdog.as_ref())
        .is_some_and(Watchdog::has_bitten);
    let is_known = *error.etype() == failure::REASON_IS_KNOWN;
    if let Some(reason) = ctx.failed.filter(|_| is_known) {
        return (reason, false);
    }
    if *error.etype() == failure::STATUS_TO_RETRY {
        return (Reason::Answered, false);
    }
    let reason = failure::of_exchange(error, begun);
    let is_late = bitten || reason == Reason::ResponseTimeout;
    let (Some(attempt), true) = (attempt, is_late && !begun) else {
        return (reason, false);
    };
    match attempt.timeouts.attempt {
        Some((bound, why)) if now.saturating_duration_since(attempt.began) >= bound => {
            (why, why == Reason::ResponseTimeout)
        }
        _ => (Reason::ResponseTimeout, false),
    }
}

fn is_backends_fault(error: &Error, reason: Reason) -> bool {
    let is_ours = matches!(reason, Reason::Internal | Reason::BodyTooLarge);
    *error.esource() != ErrorSource::Downstream && !is_ours
}

/// Statuses that the route tries again, for requests where acting twice is the same as once, while there is something left to try with.
fn is_to_be_retried(session: &Session, status: StatusCode, ctx: &RequestCtx) -> bool {
    let is_listed = ctx
        .policy()
        .is_some_and(|policy| policy.retry_on.contains(&status.as_u16()));
    is_listed
        && session.req_header().method.is_idempotent()
        && !session.as_ref().retry_buffer_truncated()
        && session.response_written().is_none()
        && ctx.attempts.connected < ctx.attempts_max()
        && ctx.left(Instant::now()).is_none_or(|left| !left.is_zero())
}
