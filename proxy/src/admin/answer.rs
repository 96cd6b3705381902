//! Which answer belongs to which admin path?

use super::problems::ProblemsJson;
use super::{AdminState, dump, health, why};
use bytes::Bytes;
use http::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue, X_CONTENT_TYPE_OPTIONS};
use http::{Method, Response, StatusCode};
use http_body_util::Full;
use jiff::Timestamp;
use serde::Serialize;
use std::net::IpAddr;

/// An admin path and what it tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Endpoint {
    Live,
    Ready,
    Startup,
    Metrics,
    Config,
    Problems,
    Why,
    LogLevel,
}

const ENDPOINTS: [(&str, Endpoint, &str); 8] = [
    ("/livez", Endpoint::Live, "the process turns"),
    (
        "/readyz",
        Endpoint::Ready,
        "ready to serve; ?verbose lists each condition",
    ),
    (
        "/startupz",
        Endpoint::Startup,
        "has been ready once; ?verbose lists each condition",
    ),
    ("/metrics", Endpoint::Metrics, "Prometheus text"),
    (
        "/config",
        Endpoint::Config,
        "the configuration in force, without secrets",
    ),
    (
        "/problems",
        Endpoint::Problems,
        "what is wrong with which object",
    ),
    (
        "/why",
        Endpoint::Why,
        "which rule answers ?url=…&method=…&header=name:value",
    ),
    (
        "/loglevel",
        Endpoint::LogLevel,
        "the log's filter; PUT changes it, from this machine only",
    ),
];

/// What was asked, as far as it decides the answer.
#[derive(Debug, Clone, Copy)]
pub struct Question<'a> {
    pub method: &'a Method,
    pub path: &'a str,
    pub query: &'a str,
    /// The Host field as received.
    pub host: Option<&'a str>,
    /// The other end of the connection.
    pub peer: IpAddr,
    pub body: &'a [u8],
}

/// What is sent back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub status: StatusCode,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// With 405: the methods that are served.
    pub allow: Option<&'static str>,
}

const TEXT: &str = "text/plain; charset=utf-8";
const JSON: &str = "application/json";
/// Prometheus exposition formats, text format 0.0.4.
const EXPOSITION: &str = "text/plain; version=0.0.4; charset=utf-8";
const READ: &str = "GET, HEAD";
const READ_AND_PUT: &str = "GET, HEAD, PUT";

impl Answer {
    pub fn text(status: StatusCode, body: impl Into<Vec<u8>>) -> Answer {
        Answer {
            status,
            content_type: TEXT,
            body: body.into(),
            allow: None,
        }
    }

    pub fn json(body: &impl Serialize) -> Answer {
        match serde_json::to_vec(body) {
            Ok(mut body) => {
                body.push(b'\n');
                Answer {
                    content_type: JSON,
                    ..Answer::text(StatusCode::OK, body)
                }
            }
            Err(error) => Answer::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
        }
    }

    fn not_allowed(allow: &'static str) -> Answer {
        Answer {
            allow: Some(allow),
            ..Answer::text(
                StatusCode::METHOD_NOT_ALLOWED,
                format!("allowed: {allow}\n"),
            )
        }
    }

    /// As hyper sends it. Never cached: every answer is about this moment.
    pub fn into_response(self) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::new(Bytes::from(self.body)));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(self.content_type));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        if let Some(allow) = self.allow {
            headers.insert(ALLOW, HeaderValue::from_static(allow));
        }
        response
    }
}

impl Endpoint {
    pub fn find(path: &str) -> Option<Endpoint> {
        let row = ENDPOINTS.iter().find(|(known, ..)| *known == path)?;
        Some(row.1)
    }

    /// Its answer is made in no time and depends on nothing, so probes never wait behind a dump.
    pub fn is_probe(self) -> bool {
        matches!(self, Endpoint::Live | Endpoint::Ready | Endpoint::Startup)
    }
}

