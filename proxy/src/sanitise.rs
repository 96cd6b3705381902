//! Is the request unambiguous, and what are its host and path in normal form?

use crate::client::Field;
use crate::connection::head::is_token;
use crate::request::kind::list_members;
use config::hostname::RequestHost;
use config::limits::LOOPS_MAX;
use config::path;
use config::reason::Reason;
use http::header::{CONNECTION, EXPECT, HOST, VIA};
use http::request::Parts;
use http::{HeaderMap, HeaderName, Method, Version};
use std::borrow::Cow;

/// Our name in `CDN-Loop` (RFC 8586) and `Via` (RFC 9110 §7.6.3).
pub const OUR_NAME: &str = "hedgerow";
pub static CDN_LOOP: Field = Field::of("cdn-loop");

/// Names in all `Connection` fields of a request: the engine refuses the tenth.
const NOMINATIONS_MAX: usize = 9;
/// What `Connection` must not name: they are about the request, or ours. Without its credentials a request may mean something else.
const PROTECTED: [&str; 7] = [
    "host",
    "authorization",
    "cookie",
    "content-length",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
];

/// What routing looks at, in normal form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Normal<'a> {
    /// Empty: HTTP/1.0 without Host, which only rules for every host take.
    pub host: Cow<'a, str>,
    pub path: Cow<'a, str>,
    pub query: Option<&'a str>,
    /// Some field name has a `_`.
    pub has_underscore: bool,
}

/// Why the request is not served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refusal {
    pub reason: Reason,
    /// The connection is not to be trusted with another request.
    pub closes: bool,
}

/// What is left to judge when the head was scanned as bytes (HTTP/1) or decoded (HTTP/2): the same for both. Pure; running it twice changes nothing.
pub fn judge(request: &Parts) -> Result<Normal<'_>, Refusal> {
    if request.method == Method::CONNECT || request.method == Method::TRACE {
        return Err(stay(Reason::MethodNotAllowed));
    }
    connection(&request.headers)?;
    let host = host(request)?;
    let (path, query) = target(request)?;
    let expects = request.headers.get(EXPECT).map(|value| value.as_bytes());
    if expects.is_some_and(|value| !value.eq_ignore_ascii_case(b"100-continue")) {
        return Err(stay(Reason::BadExpectation));
    }
    if loops(&request.headers) > LOOPS_MAX {
        return Err(stay(Reason::Loop));
    }
    let has_underscore = request
        .headers
        .keys()
        .any(|name| name.as_str().contains('_'));
    Ok(Normal {
        host,
        path,
        query,
        has_underscore,
    })
}

/// The field names that are taken away: CGI and WSGI read `_` as `-`, so `X_Forwarded_For` would pass for ours.
pub fn underscore_names(headers: &HeaderMap) -> Vec<HeaderName> {
    headers
        .keys()
        .filter(|name| name.as_str().contains('_'))
        .cloned()
        .collect()
}

/// The host that was asked for, as received. HTTP/2 says it in `:authority`; the connection has seen to it that Host, if there, says the same.
pub fn received_host(request: &Parts) -> Option<&str> {
    match request.headers.get(HOST) {
        Some(host) => host.to_str().ok(),
        None => request.uri.authority().map(http::uri::Authority::as_str),
    }
}

/// Names that are not the client's to take away, and names without end, are refused: the engine would do so too, but only after it has connected
/// to a backend.
fn connection(headers: &HeaderMap) -> Result<(), Refusal> {
    let lines = headers.get_all(CONNECTION).into_iter();
    let names = lines
        .flat_map(|line| line.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
        .filter(|name| !name.is_empty());
    for (at, name) in names.enumerate() {
        let is_protected = PROTECTED
            .iter()
            .any(|protected| name.eq_ignore_ascii_case(protected.as_bytes()));
        if at >= NOMINATIONS_MAX || is_protected || !is_token(name) {
            return Err(close(Reason::BadRequest));
        }
    }
    Ok(())
}

fn host(request: &Parts) -> Result<Cow<'_, str>, Refusal> {
    let bad = close(Reason::BadHost);
    if request.headers.get_all(HOST).iter().nth(1).is_some() {
        return Err(bad);
    }
    let Some(raw) = received_host(request) else {
        let may_be_missing =
            request.version < Version::HTTP_11 && !request.headers.contains_key(HOST);
        return if may_be_missing {
            Ok(Cow::Borrowed(""))
        } else {
            Err(bad)
        };
    };
    RequestHost::parse(raw)
        .map(|parsed| parsed.host)
        .map_err(|_| bad)
}

fn target(request: &Parts) -> Result<(Cow<'_, str>, Option<&str>), Refusal> {
    let bad = close(Reason::BadPath);
    let query = request.uri.query();
    if query.is_some_and(|query| path::check_query(query).is_err()) {
        return Err(bad);
    }
    let raw = request.uri.path();
    if raw == "*" && request.method == Method::OPTIONS {
        // RFC 9112 §3.2.4: about the server as a whole; its rule is that of the root.
        return Ok((Cow::Borrowed("/"), query));
    }
    let normal = path::normalise(raw).map_err(|_| bad)?;
    Ok((normal, query))
}

