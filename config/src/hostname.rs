//! What is a host name, in a rule and in a request?

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

/// The most bytes a host name has (RFC 1035 §2.3.4).
pub const HOSTNAME_BYTES_MAX: usize = 253;

/// A host name as a rule, a listener or a certificate names it: lower-case, without a trailing dot, exact or `*.suffix`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Hostname {
    /// Without the `*.` of a wildcard.
    text: Arc<str>,
    wildcard: bool,
}

/// Why a text is not a host name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HostnameError {
    #[error("is empty")]
    Empty,
    #[error("is longer than {HOSTNAME_BYTES_MAX} bytes")]
    TooLong,
    #[error(
        "has a character that host names do not have: letters, digits, '-', '_' and '.' are right"
    )]
    Character,
    #[error("has an empty label, or one longer than 63 bytes")]
    Label,
    #[error("has a wildcard that is not the whole first label, as in *.example.com")]
    Wildcard,
    #[error("has a port that is not a number from 0 to 65535")]
    Port,
    #[error("has a name or password in front of it (userinfo), which is not allowed")]
    Userinfo,
    #[error("has a label that begins or ends with '-'")]
    Hyphen,
    #[error("is an IP address, where a name is needed")]
    Address,
}

impl Hostname {
    /// Parses what an Ingress, an HTTPRoute, a listener or a certificate writes. Case is folded, one trailing dot cut off.
    pub fn parse(raw: &str) -> Result<Hostname, HostnameError> {
        let (rest, wildcard) = match raw.strip_prefix("*.") {
            Some(rest) => (rest, true),
            None => (raw, false),
        };
        if rest.contains('*') {
            return Err(HostnameError::Wildcard);
        }
        let text = rest.strip_suffix('.').unwrap_or(rest);
        check_labels(text)?;
        if text.parse::<std::net::Ipv4Addr>().is_ok() {
            return Err(HostnameError::Address);
        }
        // RFC 1123 §2.1. A request may name such a host; no object of Kubernetes can.
        let mut labels = text.split('.');
        if labels.any(|label| label.starts_with('-') || label.ends_with('-')) {
            return Err(HostnameError::Hyphen);
        }
        Ok(Hostname {
            text: text.to_ascii_lowercase().into(),
            wildcard,
        })
    }

    pub fn is_wildcard(&self) -> bool {
        self.wildcard
    }

    /// An exact name: itself. A wildcard: the part behind `*.`.
    pub fn suffix(&self) -> &str {
        &self.text
    }

    /// The number of characters that precedence counts: `*.` counts too (Gateway API, HTTPRouteSpec.hostnames).
    pub fn chars(&self) -> usize {
        self.text.len() + if self.wildcard { 2 } else { 0 }
    }

    /// Does this name cover a request's host in normal form? A wildcard covers exactly one label (Ingress)
    /// or one and more (Gateway API), as `labels` says.
    pub fn covers(&self, host: &str, labels: WildcardLabels) -> bool {
        if !self.wildcard {
            return *host == *self.text;
        }
        let Some(front) = host
            .strip_suffix(&*self.text)
            .and_then(|front| front.strip_suffix('.'))
        else {
            return false;
        };
        !front.is_empty() && (labels == WildcardLabels::Many || !front.contains('.'))
    }
}

impl fmt::Display for Hostname {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.wildcard {
            f.write_str("*.")?;
        }
        f.write_str(&self.text)
    }
}

/// How many labels a wildcard stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum WildcardLabels {
    /// Ingress: "Wildcard matches: the HTTP host header must equal the suffix of the wildcard rule, one label".
    One,
    /// Gateway API: one label or more.
    Many,
}

/// The normal form of a request's authority, for matching: port cut off, lower-case, one trailing dot cut off
/// (RFC 9110 §7.2, RFC 9112 §3.2, RFC 3986 §3.2.2). Addresses are allowed: they match rules without a host only.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestHost<'a> {
    pub host: Cow<'a, str>,
    pub port: Option<u16>,
}

