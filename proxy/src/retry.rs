//! Is the request to be tried again?

pub mod failure;

use config::reason::Reason;

/// What is known when an attempt has failed after its connection was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Facts {
    pub reason: Reason,
    /// The client is the cause, or the edge itself: another endpoint changes nothing.
    pub is_backends_fault: bool,
    /// A response, or an informational one, went out.
    pub response_begun: bool,
    /// All that was read of the body is still at hand.
    pub is_replayable: bool,
    /// RFC 9110 §9.2.2.
    pub is_idempotent: bool,
    /// The endpoint cannot have acted: it refused the stream, or said that it did not look at it.
    pub is_unsent: bool,
    /// The attempt ended by the bound that the route sets on an attempt: it asks for another one.
    pub is_attempt_timeout: bool,
    /// Attempts that had a connection, this one included.
    pub attempts: u32,
    pub attempts_max: u32,
    /// There is time left of the whole request.
    pub has_time: bool,
}

/// What happens next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    Again,
    Stop(Stop),
}

/// Why there is no further attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stop {
    NotBackendsFault,
    ResponseBegun,
    BodyGone,
    OutOfAttempts,
    OutOfTime,
    /// The endpoint may have acted, and acting twice is not the same as once.
    NotIdempotent,
    /// The failure would repeat itself: a bound that was met, or a response that is not HTTP.
    Pointless,
}

/// Decides without doing: no clock, no I/O. The budget of retries will decide here too.
pub fn verdict(facts: &Facts) -> Verdict {
    match stop(facts) {
        Some(stop) => Verdict::Stop(stop),
        None => Verdict::Again,
    }
}

fn stop(facts: &Facts) -> Option<Stop> {
    if !facts.is_backends_fault {
        return Some(Stop::NotBackendsFault);
    }
    if facts.response_begun {
        return Some(Stop::ResponseBegun);
    }
    if !facts.is_replayable {
        return Some(Stop::BodyGone);
    }
    if facts.attempts >= facts.attempts_max {
        return Some(Stop::OutOfAttempts);
    }
    if !facts.has_time {
        return Some(Stop::OutOfTime);
    }
    if facts.is_unsent {
        return None;
    }
    if !facts.is_idempotent {
        return Some(Stop::NotIdempotent);
    }
    let is_worth_it = facts.reason == Reason::UpstreamReset || facts.is_attempt_timeout;
    (!is_worth_it).then_some(Stop::Pointless)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reset() -> Facts {
        Facts {
            reason: Reason::UpstreamReset,
            is_backends_fault: true,
            response_begun: false,
            is_replayable: true,
            is_idempotent: true,
            is_unsent: false,
            is_attempt_timeout: false,
            attempts: 1,
            attempts_max: 3,
            has_time: true,
        }
    }

    fn check(facts: Facts, expected: Verdict) {
        assert_eq!(verdict(&facts), expected, "{facts:?}");
    }

    #[test]
    fn a_reset_before_the_response_is_tried_again_where_that_is_safe() {
        check(reset(), Verdict::Again);
        check(
            Facts {
                attempts: 2,
                ..reset()
            },
            Verdict::Again,
        );
        let post = Facts {
            is_idempotent: false,
            ..reset()
        };
        check(post, Verdict::Stop(Stop::NotIdempotent));
        check(
            Facts {
                is_unsent: true,
                ..post
            },
            Verdict::Again,
        );
    }

    #[test]
    fn nothing_is_tried_again_once_it_cannot_be_whole() {
        let unsent = Facts {
            is_unsent: true,
            ..reset()
        };
        for facts in [reset(), unsent] {
            check(
                Facts {
                    response_begun: true,
                    ..facts
                },
                Verdict::Stop(Stop::ResponseBegun),
            );
            check(
                Facts {
                    is_replayable: false,
                    ..facts
                },
                Verdict::Stop(Stop::BodyGone),
            );
            check(
                Facts {
                    attempts: 3,
                    ..facts
                },
                Verdict::Stop(Stop::OutOfAttempts),
            );
            check(
                Facts {
                    has_time: false,
                    ..facts
                },
                Verdict::Stop(Stop::OutOfTime),
            );
            check(
                Facts {
                    is_backends_fault: false,
                    ..facts
                },
                Verdict::Stop(Stop::NotBackendsFault),
            );
        }
    }

    #[test]
    fn a_slow_endpoint_is_asked_once_unless_the_route_bounds_the_attempt() {
        let late = Facts {
            reason: Reason::ResponseTimeout,
            ..reset()
        };
        check(late, Verdict::Stop(Stop::Pointless));
        check(
            Facts {
                is_attempt_timeout: true,
                ..late
            },
            Verdict::Again,
        );
        check(
            Facts {
                reason: Reason::UpstreamProtocol,
                ..reset()
            },
            Verdict::Stop(Stop::Pointless),
        );
    }
}
