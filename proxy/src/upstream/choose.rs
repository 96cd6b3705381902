//! Which endpoint does the next attempt go to, and is there something to wait for first?

use super::pick::{has_untried, pick};
use super::state::EndpointState;
use super::{BackendState, hold};
use crate::observe::backend_metrics::BackendMetrics;
use crate::request::RequestCtx;
use crate::retry::failure;
use config::reason::Reason;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::time;

/// Waits as the hold says, then chooses. An error: there is no endpoint, and the reason why.
pub async fn choose(
    ctx: &mut RequestCtx,
    backend: &Arc<BackendState>,
) -> Result<Arc<EndpointState>, Reason> {
    if let Some(wait) = ctx.hold.wait.take() {
        time::sleep(wait).await;
        ctx.hold.begin_round();
    }
    loop {
        if ctx.left(Instant::now()).is_some_and(|left| left.is_zero()) {
            // An endpoint that never accepted is the better reason than the time that this took.
            let last = ctx.attempts.last_outcome;
            let refused = last.filter(|reason| failure::is_worth_holding(*reason));
            return Err(refused.unwrap_or(Reason::RequestTimeout));
        }
        if let Some(endpoint) = pick_one(ctx, backend) {
            ctx.hold.tried.add(endpoint.address);
            return Ok(endpoint);
        }
        wait_for_one(ctx, backend).await?;
    }
}

/// A connection could not be made: is there another attempt? Sets what the next one has to wait for. What would fail again at the same
/// endpoints, as TLS does, is not waited for.
pub fn after_failed_connect(
    ctx: &mut RequestCtx,
    backend: &Arc<BackendState>,
    began: Instant,
    reason: Reason,
) -> Result<(), Option<Reason>> {
    let now = Instant::now();
    let (in_round, rounds, elapsed) = ctx.hold.failed(began, now);
    let failed = hold::Failed {
        in_round,
        rounds,
        has_untried: has_untried(backend.pool.current().candidates(), &ctx.hold.tried),
        elapsed,
        attempts: ctx.attempts_max(),
        hold: backend.terms.hold,
        left: ctx.left(now),
    };
    match hold::next(&failed) {
        hold::Next::Another => Ok(()),
        hold::Next::Stop => Err(None),
        hold::Next::After(_) if !failure::is_worth_holding(reason) => Err(None),
        hold::Next::After(wait) => {
            be_held(ctx, backend).map_err(Some)?;
            ctx.hold.wait = Some(wait);
            Ok(())
        }
    }
}

fn pick_one(ctx: &mut RequestCtx, backend: &BackendState) -> Option<Arc<EndpointState>> {
    let set = backend.pool.current();
    pick(
        set.candidates(),
        &ctx.hold.tried,
        backend.terms.load_balance,
        ctx.random.bits(),
        || backend.pool.next_turn(),
    )
}

/// The set is empty. If it became so a moment ago, its successor may be on its way (a rollout, a restart): wait for it until the hold ends.
async fn wait_for_one(ctx: &mut RequestCtx, backend: &Arc<BackendState>) -> Result<(), Reason> {
    let changed = backend.pool.changed();
    tokio::pin!(changed);
    // Before the look at the set: a change between the look and the wait is then not missed.
    changed.as_mut().enable();
    let now = Instant::now();
    let is_usable = {
        let set = backend.pool.current();
        let waits = ctx.hold.held.is_some();
        if !set.is_usable() && !waits && !set.emptied_within(backend.terms.empty_set_grace, now) {
            return Err(Reason::NoEndpoint);
        }
        set.is_usable()
    };
    if is_usable {
        return Ok(());
    }
    let waited = now.saturating_duration_since(ctx.hold.waiting_since(now));
    let rest = backend.terms.hold.saturating_sub(waited);
    let rest = ctx.left(now).map_or(rest, |left| rest.min(left));
    if rest.is_zero() {
        return Err(Reason::NoEndpoint);
    }
    be_held(ctx, backend)?;
    let changed: Result<(), time::error::Elapsed> = time::timeout(rest, changed).await;
    if changed.is_err() && !backend.pool.current().is_usable() {
        return Err(Reason::NoEndpoint);
    }
    // Endpoints that were refused before may be among the new ones.
    ctx.hold.tried.clear();
    Ok(())
}

fn be_held(ctx: &mut RequestCtx, backend: &Arc<BackendState>) -> Result<(), Reason> {
    if ctx.hold.held.is_some() {
        return Ok(());
    }
    let metrics: &BackendMetrics = &ctx.shared.metrics.backends;
    let max = backend.terms.held_requests_max;
    let held = backend.pool.hold(max, &metrics.held);
    ctx.hold.held = Some(held.ok_or(Reason::HoldFull)?);
    Ok(())
}

/// No wait is longer than this, whatever the terms say; a client that leaves while it still sends is not noticed meanwhile.
const _: () = assert!(
    config::limits::HOLD_MAX.as_secs() <= Duration::from_secs(30).as_secs(),
    "a wait must end"
);
