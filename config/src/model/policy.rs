//! How is a request on this route, and a connection to this backend, to be treated?

use crate::hostname::Hostname;
use crate::model::backend::Protocol;
use crate::name::ObjectName;
use std::time::Duration;

/// What annotations, HTTPRoute timeouts and HTTPRoute retries say of a route. `None`: the default in `limits`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct RoutePolicy {
    /// Whole request, from its head to the last byte of the answer.
    pub request_timeout: Option<Duration>,
    /// One attempt, from its start to the first byte of the answer.
    pub attempt_timeout: Option<Duration>,
    /// 1 to 10.
    pub attempts: Option<u32>,
    /// Statuses of a backend that are tried again, for idempotent requests.
    pub retry_on: Vec<u16>,
    /// Bytes of request body; more is 413.
    pub body_bytes_max: Option<u64>,
    pub ssl_redirect: SslRedirect,
    /// `%2F` in the path is 400 instead of passing.
    pub refuse_encoded_slash: bool,
    /// Requests for another host of this rule are redirected to this one (308, path and query kept).
    pub canonical_host: Option<Hostname>,
}

/// Whether plain HTTP is redirected to HTTPS.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SslRedirect {
    /// When a real certificate for the host is loaded, and the rule is an Ingress's.
    #[default]
    Auto,
    Always,
    Never,
}

/// How to connect to a backend, and how long to wait for it. `None`: the default in `limits`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct BackendPolicy {
    /// None: by the Service port's `appProtocol`, else HTTP/1.1.
    pub protocol: Option<Protocol>,
    pub connect_timeout: Option<Duration>,
    /// To the response header.
    pub response_timeout: Option<Duration>,
    /// Between two parts of a body.
    pub idle_timeout: Option<Duration>,
    /// How long a request waits for an endpoint that accepts connections; at most 30 s.
    pub hold: Option<Duration>,
    /// How long the endpoint keeps an idle connection; we use it for 1 s less.
    pub keep_alive: Option<Duration>,
    pub load_balance: Option<LoadBalance>,
    /// A ConfigMap with the certificate of the authority that signed the endpoints' certificates.
    pub ca: Option<ObjectName>,
    /// The name to ask for (SNI) and to find in the endpoint's certificate.
    pub server_name: Option<Hostname>,
}

impl BackendPolicy {
    /// What `self` says, and where it says nothing, what `other` says.
    pub fn or(&self, other: &BackendPolicy) -> BackendPolicy {
        BackendPolicy {
            protocol: self.protocol.or(other.protocol),
            connect_timeout: self.connect_timeout.or(other.connect_timeout),
            response_timeout: self.response_timeout.or(other.response_timeout),
            idle_timeout: self.idle_timeout.or(other.idle_timeout),
            hold: self.hold.or(other.hold),
            keep_alive: self.keep_alive.or(other.keep_alive),
            load_balance: self.load_balance.or(other.load_balance),
            ca: self.ca.clone().or_else(|| other.ca.clone()),
            server_name: self
                .server_name
                .clone()
                .or_else(|| other.server_name.clone()),
        }
    }
}

/// How one of several endpoints is chosen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum LoadBalance {
    /// Two at random, the one with fewer requests in flight.
    #[default]
    PowerOfTwoChoices,
    RoundRobin,
}
