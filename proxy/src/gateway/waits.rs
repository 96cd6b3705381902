//! What is waited for next, for how long, and whose fault is it if it does not come?

use super::attempt::known;
use crate::request::RequestCtx;
use crate::request::kind::Kind;
use bytes::Bytes;
use config::reason::Reason;
use http::Version;
use pingora_error::Result;
use std::time::{Duration, Instant};

/// The clock is a backstop behind what ends an attempt or a client in good order, and must not overtake it.
const BACKSTOP: Duration = Duration::from_secs(2);

/// The request's head goes out. Over HTTP/2 the engine calls no filter for a body that is none, or that has not come yet.
pub fn after_head(has_body: bool, ctx: &mut RequestCtx) {
    let now = Instant::now();
    if has_body && ctx.kind != Kind::Upgrade {
        for_client(now, ctx);
    } else {
        for_header(now, ctx);
    }
}

/// A part of the request's body goes out, or its end does.
pub fn after_request_part(part: &mut Option<Bytes>, end_of_stream: bool, ctx: &mut RequestCtx) {
    let is_upgrade = ctx.kind == Kind::Upgrade || ctx.is_upgraded();
    let Some(attempt) = ctx.attempt.as_mut().filter(|_| !is_upgrade) else {
        return;
    };
    attempt.is_sent |= end_of_stream;
    let now = Instant::now();
    match (attempt.first_byte.is_some(), end_of_stream) {
        // The response has overtaken the request. What moves, either way, is not idle.
        (true, _) if attempt.is_answered => {}
        (true, _) => for_either(now, ctx),
        (false, true) => for_header(now, ctx),
        (false, false) => for_client(now, ctx),
    }
    if !end_of_stream {
        *part = part.take().map(|part| ctx.patience.watch_part(part));
    }
}

/// A part of the response has come: until the next one, the backend has the time that its terms give it, and not longer than the request has.
/// After the last one there is nothing to wait for, but for what the client may still be sending.
pub fn after_response_head(is_bodiless: bool, ctx: &mut RequestCtx) -> Result<()> {
    after_response_part(&mut None, is_bodiless, ctx)
}

/// The same, behind a part of its body. While that is being written, the client is what is waited for, and the connection bounds that.
pub fn after_response_part(
    part: &mut Option<Bytes>,
    end_of_stream: bool,
    ctx: &mut RequestCtx,
) -> Result<()> {
    if ctx.is_upgraded() {
        return Ok(());
    }
    let now = Instant::now();
    if end_of_stream {
        after_response(now, ctx);
        return Ok(());
    }
    if ctx.left(now).is_some_and(|left| left.is_zero()) {
        return Err(known(ctx, Reason::RequestTimeout).into_up());
    }
    for_either(now, ctx);
    *part = part.take().map(|part| ctx.patience.watch_part(part));
    Ok(())
}

/// The backend has answered in full. An upload that goes on is read for a while, so that its client finds the answer.
fn after_response(now: Instant, ctx: &mut RequestCtx) {
    let drain = ctx.in_force.settings.limits.drain_body_timeout;
    let Some(attempt) = ctx.attempt.as_mut() else {
        return;
    };
    attempt.is_answered = true;
    if attempt.is_sent {
        ctx.patience.disarm();
    } else {
        ctx.patience.arm_patiently(now, drain, Reason::Answered);
    }
}

/// The next part is waited for, of the response or of the request.
fn for_either(now: Instant, ctx: &mut RequestCtx) {
    let Some(idle) = ctx.attempt.as_ref().map(|attempt| attempt.body_idle) else {
        return;
    };
    match ctx.left(now) {
        Some(left) if left < idle => ctx.patience.arm(now, left, Reason::RequestTimeout),
        _ => ctx.patience.arm_patiently(now, idle, Reason::IdleTimeout),
    }
}

/// The client's next part is waited for.
fn for_client(now: Instant, ctx: &mut RequestCtx) {
    let body_stall = ctx.in_force.settings.limits.body_stall_timeout;
    let stall = match (ctx.kind, &ctx.forward) {
        // Both ends of a call may be silent for long, and a server need not begin its answer before the first message.
        (Kind::Grpc, Some(forward)) => forward.backend.terms.stream_idle_timeout,
        _ if is_http2(ctx) => body_stall,
        // The engine ends it with a 408.
        _ => body_stall + BACKSTOP,
    };
    let Some(attempt) = ctx.attempt.as_mut() else {
        return;
    };
    let left = attempt.left(now);
    if attempt.watchdog.is_none() {
        attempt.watch(&ctx.patience, left.map(|(left, _)| left));
    }
    match left {
        Some((left, reason)) if left + BACKSTOP < stall => {
            ctx.patience.arm(now, left + BACKSTOP, reason);
        }
        _ => ctx
            .patience
            .arm_patiently(now, stall, Reason::ClientBodyTimeout),
    }
}

/// The request has gone; its response header is waited for.
fn for_header(now: Instant, ctx: &mut RequestCtx) {
    let Some(attempt) = ctx.attempt.as_mut() else {
        return;
    };
    attempt.is_sent = true;
    let bound = attempt.header_bound(now);
    attempt.watch(&ctx.patience, bound.map(|(bound, _)| bound));
    match bound {
        Some((bound, reason)) => ctx.patience.arm(now, bound + BACKSTOP, reason),
        None => ctx.patience.disarm(),
    }
}

/// The engine times out a body of HTTP/1 only.
fn is_http2(ctx: &RequestCtx) -> bool {
    ctx.seen
        .as_ref()
        .is_some_and(|seen| seen.version == Version::HTTP_2)
}
