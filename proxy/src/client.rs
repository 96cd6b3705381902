//! Who is asking, and what may the backend believe of it?

mod fields;
mod forwarded;

pub use fields::{Field, Written, X_REQUEST_ID, address_value, write};

use crate::connection::context::ConnectionContext;
use config::settings::Network;
use http::HeaderMap;
use std::net::{IpAddr, Ipv4Addr};

/// The client, as far as it is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// Of the client itself, behind trusted proxies.
    pub address: IpAddr,
    /// Of who has the connection: the client, or a proxy.
    pub peer: IpAddr,
    /// The peer is one of `trustedProxies`: its `X-Forwarded-*` are believed.
    pub is_peer_trusted: bool,
    /// The client's connection is encrypted: ours is, or a trusted proxy says so.
    pub is_https: bool,
}

impl Client {
    /// Before anything is known.
    pub const UNKNOWN: Client = Client {
        address: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        peer: IpAddr::V4(Ipv4Addr::UNSPECIFIED),
        is_peer_trusted: false,
        is_https: false,
    };

    /// Finds the client behind a connection. No peer is trusted but those in `trusted`.
    pub fn find(
        connection: &ConnectionContext,
        trusted: &[Network],
        headers: &HeaderMap,
    ) -> Client {
        let peer = connection.client.ip().to_canonical();
        let is_peer_trusted = is_within(peer, trusted);
        if !is_peer_trusted {
            return Client {
                address: peer,
                peer,
                is_peer_trusted,
                is_https: connection.listener.is_https,
            };
        }
        Client {
            address: forwarded::client(headers, peer, trusted),
            peer,
            is_peer_trusted,
            is_https: forwarded::is_https(headers).unwrap_or(connection.listener.is_https),
        }
    }
}

/// Is the address in one of the networks? IPv4-mapped addresses count as IPv4.
pub fn is_within(address: IpAddr, networks: &[Network]) -> bool {
    networks.iter().any(|network| network.contains(address))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// `10.0.0.0/8`.
    pub fn network(text: &str) -> Network {
        let (address, prefix) = text.split_once('/').unwrap();
        Network {
            address: address.parse().unwrap(),
            prefix: prefix.parse().unwrap(),
        }
    }

    fn check(text: &str, address: &str, expected: bool) {
        let found = is_within(address.parse().unwrap(), &[network(text)]);
        assert_eq!(found, expected, "{address} in {text}");
    }

    #[test]
    fn networks_contain_their_addresses_and_no_others() {
        check("10.0.0.0/8", "10.255.0.1", true);
        check("10.0.0.0/8", "11.0.0.1", false);
        check("192.0.2.7/32", "192.0.2.7", true);
        check("192.0.2.7/32", "192.0.2.6", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("2001:db8::/32", "2001:db8:1::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("::/0", "2001:db8::1", true);
        check("2001:db8::1/128", "2001:db8::1", true);
        check("2001:db8::1/128", "2001:db8::2", false);
    }
}
