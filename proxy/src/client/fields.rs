//! Which fields tell the backend who is asking?

use super::Client;
use super::forwarded::{self, X_FORWARDED_FOR, X_FORWARDED_PROTO};
use crate::connection::context::ListenerFacts;
use crate::request::id::RequestId;
use crate::sanitise::{CDN_LOOP, OUR_NAME};
use http::header::{FORWARDED, VIA};
use http::{HeaderMap, HeaderName, HeaderValue, Version};
use pingora_error::Result;
use pingora_http::RequestHeader;
use std::io::Write;
use std::net::IpAddr;

const X_FORWARDED: &str = "x-forwarded-";
static X_FORWARDED_HOST: Field = Field::of("x-forwarded-host");
static X_FORWARDED_PORT: Field = Field::of("x-forwarded-port");
const X_REAL_IP: &str = "x-real-ip";
pub static X_REQUEST_ID: Field = Field::of("x-request-id");
const X_ORIGINAL_URL: HeaderName = HeaderName::from_static("x-original-url");
const X_REWRITE_URL: HeaderName = HeaderName::from_static("x-rewrite-url");
/// The longest address in text, a comma and a space beside it.
const ADDRESS_BYTES_MAX: usize = 48;

/// A field of ours: its name to look it up by, and the text to write it with, because the engine copies a name onto the heap, and a static text
/// not.
#[derive(Debug)]
pub struct Field {
    pub name: HeaderName,
    pub text: &'static str,
}

impl Field {
    pub const fn of(text: &'static str) -> Field {
        Field {
            name: HeaderName::from_static(text),
            text,
        }
    }
}

/// What is written.
#[derive(Debug)]
pub struct Written<'a> {
    pub client: &'a Client,
    /// The text of its peer's address.
    pub peer: &'a HeaderValue,
    pub listener: &'a ListenerFacts,
    /// As received.
    pub host: Option<&'a HeaderValue>,
    pub id: &'a RequestId,
    /// With `via: true`: the version of the request as received.
    pub via: Option<Version>,
}

/// Writes who is asking into the request that goes to a backend, after the fields that `Connection` names were removed, so that no client can
/// have ours removed. `Forwarded` is removed and never written; `X-Original-URL` and `X-Rewrite-URL` move a path past the rules of some
/// frameworks.
pub fn write(request: &mut RequestHeader, written: &Written<'_>) -> Result<()> {
    for name in [FORWARDED, X_ORIGINAL_URL, X_REWRITE_URL] {
        request.remove_header(&name);
    }
    if written.client.is_peer_trusted {
        extend(request, written)?;
    } else {
        overwrite(request, written)?;
    }
    // A client that is its own peer has one text, made once for its connection.
    let is_peer = written.client.peer == written.client.address;
    let address = is_peer.then(|| written.peer.clone());
    let address = address.unwrap_or_else(|| address_value(written.client.address));
    request.insert_header(X_REAL_IP, address)?;
    request.insert_header(X_REQUEST_ID.text, written.id.to_header())?;
    request.append_header(CDN_LOOP.text, HeaderValue::from_static(OUR_NAME))?;
    if let Some(version) = written.via {
        let by = match version {
            Version::HTTP_2 => "2 hedgerow",
            Version::HTTP_10 => "1.0 hedgerow",
            _ => "1.1 hedgerow",
        };
        request.append_header(VIA, HeaderValue::from_static(by))?;
    }
    Ok(())
}

/// The peer is the client: nothing that it says of itself is believed.
fn overwrite(request: &mut RequestHeader, written: &Written<'_>) -> Result<()> {
    for name in forwarded_names(&request.headers) {
        request.remove_header(&name);
    }
    request.insert_header(X_FORWARDED_FOR.text, written.peer.clone())?;
    write_missing(request, written)
}

/// The peer is a trusted proxy: the chain goes on, and what it says of the client's connection stays, where it is well-formed.
fn extend(request: &mut RequestHeader, written: &Written<'_>) -> Result<()> {
    let chain = chain(&request.headers, written.peer);
    request.insert_header(X_FORWARDED_FOR.text, chain)?;
    // The backend hears what the edge has decided by.
    match forwarded::is_https(&request.headers) {
        Some(is_https) => {
            let proto = HeaderValue::from_static(proto(is_https));
            request.insert_header(X_FORWARDED_PROTO.text, proto)?;
        }
        None => drop(request.remove_header(&X_FORWARDED_PROTO.name)),
    }
    if !is_port(request.headers.get(&X_FORWARDED_PORT.name)) {
        request.remove_header(&X_FORWARDED_PORT.name);
    }
    write_missing(request, written)
}

fn write_missing(request: &mut RequestHeader, written: &Written<'_>) -> Result<()> {
    let listener = written.listener;
    if !request.headers.contains_key(&X_FORWARDED_PROTO.name) {
        let proto = HeaderValue::from_static(proto(listener.is_https));
        request.insert_header(X_FORWARDED_PROTO.text, proto)?;
        // A port of another hop says nothing of this connection.
        request.remove_header(&X_FORWARDED_PORT.name);
    }
    if !request.headers.contains_key(&X_FORWARDED_PORT.name) && !has_proxys_proto(written, request)
    {
        request.insert_header(X_FORWARDED_PORT.text, listener.public_port_text.clone())?;
    }
    if !request.headers.contains_key(&X_FORWARDED_HOST.name)
        && let Some(host) = written.host
    {
        request.insert_header(X_FORWARDED_HOST.text, host.clone())?;
    }
    Ok(())
}

