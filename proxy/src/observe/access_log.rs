//! How does one request become one line, without ever waiting for the reader?

use config::reason::Reason;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// One request, at its end. Borrowed: nothing is copied for a line that is not written.
#[derive(Debug)]
pub struct Record<'a> {
    pub time: jiff::Timestamp,
    pub request_id: &'a str,
    pub client: IpAddr,
    /// `HTTP/1.1`, `HTTP/2`.
    pub protocol: &'static str,
    pub is_https: bool,
    pub tls_version: Option<&'static str>,
    pub method: &'a str,
    /// As received.
    pub host: &'a str,
    /// As received, without the query.
    pub path: &'a str,
    /// 0: nothing was sent.
    pub status: u16,
    pub reason: Reason,
    /// Bodies.
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub total: Duration,
    /// From the last attempt's start to its response header.
    pub endpoint_time: Option<Duration>,
    /// `Kind namespace/name`.
    pub route: &'a str,
    /// `namespace/service:port`.
    pub backend: &'a str,
    /// Of the last attempt.
    pub endpoint: Option<SocketAddr>,
    pub attempts: &'a [AttemptRecord],
    pub user_agent: Option<&'a [u8]>,
    /// Cut at `?`.
    pub referer: Option<&'a [u8]>,
}

/// One attempt and how it ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AttemptRecord {
    pub endpoint: SocketAddr,
    pub outcome: Reason,
    pub time: Duration,
}

/// The writer: a bounded queue and a thread behind it. A full queue drops the line and counts it.
#[derive(Debug)]
pub struct AccessLog {}

impl AccessLog {
    pub fn log(&self, _record: &Record<'_>) {}
}
