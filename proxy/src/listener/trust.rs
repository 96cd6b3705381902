//! Is this peer one of the proxies in front of us?

use config::settings::Network;
use std::net::IpAddr;

/// Whether an address lies in one of these networks. IPv4-mapped addresses count as IPv4.
pub fn trusts(networks: &[Network], address: IpAddr) -> bool {
    let address = address.to_canonical();
    networks.iter().any(|network| contains(network, address))
}

fn contains(network: &Network, address: IpAddr) -> bool {
    match (network.address, address) {
        (IpAddr::V4(network_address), IpAddr::V4(address)) => {
            let differing = u32::from(network_address) ^ u32::from(address);
            differing.leading_zeros() >= u32::from(network.prefix)
        }
        (IpAddr::V6(network_address), IpAddr::V6(address)) => {
            let differing = u128::from(network_address) ^ u128::from(address);
            differing.leading_zeros() >= u32::from(network.prefix)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(network: &str, prefix: u8, address: &str, expected: bool) {
        let networks = [Network {
            address: network.parse().unwrap(),
            prefix,
        }];
        assert_eq!(
            trusts(&networks, address.parse().unwrap()),
            expected,
            "{network} {address}"
        );
    }

    #[test]
    fn a_network_has_the_addresses_that_share_its_prefix() {
        check("198.51.100.0", 24, "198.51.100.255", true);
        check("198.51.100.0", 24, "198.51.101.0", false);
        check("198.51.100.0", 24, "::ffff:198.51.100.7", true);
        check("198.51.100.7", 32, "198.51.100.7", true);
        check("198.51.100.7", 32, "198.51.100.6", false);
        check("0.0.0.0", 0, "198.51.100.7", true);
        check("0.0.0.0", 0, "2001:db8::1", false);
        check("2001:db8::", 32, "2001:db8:ffff::1", true);
        check("2001:db8::", 32, "2001:db9::1", false);
    }
}
