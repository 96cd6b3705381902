//! How is this endpoint to be connected to?

use super::state::EndpointState;
use super::terms::Terms;
use super::timeouts::Timeouts;
use crate::request::kind::Kind;
use config::digest;
use config::model::Protocol;
use pingora_core::protocols::ALPN;
use pingora_core::protocols::l4::ext::TcpKeepalive;
use pingora_core::upstreams::peer::HttpPeer;
use std::time::Duration;

/// A power-cut machine costs one bounded wait: unacknowledged bytes end the connection after this. On Linux so do bytes that an endpoint which
/// is well does not read for this long, once its window is full; a request without a body to speak of never fills one.
const TCP_USER_TIMEOUT: Duration = Duration::from_secs(10);
const TCP_KEEP_ALIVE_IDLE: Duration = Duration::from_secs(10);
const TCP_KEEP_ALIVE_INTERVAL: Duration = Duration::from_secs(5);
const TCP_KEEP_ALIVE_PROBES: usize = 2;
/// pingora's default is 1, which makes a connection per request.
const H2_STREAMS_MAX: usize = 100;
/// pingora's defaults are 8 MiB each; a slow client would let a backend fill them.
const H2_STREAM_WINDOW_BYTES: u32 = 256 * 1024;
const H2_CONNECTION_WINDOW_BYTES: u32 = 1024 * 1024;

/// What will pass over the connection.
#[derive(Debug, Clone, Copy)]
pub struct Load {
    pub kind: Kind,
    /// A body that may be more than the endpoint takes without reading it.
    pub is_upload: bool,
}

impl Load {
    /// Does the request have its HTTP/2 connection to itself? The engine has one timeout for the request's body, the wait for the header and
    /// the parts of the response. An event stream may be silent for an hour once it has begun, and an upload may take as long as it moves: there
    /// it cannot bound the wait for the header. A watchdog can, on a connection that is not shared.
    pub fn is_alone(self) -> bool {
        self.kind == Kind::Stream || (self.kind == Kind::Plain && self.is_upload)
    }
}

/// The peer for one attempt. The address is never a name, so nothing is resolved; TLS always verifies, and always has a name to verify.
pub fn build(
    terms: &Terms,
    endpoint: &EndpointState,
    timeouts: &Timeouts,
    load: Load,
) -> Box<HttpPeer> {
    let Load { kind, is_upload } = load;
    let is_tls = terms.protocol == Protocol::Https;
    let server_name = if is_tls {
        terms.server_name.clone()
    } else {
        String::new()
    };
    let mut peer = HttpPeer::new(endpoint.address, is_tls, server_name);
    let keep_alive = terms.keep_alive(endpoint.keep_alive());
    // The engine keeps a connection for as long as its last request was told. One from before the endpoint said how long it keeps it would
    // be kept for too long, so it is not used again. The user timeout belongs to the socket as well.
    let user_timeout = if is_upload || kind == Kind::Upgrade {
        TCP_USER_TIMEOUT.max(timeouts.write)
    } else {
        TCP_USER_TIMEOUT
    };
    peer.group_key = digest::of(&[
        &terms.group.to_le_bytes(),
        &endpoint.generation.to_le_bytes(),
        &keep_alive.as_millis().to_le_bytes(),
        &user_timeout.as_millis().to_le_bytes(),
    ]);
    let options = &mut peer.options;
    options.connection_timeout = Some(timeouts.connect);
    options.read_timeout = Some(timeouts.read);
    options.write_timeout = Some(timeouts.write);
    options.idle_timeout = Some(keep_alive);
    options.tcp_keepalive = Some(TcpKeepalive {
        idle: TCP_KEEP_ALIVE_IDLE,
        interval: TCP_KEEP_ALIVE_INTERVAL,
        count: TCP_KEEP_ALIVE_PROBES,
        #[cfg(target_os = "linux")]
        user_timeout,
    });
    options.ca = terms.authority.clone();
    options.alpn = match terms.protocol {
        // A WebSocket begins with HTTP/1.1 only: there is no RFC 8441 here.
        _ if kind == Kind::Upgrade => ALPN::H1,
        Protocol::Http1 => ALPN::H1,
        Protocol::H2c => ALPN::H2,
        Protocol::Https => ALPN::H2H1,
    };
    // The number is part of the pool's key, so that connections of the two kinds are kept apart.
    options.max_h2_streams = if load.is_alone() { 1 } else { H2_STREAMS_MAX };
    options.h2_stream_window_size = Some(H2_STREAM_WINDOW_BYTES);
    options.h2_connection_window_size = Some(H2_CONNECTION_WINDOW_BYTES);
    Box::new(peer)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::upstream::terms::tests::backend;
    use config::limits::Limits;
    use config::model::BackendPolicy;
    use pingora_core::upstreams::peer::Peer;
    use std::net::SocketAddr;

    const PLAIN: Load = Load {
        kind: Kind::Plain,
        is_upload: false,
    };
    const TIMEOUTS: Timeouts = Timeouts {
        connect: Duration::from_secs(1),
        read: Duration::from_secs(60),
        write: Duration::from_secs(60),
        header: None,
        attempt: None,
    };

    fn peer(protocol: Protocol, generation: u64) -> Box<HttpPeer> {
        let terms = Terms::new(
            &backend(protocol, BackendPolicy::default()),
            &Limits::default(),
        );
        let endpoint = EndpointState::new(SocketAddr::from(([127, 0, 0, 1], 9)), generation);
        build(&terms, &endpoint, &TIMEOUTS, PLAIN)
    }

    #[test]
    fn tls_always_verifies_the_certificate_and_the_name() {
        let peer = peer(Protocol::Https, 1);
        assert!(peer.is_tls() && !peer.sni().is_empty());
        assert!(peer.verify_cert() && peer.verify_hostname());
    }

    #[test]
    fn a_connection_from_before_the_endpoint_said_how_long_it_keeps_it_is_never_used_again() {
        let terms = Terms::new(
            &backend(Protocol::Http1, BackendPolicy::default()),
            &Limits::default(),
        );
        let endpoint = EndpointState::new(SocketAddr::from(([127, 0, 0, 1], 9)), 1);
        let before = build(&terms, &endpoint, &TIMEOUTS, PLAIN).reuse_hash();
        endpoint.learn_keep_alive(Duration::from_secs(2));
        let after = build(&terms, &endpoint, &TIMEOUTS, PLAIN);
        assert_ne!(before, after.reuse_hash());
        assert_eq!(after.idle_timeout(), Some(Duration::from_secs(1)));
    }

    #[test]
    fn a_connection_of_another_generation_is_never_used_again() {
        let hash = |generation| peer(Protocol::Http1, generation).reuse_hash();
        assert_eq!(hash(1), hash(1));
        assert_ne!(hash(1), hash(2));
    }
}
