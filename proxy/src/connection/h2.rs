//! How does an HTTP/2 connection begin, serve its streams, and end?

use super::gate::{Gate, QuietBytes};
use super::{Connection, Ending, RequestClock, refusal, timer};
use crate::shutdown::Phase;
use ::h2::server::Connection as H2Connection;
use bytes::Bytes;
use config::limits::Limits;
use http::Method;
use pingora_core::protocols::http::ServerSession;
use pingora_core::protocols::http::v2::server::{
    H2Accept, H2Options, HttpSession as H2Session, handshake,
};
use pingora_core::protocols::{Digest, Stream};
use std::io::ErrorKind;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;
use tokio::time::{Instant, Sleep, sleep_until, timeout_at};

/// Malformed requests on one connection; pingora's own loop allows 32, each of them work for nothing.
const MALFORMED_MAX: u32 = 8;
/// After our GOAWAY, a client that has nothing open gets this long to leave.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(5);
/// Bytes of one stream that wait for its client to read them. h2's default of 400 KiB would be 26 MiB per connection.
const SEND_BUFFER_BYTES_MAX: usize = 32 * 1024;
/// Streams that were reset before we took them: rapid reset (CVE-2023-44487) ends here.
const PENDING_RESETS_MAX: usize = 20;
/// Resets that a client provokes from us (CVE-2025-8671).
const LOCAL_RESETS_MAX: usize = 100;

pub(super) async fn serve(connection: &Arc<Connection>, gate: Gate) -> Ending {
    let limits = &connection.settings.limits;
    let first_request_by = Instant::now() + limits.header_timeout;
    let quiet_bytes = gate.quiet_bytes();
    let stream: Stream = Box::new(gate);
    let digest = Arc::new(Digest {
        ssl_digest: stream.get_ssl_digest(),
        timing_digest: stream.get_timing_digest(),
        proxy_digest: stream.get_proxy_digest(),
        socket_digest: stream.get_socket_digest(),
    });
    match timeout_at(first_request_by, handshake(stream, Some(options(limits)))).await {
        Ok(Ok(streams)) => {
            let clock = Box::pin(sleep_until(first_request_by));
            let state = State::NoRequest;
            let connection = Arc::clone(connection);
            Http2 {
                connection,
                streams,
                digest,
                quiet_bytes,
                clock,
                state,
                malformed: 0,
            }
            .run()
            .await
        }
        Ok(Err(_)) => Ending::Http2Error,
        Err(_) => Ending::NoRequest,
    }
}

fn options(limits: &Limits) -> H2Options {
    let mut options = H2Options::default();
    options
        .max_concurrent_streams(limits.h2_streams_max)
        .max_header_list_size(limits.h2_header_list_bytes_max)
        .initial_window_size(limits.h2_stream_window_bytes)
        .initial_connection_window_size(limits.h2_connection_window_bytes)
        .max_send_buffer_size(SEND_BUFFER_BYTES_MAX)
        .max_pending_accept_reset_streams(PENDING_RESETS_MAX)
        .max_local_error_reset_streams(Some(LOCAL_RESETS_MAX));
    options
}

struct Http2 {
    connection: Arc<Connection>,
    streams: H2Connection<Stream, Bytes>,
    digest: Arc<Digest>,
    quiet_bytes: QuietBytes,
    clock: Pin<Box<Sleep>>,
    state: State,
    malformed: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    NoRequest,
    Serving,
    /// GOAWAY was sent, for this reason.
    Leaving(Ending),
}

impl Http2 {
    async fn run(mut self) -> Ending {
        let mut phase = self.connection.worker.phase.clone();
        loop {
            let is_leaving = matches!(self.state, State::Leaving(_));
            let accepted = tokio::select! {
                biased;
                _ = phase.wait_for(|phase| *phase >= Phase::Draining), if !is_leaving => {
                    self.leave(Ending::Stopping);
                    continue;
                }
                accepted = H2Session::from_h2_conn(&mut self.streams, Arc::clone(&self.digest)) => accepted,
                () = &mut self.clock => match self.tick() {
                    Some(ending) => return ending,
                    None => continue,
                },
            };
            let ending = match accepted {
                Ok(Some(H2Accept::Session(session))) => self.begin(session),
                Ok(Some(H2Accept::Rejected)) => self.count_malformed(),
                Ok(None) => Some(self.ending_of_client()),
                Err(error) => Some(self.ending_of_error(&error)),
            };
            if let Some(ending) = ending {
                return ending;
            }
        }
    }

