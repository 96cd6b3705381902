//! How is the address of a redirect written?

use http::HeaderValue;

/// The parts of an absolute address.
#[derive(Debug, Clone, Copy)]
pub struct Location<'a> {
    /// `http` or `https`.
    pub scheme: &'a str,
    pub host: &'a str,
    /// Left out where it is the scheme's own.
    pub port: u16,
    pub path: &'a str,
    pub query: Option<&'a str>,
}

impl Location<'_> {
    /// None: a part has a byte that no field may have, which the normal forms exclude.
    pub fn to_header(self) -> Option<HeaderValue> {
        let query = self.query.map_or(0, |query| query.len() + 1);
        let mut text = String::with_capacity(self.host.len() + self.path.len() + query + 16);
        text.push_str(self.scheme);
        text.push_str("://");
        text.push_str(self.host);
        if self.port != default_port(self.scheme) {
            text.push(':');
            push_number(&mut text, self.port);
        }
        text.push_str(self.path);
        if let Some(query) = self.query {
            text.push('?');
            text.push_str(query);
        }
        HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()
    }
}

/// The port that an address of this scheme has if it names none.
pub fn default_port(scheme: &str) -> u16 {
    if scheme == "https" { 443 } else { 80 }
}

fn push_number(text: &mut String, number: u16) {
    if number > 9 {
        push_number(text, number / 10);
    }
    text.push(char::from(
        b'0' + u8::try_from(number % 10).unwrap_or_default(),
    ));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(scheme: &str, port: u16, query: Option<&str>, expected: &str) {
        let location = Location {
            scheme,
            host: "a.test",
            port,
            path: "/x",
            query,
        };
        assert_eq!(location.to_header().unwrap(), expected);
    }

    #[test]
    fn the_port_is_written_where_it_is_not_the_schemes_own() {
        check("https", 443, None, "https://a.test/x");
        check("http", 80, Some(""), "http://a.test/x?");
        check("https", 8443, Some("a=1&b"), "https://a.test:8443/x?a=1&b");
        check("http", 443, None, "http://a.test:443/x");
    }
}
