//! Why did a connection end?

/// Why a connection ended; its word is the metric's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// A cap, the PROXY protocol or plain HTTP: counted with its own reason.
    Refused,
    /// Counted with its own outcome.
    Handshake,
    /// The client closed it, or it broke.
    ClientClosed,
    /// The last answer said so, or its client was gone.
    Answered,
    /// No request for too long.
    Idle,
    /// No first request in time.
    NoRequest,
    /// Its longest idle time made it give way at the cap.
    Evicted,
    /// A head that we refused.
    HeadRefused,
    /// The proxy ended a request elsewhere than we saw its end.
    Unread,
    /// The clock around a request fired.
    ClockFired,
    /// A phase of a request asked for it.
    Condemned,
    /// Too many malformed HTTP/2 requests.
    Malformed,
    /// HTTP/2 as such was broken, by the client or by its flood.
    Http2Error,
    /// The process stops.
    Stopping,
    /// Ours.
    Internal,
}

impl Ending {
    /// The metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Ending::Refused => "refused",
            Ending::Handshake => "handshake-failed",
            Ending::ClientClosed => "client-closed",
            Ending::Answered => "answered",
            Ending::Idle => "idle",
            Ending::NoRequest => "no-request",
            Ending::Evicted => "evicted",
            Ending::HeadRefused => "head-refused",
            Ending::Unread => "unread",
            Ending::ClockFired => "clock-fired",
            Ending::Condemned => "condemned",
            Ending::Malformed => "malformed",
            Ending::Http2Error => "http2-error",
            Ending::Stopping => "stopping",
            Ending::Internal => "internal",
        }
    }
}
