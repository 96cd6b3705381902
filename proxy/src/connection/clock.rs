//! When does a request end that nothing else would end?

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

const DISARMED: u64 = u64::MAX;

tokio::task_local! {
    static CURRENT: Arc<RequestClock>;
}

/// The clock around one request: for what pingora cannot time out, such as a body over HTTP/2 that stalls, or a header that drips. When it
/// fires, the request's future is dropped: HTTP/1 closes without an answer, an HTTP/2 stream is reset with CANCEL, its siblings live on.
#[derive(Debug)]
pub struct RequestClock {
    begun: Instant,
    /// Milliseconds after `begun`.
    fires_at_ms: AtomicU64,
    /// While a part is being written, the clock waits for this many milliseconds more. 0: it does not.
    waits_ms: AtomicU64,
    parts: AtomicUsize,
    changed: Notify,
    has_fired: AtomicBool,
}

impl RequestClock {
    pub(super) fn new() -> Arc<RequestClock> {
        Arc::new(RequestClock {
            begun: Instant::now(),
            fires_at_ms: AtomicU64::new(DISARMED),
            waits_ms: AtomicU64::new(0),
            parts: AtomicUsize::new(0),
            changed: Notify::new(),
            has_fired: AtomicBool::new(false),
        })
    }

    /// Fires this long from now, whatever was set before.
    pub fn arm(&self, after: Duration) {
        self.waits_ms.store(0, Ordering::Relaxed);
        self.set(after);
    }

    /// The same, but begins anew at that time if a part is being written then: whoever is waited for was not asked for more meanwhile.
    pub fn arm_patiently(&self, after: Duration) {
        let span = u64::try_from(after.as_millis()).unwrap_or(DISARMED).max(1);
        self.waits_ms.store(span, Ordering::Relaxed);
        self.set(after);
    }

    /// A part is being written, until what is returned is dropped.
    pub fn begin_part(self: &Arc<Self>) -> PartInFlight {
        self.parts.fetch_add(1, Ordering::Relaxed);
        PartInFlight(Arc::clone(self))
    }

    fn set(&self, after: Duration) {
        let at = self.begun.elapsed().saturating_add(after).as_millis();
        let at = u64::try_from(at).unwrap_or(DISARMED);
        self.fires_at_ms.store(at, Ordering::Relaxed);
        self.changed.notify_one();
    }

    pub fn disarm(&self) {
        // A sleep that runs wakes once, sees this and waits on.
        self.fires_at_ms.store(DISARMED, Ordering::Relaxed);
    }

    /// True from the moment on when the request is dropped; for whoever logs it then.
    pub fn fired(&self) -> bool {
        self.has_fired.load(Ordering::Relaxed)
    }

    /// Ends when the clock fires.
    pub(super) async fn expired(&self) {
        loop {
            let at = self.fires_at_ms.load(Ordering::Relaxed);
            let when = self.begun.checked_add(Duration::from_millis(at));
            let Some(when) = when.filter(|_| at != DISARMED) else {
                self.changed.notified().await;
                continue;
            };
            tokio::select! {
                () = sleep_until(when) => {
                    if self.fires_at_ms.load(Ordering::Relaxed) == at && !self.waits_on() {
                        self.has_fired.store(true, Ordering::Relaxed);
                        return;
                    }
                }
                () = self.changed.notified() => {}
            }
        }
    }

    /// Begins anew, if a part is being written and the clock was armed so.
    fn waits_on(&self) -> bool {
        let span = self.waits_ms.load(Ordering::Relaxed);
        let waits = span > 0 && self.parts.load(Ordering::Relaxed) > 0;
        if waits {
            self.set(Duration::from_millis(span));
        }
        waits
    }

    /// Runs a request with this clock as its current one.
    pub(super) async fn around<F: Future>(self: &Arc<Self>, request: F) -> F::Output {
        CURRENT.scope(Arc::clone(self), request).await
    }
}

/// A part of a body on its way.
#[derive(Debug)]
pub struct PartInFlight(Arc<RequestClock>);

impl Drop for PartInFlight {
    fn drop(&mut self) {
        self.0.parts.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The clock of the request that runs in this task; `None` in tasks that a request spawned.
pub fn current_clock() -> Option<Arc<RequestClock>> {
    CURRENT.try_with(Arc::clone).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_clock_fires_at_the_last_time_that_was_set() {
        let clock = RequestClock::new();
        clock.arm(Duration::from_secs(1));
        let armed_again = async {
            tokio::time::sleep(Duration::from_millis(500)).await;
            clock.arm(Duration::from_secs(3));
            std::future::pending::<()>().await;
        };
        tokio::select! { () = clock.expired() => {}, () = armed_again => {} }
        assert_eq!(clock.begun.elapsed().as_millis(), 3500);
        assert!(clock.fired());
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_armed_patiently_waits_while_a_part_is_written() {
        let clock = RequestClock::new();
        let part = clock.begin_part();
        clock.arm_patiently(Duration::from_secs(2));
        let written = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            drop(part);
            std::future::pending::<()>().await;
        };
        tokio::select! { () = clock.expired() => {}, () = written => {} }
        assert_eq!(clock.begun.elapsed().as_millis(), 4000);
        let clock = RequestClock::new();
        let _part = clock.begin_part();
        clock.arm(Duration::from_secs(2));
        clock.expired().await;
        assert_eq!(clock.begun.elapsed().as_millis(), 2000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_disarmed_clock_never_fires() {
        let clock = RequestClock::new();
        clock.arm(Duration::from_secs(1));
        clock.disarm();
        let waited = tokio::time::timeout(Duration::from_secs(3600), clock.expired()).await;
        assert!(waited.is_err());
        assert!(!clock.fired());
    }

    #[tokio::test]
    async fn a_request_finds_its_clock_and_nobody_else_does() {
        let clock = RequestClock::new();
        let found = clock.around(async { current_clock() }).await;
        assert!(Arc::ptr_eq(&found.unwrap(), &clock));
        assert!(current_clock().is_none());
    }
}
