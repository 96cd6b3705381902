//! Which endpoints has this request been to, and what came of it?

use super::patience::Patience;
use crate::observe::access_log::AttemptRecord;
use crate::upstream::state::{EndpointState, InFlight};
use crate::upstream::timeouts::Timeouts;
use crate::upstream::watchdog::Watchdog;
use config::reason::Reason;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Attempts that the log names. A request that is held for 30 s makes some 80; then the first ones and the last one are named.
pub const RECORDED_MAX: usize = 8;

/// The attempts of one request, bounded and without heap.
#[derive(Debug)]
pub struct Attempts {
    records: [AttemptRecord; RECORDED_MAX],
    recorded: usize,
    /// All of them, the ones that are not recorded too.
    pub made: u32,
    /// Attempts that reached an endpoint: a connection was made. Only these count against the policy's number.
    pub connected: u32,
    pub last_outcome: Option<Reason>,
}

/// The attempt that runs.
#[derive(Debug)]
pub struct Attempt {
    in_flight: InFlight,
    pub began: Instant,
    pub timeouts: Timeouts,
    /// The upstream connection's file descriptor, once there is one.
    pub fd: Option<RawFd>,
    /// Nothing else uses the connection: it may be shut down for this request.
    pub is_alone: bool,
    pub watchdog: Option<Watchdog>,
    /// From the start to the response header.
    pub first_byte: Option<Duration>,
    /// Between two parts of the response's body.
    pub body_idle: Duration,
    /// The last byte of the request has gone.
    pub is_sent: bool,
    /// The last byte of the response has come.
    pub is_answered: bool,
    /// Informational responses passed on.
    pub interims: u32,
}

impl Attempt {
    pub fn new(endpoint: &Arc<EndpointState>, timeouts: Timeouts, now: Instant) -> Attempt {
        Attempt {
            in_flight: endpoint.enter(),
            began: now,
            timeouts,
            fd: None,
            is_alone: false,
            watchdog: None,
            first_byte: None,
            body_idle: timeouts.read,
            is_sent: false,
            is_answered: false,
            interims: 0,
        }
    }

    pub fn endpoint(&self) -> &Arc<EndpointState> {
        self.in_flight.endpoint()
    }

    /// What is left of the bound on the attempt, or on the whole request.
    pub fn left(&self, now: Instant) -> Option<(Duration, Reason)> {
        let spent = now.saturating_duration_since(self.began);
        let (bound, reason) = self.timeouts.attempt?;
        Some((bound.saturating_sub(spent), reason))
    }

    /// The request's last byte has gone: from now on the response header is waited for, and for how long (`None`: for ever).
    pub fn header_bound(&self, now: Instant) -> Option<(Duration, Reason)> {
        let attempt = self.left(now);
        let header = self
            .timeouts
            .header
            .map(|bound| (bound, Reason::ResponseTimeout));
        match (attempt, header) {
            (Some(attempt), Some(header)) => Some(if attempt.0 < header.0 {
                attempt
            } else {
                header
            }),
            (attempt, header) => attempt.or(header),
        }
    }

    /// Sets the watchdog on a connection of this request alone. A shared one must not be shut down for one request.
    pub fn watch(&mut self, patience: &Patience, bound: Option<Duration>) {
        // The one before is called off first: its drop would call off the next one.
        self.watchdog = None;
        if let (Some(bound), Some(fd)) = (bound, self.fd)
            && self.is_alone
            && self.first_byte.is_none()
        {
            self.watchdog = patience.watch(fd, self.endpoint().address, bound);
        }
    }
}

impl Default for Attempts {
    fn default() -> Attempts {
        let empty = AttemptRecord {
            endpoint: SocketAddr::from((Ipv4Addr::UNSPECIFIED, 0)),
            outcome: Reason::Internal,
            time: Duration::ZERO,
        };
        Attempts {
            records: std::array::from_fn(|_| empty.clone()),
            recorded: 0,
            made: 0,
            connected: 0,
            last_outcome: None,
        }
    }
}

impl Attempts {
    /// Notes an attempt that has ended.
    pub fn record(&mut self, endpoint: SocketAddr, outcome: Reason, time: Duration) {
        self.last_outcome = Some(outcome);
        self.made += 1;
        let at = self.recorded.min(RECORDED_MAX - 1);
        if let Some(record) = self.records.get_mut(at) {
            *record = AttemptRecord {
                endpoint,
                outcome,
                time,
            };
            self.recorded = at + 1;
        }
    }

    pub fn records(&self) -> &[AttemptRecord] {
        self.records.get(..self.recorded).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_attempts_and_the_last_one_are_named() {
        let mut attempts = Attempts::default();
        assert!(attempts.records().is_empty());
        for port in 1..=80 {
            let endpoint = SocketAddr::from(([127, 0, 0, 1], port));
            attempts.record(
                endpoint,
                Reason::ConnectRefused,
                Duration::from_millis(u64::from(port)),
            );
        }
        let ports: Vec<u16> = attempts
            .records()
            .iter()
            .map(|record| record.endpoint.port())
            .collect();
        assert_eq!(ports, [1, 2, 3, 4, 5, 6, 7, 80]);
        assert_eq!(attempts.made, 80);
    }

    #[test]
    fn the_shorter_bound_on_the_header_holds_and_names_its_reason() {
        let seconds = Duration::from_secs;
        let endpoint = Arc::new(EndpointState::new(SocketAddr::from(([127, 0, 0, 1], 9)), 0));
        let now = Instant::now();
        let bound = |header, attempt| {
            let timeouts = Timeouts {
                connect: seconds(1),
                read: seconds(1),
                write: seconds(1),
                header,
                attempt,
            };
            Attempt::new(&endpoint, timeouts, now).header_bound(now + seconds(2))
        };
        assert_eq!(bound(None, None), None);
        assert_eq!(
            bound(Some(seconds(60)), None),
            Some((seconds(60), Reason::ResponseTimeout))
        );
        let total = Some((seconds(5), Reason::RequestTimeout));
        assert_eq!(
            bound(Some(seconds(60)), total),
            Some((seconds(3), Reason::RequestTimeout))
        );
        assert_eq!(
            bound(Some(seconds(1)), total),
            Some((seconds(1), Reason::ResponseTimeout))
        );
    }
}
