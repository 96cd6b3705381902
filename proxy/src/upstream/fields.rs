//! Which fields of a request pass to a backend?

use http::header::{
    CONNECTION, COOKIE, PROXY_AUTHENTICATE, PROXY_AUTHORIZATION, TE, TRAILER, TRANSFER_ENCODING,
    UPGRADE,
};
use http::{HeaderName, HeaderValue, Version};
use pingora_error::Result;
use pingora_http::RequestHeader;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
const HTTP2_SETTINGS: HeaderName = HeaderName::from_static("http2-settings");

/// Takes the fields away that are about the client's connection (RFC 9110 §7.6.1). The engine does it too, but not from HTTP/2 to HTTP/2.
/// `TE: trailers` stays for gRPC, which needs it.
pub fn clean(request: &mut RequestHeader) -> Result<()> {
    for name in [
        KEEP_ALIVE,
        PROXY_CONNECTION,
        PROXY_AUTHENTICATE,
        PROXY_AUTHORIZATION,
        HTTP2_SETTINGS,
        TRAILER,
    ] {
        request.remove_header(&name);
    }
    if request.version != Version::HTTP_2 {
        return join_cookies(request);
    }
    for name in [CONNECTION, UPGRADE, TRANSFER_ENCODING] {
        request.remove_header(&name);
    }
    let is_trailers = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"trailers");
    if request
        .headers
        .get(TE)
        .is_some_and(|value| !is_trailers(value))
    {
        request.remove_header(&TE);
    }
    Ok(())
}

/// HTTP/2 clients send each cookie in a line of its own, to compress them; outside of HTTP/2 they must be one line (RFC 9113 §8.2.3).
fn join_cookies(request: &mut RequestHeader) -> Result<()> {
    let crumbs = request.headers.get_all(COOKIE);
    if crumbs.iter().nth(1).is_none() {
        return Ok(());
    }
    let lines: Vec<&[u8]> = crumbs.iter().map(HeaderValue::as_bytes).collect();
    let joined = bytes::Bytes::from(lines.join(&b"; "[..]));
    if let Ok(joined) = HeaderValue::from_maybe_shared(joined) {
        request.insert_header(COOKIE, joined)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cleaned(version: Version, fields: &[(&'static str, &str)]) -> Vec<String> {
        let mut request = RequestHeader::build("POST", b"/", None).unwrap();
        request.set_version(version);
        for (name, value) in fields {
            request.append_header(*name, *value).unwrap();
        }
        clean(&mut request).unwrap();
        let line = |(name, value): (&HeaderName, &HeaderValue)| {
            [name.as_str(), ": ", value.to_str().unwrap()].concat()
        };
        request.headers.iter().map(line).collect()
    }

    #[test]
    fn http2_to_http2_is_cleaned_and_grpc_keeps_its_te() {
        let of = |te| {
            let fields = [
                ("te", te),
                ("proxy-authorization", "x"),
                ("keep-alive", "1"),
                ("cookie", "a"),
            ];
            cleaned(Version::HTTP_2, &fields)
        };
        assert_eq!(of("trailers"), ["te: trailers", "cookie: a"]);
        assert_eq!(of("gzip"), ["cookie: a"]);
    }

    #[test]
    fn cookie_crumbs_become_one_line_for_http1() {
        let crumbs = [("cookie", "a=1"), ("cookie", "b=2; c=3")];
        assert_eq!(
            cleaned(Version::HTTP_11, &crumbs),
            ["cookie: a=1; b=2; c=3"]
        );
        assert_eq!(cleaned(Version::HTTP_2, &crumbs).len(), 2);
    }
}
