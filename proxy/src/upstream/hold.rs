//! How long does a request wait for an endpoint that accepts connections?

use super::pick::Tried;
use super::state::Held;
use config::limits::HOLD_BACKOFF_MS;
use std::time::{Duration, Instant};

/// Less is not worth a last try.
const LAST_WAIT_MIN: Duration = Duration::from_millis(10);

/// What is known when a connection could not be made. Nothing was sent, so trying again is always allowed.
#[derive(Debug, Clone, Copy)]
pub struct Failed {
    /// Connections tried since the last wait, this one included.
    pub in_round: u32,
    /// Rounds that ended before this one.
    pub rounds: usize,
    pub has_untried: bool,
    /// Since the first of these failures began.
    pub elapsed: Duration,
    /// How many distinct endpoints a round goes to at most.
    pub attempts: u32,
    pub hold: Duration,
    /// Until the deadline of the whole request.
    pub left: Option<Duration>,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Another endpoint, at once.
    Another,
    /// The set again, after this wait.
    After(Duration),
    /// The hold has ended.
    Stop,
}

/// The rule of the hold: distinct endpoints first, at most `attempts` of them; then the set again after 50, 100, 200, 400 ms and every
/// 400 ms, until the hold ends. The last wait is cut so that the last try falls on its end.
pub fn next(failed: &Failed) -> Next {
    let is_first_round = failed.rounds == 0;
    if failed.left.is_some_and(|left| left.is_zero()) {
        return Next::Stop;
    }
    let rest = failed.hold.saturating_sub(failed.elapsed);
    let in_time = is_first_round || !rest.is_zero();
    if failed.has_untried && failed.in_round < failed.attempts && in_time {
        return Next::Another;
    }
    let last = HOLD_BACKOFF_MS.len() - 1;
    let backoff = HOLD_BACKOFF_MS.get(failed.rounds.min(last)).copied();
    let wait = Duration::from_millis(backoff.unwrap_or_default()).min(rest);
    if wait < LAST_WAIT_MIN || failed.left.is_some_and(|left| left <= wait) {
        return Next::Stop;
    }
    Next::After(wait)
}

/// What one request remembers of its failed connections.
#[derive(Debug, Default)]
pub struct Hold {
    pub tried: Tried,
    in_round: u32,
    rounds: usize,
    began: Option<Instant>,
    /// Counts this request among those that wait, from its first wait to its end.
    pub held: Option<Held>,
    /// What `upstream_peer` has to wait before the next attempt.
    pub wait: Option<Duration>,
}

impl Hold {
    /// A connection to an endpoint, tried from `began` on, could not be made: what `next` needs to know.
    pub fn failed(&mut self, began: Instant, now: Instant) -> (u32, usize, Duration) {
        self.in_round += 1;
        let began = *self.began.get_or_insert(began);
        (
            self.in_round,
            self.rounds,
            now.saturating_duration_since(began),
        )
    }

    /// The wait has ended: every endpoint may be tried again.
    pub fn begin_round(&mut self) {
        self.tried.clear();
        self.in_round = 0;
        self.rounds += 1;
    }

    /// A connection was made: the request no longer waits, and a later failure begins a new hold.
    pub fn connected(&mut self) {
        self.in_round = 0;
        self.rounds = 0;
        self.began = None;
        self.held = None;
    }

    /// Since when this request has been waiting for an endpoint to appear or to accept.
    pub fn waiting_since(&mut self, now: Instant) -> Instant {
        *self.began.get_or_insert(now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: fn(u64) -> Duration = Duration::from_millis;

    fn failed() -> Failed {
        Failed {
            in_round: 1,
            rounds: 0,
            has_untried: false,
            elapsed: MS(0),
            attempts: 3,
            hold: MS(1000),
            left: None,
        }
    }

    fn check(failed: Failed, expected: Next) {
        assert_eq!(next(&failed), expected, "{failed:?}");
    }

    #[test]
    fn distinct_endpoints_come_first_and_at_most_as_many_as_attempts() {
        let many = Failed {
            has_untried: true,
            ..failed()
        };
        check(many, Next::Another);
        check(
            Failed {
                in_round: 2,
                ..many
            },
            Next::Another,
        );
        check(
            Failed {
                in_round: 3,
                ..many
            },
            Next::After(MS(50)),
        );
        check(
            Failed {
                elapsed: MS(1000),
                ..many
            },
            Next::Another,
        );
        check(
            Failed {
                elapsed: MS(1000),
                rounds: 1,
                ..many
            },
            Next::Stop,
        );
    }

    #[test]
    fn the_waits_grow_to_400_ms_and_the_last_one_is_cut() {
        for (rounds, elapsed, wait) in [
            (0, 0, 50),
            (1, 50, 100),
            (2, 150, 200),
            (3, 350, 400),
            (4, 750, 250),
        ] {
            check(
                Failed {
                    rounds,
                    elapsed: MS(elapsed),
                    ..failed()
                },
                Next::After(MS(wait)),
            );
        }
        check(
            Failed {
                rounds: 5,
                elapsed: MS(1000),
                ..failed()
            },
            Next::Stop,
        );
        let long = Failed {
            hold: MS(8000),
            rounds: 9,
            elapsed: MS(3000),
            ..failed()
        };
        check(long, Next::After(MS(400)));
    }

    #[test]
    fn a_hold_of_zero_and_a_connect_timeout_of_a_second_end_it_at_once() {
        check(
            Failed {
                hold: MS(0),
                ..failed()
            },
            Next::Stop,
        );
        check(
            Failed {
                elapsed: MS(1001),
                ..failed()
            },
            Next::Stop,
        );
    }

    #[test]
    fn the_deadline_of_the_request_ends_it_too() {
        check(
            Failed {
                left: Some(MS(40)),
                ..failed()
            },
            Next::Stop,
        );
        check(
            Failed {
                left: Some(MS(60)),
                ..failed()
            },
            Next::After(MS(50)),
        );
        check(
            Failed {
                left: Some(MS(0)),
                has_untried: true,
                ..failed()
            },
            Next::Stop,
        );
    }

    #[test]
    fn a_connection_ends_the_hold_and_the_next_failure_begins_another() {
        let start = Instant::now();
        let mut hold = Hold::default();
        assert_eq!(hold.failed(start, start + MS(5)), (1, 0, MS(5)));
        hold.begin_round();
        assert_eq!(hold.failed(start + MS(50), start + MS(60)), (1, 1, MS(60)));
        hold.connected();
        assert_eq!(hold.failed(start + MS(900), start + MS(901)), (1, 0, MS(1)));
    }
}
