//! When does a request end that nothing else would end?

use super::timer;
use crate::upstream::watchdog::Target;
use std::future::poll_fn;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::time::{Instant, Sleep};

const DISARMED: u64 = u64::MAX;

tokio::task_local! {
    static CURRENT: Arc<RequestClock>;
}

/// The clock around one request: for what pingora cannot time out, such as a body over HTTP/2 that stalls, or a header that drips. When it
/// fires, the request's future is dropped: HTTP/1 closes without an answer, an HTTP/2 stream is reset with CANCEL, its siblings live on.
///
/// Everything here is read and written by the task of its request alone, so the order of the atomics does not matter.
#[derive(Debug)]
pub struct RequestClock {
    begun: Instant,
    /// Milliseconds after `begun`.
    fires_at_ms: AtomicU64,
    /// When the watchdog of an attempt bites.
    bites_at_ms: AtomicU64,
    bites: Target,
    /// While a part is being written, the clock waits for this many milliseconds more. 0: it does not.
    waits_ms: AtomicU64,
    parts: AtomicUsize,
    has_fired: AtomicBool,
}

impl RequestClock {
    pub(crate) fn new() -> RequestClock {
        RequestClock {
            begun: Instant::now(),
            fires_at_ms: AtomicU64::new(DISARMED),
            bites_at_ms: AtomicU64::new(DISARMED),
            bites: Target::default(),
            waits_ms: AtomicU64::new(0),
            parts: AtomicUsize::new(0),
            has_fired: AtomicBool::new(false),
        }
    }

