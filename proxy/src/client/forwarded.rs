//! What do trusted proxies say of the client?

use super::fields::Field;
use super::is_within;
use config::limits::FORWARDED_HOPS_MAX;
use config::settings::Network;
use http::HeaderMap;
use std::net::{IpAddr, SocketAddr};

pub(super) static X_FORWARDED_FOR: Field = Field::of("x-forwarded-for");
pub(super) static X_FORWARDED_PROTO: Field = Field::of("x-forwarded-proto");

/// The client behind a trusted peer: `X-Forwarded-For` from the right, the first address that is not trusted. A malformed entry ends the
/// walk, and the last good one counts: what stands left of it could be anybody's. At most 16 hops.
pub(super) fn client(headers: &HeaderMap, peer: IpAddr, trusted: &[Network]) -> IpAddr {
    let lines = headers.get_all(&X_FORWARDED_FOR.name).into_iter();
    let entries = lines
        .rev()
        .flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
    let mut last_good = peer;
    for entry in entries.take(FORWARDED_HOPS_MAX) {
        let Some(address) = address(entry) else {
            return last_good;
        };
        last_good = address;
        if !is_within(address, trusted) {
            return address;
        }
    }
    last_good
}

/// What a trusted peer says of the client's connection; several hops may have added theirs, and the first one met the client.
pub(super) fn is_https(headers: &HeaderMap) -> Option<bool> {
    let value = headers.get(&X_FORWARDED_PROTO.name)?.as_bytes();
    let first = value.split(|byte| *byte == b',').next()?.trim_ascii();
    if first.eq_ignore_ascii_case(b"https") {
        return Some(true);
    }
    first.eq_ignore_ascii_case(b"http").then_some(false)
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `[2001:db8::1]` or `[2001:db8::1]:4711`; IPv4-mapped ones as IPv4.
fn address(entry: &[u8]) -> Option<IpAddr> {
    let text = std::str::from_utf8(entry.trim_ascii()).ok()?;
    if let Ok(address) = text.parse::<IpAddr>() {
        return Some(address.to_canonical());
    }
    if let Ok(address) = text.parse::<SocketAddr>() {
        return Some(address.ip().to_canonical());
    }
    let inner = text.strip_prefix('[')?.strip_suffix(']')?;
    inner.parse::<IpAddr>().ok().map(|it| it.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::tests::network;
    use http::HeaderValue;

    fn check(lines: &[&str], expected: &str) {
        let trusted = [network("10.0.0.0/8"), network("2001:db8::/32")];
        let mut headers = HeaderMap::new();
        for line in lines {
            headers.append(&X_FORWARDED_FOR.name, HeaderValue::from_str(line).unwrap());
        }
        let found = client(&headers, "10.0.0.1".parse().unwrap(), &trusted);
        assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{lines:?}");
    }

    #[test]
    fn the_first_untrusted_address_from_the_right_is_the_client() {
        check(&[], "10.0.0.1");
        check(&["203.0.113.9"], "203.0.113.9");
        check(&["1.1.1.1, 203.0.113.9, 10.0.0.7"], "203.0.113.9");
        check(&["1.1.1.1", "203.0.113.9, 10.0.0.7"], "203.0.113.9");
        check(&["10.0.0.9, 10.0.0.8"], "10.0.0.9");
        check(
            &["203.0.113.9:4711, [2001:db8::1]:9, [2001:db8::2]"],
            "203.0.113.9",
        );
        check(&["::ffff:203.0.113.9"], "203.0.113.9");
    }

    #[test]
    fn a_malformed_entry_ends_the_walk() {
        check(&["203.0.113.9, unknown, 10.0.0.7"], "10.0.0.7");
        check(&["203.0.113.9, , 10.0.0.7"], "10.0.0.7");
        check(&["203.0.113.9, evil\u{e9}"], "10.0.0.1");
    }

    #[test]
    fn no_more_than_sixteen_hops_are_walked() {
        let hops = ["10.0.0.2"; 40].join(", ");
        check(&[&format!("203.0.113.9, {hops}")], "10.0.0.2");
        let hops = ["10.0.0.2"; 15].join(", ");
        check(&[&format!("203.0.113.9, {hops}")], "203.0.113.9");
    }

    #[test]
    fn the_first_proto_counts() {
        let of = |text: &'static str| {
            let value = HeaderValue::from_static(text);
            is_https(&HeaderMap::from_iter([(
                X_FORWARDED_PROTO.name.clone(),
                value,
            )]))
        };
        assert_eq!(of("https"), Some(true));
        assert_eq!(of("HTTP, https"), Some(false));
        assert_eq!(of("gopher"), None);
    }
}
