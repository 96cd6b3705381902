//! How long may each step of this attempt take?

use super::peer::Load;
use super::terms::Terms;
use crate::request::kind::Kind;
use config::model::{Protocol, RoutePolicy};
use config::reason::Reason;
use std::time::Duration;

/// The bounds of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timeouts {
    pub connect: Duration,
    /// What pingora applies to each read of the upstream connection, the wait for the response header included.
    pub read: Duration,
    pub write: Duration,
    /// From the end of the request to the response header. None: no bound, as for gRPC, where the client's `grpc-timeout` rules.
    pub header: Option<Duration>,
    /// From the attempt's start to the response header, and the reason if it is not met: a bound on the attempt or on the whole request.
    pub attempt: Option<(Duration, Reason)>,
}

/// `left` is what is left of the whole request. `speaks_http1`: the endpoint's earlier connections did.
pub fn of_attempt(
    terms: &Terms,
    route: &RoutePolicy,
    load: Load,
    speaks_http1: bool,
    left: Option<Duration>,
) -> Timeouts {
    let kind = load.kind;
    let attempt = match (route.attempt_timeout, left) {
        (Some(attempt), Some(left)) if left < attempt => Some((left, Reason::RequestTimeout)),
        (Some(attempt), _) => Some((attempt, Reason::ResponseTimeout)),
        (None, Some(left)) => Some((left, Reason::RequestTimeout)),
        (None, None) => None,
    };
    let header = (kind != Kind::Grpc).then_some(terms.response_timeout);
    let clamp = |wanted: Duration| attempt.map_or(wanted, |(bound, _)| wanted.min(bound));
    // One timeout for both may be no shorter than either.
    let body = terms.stream_idle_timeout.max(terms.idle_timeout);
    let stream = body.max(terms.response_timeout);
    // pingora has one timeout for both, the header and the parts of the body. To an HTTP/1 endpoint the watchdog bounds the header and the
    // clock the body, so that an event stream which the request did not announce may be silent for an hour. An HTTP/2 connection is shared
    // and cannot be cut for one request: there the shorter bound holds, unless the request has it for itself. What is left of the whole
    // request bounds every read of it, so that a gRPC call ends in time, and with an answer.
    let is_http1 = speaks_http1 || terms.protocol == Protocol::Http1;
    let read = match kind {
        _ if is_http1 => stream,
        Kind::Plain if !load.is_alone() => clamp(terms.response_timeout),
        Kind::Plain | Kind::Stream | Kind::Grpc | Kind::Upgrade => {
            left.map_or(stream, |left| stream.min(left))
        }
    };
    Timeouts {
        connect: clamp(terms.connect_timeout),
        read,
        write: terms.write_timeout,
        header,
        attempt,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::terms::tests::backend;
    use config::limits::Limits;
    use config::model::BackendPolicy;

    const SECONDS: fn(u64) -> Duration = Duration::from_secs;

    fn load(kind: Kind) -> Load {
        Load {
            kind,
            is_upload: false,
        }
    }

    fn check(protocol: Protocol, kind: Kind, read: u64, header: Option<u64>) {
        let terms = Terms::new(
            &backend(protocol, BackendPolicy::default()),
            &Limits::default(),
        );
        let timeouts = of_attempt(&terms, &RoutePolicy::default(), load(kind), false, None);
        assert_eq!(timeouts.read, SECONDS(read), "{protocol:?} {kind:?}");
        assert_eq!(
            timeouts.header,
            header.map(SECONDS),
            "{protocol:?} {kind:?}"
        );
        assert_eq!(timeouts.attempt, None);
        assert_eq!(timeouts.connect, SECONDS(1));
    }

    #[test]
    fn a_silent_stream_lives_for_an_hour_and_a_header_comes_within_a_minute() {
        check(Protocol::Http1, Kind::Plain, 3600, Some(60));
        check(Protocol::H2c, Kind::Plain, 60, Some(60));
        check(Protocol::H2c, Kind::Stream, 3600, Some(60));
        check(Protocol::H2c, Kind::Grpc, 3600, None);
        check(Protocol::Http1, Kind::Upgrade, 3600, Some(60));
    }

    #[test]
    fn a_short_idle_time_does_not_shorten_the_wait_for_the_header() {
        let policy = BackendPolicy {
            idle_timeout: Some(SECONDS(1)),
            ..BackendPolicy::default()
        };
        let terms = Terms::new(&backend(Protocol::Http1, policy), &Limits::default());
        for kind in [Kind::Plain, Kind::Stream] {
            let timeouts = of_attempt(&terms, &RoutePolicy::default(), load(kind), true, None);
            assert_eq!(timeouts.read, SECONDS(60), "{kind:?}");
        }
    }

    #[test]
    fn the_wait_for_the_header_begins_behind_an_upload() {
        let terms = Terms::new(
            &backend(Protocol::H2c, BackendPolicy::default()),
            &Limits::default(),
        );
        let upload = Load {
            kind: Kind::Plain,
            is_upload: true,
        };
        let timeouts = of_attempt(&terms, &RoutePolicy::default(), upload, false, None);
        assert_eq!(timeouts.read, SECONDS(3600));
        assert_eq!(timeouts.header, Some(SECONDS(60)));
    }

    #[test]
    fn an_attempt_ends_with_the_whole_request() {
        let terms = Terms::new(
            &backend(Protocol::H2c, BackendPolicy::default()),
            &Limits::default(),
        );
        let route = RoutePolicy {
            attempt_timeout: Some(SECONDS(5)),
            ..RoutePolicy::default()
        };
        let of = |left| of_attempt(&terms, &route, load(Kind::Plain), false, left).attempt;
        assert_eq!(of(None), Some((SECONDS(5), Reason::ResponseTimeout)));
        assert_eq!(
            of(Some(SECONDS(9))),
            Some((SECONDS(5), Reason::ResponseTimeout))
        );
        assert_eq!(
            of(Some(SECONDS(2))),
            Some((SECONDS(2), Reason::RequestTimeout))
        );
        let clamped = of_attempt(
            &terms,
            &route,
            load(Kind::Plain),
            false,
            Some(Duration::from_millis(300)),
        );
        assert_eq!(clamped.connect, Duration::from_millis(300));
        assert_eq!(clamped.read, Duration::from_millis(300));
        let route = RoutePolicy::default();
        let call = of_attempt(&terms, &route, load(Kind::Grpc), false, Some(SECONDS(7)));
        assert_eq!(call.read, SECONDS(7));
    }
}
