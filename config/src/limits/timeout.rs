//! What does a client see when a time runs out?

use crate::reason::Reason;

/// What ends when a time runs out, for the documentation. `hedgerow why` and the access log use the same words.
pub struct Timeout {
    /// The key of the bound.
    pub key: &'static str,
    pub ends: Ends,
}

pub enum Ends {
    /// The request ends for this reason; its status is sent while the answer has not begun, else the connection or stream is cut.
    Request(Reason),
    /// One of these, the one that the last connect met.
    Hold(&'static [Reason]),
    /// Nothing that a request would notice; the sentence says what happens.
    Quietly(&'static str),
}

/// Every time among the bounds, in their order.
#[rustfmt::skip]
pub const TIMEOUTS: &[Timeout] = &[
    Timeout { key: "handshakeTimeout", ends: Ends::Quietly("The connection is closed; there is no request yet that could be answered.") },
    Timeout { key: "headerTimeout", ends: Ends::Request(Reason::HeaderTimeout) },
    Timeout { key: "keepAliveIdle", ends: Ends::Quietly("The idle connection is closed (HTTP/2: GOAWAY first).") },
    Timeout { key: "bodyStallTimeout", ends: Ends::Request(Reason::ClientBodyTimeout) },
    Timeout { key: "writeStallTimeout", ends: Ends::Request(Reason::ClientWriteTimeout) },
    Timeout { key: "drainBodyTimeout", ends: Ends::Quietly("The answer was sent; the connection is closed instead of kept.") },
    Timeout { key: "connectTimeout", ends: Ends::Hold(&[Reason::ConnectTimeout]) },
    Timeout { key: "responseTimeout", ends: Ends::Request(Reason::ResponseTimeout) },
    Timeout { key: "idleTimeout", ends: Ends::Request(Reason::IdleTimeout) },
    Timeout { key: "streamIdleTimeout", ends: Ends::Request(Reason::IdleTimeout) },
    Timeout { key: "upstreamKeepAliveIdle", ends: Ends::Quietly("The idle connection to the endpoint is closed; the next request opens another.") },
    Timeout { key: "hold", ends: Ends::Hold(&[Reason::ConnectRefused, Reason::ConnectTimeout, Reason::NoRouteToHost, Reason::ConnectFailed, Reason::NoEndpoint]) },
    Timeout { key: "emptySetGrace", ends: Ends::Hold(&[Reason::NoEndpoint]) },
    Timeout { key: "lameDuck", ends: Ends::Quietly("New connections are no longer accepted.") },
    Timeout { key: "drain", ends: Ends::Quietly("What is still in flight is cut, and the process ends.") },
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::bound::{BOUNDS, Bound};

    #[test]
    fn every_time_among_the_bounds_says_how_it_ends() {
        let times: Vec<_> = BOUNDS
            .iter()
            .filter(|b| b.is_time())
            .map(|b| b.key)
            .collect();
        let documented: Vec<_> = TIMEOUTS.iter().map(|timeout| timeout.key).collect();
        assert_eq!(documented, times);
        assert!(documented.iter().all(|key| Bound::find(key).is_some()));
    }
}