/// The answer to any question. Never waits; a dump of a large configuration takes some CPU time.
pub fn answer(state: &AdminState, question: &Question<'_>) -> Answer {
    let Some(endpoint) = Endpoint::find(question.path) else {
        return not_found();
    };
    if !endpoint.is_probe() && is_rebound(question) {
        let sentence = "ask by address or as localhost: another name may be a web page that points its own name here\n";
        return Answer::text(StatusCode::MISDIRECTED_REQUEST, sentence);
    }
    match *question.method {
        Method::GET | Method::HEAD => read(state, endpoint, question.query),
        Method::PUT if endpoint == Endpoint::LogLevel => put_log_level(state, question),
        _ if endpoint == Endpoint::LogLevel => Answer::not_allowed(READ_AND_PUT),
        _ => Answer::not_allowed(READ),
    }
}

fn read(state: &AdminState, endpoint: Endpoint, query: &str) -> Answer {
    match endpoint {
        Endpoint::Live => health::live(),
        Endpoint::Ready => health::ready(&state.conditions, is_verbose(query)),
        Endpoint::Startup => health::started(&state.conditions, is_verbose(query)),
        Endpoint::Metrics => metrics(state),
        Endpoint::Config => Answer::json(&dump::ConfigJson::new(&state.live.current())),
        Endpoint::Problems => Answer::json(&ProblemsJson::new(&state.live.current().problems)),
        Endpoint::Why => why::answer(&state.live.current(), query),
        Endpoint::LogLevel => {
            Answer::text(StatusCode::OK, format!("{}\n", state.log_level.current()))
        }
    }
}

fn is_verbose(query: &str) -> bool {
    query
        .split('&')
        .any(|pair| pair == "verbose" || pair.starts_with("verbose="))
}

fn metrics(state: &AdminState) -> Answer {
    match state.metrics.exposition(Timestamp::now()) {
        Ok(text) => Answer {
            content_type: EXPOSITION,
            ..Answer::text(StatusCode::OK, text)
        },
        Err(error) => Answer::text(StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")),
    }
}

/// `debug` may log what an ordinary level does not, so only this machine may ask for it.
fn put_log_level(state: &AdminState, question: &Question<'_>) -> Answer {
    if !is_loopback(question.peer) {
        return Answer::text(StatusCode::FORBIDDEN, "from this machine only\n");
    }
    let Ok(filter) = std::str::from_utf8(question.body) else {
        return Answer::text(StatusCode::BAD_REQUEST, "the body is not UTF-8\n");
    };
    match state.log_level.set(filter.trim()) {
        Ok(()) => {
            state
                .metrics
                .config
                .log_level(state.log_level.most_verbose());
            let filter = state.log_level.current();
            tracing::info!(%filter, "log level changed");
            Answer::text(StatusCode::OK, format!("{filter}\n"))
        }
        Err(error) => Answer::text(StatusCode::BAD_REQUEST, format!("{error}\n")),
    }
}

fn is_loopback(peer: IpAddr) -> bool {
    peer.to_canonical().is_loopback()
}

/// A browser on this machine that was sent here by a page whose name now points to 127.0.0.1 (DNS rebinding) still sends the page's name.
fn is_rebound(question: &Question<'_>) -> bool {
    let Some(host) = question.host.filter(|_| is_loopback(question.peer)) else {
        return false;
    };
    let Ok(host) = config::hostname::RequestHost::parse(host) else {
        return true;
    };
    let name = &*host.host;
    let is_address = name.starts_with('[') || name.parse::<IpAddr>().is_ok();
    !is_address && name != "localhost" && !name.ends_with(".localhost")
}

fn not_found() -> Answer {
    let list: String = ENDPOINTS
        .iter()
        .map(|(path, _, about)| format!("{path:<12}{about}\n"))
        .collect();
    Answer::text(StatusCode::NOT_FOUND, list)
}
