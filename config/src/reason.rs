//! Why did a request end?

use std::fmt;

/// Whose fault it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    Nobody,
    Client,
    Backend,
    Operator,
    Edge,
}

/// One word for why a request ended: the log field, the metric label, the line in our own answers and in `hedgerow why`.
/// A closed set, so it is a bounded label.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// A backend answered; whatever its status, it passed through.
    Answered,
    /// A redirect that a rule or the edge's own rule for HTTPS asked for.
    Redirected,
    /// No rule for this host and path.
    NoRule,
    /// The client closed before the answer was complete.
    ClientClosed,
    /// The client read no part of its answer for too long.
    ClientWriteTimeout,
    /// The client did not send its body in time.
    ClientBodyTimeout,
    /// The request head did not arrive in time.
    HeaderTimeout,
    /// The request head is larger than the limit, or has too many fields.
    HeaderTooLarge,
    /// The request target is longer than the limit.
    TargetTooLong,
    /// The request is ambiguous or malformed.
    BadRequest,
    /// The path is malformed or tries to leave the root.
    BadPath,
    /// Host is missing, repeated or malformed.
    BadHost,
    /// A transfer coding other than chunked.
    UnknownCoding,
    /// CONNECT, TRACE.
    MethodNotAllowed,
    /// `Expect` with another value than 100-continue.
    BadExpectation,
    /// The body is larger than the route allows.
    BodyTooLarge,
    /// Host and SNI select different TLS entries.
    Misdirected,
    /// The request came through this edge too often.
    Loop,
    /// The Service of this rule does not exist.
    NoService,
    /// The Service has no such port.
    NoPort,
    /// The Service has no endpoint that can be used.
    NoEndpoint,
    /// The rule of an Ingress is wrong in itself: its pathType or its backend, or the Service is an ExternalName.
    InvalidRule,
    /// A backend reference of an HTTPRoute that is invalid or not granted.
    InvalidBackend,
    /// Nobody listens on the endpoint's address and port.
    ConnectRefused,
    /// The endpoint's address does not answer.
    ConnectTimeout,
    /// There is no route to the endpoint's address.
    NoRouteToHost,
    /// Another error while connecting.
    ConnectFailed,
    /// TLS with the endpoint failed: its certificate or its protocol.
    UpstreamTls,
    /// The endpoint closed or reset before its response began.
    UpstreamReset,
    /// What the endpoint sent is not HTTP.
    UpstreamProtocol,
    /// The endpoint closed or reset in the middle of its response.
    UpstreamCut,
    /// The endpoint did not begin its response in time.
    ResponseTimeout,
    /// Nothing moved between two parts of a body for too long.
    IdleTimeout,
    /// The whole request took longer than its route allows.
    RequestTimeout,
    /// As many requests as memory allows are in flight.
    Overloaded,
    /// As many requests as a backend may hold are waiting for an endpoint.
    HoldFull,
    /// The edge stopped, and its time to finish was over.
    Stopped,
    /// The edge failed by itself.
    Internal,
}

impl Reason {
    /// All of them, for the metric's bound and for the documentation.
    pub const ALL: &[Reason] = &[
        Reason::Answered,
        Reason::Redirected,
        Reason::NoRule,
        Reason::ClientClosed,
        Reason::ClientWriteTimeout,
        Reason::ClientBodyTimeout,
        Reason::HeaderTimeout,
        Reason::HeaderTooLarge,
        Reason::TargetTooLong,
        Reason::BadRequest,
        Reason::BadPath,
        Reason::BadHost,
        Reason::UnknownCoding,
        Reason::MethodNotAllowed,
        Reason::BadExpectation,
        Reason::BodyTooLarge,
        Reason::Misdirected,
        Reason::Loop,
        Reason::NoService,
        Reason::NoPort,
        Reason::NoEndpoint,
        Reason::InvalidRule,
        Reason::InvalidBackend,
        Reason::ConnectRefused,
        Reason::ConnectTimeout,
        Reason::NoRouteToHost,
        Reason::ConnectFailed,
        Reason::UpstreamTls,
        Reason::UpstreamReset,
        Reason::UpstreamProtocol,
        Reason::UpstreamCut,
        Reason::ResponseTimeout,
        Reason::IdleTimeout,
        Reason::RequestTimeout,
        Reason::Overloaded,
        Reason::HoldFull,
        Reason::Stopped,
        Reason::Internal,
    ];