/// How often the request has been here before.
fn loops(headers: &HeaderMap) -> usize {
    let is_ours = |member: &&[u8]| member.eq_ignore_ascii_case(OUR_NAME.as_bytes());
    let in_cdn_loop = list_members(headers, &CDN_LOOP.name)
        .filter(is_ours)
        .count();
    let received_by = |member: &[u8]| {
        let mut words = member
            .split(|byte| *byte == b' ')
            .filter(|word| !word.is_empty());
        words
            .nth(1)
            .is_some_and(|word| word.eq_ignore_ascii_case(OUR_NAME.as_bytes()))
    };
    let in_via = list_members(headers, &VIA)
        .filter(|member| received_by(member))
        .count();
    in_cdn_loop.max(in_via)
}

const fn close(reason: Reason) -> Refusal {
    Refusal {
        reason,
        closes: true,
    }
}

const fn stay(reason: Reason) -> Refusal {
    Refusal {
        reason,
        closes: false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::Request;

    fn request(line: &str, fields: &[(&str, &str)]) -> Parts {
        let (method, target) = line.split_once(' ').unwrap();
        let (target, version) = match target.split_once(' ') {
            Some((target, "1.0")) => (target, Version::HTTP_10),
            Some((target, "2")) => (target, Version::HTTP_2),
            _ => (target, Version::HTTP_11),
        };
        let mut request = Request::builder()
            .method(method)
            .uri(target)
            .version(version);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap().into_parts().0
    }

    fn check(line: &str, fields: &[(&str, &str)], expected: Result<(&str, &str), Reason>) {
        let request = request(line, fields);
        let judged = judge(&request);
        let found = judged
            .as_ref()
            .map(|normal| (&*normal.host, &*normal.path))
            .map_err(|refusal| refusal.reason);
        assert_eq!(found, expected, "{line} {fields:?}");
    }

    const A: (&str, &str) = ("host", "a.test");

    #[test]
    fn host_and_path_are_brought_into_their_normal_form() {
        check(
            "GET /x/./y",
            &[("host", "A.Test.:8080")],
            Ok(("a.test", "/x/y")),
        );
        check("GET /%7euser", &[A], Ok(("a.test", "/~user")));
        check("GET http://a.test/x", &[A], Ok(("a.test", "/x")));
        check("GET https://A.test/x 2", &[], Ok(("a.test", "/x")));
        check("GET /x 1.0", &[], Ok(("", "/x")));
        check("OPTIONS *", &[A], Ok(("a.test", "/")));
        check("GET /a%2Fb", &[A], Ok(("a.test", "/a%2Fb")));
    }

    #[test]
    fn what_is_ambiguous_is_refused() {
        check("GET /x", &[], Err(Reason::BadHost));
        check("GET /x", &[A, A], Err(Reason::BadHost));
        check("GET /x", &[("host", "a,b")], Err(Reason::BadHost));
        check("GET /x", &[("host", "")], Err(Reason::BadHost));
        check("GET /x 1.0", &[("host", "a b")], Err(Reason::BadHost));
        check("GET /../x", &[A], Err(Reason::BadPath));
        check("GET /%zz", &[A], Err(Reason::BadPath));
        check("GET *", &[A], Err(Reason::BadPath));
        check("TRACE /x", &[A], Err(Reason::MethodNotAllowed));
        check(
            "GET /x",
            &[A, ("expect", "tea")],
            Err(Reason::BadExpectation),
        );
        check(
            "PUT /x",
            &[A, ("expect", "100-Continue")],
            Ok(("a.test", "/x")),
        );
    }

    #[test]
    fn connection_names_only_what_is_the_clients_to_name() {
        let nine = "a,b,c,d,e, f ,,g,h,keep-alive";
        for fine in ["close", "keep-alive, X-Hop", "", nine] {
            check("GET /", &[A, ("connection", fine)], Ok(("a.test", "/")));
        }
        for bad in [
            "Host",
            "close, authorization",
            "X-Forwarded-For",
            "cookie",
            "Content-Length",
            "a b",
            "\"x\"",
            ":path",
        ] {
            check("GET /", &[A, ("connection", bad)], Err(Reason::BadRequest));
        }
        let ten = [A, ("connection", nine), ("connection", "ten")];
        check("GET /", &ten, Err(Reason::BadRequest));
    }

    #[test]
    fn a_request_may_come_by_three_times_and_not_four() {
        let three = ("cdn-loop", "hedgerow, Hedgerow;v=1, other");
        check(
            "GET /",
            &[A, three, ("cdn-loop", "hedgerow")],
            Ok(("a.test", "/")),
        );
        check(
            "GET /",
            &[A, three, ("cdn-loop", "hedgerow,hedgerow")],
            Err(Reason::Loop),
        );
        check(
            "GET /",
            &[A, ("cdn-loop", "hedgerows, a, b, c, d")],
            Ok(("a.test", "/")),
        );
        let via = (
            "via",
            "1.1 hedgerow, 1.1 hedgerow, 2 hedgerow, 1.1 hedgerow",
        );
        check("GET /", &[A, via], Err(Reason::Loop));
    }

    #[test]
    fn names_with_an_underscore_are_found() {
        let request = request(
            "GET /",
            &[A, ("x_forwarded_for", "1.2.3.4"), ("x-fine", "1")],
        );
        assert!(judge(&request).unwrap().has_underscore);
        assert_eq!(underscore_names(&request.headers), ["x_forwarded_for"]);
    }
}
