//! Which addresses belong to a network?

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A network in CIDR form, in its canonical family (an IPv4-mapped one is IPv4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    /// The first address: no bit behind the prefix is set.
    pub address: IpAddr,
    /// Bits: 0 to 32 for IPv4, 0 to 128 for IPv6.
    pub prefix: u8,
}

/// Why a text is not a network.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum NetworkError {
    #[error("is not a network in CIDR form (RFC 4632), as in 198.51.100.0/24 or 2001:db8::/32")]
    Form,
    #[error("has a prefix longer than the {0} bits of its address")]
    Prefix(u8),
    #[error(
        "has bits set behind its prefix; write {network} for the network or {host} for the one address"
    )]
    HostBits { network: Network, host: Network },
}

impl Network {
    /// Parses `198.51.100.0/24`, `2001:db8::/32`, or one address alone (then /32 or /128).
    /// `::ffff:10.0.0.0/104` is 10.0.0.0/8 (RFC 4291 §2.5.5.2).
    pub fn parse(raw: &str) -> Result<Network, NetworkError> {
        let (address, prefix) = match raw.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (raw, None),
        };
        let address: IpAddr = address.parse().map_err(|_| NetworkError::Form)?;
        let bits = bits_of(address);
        let prefix = match prefix {
            Some(digits) => parse_prefix(digits)?,
            None => bits,
        };
        if prefix > bits {
            return Err(NetworkError::Prefix(bits));
        }
        let given = Network { address, prefix }.canonical();
        let network = Network {
            address: given.first_address(),
            prefix: given.prefix,
        };
        if network.address != given.address {
            let host = Network::host(given.address);
            return Err(NetworkError::HostBits { network, host });
        }
        Ok(network)
    }

    /// One address alone.
    pub fn host(address: IpAddr) -> Network {
        let address = address.to_canonical();
        Network {
            address,
            prefix: bits_of(address),
        }
    }

    /// Is this address in the network? An IPv4-mapped IPv6 address counts as IPv4, as a dual-stack socket reports it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        let (network, address) = match (self.address, address) {
            (IpAddr::V4(network), IpAddr::V4(address)) => (widen(network), widen(address)),
            (IpAddr::V6(network), IpAddr::V6(address)) => (network.to_bits(), address.to_bits()),
            _ => return false,
        };
        (network ^ address) & self.mask() == 0
    }

    /// Every address of its family.
    pub fn is_everything(&self) -> bool {
        self.prefix == 0
    }

    /// The prefix as ones from the top of 128 bits; an IPv4 address stands in the top 32.
    fn mask(&self) -> u128 {
        u128::MAX
            .checked_shl(128_u32.saturating_sub(u32::from(self.prefix)))
            .unwrap_or(0)
    }

    fn first_address(&self) -> IpAddr {
        match self.address {
            IpAddr::V4(address) => {
                let masked = (widen(address) & self.mask()) >> 96;
                IpAddr::V4(Ipv4Addr::from_bits(
                    u32::try_from(masked).unwrap_or_default(),
                ))
            }
            IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & self.mask())),
        }
    }

    fn canonical(self) -> Network {
        match (self.address.to_canonical(), self.prefix.checked_sub(96)) {
            (IpAddr::V4(address), Some(prefix)) if self.address.is_ipv6() => Network {
                address: IpAddr::V4(address),
                prefix,
            },
            _ => self,
        }
    }
}

fn bits_of(address: IpAddr) -> u8 {
    if address.is_ipv4() { 32 } else { 128 }
}

/// Digits alone: `u8::from_str` would take a sign.
fn parse_prefix(digits: &str) -> Result<u8, NetworkError> {
    if digits.is_empty() || digits.len() > 3 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(NetworkError::Form);
    }
    digits.parse().map_err(|_| NetworkError::Prefix(128))
}

fn widen(address: Ipv4Addr) -> u128 {
    u128::from(address.to_bits()) << 96
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(raw: &str) -> Result<Network, NetworkError> {
        Network::parse(raw)
    }
}

impl fmt::Display for Network {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(network: &str, address: &str, expected: bool) {
        let network = Network::parse(network).unwrap();
        let address = address.parse().unwrap();
        assert_eq!(
            network.contains(address),
            expected,
            "{address} in {network}"
        );
    }

    #[test]
    fn a_network_contains_what_its_prefix_says() {
        check("198.51.100.0/24", "198.51.100.255", true);
        check("198.51.100.0/24", "198.51.101.0", false);
        check("198.51.100.7", "198.51.100.7", true);
        check("198.51.100.7", "198.51.100.8", false);
        check("0.0.0.0/0", "203.0.113.9", true);
        check("0.0.0.0/0", "2001:db8::1", false);
        check("::/0", "2001:db8::1", true);
        check("2001:db8::/32", "2001:db8:ffff::1", true);
        check("2001:db8::/32", "2001:db9::1", false);
        check("::1", "::1", true);
    }

    #[test]
    fn an_ipv4_address_in_ipv6_clothes_is_an_ipv4_address() {
        check("10.0.0.0/8", "::ffff:10.1.2.3", true);
        check("::ffff:10.0.0.0/104", "10.1.2.3", true);
        check("::ffff:10.0.0.1", "10.0.0.1", true);
        check("::/0", "::ffff:10.1.2.3", false);
        assert_eq!(
            Network::parse("::ffff:10.0.0.0/104").unwrap().to_string(),
            "10.0.0.0/8"
        );
    }

    #[test]
    fn what_is_not_a_network_is_refused_with_what_would_be_right() {
        for raw in [
            "",
            "/",
            "10.0.0.0/",
            "10/8",
            "10.0.0.0/+8",
            "a/8",
            "10.0.0.0/8/8",
            "10.0.0.0/0008",
            "example.com",
        ] {
            assert_eq!(Network::parse(raw), Err(NetworkError::Form), "{raw}");
        }
        assert_eq!(Network::parse("10.0.0.0/33"), Err(NetworkError::Prefix(32)));
        assert_eq!(Network::parse("::/129"), Err(NetworkError::Prefix(128)));
        assert_eq!(Network::parse("::/999"), Err(NetworkError::Prefix(128)));
        assert_eq!(
            Network::parse("198.51.100.7/24").unwrap_err().to_string(),
            "has bits set behind its prefix; write 198.51.100.0/24 for the network or 198.51.100.7/32 for the one address"
        );
    }

    proptest! {
        #[test]
        fn a_network_reads_back_as_it_was_written(bits: u128, v4: bool, prefix in 0_u8..=128) {
            let address = match v4 {
                true => IpAddr::V4(Ipv4Addr::from_bits(u32::try_from(bits >> 96).unwrap())),
                false => IpAddr::V6(Ipv6Addr::from_bits(bits)).to_canonical(),
            };
            let prefix = prefix.min(bits_of(address));
            let network = Network { address: Network { address, prefix }.first_address(), prefix };
            prop_assert_eq!(Network::parse(&network.to_string()), Ok(network.canonical()));
            prop_assert!(network.contains(address));
            prop_assert!(Network::host(address).contains(address));
        }

        #[test]
        fn no_text_makes_the_parser_panic(raw in "[0-9a-f:./]{0,24}") {
            let _ = Network::parse(&raw);
        }
    }
}