    /// The stable word.
    pub const fn as_str(self) -> &'static str {
        self.facts().0
    }

    pub const fn fault(self) -> Fault {
        self.facts().1
    }

    /// The status that the edge answers with. Where a backend answered it is the backend's own; 0 stands for that, and for nothing sent.
    pub const fn status(self) -> u16 {
        self.facts().2
    }

    /// One sentence for a person: what happened, and the likely cause.
    pub const fn sentence(self) -> &'static str {
        self.facts().3
    }

    #[rustfmt::skip]
    const fn facts(self) -> (&'static str, Fault, u16, &'static str) {
        match self {
            Reason::Answered => ("answered", Fault::Nobody, 0, "The backend answered."),
            Reason::Redirected => ("redirected", Fault::Nobody, 308, "The client was sent to another address."),
            Reason::NoRule => ("no-rule", Fault::Client, 404, "No rule takes this host and path."),
            Reason::ClientClosed => ("client-closed", Fault::Client, 0, "The client closed before the answer was complete."),
            Reason::ClientWriteTimeout => ("client-write-timeout", Fault::Client, 0, "The client read no part of its answer for too long."),
            Reason::ClientBodyTimeout => ("client-body-timeout", Fault::Client, 408, "The request body did not arrive in time."),
            Reason::HeaderTimeout => ("header-timeout", Fault::Client, 408, "The request header did not arrive in time."),
            Reason::HeaderTooLarge => ("header-too-large", Fault::Client, 431, "The request header is too large or has too many fields."),
            Reason::TargetTooLong => ("target-too-long", Fault::Client, 414, "The request target is too long."),
            Reason::BadRequest => ("bad-request", Fault::Client, 400, "The request is ambiguous or malformed."),
            Reason::BadPath => ("bad-path", Fault::Client, 400, "The path is malformed."),
            Reason::BadHost => ("bad-host", Fault::Client, 400, "Host is missing, repeated or malformed."),
            Reason::UnknownCoding => ("unknown-coding", Fault::Client, 501, "The transfer coding is not chunked."),
            Reason::MethodNotAllowed => ("method-not-allowed", Fault::Client, 405, "CONNECT and TRACE are not served."),
            Reason::BadExpectation => ("bad-expectation", Fault::Client, 417, "Only Expect: 100-continue can be met."),
            Reason::BodyTooLarge => ("body-too-large", Fault::Client, 413, "The request body is larger than this route allows."),
            Reason::Misdirected => ("misdirected", Fault::Client, 421, "This connection was opened for a host with another certificate."),
            Reason::Loop => ("loop", Fault::Operator, 508, "The request came through this edge more than three times: a backend sends it back."),
            Reason::NoService => ("no-service", Fault::Operator, 503, "The Service of this rule does not exist."),
            Reason::NoPort => ("no-port", Fault::Operator, 503, "The Service of this rule has no such port."),
            Reason::NoEndpoint => ("no-endpoint", Fault::Backend, 503, "The Service of this rule has no endpoint that can be used."),
            Reason::InvalidRule => ("invalid-rule", Fault::Operator, 503, "The rule that takes this request is invalid; its object's problems say why."),
            Reason::InvalidBackend => ("invalid-backend", Fault::Operator, 500, "The backend reference of this rule is invalid."),
            Reason::ConnectRefused => ("connect-refused", Fault::Backend, 503, "The endpoint refused the connection: nobody listens on that address and port."),
            Reason::ConnectTimeout => ("connect-timeout", Fault::Backend, 503, "The endpoint did not accept the connection in time: a firewall drops it, or the address is wrong."),
            Reason::NoRouteToHost => ("no-route-to-host", Fault::Backend, 503, "There is no route to the endpoint: the machine is off, or the network is wrong."),
            Reason::ConnectFailed => ("connect-failed", Fault::Backend, 503, "The endpoint could not be connected to."),
            Reason::UpstreamTls => ("upstream-tls", Fault::Operator, 502, "TLS with the endpoint failed: its certificate is not trusted, or it does not speak TLS."),
            Reason::UpstreamReset => ("upstream-reset", Fault::Backend, 502, "The endpoint closed the connection before its response began: it failed, or it closes idle connections sooner than it says (annotation keep-alive)."),
            Reason::UpstreamProtocol => ("upstream-protocol", Fault::Backend, 502, "The endpoint's response is not valid HTTP."),
            Reason::UpstreamCut => ("upstream-cut", Fault::Backend, 502, "The endpoint closed the connection in the middle of its response."),
            Reason::ResponseTimeout => ("response-timeout", Fault::Backend, 504, "The endpoint did not begin its response in time."),
            Reason::IdleTimeout => ("idle-timeout", Fault::Backend, 504, "Nothing moved between two parts of the body for too long."),
            Reason::RequestTimeout => ("request-timeout", Fault::Backend, 504, "The whole request took longer than its route allows."),
            Reason::Overloaded => ("overloaded", Fault::Edge, 503, "The edge has as many requests in flight as its memory allows."),
            Reason::HoldFull => ("hold-full", Fault::Backend, 503, "No endpoint can be used, and as many requests as allowed wait for one already."),
            Reason::Stopped => ("stopped", Fault::Edge, 0, "The edge stopped, and its time to finish was over."),
            Reason::Internal => ("internal", Fault::Edge, 500, "The edge failed; its log says why."),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
