//! What does a request look like as one line of JSON?
//!
//! Written by hand into one buffer: the names, their order and their bounds are all here. `docs/access-log.md` is the reader's side of it.

use super::escape::{push_address, push_endpoint, push_formatted, push_json, push_number};
use super::{Record, without_query};
use crate::request::attempts::RECORDED_MAX;
use std::time::Duration;

// Bytes of input. An escaped byte is six bytes at most (`\u0000`).
const REQUEST_ID_BYTES_MAX: usize = 128;
const METHOD_BYTES_MAX: usize = 32;
/// A right one has 253 and a port.
const HOST_BYTES_MAX: usize = 264;
const PATH_BYTES_MAX: usize = 2048;
/// Kind, namespace (63) and name (253) of an object.
const NAME_BYTES_MAX: usize = 384;
const USER_AGENT_BYTES_MAX: usize = 512;
const REFERER_BYTES_MAX: usize = 512;
/// As many as a request records.
pub(super) const ATTEMPTS_MAX: usize = RECORDED_MAX;

/// Appends the line with its line feed.
pub fn write_line(line: &mut Vec<u8>, record: &Record<'_>) {
    push_formatted(line, format_args!("{{\"time\":\"{:.6}\"", record.time));
    text(
        line,
        "request_id",
        record.request_id.as_bytes(),
        REQUEST_ID_BYTES_MAX,
    );
    line.extend_from_slice(b",\"client\":\"");
    push_address(line, record.client.to_canonical());
    line.push(b'"');
    request(line, record);
    answer(line, record);
    destination(line, record);
    if let Some(user_agent) = record.user_agent {
        text(line, "user_agent", user_agent, USER_AGENT_BYTES_MAX);
    }
    if let Some(referer) = record.referer {
        text(
            line,
            "referer",
            without_userinfo(without_query(referer)),
            REFERER_BYTES_MAX,
        );
    }
    line.extend_from_slice(b"}\n");
}

fn request(line: &mut Vec<u8>, record: &Record<'_>) {
    word(line, "protocol", record.protocol);
    word(
        line,
        "scheme",
        if record.is_https { "https" } else { "http" },
    );
    if let Some(version) = record.tls_version {
        word(line, "tls_version", version);
    }
    text(line, "method", record.method.as_bytes(), METHOD_BYTES_MAX);
    text(line, "host", record.host.as_bytes(), HOST_BYTES_MAX);
    text(
        line,
        "path",
        without_query(record.path.as_bytes()),
        PATH_BYTES_MAX,
    );
}

fn answer(line: &mut Vec<u8>, record: &Record<'_>) {
    number(line, "status", record.status.into());
    word(line, "reason", record.reason.as_str());
    number(line, "bytes_in", record.bytes_in);
    number(line, "bytes_out", record.bytes_out);
    milliseconds(line, "total_ms", record.total);
    if let Some(time) = record.endpoint_time {
        milliseconds(line, "endpoint_ms", time);
    }
}

fn destination(line: &mut Vec<u8>, record: &Record<'_>) {
    // No rule took it, or it ended before one was looked for.
    if !matches!(record.route, "" | "none") {
        text(line, "route", record.route.as_bytes(), NAME_BYTES_MAX);
    }
    if !record.backend.is_empty() {
        text(line, "backend", record.backend.as_bytes(), NAME_BYTES_MAX);
    }
    if let Some(endpoint) = record.endpoint {
        line.extend_from_slice(b",\"endpoint\":\"");
        push_endpoint(line, endpoint);
        line.push(b'"');
    }
    number(line, "attempt_count", record.attempt_count.into());
    line.extend_from_slice(b",\"attempts\":[");
    let mut is_first = true;
    for attempt in record.attempts.iter().take(ATTEMPTS_MAX) {
        if !is_first {
            line.push(b',');
        }
        is_first = false;
        line.extend_from_slice(b"{\"endpoint\":\"");
        push_endpoint(line, attempt.endpoint);
        line.push(b'"');
        word(line, "outcome", attempt.outcome.as_str());
        milliseconds(line, "ms", attempt.time);
        line.push(b'}');
    }
    line.push(b']');
}

fn text(line: &mut Vec<u8>, name: &str, value: &[u8], bytes_max: usize) {
    begin(line, name);
    push_json(line, value, bytes_max);
}

/// A value out of a closed set of ours: nothing in it needs an escape.
fn word(line: &mut Vec<u8>, name: &str, value: &'static str) {
    begin(line, name);
    line.push(b'"');
    line.extend_from_slice(value.as_bytes());
    line.push(b'"');
}

fn number(line: &mut Vec<u8>, name: &str, value: u64) {
    begin(line, name);
    push_number(line, value);
}

/// With three decimals: microseconds.
fn milliseconds(line: &mut Vec<u8>, name: &str, time: Duration) {
    begin(line, name);
    push_number(line, u64::try_from(time.as_millis()).unwrap_or(u64::MAX));
    // A digit in front keeps the zeros; the point takes its place.
    let point = line.len();
    push_number(line, u64::from(1000 + time.subsec_micros() % 1000));
    if let Some(point) = line.get_mut(point) {
        *point = b'.';
    }
}

fn begin(line: &mut Vec<u8>, name: &str) {
    line.extend_from_slice(b",\"");
    line.extend_from_slice(name.as_bytes());
    line.extend_from_slice(b"\":");
}

/// `https://user:password@host/` without the name and the password (RFC 9110 §10.1.3 forbids them in Referer; some send them).
fn without_userinfo(referer: &[u8]) -> &[u8] {
    let start = memchr::memmem::find(referer, b"//").map_or(0, |at| at + 2);
    let rest = referer.get(start..).unwrap_or_default();
    let authority_end = memchr::memchr(b'/', rest).unwrap_or(rest.len());
    let authority = rest.get(..authority_end).unwrap_or_default();
    match memchr::memrchr(b'@', authority) {
        Some(at) => rest.get(at + 1..).unwrap_or_default(),
        None => referer,
    }
}
