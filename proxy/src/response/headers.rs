//! Which fields of a backend's response pass to the client?

use http::header::{
    CONNECTION, CONTENT_LENGTH, PROXY_AUTHENTICATE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{HeaderMap, HeaderName, StatusCode, Version};
use pingora_http::ResponseHeader;
use std::time::Duration;

const KEEP_ALIVE: HeaderName = HeaderName::from_static("keep-alive");
const PROXY_CONNECTION: HeaderName = HeaderName::from_static("proxy-connection");
/// What `Connection` mostly names: no field at all, fields that go anyway, and those that frame the message, which stay.
const NOTHING_NEW: [&str; 7] = [
    "keep-alive",
    "close",
    "upgrade",
    "te",
    "proxy-connection",
    "content-length",
    "transfer-encoding",
];
/// Names that one `Connection` field is obeyed for. A backend that names more is not worth the time.
const NOMINATIONS_MAX: usize = 10;

/// Takes the fields away that are about the connection to the backend (RFC 9110 §7.6.1). Everything else is the application's and passes.
/// `Transfer-Encoding` stays, because the engine frames the body by it, and takes it away where the client's version has none.
pub fn clean_response(response: &mut ResponseHeader) {
    let is_upgrade = response.status == StatusCode::SWITCHING_PROTOCOLS;
    for name in nominated(&response.headers) {
        response.remove_header(&name);
    }
    for name in [KEEP_ALIVE, PROXY_CONNECTION, PROXY_AUTHENTICATE, TE] {
        response.remove_header(&name);
    }
    if is_upgrade {
        return;
    }
    response.remove_header(&UPGRADE);
    response.remove_header(&CONNECTION);
    if response.status == StatusCode::NO_CONTENT {
        // RFC 9110 §8.6 and RFC 9112 §6.1: neither may stand there, and a client that believes them waits for a body.
        response.remove_header(&CONTENT_LENGTH);
        response.remove_header(&TRANSFER_ENCODING);
    }
    if response.version != Version::HTTP_2 {
        // HTTP/1 trailers are dropped by the engine, so they must not be announced.
        response.remove_header(&TRAILER);
    }
}

/// How long the endpoint keeps an idle connection: `Keep-Alive: timeout=5, max=100` (RFC 2068 §19.7.1).
pub fn keep_alive(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(KEEP_ALIVE)?.to_str().ok()?;
    let seconds = text.split(',').find_map(|member| {
        let (name, value) = member.trim().split_once('=')?;
        let is_timeout = name.trim_end().eq_ignore_ascii_case("timeout");
        is_timeout.then(|| value.trim_start().parse::<u32>().ok())?
    });
    seconds.map(|seconds| Duration::from_secs(u64::from(seconds)))
}

/// The further fields that `Connection` names. Mostly none, and then without asking for memory.
fn nominated(headers: &HeaderMap) -> Vec<HeaderName> {
    let lines = headers.get_all(CONNECTION).into_iter();
    lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .take(NOMINATIONS_MAX)
        .map(<[u8]>::trim_ascii)
        .filter(|name| {
            !NOTHING_NEW
                .iter()
                .any(|known| name.eq_ignore_ascii_case(known.as_bytes()))
        })
        .filter_map(|name| HeaderName::from_bytes(name).ok())
        .filter(|name| headers.contains_key(name))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, fields: &[(&str, &str)]) -> ResponseHeader {
        let mut response = ResponseHeader::build(status, None).unwrap();
        for (name, value) in fields {
            response.append_header((*name).to_owned(), *value).unwrap();
        }
        response
    }

    fn names(headers: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<_> = headers.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn what_is_about_the_connection_goes_and_the_applications_fields_stay() {
        let mut response = response(
            200,
            &[
                ("connection", "keep-alive, x-hop, content-length"),
                ("keep-alive", "timeout=5"),
                ("x-hop", "1"),
                ("content-length", "3"),
                ("trailer", "x-sum"),
                ("upgrade", "h2c"),
                ("server", "Express"),
                ("set-cookie", "a=1"),
                ("content-encoding", "br"),
                ("access-control-allow-origin", "*"),
            ],
        );
        clean_response(&mut response);
        assert_eq!(
            names(&response.headers),
            [
                "access-control-allow-origin",
                "content-encoding",
                "content-length",
                "server",
                "set-cookie"
            ]
        );
    }

    #[test]
    fn what_has_no_content_announces_none() {
        let fields = [("content-length", "0"), ("etag", "1")];
        let mut empty = response(204, &fields);
        clean_response(&mut empty);
        assert_eq!(names(&empty.headers), ["etag"]);
        // Of a 304 it is the length that a 200 would have (RFC 9110 §8.6).
        let mut unchanged = response(304, &fields);
        clean_response(&mut unchanged);
        assert_eq!(names(&unchanged.headers), ["content-length", "etag"]);
    }

    #[test]
    fn a_switch_of_protocols_keeps_its_fields() {
        let mut response = response(
            101,
            &[
                ("connection", "Upgrade"),
                ("upgrade", "websocket"),
                ("keep-alive", "1"),
            ],
        );
        clean_response(&mut response);
        assert_eq!(names(&response.headers), ["connection", "upgrade"]);
    }

    #[test]
    fn the_keep_alive_of_an_endpoint_is_read() {
        let of = |text: &'static str| {
            let value = http::HeaderValue::from_static(text);
            keep_alive(&HeaderMap::from_iter([(KEEP_ALIVE, value)]))
        };
        assert_eq!(of("timeout=5"), Some(Duration::from_secs(5)));
        assert_eq!(of("max=100, Timeout = 75"), Some(Duration::from_secs(75)));
        assert_eq!(of("timeout=-1"), None);
        assert_eq!(of("max=5"), None);
    }
}
