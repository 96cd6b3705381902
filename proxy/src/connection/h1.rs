//! How does an HTTP/1 connection go from request to request?

use super::gate::{Gate, Remains};
use super::head::{Head, HeadLimits, HeadScan};
use super::refusal::{self, refuse};
use super::{Connection, Ending, Processed, RequestClock, timer};
use crate::shutdown::Phase;
use config::reason::Reason;
use pingora_core::protocols::Shutdown;
use pingora_core::protocols::http::ServerSession;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, Sleep, timeout_at};

/// Reads and judges each head, hands one request at a time to pingora, and takes the connection back.
pub(super) async fn serve(connection: &Arc<Connection>, mut gate: Box<Gate>) -> Ending {
    let limits = &connection.settings.limits;
    let remains = gate.remains();
    let mut wait = Wait {
        timeout: limits.header_timeout,
        ending: Ending::NoRequest,
    };
    let mut clock = Arc::new(RequestClock::new());
    let timer = timer::unset();
    tokio::pin!(timer);
    loop {
        let head = match read_head(connection, &mut gate, wait, timer.as_mut()).await {
            Ok(head) => head,
            Err(NoHead::Refuse { reason, begun }) => {
                return refuse(connection, gate, reason, begun).await;
            }
            Err(NoHead::Close(ending)) => {
                gate.close().await;
                return ending;
            }
        };
        let Some(_in_flight) = connection.begin_request() else {
            return Ending::Evicted;
        };
        let (begun, head_bytes) = (Instant::now(), head.bytes);
        connection.context.has_begun.store(false, Ordering::Relaxed);
        connection.context.keeps.store(false, Ordering::Relaxed);
        let session = session(connection, gate, head);
        RequestClock::renew(&mut clock);
        let processed = connection.process(session, &clock, timer.as_mut()).await;
        let is_lost = !connection.context.has_begun.load(Ordering::Relaxed);
        if is_lost && !matches!(processed, Processed::Reusable(_)) {
            // The engine did not understand what we did, and has answered by itself.
            refusal::tell_lost(connection, head_bytes, begun);
            return Ending::HeadRefused;
        }
        gate = match processed {
            Processed::Reusable(stream) => match stream.into_any().downcast() {
                Ok(gate) => gate,
                Err(_) => return Ending::Internal, // It was a gate when it went in.
            },
            Processed::Ended => match go_on(connection, &remains) {
                Some(gate) => gate,
                None => return Ending::Answered,
            },
            Processed::ClockFired => return Ending::ClockFired,
        };
        if let Some(ending) = ending_after_request(connection, &gate) {
            gate.shutdown().await;
            return ending;
        }
        wait = Wait {
            timeout: limits.keep_alive_idle,
            ending: Ending::Idle,
        };
    }
}

/// How long the first byte of a head is waited for, and what it means if none comes.
#[derive(Debug, Clone, Copy)]
struct Wait {
    timeout: Duration,
    ending: Ending,
}

/// Why there is no request.
enum NoHead {
    Refuse { reason: Reason, begun: Instant },
    Close(Ending),
}

async fn read_head(
    connection: &Connection,
    gate: &mut Gate,
    wait: Wait,
    timer: Pin<&mut Sleep>,
) -> Result<Head, NoHead> {
    let limits = &connection.settings.limits;
    if gate.head_bytes().is_empty() {
        wait_for_first_byte(connection, gate, wait, timer).await?;
    }
    connection.ticket.touch();
    // Absolute, from the first byte: bytes that drip in do not prolong it.
    let begun = Instant::now();
    let deadline = begun + limits.header_timeout;
    let mut scan = HeadScan::new(HeadLimits::of(limits));
    loop {
        match scan.step(gate.head_bytes()) {
            Ok(Some(head)) => return Ok(head),
            Ok(None) => {}
            Err(reason) => return Err(NoHead::Refuse { reason, begun }),
        }
        match timeout_at(deadline, gate.read_head()).await {
            Ok(Ok(read)) if read > 0 => {}
            Ok(_) => return Err(NoHead::Close(Ending::ClientClosed)),
            Err(_) => {
                let reason = Reason::HeaderTimeout;
                return Err(NoHead::Refuse { reason, begun });
            }
        }
    }
}

async fn wait_for_first_byte(
    connection: &Connection,
    gate: &mut Gate,
    wait: Wait,
    timer: Pin<&mut Sleep>,
) -> Result<(), NoHead> {
    let deadline = Instant::now() + wait.timeout;
    let mut phase = connection.worker.phase.clone();
    let read = tokio::select! {
        biased; // What has arrived is served, even if the process stops.
        read = gate.read_head() => read,
        _ = phase.wait_for(|phase| *phase >= Phase::ClosingIdle) => {
            return Err(NoHead::Close(Ending::Stopping));
        }
        () = timer::until(timer, deadline) => return Err(NoHead::Close(wait.ending)),
    };
    match read {
        Ok(read) if read > 0 => Ok(()),
        _ => Err(NoHead::Close(Ending::ClientClosed)),
    }
}

/// The engine gives no connection back whose request has failed, be it answered in good order.
fn go_on(connection: &Connection, remains: &Remains) -> Option<Box<Gate>> {
    let limits = &connection.settings.limits;
    let left = remains.take_whole()?;
    Gate::again(left, &connection.context, limits, remains).map(Box::new)
}

fn session(connection: &Connection, mut gate: Box<Gate>, head: Head) -> ServerSession {
    let limits = &connection.settings.limits;
    let mut bytes = gate.begin(head.bytes, head.framing);
    if !head.mending.is_needless() {
        bytes = head.mending.apply(&bytes);
    }
    let mut session = ServerSession::new_http1(gate);
    session.set_pipelined_prefix(bytes); // Parsed before any read, and not copied.
    session.set_read_timeout(Some(limits.body_stall_timeout));
    session.set_total_drain_timeout(Some(limits.drain_body_timeout));
    session
}

fn ending_after_request(connection: &Connection, gate: &Gate) -> Option<Ending> {
    let context = &connection.context;
    if context.is_condemned.load(Ordering::Relaxed) {
        return Some(Ending::Condemned);
    }
    if !gate.is_at_rest() {
        return Some(Ending::Unread);
    }
    let closes = context.closes.load(Ordering::Relaxed);
    closes.then_some(Ending::Answered)
}