impl<'a> RequestHost<'a> {
    /// Parses `host`, `host:port`, `[v6]` or `[v6]:port`. Allocates only where case has to be folded.
    pub fn parse(raw: &'a str) -> Result<RequestHost<'a>, HostnameError> {
        // Whatever else is wrong with it then follows from that.
        RequestHost::without_userinfo(raw).map_err(|error| match raw.contains('@') {
            true => HostnameError::Userinfo,
            false => error,
        })
    }

    fn without_userinfo(raw: &'a str) -> Result<RequestHost<'a>, HostnameError> {
        if raw.is_empty() {
            return Err(HostnameError::Empty);
        }
        let (host, port) = split_port(raw)?;
        let host = if let Some(inner) = host.strip_prefix('[') {
            let address = inner.strip_suffix(']').ok_or(HostnameError::Character)?;
            if address.parse::<std::net::Ipv6Addr>().is_err() {
                return Err(HostnameError::Character);
            }
            host
        } else {
            let host = host.strip_suffix('.').unwrap_or(host);
            check_labels(host)?;
            host
        };
        let host = if host.bytes().any(|b| b.is_ascii_uppercase()) {
            Cow::Owned(host.to_ascii_lowercase())
        } else {
            Cow::Borrowed(host)
        };
        Ok(RequestHost { host, port })
    }
}

fn split_port(raw: &str) -> Result<(&str, Option<u16>), HostnameError> {
    let after_bracket = match raw.rfind(']') {
        Some(at) => at + 1,
        None if raw.starts_with('[') => return Err(HostnameError::Character),
        None => 0,
    };
    let Some(colon) = raw.get(after_bracket..).and_then(|rest| rest.find(':')) else {
        return Ok((raw, None));
    };
    let (host, digits) = raw.split_at(after_bracket + colon);
    let digits = digits.get(1..).unwrap_or_default();
    if digits.is_empty() {
        return Ok((host, None)); // RFC 3986 §3.2.3: a port may be empty.
    }
    if digits.len() > 5 || !digits.bytes().all(|b| b.is_ascii_digit()) {
        return Err(HostnameError::Port);
    }
    let port = digits.parse().map_err(|_| HostnameError::Port)?;
    Ok((host, Some(port)))
}

fn check_labels(text: &str) -> Result<(), HostnameError> {
    if text.is_empty() {
        return Err(HostnameError::Empty);
    }
    if text.len() > HOSTNAME_BYTES_MAX {
        return Err(HostnameError::TooLong);
    }
    if !text
        .bytes()
        .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.'))
    {
        return Err(HostnameError::Character);
    }
    if text
        .split('.')
        .any(|label| label.is_empty() || label.len() > 63)
    {
        return Err(HostnameError::Label);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(raw: &str, expected: Result<(&str, Option<u16>), HostnameError>) {
        let found = RequestHost::parse(raw);
        let found = found
            .as_ref()
            .map(|h| (&*h.host, h.port))
            .map_err(Clone::clone);
        assert_eq!(found, expected, "{raw}");
    }

    #[test]
    fn equal_spellings_of_a_host_have_one_normal_form() {
        check("shop.test", Ok(("shop.test", None)));
        check("SHOP.Test:8443", Ok(("shop.test", Some(8443))));
        check("shop.test.", Ok(("shop.test", None)));
        check("shop.test.:80", Ok(("shop.test", Some(80))));
        check("shop.test:", Ok(("shop.test", None)));
        check("[::1]:80", Ok(("[::1]", Some(80))));
        check("192.168.0.40", Ok(("192.168.0.40", None)));
    }

    #[test]
    fn what_is_not_a_host_is_refused() {
        check("", Err(HostnameError::Empty));
        check(".", Err(HostnameError::Empty));
        check("a,b", Err(HostnameError::Character));
        check("a b", Err(HostnameError::Character));
        check("user@a", Err(HostnameError::Userinfo));
        check("user:pw@a:80", Err(HostnameError::Userinfo));
        check("a%2eb", Err(HostnameError::Character));
        check("a..b", Err(HostnameError::Label));
        check("a:b", Err(HostnameError::Port));
        check("a:65536", Err(HostnameError::Port));
        check("[::1", Err(HostnameError::Character));
        check("[::1]x", Err(HostnameError::Character));
    }

    #[test]
    fn a_label_of_a_rule_neither_begins_nor_ends_with_a_hyphen() {
        for raw in ["-a.test", "a-.test", "*.a.-b"] {
            assert_eq!(Hostname::parse(raw), Err(HostnameError::Hyphen), "{raw}");
        }
        assert!(Hostname::parse("a--b.x-y").is_ok());
        check("-a.test", Ok(("-a.test", None)));
    }

    #[test]
    fn a_wildcard_covers_as_many_labels_as_its_specification_says() {
        let name = Hostname::parse("*.Foo.com").unwrap();
        for (host, one, many) in [
            ("bar.foo.com", true, true),
            ("baz.bar.foo.com", false, true),
            ("foo.com", false, false),
            ("xfoo.com", false, false),
        ] {
            assert_eq!(name.covers(host, WildcardLabels::One), one, "{host}");
            assert_eq!(name.covers(host, WildcardLabels::Many), many, "{host}");
        }
    }
}
