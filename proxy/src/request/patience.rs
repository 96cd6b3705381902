//! How long does a step take that the engine cannot time out, and whose fault is it then?

use crate::connection::{PartInFlight, RequestClock, current_clock};
use crate::upstream::watchdog::Watchdog;
use bytes::Bytes;
use config::reason::Reason;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A deadline moves on only by steps of this part of its span, so that a body in many parts does not set the clock at each.
const STEP_PART: u32 = 16;

/// The clock around the request, and the reason for which it would fire. When it does, the request is dropped as it stands; the reason is
/// what its log line then says.
#[derive(Debug, Default)]
pub struct Patience {
    clock: Option<Arc<RequestClock>>,
    armed: Option<(Instant, Reason)>,
}

impl Patience {
    /// With the clock of the request that this task serves.
    pub fn of_this_request() -> Patience {
        Patience {
            clock: current_clock(),
            armed: None,
        }
    }

    /// Something must happen within `span` from `now`, or the request ends for `reason`. A little later in fact: at most a sixteenth.
    pub fn arm(&mut self, now: Instant, span: Duration, reason: Reason) {
        if let Some(span) = self.set(now, span, reason)
            && let Some(clock) = &self.clock
        {
            clock.arm(span);
        }
    }

    /// The same, but not while a part that `watch_part` was given is being written.
    pub fn arm_patiently(&mut self, now: Instant, span: Duration, reason: Reason) {
        if let Some(span) = self.set(now, span, reason)
            && let Some(clock) = &self.clock
        {
            clock.arm_patiently(span);
        }
    }

    /// A part that is now written to the backend: while it is, the client is not to blame for its silence.
    pub fn watch_part(&self, part: Bytes) -> Bytes {
        match &self.clock {
            Some(clock) => Bytes::from_owner(Part {
                bytes: part,
                _in_flight: clock.begin_part(),
            }),
            None => part,
        }
    }

    /// Watches the connection of an attempt: see `Watchdog`.
    pub fn watch(&self, fd: RawFd, endpoint: SocketAddr, time: Duration) -> Option<Watchdog> {
        let clock = self.clock.clone()?;
        Some(Watchdog::watch(clock, fd, endpoint, time))
    }

    /// With what the clock is to be set, if it is to be set anew.
    fn set(&mut self, now: Instant, span: Duration, reason: Reason) -> Option<Duration> {
        let step = span / STEP_PART;
        if let Some((until, armed_for)) = self.armed
            && armed_for == reason
            && until >= now + span
            && until <= now + span + step
        {
            return None;
        }
        let span = span + step;
        self.armed = Some((now + span, reason));
        Some(span)
    }

    pub fn disarm(&mut self) {
        if self.armed.take().is_some()
            && let Some(clock) = &self.clock
        {
            clock.disarm();
        }
    }

    /// The reason for which the clock has fired, if it has.
    pub fn has_ended(&self) -> Option<Reason> {
        let (_, reason) = self.armed?;
        let clock = self.clock.as_ref()?;
        clock.fired().then_some(reason)
    }
}

/// The engine drops it when it is written.
struct Part {
    bytes: Bytes,
    _in_flight: PartInFlight,
}

impl AsRef<[u8]> for Part {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_clock_is_set_anew_only_when_a_step_has_passed() {
        let (now, ms) = (Instant::now(), Duration::from_millis);
        let mut patience = Patience::default();
        patience.arm(now, ms(1600), Reason::IdleTimeout);
        let first = patience.armed.unwrap().0;
        assert_eq!(first, now + ms(1700));
        patience.arm(now + ms(50), ms(1600), Reason::IdleTimeout);
        assert_eq!(patience.armed.unwrap().0, first);
        patience.arm(now + ms(101), ms(1600), Reason::IdleTimeout);
        assert_eq!(patience.armed.unwrap().0, now + ms(1801));
        patience.arm(now + ms(102), ms(400), Reason::RequestTimeout);
        assert_eq!(patience.armed.unwrap().0, now + ms(527));
        patience.disarm();
        assert_eq!(patience.armed, None);
    }
}