    /// For the next request of a connection: the same memory again, if nobody has the clock of the last one any more.
    pub(super) fn renew(clock: &mut Arc<RequestClock>) {
        match Arc::get_mut(clock) {
            Some(clock) => *clock = RequestClock::new(),
            None => *clock = Arc::new(RequestClock::new()),
        }
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

    pub fn disarm(&self) {
        // A timer that runs wakes the task once, which sees this and waits on.
        self.fires_at_ms.store(DISARMED, Ordering::Relaxed);
    }

    /// True from the moment on when the request is dropped; for whoever logs it then.
    pub fn fired(&self) -> bool {
        self.has_fired.load(Ordering::Relaxed)
    }

    /// Shuts this connection down this long from now: the watchdog of an attempt. The last one counts.
    pub fn watch(&self, fd: RawFd, endpoint: SocketAddr, after: Duration) {
        self.bites.set(fd, endpoint);
        let at = self.ms_from_now(after);
        self.bites_at_ms.store(at, Ordering::Relaxed);
    }

    pub fn call_off(&self) {
        self.bites_at_ms.store(DISARMED, Ordering::Relaxed);
    }

    /// Was the connection shut down that was last watched?
    pub fn has_bitten(&self) -> bool {
        self.bites.is_bitten()
    }

    fn set(&self, after: Duration) {
        let at = self.ms_from_now(after);
        self.fires_at_ms.store(at, Ordering::Relaxed);
    }

    /// Rounded up: whoever looks when it is over finds that the whole time has passed.
    fn ms_from_now(&self, after: Duration) -> u64 {
        let at = self.begun.elapsed().saturating_add(after);
        let at = at.saturating_add(Duration::from_nanos(999_999)).as_millis();
        u64::try_from(at).unwrap_or(DISARMED)
    }

    /// Ends when the clock fires. To be polled behind the request, whenever that was: then it sees each time that the request has set, and nobody
    /// has to wake it for one. `timer` is the connection's: it goes on from request to request.
    pub(super) async fn expired(&self, mut timer: Pin<&mut Sleep>) {
        poll_fn(|cx| self.poll_expired(cx, timer.as_mut())).await;
    }

    fn poll_expired(&self, cx: &mut Context<'_>, mut timer: Pin<&mut Sleep>) -> Poll<()> {
        loop {
            let fires_at = self.fires_at_ms.load(Ordering::Relaxed);
            let at = fires_at.min(self.bites_at_ms.load(Ordering::Relaxed));
            let when = self.begun.checked_add(Duration::from_millis(at));
            let Some(when) = when.filter(|_| at != DISARMED) else {
                return Poll::Pending;
            };
            ready!(timer::poll_until(timer.as_mut(), cx, when));
            self.bite_at(at);
            if fires_at <= at && !self.waits_on() {
                self.has_fired.store(true, Ordering::Relaxed);
                return Poll::Ready(());
            }
        }
    }

    fn bite_at(&self, now_ms: u64) {
        if self.bites_at_ms.load(Ordering::Relaxed) <= now_ms {
            self.call_off();
            self.bites.bite();
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
    pub(crate) async fn around<F: Future>(self: &Arc<Self>, request: F) -> F::Output {
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
pub mod tests {
    use super::*;

    /// Ends when the clock fires.
    pub async fn expired(clock: &RequestClock) {
        let timer = timer::unset();
        tokio::pin!(timer);
        clock.expired(timer).await;
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_fires_at_the_last_time_that_was_set() {
        for (first, second, expected) in [(1, 3, 3500), (3, 1, 1500)] {
            let clock = RequestClock::new();
            clock.arm(Duration::from_secs(first));
            let armed_again = async {
                tokio::time::sleep(Duration::from_millis(500)).await;
                clock.arm(Duration::from_secs(second));
                std::future::pending::<()>().await;
            };
            tokio::select! { biased; () = armed_again => {}, () = expired(&clock) => {} }
            assert_eq!(clock.begun.elapsed().as_millis(), expected);
            assert!(clock.fired());
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_clock_that_was_armed_patiently_waits_while_a_part_is_written() {
        let clock = Arc::new(RequestClock::new());
        let part = clock.begin_part();
        clock.arm_patiently(Duration::from_secs(2));
        let written = async {
            tokio::time::sleep(Duration::from_secs(3)).await;
            drop(part);
            std::future::pending::<()>().await;
        };
        tokio::select! { biased; () = written => {}, () = expired(&clock) => {} }
        assert_eq!(clock.begun.elapsed().as_millis(), 4000);
        let clock = Arc::new(RequestClock::new());
        let _part = clock.begin_part();
        clock.arm(Duration::from_secs(2));
        expired(&clock).await;
        assert_eq!(clock.begun.elapsed().as_millis(), 2000);
    }

    #[tokio::test(start_paused = true)]
    async fn a_disarmed_clock_never_fires() {
        let clock = RequestClock::new();
        clock.arm(Duration::from_secs(1));
        clock.disarm();
        let waited = tokio::time::timeout(Duration::from_secs(3600), expired(&clock)).await;
        assert!(waited.is_err());
        assert!(!clock.fired());
    }

    #[tokio::test(start_paused = true)]
    async fn one_timer_serves_the_clocks_of_many_requests() {
        let timer = timer::unset();
        tokio::pin!(timer);
        let mut clock = Arc::new(RequestClock::new());
        for seconds in [5, 1, 5] {
            RequestClock::renew(&mut clock);
            clock.arm(Duration::from_secs(9));
            let request = tokio::time::sleep(Duration::from_secs(2));
            tokio::select! { () = clock.expired(timer.as_mut()) => unreachable!(), () = request => {} }
            RequestClock::renew(&mut clock);
            clock.arm(Duration::from_secs(seconds));
            clock.expired(timer.as_mut()).await;
            assert_eq!(clock.begun.elapsed().as_secs(), seconds);
        }
        let kept = clock.clone();
        RequestClock::renew(&mut clock);
        assert!(kept.fired() && !clock.fired());
    }

    #[tokio::test]
    async fn a_request_finds_its_clock_and_nobody_else_does() {
        let clock = Arc::new(RequestClock::new());
        let found = clock.around(async { current_clock() }).await;
        assert!(Arc::ptr_eq(&found.unwrap(), &clock));
        assert!(current_clock().is_none());
    }
}
