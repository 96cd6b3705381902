//! What has this endpoint done lately?

use config::reason::{Fault, Reason};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Nothing of the sort has happened.
const NEVER: u64 = u64::MAX;
/// A reason has a number below this, and a time is the rest of the word.
const REASONS_MAX: u64 = 256;

/// When an endpoint answered last, and when and why it failed last. Written once for each attempt, read by whoever asks why.
#[derive(Debug)]
pub struct History {
    begun: Instant,
    /// Milliseconds after `begun`.
    answered_at: AtomicU64,
    /// The same times 256, and the number of the reason.
    failed_at: AtomicU64,
}

/// How long ago.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Told {
    pub answered: Option<Duration>,
    pub failed: Option<(Duration, Reason)>,
}

impl History {
    pub fn new(begun: Instant) -> History {
        History {
            begun,
            answered_at: AtomicU64::new(NEVER),
            failed_at: AtomicU64::new(NEVER),
        }
    }

    /// An attempt has ended. What was the client's doing, or ours, says nothing of the endpoint.
    pub fn note(&self, outcome: Reason, now: Instant) {
        let ms = now.saturating_duration_since(self.begun).as_millis();
        let ms = u64::try_from(ms).unwrap_or(0);
        if outcome == Reason::Answered {
            return self.answered_at.store(ms, Ordering::Relaxed);
        }
        let is_its_fault = matches!(outcome.fault(), Fault::Backend | Fault::Operator);
        let number = Reason::ALL.iter().position(|reason| *reason == outcome);
        if let (true, Some(Ok(number))) = (is_its_fault, number.map(u64::try_from)) {
            let word = ms.saturating_mul(REASONS_MAX).saturating_add(number);
            self.failed_at.store(word, Ordering::Relaxed);
        }
    }

    pub fn tell(&self, now: Instant) -> Told {
        let since = now.saturating_duration_since(self.begun);
        let ago = |ms: u64| since.saturating_sub(Duration::from_millis(ms));
        let answered = self.answered_at.load(Ordering::Relaxed);
        let failed = self.failed_at.load(Ordering::Relaxed);
        let reason = usize::try_from(failed % REASONS_MAX).ok();
        let reason = reason.and_then(|number| Reason::ALL.get(number));
        Told {
            answered: (answered != NEVER).then(|| ago(answered)),
            failed: reason
                .filter(|_| failed != NEVER)
                .map(|reason| (ago(failed / REASONS_MAX), *reason)),
        }
    }
}

impl Told {
    /// What is known of one address from two backends.
    pub fn and(self, other: Told) -> Told {
        let answered = self.answered.into_iter().chain(other.answered);
        let failed = self.failed.into_iter().chain(other.failed);
        Told {
            answered: answered.min(),
            failed: failed.min_by_key(|(ago, _)| *ago),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECONDS: fn(u64) -> Duration = Duration::from_secs;

    #[test]
    fn the_last_answer_and_the_last_failure_are_told() {
        let begun = Instant::now();
        let history = History::new(begun);
        assert_eq!(history.tell(begun + SECONDS(9)), Told::default());
        history.note(Reason::Answered, begun + SECONDS(1));
        history.note(Reason::ConnectRefused, begun + SECONDS(2));
        history.note(Reason::ResponseTimeout, begun + SECONDS(3));
        history.note(Reason::ClientClosed, begun + SECONDS(4));
        let told = history.tell(begun + SECONDS(5));
        assert_eq!(told.answered, Some(SECONDS(4)));
        assert_eq!(told.failed, Some((SECONDS(2), Reason::ResponseTimeout)));
        let other = Told {
            answered: Some(SECONDS(1)),
            failed: None,
        };
        assert_eq!(told.and(other).answered, Some(SECONDS(1)));
        assert_eq!(told.and(other).failed, told.failed);
    }

    #[test]
    fn every_reason_has_a_number() {
        assert!(Reason::ALL.len() < usize::try_from(REASONS_MAX).unwrap());
    }
}
