//! Does the log keep nobody waiting, and lose nothing that it does not count?

use super::{common_line, json_line, record};
use crate::observe::access_log::*;
use serde_json::Value;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Instant;

/// A sink whose reader takes nothing until it is told to.
struct Pipe {
    opened: Receiver<()>,
    is_open: bool,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl Write for Pipe {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_open {
            self.opened.recv().map_err(io::Error::other)?;
            self.is_open = true;
        }
        self.taken.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn stuck_pipe() -> (SyncSender<()>, Arc<Mutex<Vec<u8>>>, Pipe) {
    let (open, opened) = sync_channel(1);
    let taken = Arc::new(Mutex::new(Vec::new()));
    let pipe = Pipe {
        opened,
        is_open: false,
        taken: taken.clone(),
    };
    (open, taken, pipe)
}

const ALL_JSON: settings::AccessLog = settings::AccessLog {
    format: AccessLogFormat::Json,
    sampling: 1.0,
};

fn start(sink: impl Write + Send + 'static) -> (AccessLog, AccessLogMetrics) {
    let metrics = AccessLogMetrics::register(&Registry::new()).unwrap();
    let log = AccessLog::start(ALL_JSON, Box::new(sink), &metrics).unwrap();
    (log, metrics)
}

const PATIENCE: Duration = Duration::from_secs(20);

fn lines(taken: &Mutex<Vec<u8>>) -> Vec<Value> {
    let text = String::from_utf8(taken.lock().unwrap().clone()).unwrap();
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_stuck_reader_costs_lines_and_never_requests() {
    let (open, taken, pipe) = stuck_pipe();
    let (log, metrics) = start(pipe);
    let began = Instant::now();
    for _ in 0..20_000 {
        log.log(&record());
    }
    // A debug build on a busy machine; one wait for the reader would last for ever.
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    let dropped = metrics.dropped.get();
    assert!((10_000..20_000).contains(&dropped), "{dropped}");

    open.send(()).unwrap();
    assert!(log.stop(PATIENCE));
    let written = lines(&taken).len();
    assert_eq!(u64::try_from(written).unwrap() + dropped, 20_000);
    assert_eq!(metrics.lines.get() + metrics.dropped.get(), 20_000);
}

#[test]
fn long_lines_are_bounded_by_bytes() {
    let (_open, _, pipe) = stuck_pipe();
    let (log, metrics) = start(pipe);
    let path = "/".repeat(2000);
    for _ in 0..3_000 {
        log.log(&Record {
            path: &path,
            ..record()
        });
    }
    // The queue's bytes and one batch in the writer's hand.
    let kept_bytes_max = queue::BYTES_MAX + 64 * 1024 + 2 * 4096;
    let kept_max = u64::try_from(kept_bytes_max / 2000).unwrap();
    assert!(
        metrics.dropped.get() >= 3_000 - kept_max,
        "{}",
        metrics.dropped.get()
    );
}

#[test]
fn the_exit_waits_for_the_reader_but_not_for_ever() {
    let (open, _, pipe) = stuck_pipe();
    let (log, _) = start(pipe);
    log.log(&record());
    assert!(!log.stop(Duration::from_millis(20)));
    drop(open);
}

#[test]
fn a_line_is_written_without_another_one_behind_it() {
    let (open, taken, pipe) = stuck_pipe();
    let (log, metrics) = start(pipe);
    open.send(()).unwrap();
    for n in 1..=20 {
        log.log(&record());
        let began = Instant::now();
        while metrics.lines.get() < n {
            assert!(began.elapsed() < PATIENCE);
            std::thread::yield_now();
        }
    }
    assert_eq!(lines(&taken).len(), 20);
}

#[test]
fn many_threads_write_whole_lines() {
    let (open, taken, pipe) = stuck_pipe();
    let (log, metrics) = start(pipe);
    open.send(()).unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..500).for_each(|_| log.log(&record())));
        }
    });
    assert!(log.stop(PATIENCE));
    assert_eq!(lines(&taken).len(), 2_000);
    assert_eq!((metrics.lines.get(), metrics.dropped.get()), (2_000, 0));
}

#[test]
fn settings_hold_from_the_next_request_on() {
    let (open, taken, pipe) = stuck_pipe();
    let (log, _) = start(pipe);
    open.send(()).unwrap();
    for (format, sampling) in [
        (AccessLogFormat::Off, 1.0),
        (AccessLogFormat::Json, 0.0),
        (AccessLogFormat::Common, 1.0),
    ] {
        log.configure(settings::AccessLog { format, sampling });
        log.log(&record());
    }
    assert!(log.stop(PATIENCE));
    assert_eq!(
        String::from_utf8(taken.lock().unwrap().clone()).unwrap(),
        common_line(&record())
    );
}

/// A sink that takes seven bytes, would block, is interrupted, and fails once in the middle of a line.
struct Moody {
    calls: usize,
    taken: Arc<Mutex<Vec<u8>>>,
}

impl Write for Moody {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.calls += 1;
        match self.calls {
            2 => Err(io::ErrorKind::WouldBlock.into()),
            3 => Err(io::ErrorKind::Interrupted.into()),
            5 => Err(io::ErrorKind::StorageFull.into()),
            _ => {
                let count = bytes.len().min(7);
                self.taken
                    .lock()
                    .unwrap()
                    .extend_from_slice(&bytes[..count]);
                Ok(count)
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_failed_write_is_counted_and_spoils_no_later_line() {
    let taken = Arc::new(Mutex::new(Vec::new()));
    let (log, metrics) = start(Moody {
        calls: 0,
        taken: taken.clone(),
    });
    log.log(&record());
    let began = Instant::now();
    while metrics.dropped.get() == 0 {
        assert!(began.elapsed() < PATIENCE);
        std::thread::yield_now();
    }
    log.log(&record());
    assert!(log.stop(PATIENCE));
    let text = String::from_utf8(taken.lock().unwrap().clone()).unwrap();
    let (torn, whole) = text.split_once('\n').unwrap();
    assert_eq!(torn, &json_line(&record())[..14]);
    assert_eq!(whole, json_line(&record()));
}
