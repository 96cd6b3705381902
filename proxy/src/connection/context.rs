//! What has this connection learned so far?

use config::snapshot::TlsEntry;
use http::HeaderValue;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

/// Of one connection from a client. Reaches every pingora phase through `ProxyDigest.user_data`.
#[derive(Debug)]
pub struct ConnectionContext {
    pub listener: Arc<ListenerFacts>,
    /// The peer of the socket, or what the PROXY protocol says; IPv4-mapped addresses in IPv4 form.
    pub client: SocketAddr,
    /// Its address, as backends are told it.
    pub client_text: HeaderValue,
    /// None: plain.
    pub tls: Option<TlsFacts>,
    /// HTTP/2 streams in flight; 0 or 1 on HTTP/1.
    pub active: AtomicU32,
    /// Set by the response filter when a 101 passes: the gate opens both ways.
    pub is_upgraded: AtomicBool,
    /// Set by a phase: the next read fails, which closes the connection. The way to end an HTTP/2 connection from a request.
    pub is_condemned: AtomicBool,
    /// Set by a phase of an HTTP/1 request: no further request on this connection (`Connection: close` was sent).
    pub closes: AtomicBool,
    /// Set at the end of an HTTP/1 request that failed and was answered in good order: pingora drops the gate, and the connection goes on.
    pub keeps: AtomicBool,
    /// Set by the first phase of an HTTP/1 request: from now on its context tells how it ends.
    pub has_begun: AtomicBool,
    /// Bytes on the wire below TLS, both ways.
    pub bytes_in: AtomicU64,
    pub bytes_out: AtomicU64,
}

/// The listener that accepted it.
#[derive(Debug, Clone)]
pub struct ListenerFacts {
    /// As configured, for labels: `[::]:443`.
    pub label: Arc<str>,
    pub is_https: bool,
    pub public_port: u16,
    pub public_port_text: HeaderValue,
}

/// What the handshake settled.
#[derive(Debug, Clone)]
pub struct TlsFacts {
    /// In normal form.
    pub server_name: Option<Box<str>>,
    /// The entry that the name selected at the handshake. None: the default certificate.
    pub entry: Option<Arc<TlsEntry>>,
    /// `TLSv1.3`, `TLSv1.2`.
    pub version: &'static str,
    pub cipher: &'static str,
}
