//! Which bounds hold, and why these?
//!
//! Every bound has a name, a unit, a default and a reason, and can be set under `limits:` in the settings.

pub mod bound;
mod memory;
mod relation;
pub mod timeout;

use schemars::JsonSchema;
use std::time::Duration;

const KIB: usize = 1024;

/// Every bound. The defaults are the ones of `docs/settings.md`, which is generated from here.
#[derive(Debug, Clone, PartialEq, Eq, JsonSchema)]
#[schemars(rename_all = "camelCase", inline)]
pub struct Limits {
    // Clients.
    /// PROXY protocol header and TLS handshake together, from the accept. Then the connection is closed.
    #[schemars(with = "String")]
    pub handshake_timeout: Duration,
    /// A whole request head, from its first byte to its last, however slowly it drips.
    #[schemars(with = "String")]
    pub header_timeout: Duration,
    /// Bytes of an HTTP/1 request head, request line included. More is 431.
    pub header_bytes_max: usize,
    /// Field lines of a request; HTTP/2 cookie crumbs count. More is 431.
    pub header_fields_max: usize,
    /// Bytes of a request target. More is 414.
    pub target_bytes_max: usize,
    /// How long a client's connection may stay open between two requests.
    #[schemars(with = "String")]
    pub keep_alive_idle: Duration,
    /// A client that sends no part of the body it announced for this long.
    #[schemars(with = "String")]
    pub body_stall_timeout: Duration,
    /// A client that reads no part of its answer for this long.
    #[schemars(with = "String")]
    pub write_stall_timeout: Duration,
    /// An answer of our own waits this long for the rest of an unread request body; without it the client may lose the answer.
    #[schemars(with = "String")]
    pub drain_body_timeout: Duration,
    /// HTTP/2 streams at once, per connection (SETTINGS_MAX_CONCURRENT_STREAMS, RFC 9113 §6.5.2).
    pub h2_streams_max: u32,
    /// Bytes of an HTTP/2 header list, as RFC 9113 §6.5.2 counts them. More is 431.
    pub h2_header_list_bytes_max: u32,
    /// HTTP/2 flow-control window of a stream.
    pub h2_stream_window_bytes: u32,
    /// HTTP/2 flow-control window of a connection.
    pub h2_connection_window_bytes: u32,
    /// Connections from clients at once. Not set: by memory, 8,192 per GiB.
    pub connections_max: Option<usize>,
    /// Connections from one client (/32, /64) at once; trusted proxies are exempt. Not set: a quarter of `connectionsMax`.
    pub connections_per_client_max: Option<usize>,
    /// Requests in flight; one more is 503. Not set: by memory, one per 256 KiB.
    pub requests_max: Option<usize>,

    // Backends; routes and backends may differ by annotation.
    /// TCP, and again TLS, to an endpoint. A failed connect sent nothing: another endpoint is tried, until the hold ends.
    #[schemars(with = "String")]
    pub connect_timeout: Duration,
    /// From the request to the endpoint's response header. Does not hold for gRPC, where `grpc-timeout` rules.
    #[schemars(with = "String")]
    pub response_timeout: Duration,
    /// Nothing moves between two parts of a body, either way.
    #[schemars(with = "String")]
    pub idle_timeout: Duration,
    /// The same for `text/event-stream`, gRPC and upgraded connections (WebSocket).
    #[schemars(with = "String")]
    pub stream_idle_timeout: Duration,
    /// How long an idle connection to an endpoint is kept; below what common servers keep (Node 5 s, uvicorn 5 s).
    #[schemars(with = "String")]
    pub upstream_keep_alive_idle: Duration,
    /// Attempts per request, the first included.
    pub attempts: u32,
    /// How long a request waits for an endpoint that accepts connections; at most 30 s.
    #[schemars(with = "String")]
    pub hold: Duration,
    /// Requests of one backend that wait at once; one more is 503.
    pub held_requests_max: usize,
    /// A set of endpoints that became empty less than this ago is waited for.
    #[schemars(with = "String")]
    pub empty_set_grace: Duration,

    // Stopping.
    /// After SIGTERM: not ready, but accepting, so that load balancers take notice.
    #[schemars(with = "String")]
    pub lame_duck: Duration,
    /// Then: no new connections, and requests in flight may end. What is left is cut.
    #[schemars(with = "String")]
    pub drain: Duration,
}

/// Kubernetes kills the pod after this: `terminationGracePeriodSeconds` in the chart.
pub const KILL_SECONDS: u64 = 40;
/// A request may be held this long at most, whatever an annotation says.
pub const HOLD_MAX: Duration = Duration::from_secs(30);
/// Attempts that an annotation may ask for.
pub const ATTEMPTS_MAX: u32 = 10;
/// `CDN-Loop` may carry our name this often; once more is 508.
pub const LOOPS_MAX: usize = 3;
/// Hops of `X-Forwarded-For` that are walked.
pub const FORWARDED_HOPS_MAX: usize = 16;
/// Waits between rounds of connection attempts; the last one repeats until the hold ends.
pub const HOLD_BACKOFF_MS: [u64; 4] = [50, 100, 200, 400];
/// A connection gets this long to send its first request after the stop, before idle ones are closed.
pub const LINGER: Duration = Duration::from_millis(1500);
/// A socket that stops listening takes no new handshake, and the ones that have begun get this long: a slow round trip.
pub const HANDSHAKE_LINGER: Duration = Duration::from_millis(200);

const LAME_DUCK_SECONDS: u64 = 5;
const DRAIN_SECONDS: u64 = 25;
const _: () = assert!(
    LAME_DUCK_SECONDS + DRAIN_SECONDS + 5 <= KILL_SECONDS,
    "lame duck and drain must end before the kill"
);
const HEADER_BYTES: usize = 32 * KIB;
const TARGET_BYTES: usize = 16 * KIB;
const _: () = assert!(TARGET_BYTES < HEADER_BYTES, "a target must fit into a head");

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            handshake_timeout: Duration::from_secs(10),
            header_timeout: Duration::from_secs(10),
            header_bytes_max: HEADER_BYTES,
            header_fields_max: 100,
            target_bytes_max: TARGET_BYTES,
            keep_alive_idle: Duration::from_secs(60),
            body_stall_timeout: Duration::from_secs(30),
            write_stall_timeout: Duration::from_secs(30),
            drain_body_timeout: Duration::from_secs(2),
            h2_streams_max: 64,
            h2_header_list_bytes_max: 16 * 1024,
            h2_stream_window_bytes: 65_535,
            h2_connection_window_bytes: 256 * 1024,
            connections_max: None,
            connections_per_client_max: None,
            requests_max: None,
            connect_timeout: Duration::from_secs(1),
            response_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(60),
            stream_idle_timeout: Duration::from_secs(3600),
            upstream_keep_alive_idle: Duration::from_secs(4),
            attempts: 3,
            hold: Duration::from_secs(1),
            held_requests_max: 64,
            empty_set_grace: Duration::from_secs(2),
            lame_duck: Duration::from_secs(LAME_DUCK_SECONDS),
            drain: Duration::from_secs(DRAIN_SECONDS),
        }
    }
}
