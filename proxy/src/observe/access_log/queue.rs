//! How do lines get from many threads to one writer, when nobody may wait for it?

use super::AccessLogMetrics;
use std::io::{self, Write};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering, fence};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, Thread};
use std::time::Duration;

/// Lines that wait. At 1,000 requests per second a reader may pause for four seconds.
const LINES_MAX: usize = 4096;
/// Bytes that wait: long lines must not take the memory of many short ones.
pub(super) const BYTES_MAX: usize = 2 * 1024 * 1024;
/// Lines are written together up to this many bytes, which a pipe takes in one piece.
const BATCH_BYTES_MAX: usize = 64 * 1024;
/// After a write, more lines are waited for: at most 200 wake-ups and writes per second, however many requests.
const GATHER: Duration = Duration::from_millis(5);
/// The writer looks by itself this often; only a lost wake-up would make it matter.
const IDLE: Duration = Duration::from_secs(1);
/// A sink that would block (somebody set the pipe to non-blocking) is tried again after this.
const WOULD_BLOCK_PAUSE: Duration = Duration::from_millis(5);
/// After the stop, for one second at most.
const STOPPED_PAUSES_MAX: u32 = 200;

/// The senders' end.
#[derive(Debug)]
pub struct Queue {
    lines: SyncSender<Box<[u8]>>,
    shared: Arc<Shared>,
    writer: Thread,
    /// Disconnected when the writer's thread has ended.
    ended: Mutex<Receiver<()>>,
}

/// What both ends read.
#[derive(Debug)]
struct Shared {
    bytes: AtomicUsize,
    /// The writer sleeps, or is about to: whoever queues a line wakes it.
    sleeps: AtomicBool,
    stops: AtomicBool,
    metrics: AccessLogMetrics,
}

impl Queue {
    pub fn start(sink: Box<dyn Write + Send>, metrics: AccessLogMetrics) -> io::Result<Queue> {
        let (lines, receiver) = sync_channel(LINES_MAX);
        let (end, ended) = sync_channel(0);
        let shared = Arc::new(Shared {
            bytes: AtomicUsize::new(0),
            sleeps: AtomicBool::new(false),
            stops: AtomicBool::new(false),
            metrics,
        });
        let mut writer = Writer {
            lines: receiver,
            shared: shared.clone(),
            sink,
            batch: Vec::with_capacity(BATCH_BYTES_MAX),
            batch_lines: 0,
        };
        let thread = thread::Builder::new()
            .name("access-log".into())
            .spawn(move || {
                writer.run();
                drop(end);
            })?;
        Ok(Queue {
            lines,
            shared,
            writer: thread.thread().clone(),
            ended: Mutex::new(ended),
        })
    }

    /// More bytes wait than may.
    pub fn is_full(&self) -> bool {
        self.shared.bytes.load(Ordering::Relaxed) >= BYTES_MAX
    }

    pub fn drop_line(&self) {
        self.shared.metrics.dropped.inc();
    }

    /// Queues a copy of the line, or drops and counts it.
    pub fn push(&self, line: &[u8]) {
        // Added before the line is queued: otherwise the writer could subtract first.
        let before = self.shared.bytes.fetch_add(line.len(), Ordering::Relaxed);
        let is_queued = before < BYTES_MAX
            && !self.shared.stops.load(Ordering::Relaxed)
            && self.lines.try_send(line.into()).is_ok();
        if !is_queued {
            self.shared.bytes.fetch_sub(line.len(), Ordering::Relaxed);
            return self.drop_line();
        }
        // With the writer's fence: either it sees this line before it sleeps, or we see that it does.
        fence(Ordering::SeqCst);
        if self.shared.sleeps.load(Ordering::Relaxed)
            && self.shared.sleeps.swap(false, Ordering::Relaxed)
        {
            self.writer.unpark();
        }
    }

    /// True: everything that was queued has been written, or has failed to be.
    pub fn stop(&self, wait_max: Duration) -> bool {
        self.shared.stops.store(true, Ordering::SeqCst);
        self.writer.unpark();
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        ended.recv_timeout(wait_max) == Err(RecvTimeoutError::Disconnected)
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        self.shared.stops.store(true, Ordering::SeqCst);
        self.writer.unpark();
    }
}

/// The other end. The only one that ever waits for the sink.
struct Writer {
    lines: Receiver<Box<[u8]>>,
    shared: Arc<Shared>,
    sink: Box<dyn Write + Send>,
    batch: Vec<u8>,
    batch_lines: u64,
}

impl Writer {
    fn run(&mut self) {
        loop {
            // Read before gathering: a line that was queued before the stop is still written.
            let stops = self.shared.stops.load(Ordering::SeqCst);
            if self.gather() {
                self.write_batch();
                if !stops {
                    thread::sleep(GATHER);
                }
            } else if stops {
                return;
            } else {
                self.sleep();
            }
        }
    }

    /// Takes what waits, up to one batch. False: there was nothing.
    fn gather(&mut self) -> bool {
        while self.batch.len() < BATCH_BYTES_MAX {
            let Ok(line) = self.lines.try_recv() else {
                break;
            };
            self.shared.bytes.fetch_sub(line.len(), Ordering::Relaxed);
            self.batch.extend_from_slice(&line);
            self.batch_lines += 1;
        }
        self.batch_lines > 0
    }

    fn write_batch(&mut self) {
        let (written, end) = write_all(&mut *self.sink, &self.batch, &self.shared.stops);
        match end {
            Ok(()) => self.shared.metrics.lines.inc_by(self.batch_lines),
            Err(_) => self.shared.metrics.dropped.inc_by(self.batch_lines),
        }
        let is_torn = written > 0 && self.batch.get(written - 1) != Some(&b'\n');
        self.batch.clear();
        self.batch_lines = 0;
        if is_torn {
            self.batch.push(b'\n'); // Half a line stands in the sink: the next one must not continue it.
        }
    }

    fn sleep(&mut self) {
        self.shared.sleeps.store(true, Ordering::Relaxed);
        fence(Ordering::SeqCst);
        if !self.gather() && !self.shared.stops.load(Ordering::SeqCst) {
            thread::park_timeout(IDLE);
        }
        self.shared.sleeps.store(false, Ordering::Relaxed);
    }
}

/// Like `Write::write_all`, but tells how many bytes went out before an error, and tries a sink that would block again rather than
/// leave half a line in it; after the stop, for a bounded time.
fn write_all(sink: &mut dyn Write, bytes: &[u8], stops: &AtomicBool) -> (usize, io::Result<()>) {
    let (mut written, mut pauses) = (0, 0);
    while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
        match sink.write(rest) {
            Ok(0) => return (written, Err(io::ErrorKind::WriteZero.into())),
            Ok(count) => written += count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                if stops.load(Ordering::Relaxed) && pauses >= STOPPED_PAUSES_MAX {
                    return (written, Err(error));
                }
                pauses += 1;
                thread::sleep(WOULD_BLOCK_PAUSE);
            }
            Err(error) => return (written, Err(error)),
        }
    }
    (written, sink.flush())
}
