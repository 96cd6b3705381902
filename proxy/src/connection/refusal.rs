//! What does a client get whose request head is refused?

mod known;

use super::gate::Gate;
use super::{Connection, Ending, leave};
use crate::client::X_REQUEST_ID;
use crate::observe::access_log::Record;
use crate::observe::request_metrics::Counted;
use crate::response::own::ALLOWED_METHODS;
use crate::response::page;
use bytes::Bytes;
use config::reason::Reason;
use http::header::{ALLOW, CONTENT_LENGTH, SERVER};
use known::Known;
use pingora_core::protocols::http::v2::server::HttpSession as H2Session;
use pingora_http::ResponseHeader;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout};
use uuid::{NoContext, Timestamp, Uuid};

/// A client that does not even read its refusal.
const WRITE_TIMEOUT: Duration = Duration::from_secs(2);

/// Answers a head that never reaches the proxy, counts it, logs it, and ends the connection. The answer repeats nothing of the request.
pub(super) async fn refuse(
    connection: &Connection,
    mut gate: Box<Gate>,
    reason: Reason,
    begun: Instant,
) -> Ending {
    let request_id = new_id();
    let head_bytes = gate.head_bytes().to_vec();
    let known = Known::of(&head_bytes);
    let Refusal { head, body } = Refusal::new(reason, known, &request_id);
    let transport = gate.transport();
    let written = timeout(WRITE_TIMEOUT, async {
        transport.write_all(head.as_bytes()).await?;
        transport.write_all(&body).await?;
        transport.flush().await
    });
    let is_written = matches!(written.await, Ok(Ok(())));
    let told = Told {
        protocol: "HTTP/1.1",
        begun,
        head_bytes: head_bytes.len(),
        known,
        body_bytes: is_written.then_some(body.len()),
    };
    tell(connection, reason, &request_id, &told);
    if is_written {
        // The connection ends, whatever comes of this.
        let _ = leave(gate.transport()).await;
    }
    Ending::HeadRefused
}

/// Counts and logs a head that we accepted and that the engine refused, before any phase of the request ran. That both judge alike is tested,
/// so this is a defect, and shall not be a silent one.
pub(super) fn tell_lost(connection: &Connection, head_bytes: usize, begun: Instant) {
    let told = Told {
        protocol: "HTTP/1.1",
        begun,
        head_bytes,
        known: Known::of(b""),
        body_bytes: Some(0),
    };
    tell(connection, Reason::BadRequest, &new_id(), &told);
}

/// Counts and logs a request over HTTP/2 that the engine has refused with a bare 400 (RFC 9113 §8.1.1): it tells nothing of it.
pub(super) fn tell_malformed(connection: &Connection) {
    tell(connection, Reason::BadRequest, &new_id(), &Told::stream(""));
}

/// CONNECT over HTTP/2 (RFC 9113 §8.5), which the engine would answer by itself.
pub(super) fn refuse_connect(connection: &Connection, mut session: H2Session) {
    let request_id = new_id();
    let reason = Reason::MethodNotAllowed;
    // Where the client has gone meanwhile there is nobody to tell.
    if let Ok(header) = connect_answer(reason, &request_id) {
        let _ = session.write_response_header(Box::new(header), true);
    }
    tell(connection, reason, &request_id, &Told::stream("CONNECT"));
}

fn connect_answer(reason: Reason, request_id: &str) -> pingora_error::Result<ResponseHeader> {
    let mut header = ResponseHeader::build(reason.status(), Some(4))?;
    header.insert_header(SERVER, "hedgerow")?;
    header.insert_header(X_REQUEST_ID.text, request_id)?;
    header.insert_header(ALLOW, ALLOWED_METHODS)?;
    header.insert_header(CONTENT_LENGTH, "0")?;
    Ok(header)
}

fn new_id() -> String {
    let id = Uuid::new_v7(Timestamp::now(NoContext));
    id.hyphenated().to_string()
}

/// Like every other answer of the edge itself, as far as the head is known.
struct Refusal {
    head: String,
    body: Bytes,
}

impl Refusal {
    fn new(reason: Reason, known: Known<'_>, request_id: &str) -> Refusal {
        let status = reason.status();
        let phrase = http::StatusCode::from_u16(status)
            .ok()
            .and_then(|status| status.canonical_reason())
            .unwrap_or_default();
        let body = page::write(known.form, status, reason, request_id);
        let date = jiff::fmt::rfc2822::DateTimePrinter::new()
            .timestamp_to_rfc9110_string(&jiff::Timestamp::now())
            .unwrap_or_default(); // Only for years beyond 9999.
        let allow = match status {
            405 => format!("allow: {ALLOWED_METHODS}\r\n"),
            _ => String::new(),
        };
        let head = format!(
            "HTTP/1.1 {status} {phrase}\r\nserver: hedgerow\r\ndate: {date}\r\nx-request-id: {request_id}\r\n\
             connection: close\r\ncache-control: no-store\r\n{allow}content-type: {}\r\n\
             content-length: {}\r\n\r\n",
            known.form.content_type(),
            body.len()
        );
        let body = match known.method {
            "HEAD" => Bytes::new(),
            _ => body,
        };
        Refusal { head, body }
    }
}