    /// Each stream runs in its own task: one that waits holds up none of its siblings.
    fn begin(&mut self, session: H2Session) -> Option<Ending> {
        if session.req_header().method == Method::CONNECT {
            refusal::refuse_connect(&self.connection, session);
            return None;
        }
        let Some(in_flight) = self.connection.begin_request() else {
            return Some(Ending::Evicted);
        };
        self.quiet_bytes.begin_anew();
        if self.state == State::NoRequest {
            self.state = State::Serving;
        }
        let limits = &self.connection.settings.limits;
        if self.state == State::Serving {
            self.clock
                .as_mut()
                .reset(Instant::now() + limits.keep_alive_idle);
        }
        let write_stall = limits.write_stall_timeout;
        let drain_body = limits.drain_body_timeout;
        let connection = Arc::clone(&self.connection);
        self.connection.worker.tracker.spawn(async move {
            let _in_flight = in_flight;
            let mut session = ServerSession::new_http2(session);
            session.set_write_timeout(Some(write_stall));
            session.set_total_drain_timeout(Some(drain_body));
            let clock = Arc::new(RequestClock::new());
            let timer = timer::unset();
            tokio::pin!(timer);
            connection.process(session, &clock, timer).await;
        });
        None
    }

    fn count_malformed(&mut self) -> Option<Ending> {
        refusal::tell_malformed(&self.connection);
        self.malformed += 1;
        (self.malformed >= MALFORMED_MAX).then_some(Ending::Malformed)
    }

    /// The clock rang. `Some`: the connection ends now.
    fn tick(&mut self) -> Option<Ending> {
        let idle_max = self.connection.settings.limits.keep_alive_idle;
        let now = Instant::now();
        match (self.state, self.connection.ticket.idle_for()) {
            (State::Leaving(ending), Some(idle)) if idle >= LEAVE_TIMEOUT => return Some(ending),
            // Its requests may end; the drain has its own deadline.
            (State::Leaving(_), idle) => {
                let left = LEAVE_TIMEOUT.saturating_sub(idle.unwrap_or_default());
                self.clock.as_mut().reset(now + left);
            }
            (State::NoRequest, _) => return Some(Ending::NoRequest),
            (State::Serving, Some(idle)) if idle >= idle_max => self.leave(Ending::Idle),
            (State::Serving, idle) => {
                let left = idle_max.saturating_sub(idle.unwrap_or_default());
                self.clock.as_mut().reset(now + left);
            }
        }
        None
    }

    fn leave(&mut self, ending: Ending) {
        self.streams.graceful_shutdown();
        self.state = State::Leaving(ending);
        self.connection.ticket.touch(); // The time to leave begins now.
        self.clock.as_mut().reset(Instant::now() + LEAVE_TIMEOUT);
    }

    fn ending_of_client(&self) -> Ending {
        match self.state {
            State::Leaving(ending) => ending,
            State::NoRequest | State::Serving => Ending::ClientClosed,
        }
    }

    fn ending_of_error(&self, error: &pingora_error::Error) -> Ending {
        match self.state {
            _ if self.connection.context.is_condemned.load(Ordering::Relaxed) => Ending::Condemned,
            State::Leaving(ending) => ending,
            State::NoRequest | State::Serving if is_close(error) => Ending::ClientClosed,
            State::NoRequest | State::Serving => Ending::Http2Error,
        }
    }
}

/// The client closed its socket without a word, as browsers do.
fn is_close(error: &pingora_error::Error) -> bool {
    let cause = error
        .cause
        .as_ref()
        .and_then(|cause| cause.downcast_ref::<::h2::Error>());
    let kind = cause
        .and_then(|cause| cause.get_io())
        .map(std::io::Error::kind);
    matches!(
        kind,
        Some(ErrorKind::BrokenPipe | ErrorKind::ConnectionReset | ErrorKind::UnexpectedEof)
    )
}