/// A trusted proxy that says `https` but no port was not dialled at our port; no port is better than a wrong one.
fn has_proxys_proto(written: &Written<'_>, request: &RequestHeader) -> bool {
    let said = request.headers.get(&X_FORWARDED_PROTO.name);
    said.is_some_and(|said| said.as_bytes() != proto(written.listener.is_https).as_bytes())
}

fn forwarded_names(headers: &HeaderMap) -> Vec<HeaderName> {
    let is_forwarded = |name: &&HeaderName| name.as_str().starts_with(X_FORWARDED);
    headers.keys().filter(is_forwarded).cloned().collect()
}

fn proto(is_https: bool) -> &'static str {
    if is_https { "https" } else { "http" }
}

fn is_port(value: Option<&HeaderValue>) -> bool {
    let text = value.and_then(|value| value.to_str().ok());
    text.is_some_and(|text| text.parse::<u16>().is_ok())
}

/// What came, in one line, and the peer behind it.
fn chain(headers: &HeaderMap, peer: &HeaderValue) -> HeaderValue {
    let mut chain = Vec::with_capacity(4 * ADDRESS_BYTES_MAX);
    for line in headers.get_all(&X_FORWARDED_FOR.name) {
        chain.extend_from_slice(line.as_bytes());
        chain.extend_from_slice(b", ");
    }
    chain.extend_from_slice(peer.as_bytes());
    HeaderValue::from_maybe_shared(bytes::Bytes::from(chain)).unwrap_or_else(|_| peer.clone())
}

/// As backends are told it.
pub fn address_value(address: IpAddr) -> HeaderValue {
    let mut text = Vec::with_capacity(ADDRESS_BYTES_MAX);
    // Writing into memory does not fail.
    let _ = write!(text, "{address}");
    HeaderValue::from_maybe_shared(bytes::Bytes::from(text))
        .unwrap_or_else(|_| HeaderValue::from_static("unknown"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAIN: bool = false;

    fn client(is_peer_trusted: bool) -> Client {
        Client {
            address: "203.0.113.9".parse().unwrap(),
            peer: "10.0.0.1".parse().unwrap(),
            is_peer_trusted,
            is_https: false,
        }
    }

    fn written(is_peer_trusted: bool, is_https: bool, fields: &[(&str, &str)]) -> HeaderMap {
        let mut request = RequestHeader::build("GET", b"/", None).unwrap();
        for (name, value) in fields {
            request.append_header((*name).to_owned(), *value).unwrap();
        }
        let listener = ListenerFacts {
            label: "[::]:443".into(),
            is_https,
            public_port: 8443,
            public_port_text: HeaderValue::from(8443),
        };
        let host = HeaderValue::from_static("A.test:8443");
        let written = Written {
            client: &client(is_peer_trusted),
            peer: &HeaderValue::from_static("10.0.0.1"),
            listener: &listener,
            host: Some(&host),
            id: &RequestId::Kept(HeaderValue::from_static("id-1")),
            via: None,
        };
        write(&mut request, &written).unwrap();
        request.headers.clone()
    }

    fn check(headers: &HeaderMap, name: &str, expected: &[&str]) {
        let found: Vec<_> = headers.get_all(name).iter().collect();
        assert_eq!(found, expected, "{name}");
    }

    const LIES: [(&str, &str); 8] = [
        ("x-forwarded-for", "6.6.6.6"),
        ("x-forwarded-proto", "https"),
        ("x-forwarded-host", "evil.test"),
        ("x-forwarded-prefix", "/admin"),
        ("x-real-ip", "6.6.6.6"),
        ("forwarded", "for=6.6.6.6"),
        ("x-original-url", "/admin"),
        ("x-request-id", "evil"),
    ];

    #[test]
    fn what_an_untrusted_client_says_of_itself_is_overwritten() {
        let headers = written(false, PLAIN, &LIES);
        check(&headers, "x-forwarded-for", &["10.0.0.1"]);
        check(&headers, "x-forwarded-proto", &["http"]);
        check(&headers, "x-forwarded-host", &["A.test:8443"]);
        check(&headers, "x-forwarded-port", &["8443"]);
        check(&headers, "x-forwarded-prefix", &[]);
        check(&headers, "x-real-ip", &["203.0.113.9"]);
        check(&headers, "x-request-id", &["id-1"]);
        check(&headers, "forwarded", &[]);
        check(&headers, "x-original-url", &[]);
        check(&headers, "cdn-loop", &["hedgerow"]);
        check(&headers, "via", &[]);
    }

    #[test]
    fn what_a_trusted_proxy_says_stays_and_the_chain_goes_on() {
        let headers = written(true, PLAIN, &LIES);
        check(&headers, "x-forwarded-for", &["6.6.6.6, 10.0.0.1"]);
        check(&headers, "x-forwarded-proto", &["https"]);
        check(&headers, "x-forwarded-host", &["evil.test"]);
        check(&headers, "x-forwarded-port", &[]);
        check(&headers, "x-forwarded-prefix", &["/admin"]);
        check(&headers, "forwarded", &[]);
        for https in ["HTTPS", "https, http"] {
            let headers = written(true, PLAIN, &[("x-forwarded-proto", https)]);
            check(&headers, "x-forwarded-proto", &["https"]);
        }
        let headers = written(
            true,
            PLAIN,
            &[("x-forwarded-proto", "gopher"), ("x-forwarded-port", "x")],
        );
        check(&headers, "x-forwarded-proto", &["http"]);
        check(&headers, "x-forwarded-port", &["8443"]);
    }

    #[test]
    fn a_loop_is_counted_beside_what_is_there() {
        let headers = written(false, PLAIN, &[("cdn-loop", "other")]);
        check(&headers, "cdn-loop", &["other", "hedgerow"]);
    }
}