struct Told<'a> {
    protocol: &'static str,
    begun: Instant,
    /// What had come of the head.
    head_bytes: usize,
    known: Known<'a>,
    /// None: the answer could not be written.
    body_bytes: Option<usize>,
}

impl Told<'_> {
    /// Of a stream of HTTP/2, answered as soon as its head had come.
    fn stream(method: &'static str) -> Told<'static> {
        Told {
            protocol: "HTTP/2",
            begun: Instant::now(),
            head_bytes: 0,
            known: Known {
                method,
                ..Known::of(b"")
            },
            body_bytes: Some(0),
        }
    }
}

fn tell(connection: &Connection, reason: Reason, request_id: &str, told: &Told<'_>) {
    let context = &connection.context;
    let shared = &connection.worker.shared;
    let status = told.body_bytes.map_or(0, |_| reason.status());
    let bytes_in = u64::try_from(told.head_bytes).unwrap_or_default();
    let bytes_out = u64::try_from(told.body_bytes.unwrap_or_default()).unwrap_or_default();
    let total = told.begun.elapsed();
    shared.metrics.connections.count_head_refused(reason);
    // As what no rule takes.
    if let Some(state) = shared.live.current().rules.last() {
        state.metrics.count(status);
    }
    shared.metrics.requests.count(&Counted {
        listener: &context.listener.label,
        method: told.known.method,
        status,
        reason,
        bytes_in: 0, // Of bodies; a head is none.
        bytes_out,
        total,
    });
    shared.access_log.log(&Record {
        time: jiff::Timestamp::now(),
        request_id,
        client: context.client.ip(),
        protocol: told.protocol,
        is_https: context.listener.is_https,
        tls_version: context.tls.as_ref().map(|tls| tls.version),
        method: told.known.method,
        host: &String::from_utf8_lossy(told.known.host),
        path: &String::from_utf8_lossy(told.known.target),
        status,
        reason,
        bytes_in,
        bytes_out,
        total,
        endpoint_time: None,
        route: "",
        backend: "",
        endpoint: None,
        attempt_count: 0,
        attempts: &[],
        user_agent: told.known.user_agent,
        referer: None,
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(reason: Reason, head: &str) -> Refusal {
        Refusal::new(reason, Known::of(head.as_bytes()), "id")
    }

    #[track_caller]
    fn check(reason: Reason, status_line: &str) {
        let Refusal { head, body } = refusal(reason, "");
        assert_eq!(head.lines().next(), Some(status_line));
        assert!(head.contains("\r\nserver: hedgerow\r\n"));
        assert!(head.contains("\r\nconnection: close\r\n"));
        assert!(head.contains(&format!("\r\ncontent-length: {}\r\n", body.len())));
        assert!(!head.contains("date: \r\n"));
        let body = std::str::from_utf8(&body).unwrap();
        assert!(body.ends_with(&format!("{reason}, request id\n")));
    }

    #[test]
    fn a_refusal_is_short_and_says_that_the_connection_closes() {
        check(Reason::BadRequest, "HTTP/1.1 400 Bad Request");
        check(Reason::BadHost, "HTTP/1.1 400 Bad Request");
        check(Reason::MethodNotAllowed, "HTTP/1.1 405 Method Not Allowed");
        check(Reason::HeaderTimeout, "HTTP/1.1 408 Request Timeout");
        check(Reason::TargetTooLong, "HTTP/1.1 414 URI Too Long");
        check(
            Reason::HeaderTooLarge,
            "HTTP/1.1 431 Request Header Fields Too Large",
        );
        check(Reason::UnknownCoding, "HTTP/1.1 501 Not Implemented");
        let not_allowed = refusal(Reason::MethodNotAllowed, "");
        assert!(not_allowed.head.contains("\r\nallow: GET, "));
    }

    #[test]
    fn head_gets_no_body() {
        let of_get = refusal(Reason::BadHost, "GET / HTTP/1.1\r\n\r\n");
        let of_head = refusal(Reason::BadHost, "HEAD / HTTP/1.1\r\n\r\n");
        assert!(of_head.body.is_empty() && !of_get.body.is_empty());
        let lengths = [&of_get, &of_head].map(|refusal| {
            let mut lines = refusal.head.lines();
            lines
                .find(|line| line.starts_with("content-length"))
                .map(str::to_owned)
        });
        assert_eq!(lengths[0], lengths[1]);
    }
}
