//! How does one request become one line, without ever waiting for the reader?
//!
//! `log` formats into a buffer of its thread, copies the line into a bounded queue and returns. One thread writes. A reader that stops reading
//! (a stuck pipe, a full disk) costs lines, which are counted, never requests. `docs/access-log.md` names the fields.

mod common;
mod escape;
mod json;
mod queue;
mod sampling;

use arc_swap::ArcSwap;
use config::reason::Reason;
use config::settings::{self, AccessLogFormat};
use prometheus::{IntCounter, Registry};
use sampling::Sampling;
use std::cell::RefCell;
use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// One request, at its end. Borrowed: nothing is copied for a line that is not written.
#[derive(Debug, Clone)]
pub struct Record<'a> {
    /// When it began.
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
    /// All that were made.
    pub attempt_count: u32,
    /// Those that the request recorded.
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

/// What we count of the log itself.
#[derive(Debug, Clone)]
pub struct AccessLogMetrics {
    pub lines: IntCounter,
    pub dropped: IntCounter,
}

impl AccessLogMetrics {
    /// An error: the registry has metrics of these names already.
    pub fn register(registry: &Registry) -> Result<AccessLogMetrics, prometheus::Error> {
        let metrics = AccessLogMetrics {
            lines: IntCounter::new(
                "hedgerow_access_log_lines_total",
                "Access log lines that were written.",
            )?,
            dropped: IntCounter::new(
                "hedgerow_access_log_dropped_total",
                "Access log lines that were lost: the reader was too slow, or writing failed.",
            )?,
        };
        registry.register(Box::new(metrics.lines.clone()))?;
        registry.register(Box::new(metrics.dropped.clone()))?;
        Ok(metrics)
    }
}

/// The log: its settings in force, and the bounded queue with a thread behind it. A full queue drops the line and counts it.
#[derive(Debug)]
pub struct AccessLog {
    chosen: ArcSwap<Chosen>,
    queue: queue::Queue,
}

/// The settings in the form that a request reads.
#[derive(Debug)]
struct Chosen {
    format: AccessLogFormat,
    sampling: Sampling,
}

impl From<settings::AccessLog> for Chosen {
    fn from(asked: settings::AccessLog) -> Chosen {
        Chosen {
            format: asked.format,
            sampling: Sampling::new(asked.sampling),
        }
    }
}

thread_local! {
    /// The line in the making. Bounded by the bounds of its fields, so it never needs to shrink.
    static LINE: RefCell<Vec<u8>> = RefCell::new(Vec::with_capacity(1024));
}

impl AccessLog {
    /// Starts the writer's thread over `sink`. An error: no thread can be started.
    pub fn start(
        asked: settings::AccessLog,
        sink: Box<dyn Write + Send>,
        metrics: &AccessLogMetrics,
    ) -> io::Result<AccessLog> {
        Ok(AccessLog {
            chosen: ArcSwap::from_pointee(asked.into()),
            queue: queue::Queue::start(sink, metrics.clone())?,
        })
    }

    /// Holds for requests that end from now on.
    pub fn configure(&self, asked: settings::AccessLog) {
        self.chosen.store(std::sync::Arc::new(asked.into()));
    }

    /// Queues the line of one request, if it is to be written. Never blocks: takes no lock, does no I/O.
    pub fn log(&self, record: &Record<'_>) {
        let chosen = self.chosen.load();
        let write_line = match chosen.format {
            AccessLogFormat::Json => json::write_line,
            AccessLogFormat::Common => common::write_line,
            AccessLogFormat::Off => return,
        };
        if !chosen.sampling.keeps(record) {
            return;
        }
        if self.queue.is_full() {
            return self.queue.drop_line(); // Formatting it would be in vain.
        }
        LINE.with_borrow_mut(|line| {
            line.clear();
            write_line(line, record);
            self.queue.push(line);
        });
    }

    /// Writes what is queued and ends the thread. False: the sink did not take it within `wait_max`; the thread is left behind, and the
    /// process may exit all the same.
    pub fn stop(&self, wait_max: Duration) -> bool {
        self.queue.stop(wait_max)
    }
}

/// The part of a request target or referrer that may be logged: a query or fragment may hold tokens.
fn without_query(text: &[u8]) -> &[u8] {
    let end = memchr::memchr2(b'?', b'#', text).unwrap_or(text.len());
    text.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
