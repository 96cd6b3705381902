//! What sort of conversation does this request begin?

use http::header::{
    ACCEPT, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION,
    TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Version};

/// Which timeouts hold, and how an answer of our own looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Kind {
    #[default]
    Plain,
    /// The client accepts an event stream: silence is normal.
    Stream,
    Grpc,
    /// A valid WebSocket handshake (RFC 6455 §4.1).
    Upgrade,
}

impl Kind {
    pub fn of(request: &Parts) -> Kind {
        if is_grpc(&request.headers) {
            return Kind::Grpc;
        }
        if is_websocket(request) {
            return Kind::Upgrade;
        }
        if list_has(&request.headers, &ACCEPT, "text/event-stream") {
            return Kind::Stream;
        }
        Kind::Plain
    }
}

/// Is the content gRPC, of a request or a response?
pub fn is_grpc(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|value| {
        // Not `application/grpc-web`, which is plain HTTP with its trailers in the body.
        let rest = strip_prefix(value, b"application/grpc");
        rest.is_some_and(|rest| matches!(rest.first(), None | Some(b'+' | b';' | b' ' | b'\t')))
    })
}

/// Is the content an event stream?
pub fn is_event_stream(headers: &HeaderMap) -> bool {
    content_type(headers).is_some_and(|value| strip_prefix(value, b"text/event-stream").is_some())
}

/// Does a comma-separated field have this member, whatever its parameters? Members are compared without case.
pub fn list_has(headers: &HeaderMap, name: &HeaderName, member: &str) -> bool {
    list_members(headers, name).any(|found| found.eq_ignore_ascii_case(member.as_bytes()))
}

/// The members of a comma-separated field, over all of its lines, without their parameters.
pub fn list_members<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> impl Iterator<Item = &'a [u8]> {
    headers
        .get_all(name)
        .into_iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(|member| {
            let end = member.iter().position(|byte| *byte == b';');
            let (member, _) = member.split_at(end.unwrap_or(member.len()));
            member.trim_ascii()
        })
        .filter(|member| !member.is_empty())
}

fn content_type(headers: &HeaderMap) -> Option<&[u8]> {
    headers.get(CONTENT_TYPE).map(|value| value.as_bytes())
}

/// Without case.
fn strip_prefix<'a>(value: &'a [u8], prefix: &[u8]) -> Option<&'a [u8]> {
    let (start, rest) = value.split_at_checked(prefix.len())?;
    start.eq_ignore_ascii_case(prefix).then_some(rest)
}

/// Exactly what RFC 6455 §4.1 asks of a client. Anything else is an ordinary request, from which the fields of the upgrade are taken away:
/// a backend must not switch protocols for a client that did not ask for it (CVE-2026-2833).
fn is_websocket(request: &Parts) -> bool {
    let headers = &request.headers;
    let single = |name: &HeaderName| {
        let mut values = headers.get_all(name).into_iter();
        let value = values.next().map(|value| value.as_bytes());
        value.filter(|_| values.next().is_none())
    };
    request.version == Version::HTTP_11
        && request.method == Method::GET
        && single(&UPGRADE).is_some_and(|value| value.eq_ignore_ascii_case(b"websocket"))
        && list_has(headers, &CONNECTION, "upgrade")
        && single(&SEC_WEBSOCKET_VERSION) == Some(b"13")
        && single(&SEC_WEBSOCKET_KEY).is_some_and(is_websocket_key)
        && !headers.contains_key(TRANSFER_ENCODING)
        && single(&CONTENT_LENGTH).is_none_or(|length| length == b"0")
}

/// 16 bytes in base64.
fn is_websocket_key(key: &[u8]) -> bool {
    key.len() == 24
        && key.strip_suffix(b"==").is_some_and(|digits| {
            digits
                .iter()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/'))
        })
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    const HANDSHAKE: [(&str, &str); 4] = [
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
    ];

    fn check(method: &str, fields: &[(&str, &str)], expected: Kind) {
        let mut request = Request::builder().method(method);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let (parts, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(Kind::of(&parts), expected, "{method} {fields:?}");
    }

    #[test]
    fn requests_are_told_apart() {
        check("GET", &[], Kind::Plain);
        check("GET", &[("accept", "text/event-stream")], Kind::Stream);
        check(
            "GET",
            &[("accept", "text/html, Text/Event-Stream;q=0.5")],
            Kind::Stream,
        );
        check(
            "POST",
            &[("content-type", "application/grpc+proto")],
            Kind::Grpc,
        );
        check(
            "POST",
            &[("content-type", "Application/GRPC; charset=utf-8")],
            Kind::Grpc,
        );
        for plain in [
            "application/json",
            "application/grpc-web+proto",
            "application/grpcx",
        ] {
            check("POST", &[("content-type", plain)], Kind::Plain);
        }
    }

    #[test]
    fn only_an_exact_handshake_is_an_upgrade() {
        check("GET", &HANDSHAKE, Kind::Upgrade);
        check("POST", &HANDSHAKE, Kind::Plain);
        for (left_out, _) in HANDSHAKE {
            let rest: Vec<_> = HANDSHAKE
                .into_iter()
                .filter(|(name, _)| *name != left_out)
                .collect();
            check("GET", &rest, Kind::Plain);
        }
        for wrong in [
            ("upgrade", "h2c"),
            ("upgrade", "websocket, h2c"),
            ("sec-websocket-version", "8"),
            ("sec-websocket-key", "short=="),
            ("content-length", "5"),
            ("transfer-encoding", "chunked"),
        ] {
            let mut fields: Vec<_> = HANDSHAKE
                .into_iter()
                .filter(|(name, _)| *name != wrong.0)
                .collect();
            fields.push(wrong);
            check("GET", &fields, Kind::Plain);
        }
    }
}
