//! Which bounds hold, and why these?
//!
//! Every bound has a name, a unit, a default and a reason, and can be set under `limits:` in the settings.

use std::time::Duration;

const KIB: usize = 1024;

/// Every bound. The defaults are the ones of `docs/settings.md`, which is generated from here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    // Clients.
    /// PROXY protocol header and TLS handshake together.
    pub handshake_timeout: Duration,
    /// A whole request head, from its first byte.
    pub header_timeout: Duration,
    /// Bytes of an HTTP/1 request head.
    pub header_bytes_max: usize,
    /// Field lines of a request; HTTP/2 cookie crumbs count.
    pub header_fields_max: usize,
    /// Bytes of a request target.
    pub target_bytes_max: usize,
    /// An idle connection between two requests.
    pub keep_alive_idle: Duration,
    /// A client that sends no part of the body it announced.
    pub body_stall_timeout: Duration,
    /// A client that reads no part of its answer.
    pub write_stall_timeout: Duration,
    /// An answer of our own waits this long for the rest of an unread request body.
    pub drain_body_timeout: Duration,
    /// HTTP/2 streams at once, per connection.
    pub h2_streams_max: u32,
    /// Bytes of an HTTP/2 header list.
    pub h2_header_list_bytes_max: u32,
    /// HTTP/2 flow-control window of a stream.
    pub h2_stream_window_bytes: u32,
    /// HTTP/2 flow-control window of a connection.
    pub h2_connection_window_bytes: u32,
    /// Connections from clients. None: by memory, see `connections_max`.
    pub connections_max: Option<usize>,
    /// Connections from one client (/32, /64). None: a quarter of `connections_max`.
    pub connections_per_client_max: Option<usize>,
    /// Requests in flight. None: one per 256 KiB of the memory limit.
    pub requests_max: Option<usize>,

    // Backends; routes and backends may differ by annotation.
    /// TCP, and again TLS, to an endpoint.
    pub connect_timeout: Duration,
    /// From the request to the response header; none for gRPC.
    pub response_timeout: Duration,
    /// Between two parts of a body.
    pub idle_timeout: Duration,
    /// The same for event streams, gRPC and upgraded connections.
    pub stream_idle_timeout: Duration,
    /// An idle connection to an endpoint; below what common servers keep (Node 5 s, uvicorn 5 s).
    pub upstream_keep_alive_idle: Duration,
    /// Attempts per request, the first included.
    pub attempts: u32,
    /// How long a request waits for an endpoint that accepts connections.
    pub hold: Duration,
    /// Requests of one backend that wait at once.
    pub held_requests_max: usize,
    /// A set of endpoints that became empty less than this ago is waited for.
    pub empty_set_grace: Duration,

    // Stopping.
    /// Not ready, but accepting: load balancers take notice.
    pub lame_duck: Duration,
    /// Requests in flight may end.
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
