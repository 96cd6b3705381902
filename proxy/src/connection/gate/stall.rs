//! For how long does a client read nothing of what is written to it?

use crate::connection::clock::{PartInFlight, current_clock};
use std::io::{ErrorKind, Result};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::time::Sleep;

/// The clock of a client that does not read: pingora has none on response headers and flushes.
#[derive(Debug)]
pub(super) struct Stall {
    timeout: Duration,
    since: Option<Stalled>,
}

impl Stall {
    pub fn new(timeout: Duration) -> Stall {
        Stall {
            timeout,
            since: None,
        }
    }

    /// What a write came to; an error, if it has been pending for too long.
    pub fn watch<T>(&mut self, cx: &mut Context<'_>, write: Poll<Result<T>>) -> Poll<Result<T>> {
        if write.is_ready() {
            self.since = None;
            return write;
        }
        let since = self
            .since
            .get_or_insert_with(|| Stalled::begin(self.timeout));
        match since.clock.as_mut().poll(cx) {
            Poll::Ready(()) => Poll::Ready(Err(ErrorKind::TimedOut.into())),
            Poll::Pending => Poll::Pending,
        }
    }
}

#[derive(Debug)]
struct Stalled {
    clock: Pin<Box<Sleep>>,
    /// The request's clock does not count this time against the backend. The engine copies parts together, so the parts do not tell.
    _in_flight: Option<PartInFlight>,
}

impl Stalled {
    fn begin(timeout: Duration) -> Stalled {
        Stalled {
            clock: Box::pin(tokio::time::sleep(timeout)),
            _in_flight: current_clock().map(|clock| clock.begin_part()),
        }
    }
}
