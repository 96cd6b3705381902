//! How long is it until the next try?

use std::hash::{BuildHasher, RandomState};
use std::time::Duration;

/// The first wait is 0.8 to 1.6 s, the longest 15 to 30 s: edges that lost the same API server come back one by one.
const FIRST: Duration = Duration::from_millis(1_600);
const LONGEST: Duration = Duration::from_secs(30);

/// Doubles with each failure in a row.
#[derive(Debug, Default)]
pub(crate) struct Backoff {
    failures: u32,
}

impl Backoff {
    pub fn succeeded(&mut self) {
        self.failures = 0;
    }

    /// The wait after one more failure. Never shorter than the API server asked for, within reason.
    pub fn next(&mut self, asked: Option<Duration>) -> Duration {
        self.next_with(asked, RandomState::new().hash_one(self.failures))
    }

    fn next_with(&mut self, asked: Option<Duration>, random: u64) -> Duration {
        let doubled = FIRST.saturating_mul(1_u32.checked_shl(self.failures.min(10)).unwrap_or(1));
        self.failures = self.failures.saturating_add(1);
        let longest = doubled.min(LONGEST);
        let half = longest / 2;
        let jitter = half.mul_f64(f64::from(u16::try_from(random % 1_000).unwrap_or(0)) / 1_000.0);
        let asked = asked.unwrap_or_default().min(LONGEST);
        (half + jitter).max(asked)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn waits(random: u64) -> Vec<u128> {
        let mut backoff = Backoff::default();
        let next = |_| backoff.next_with(None, random).as_millis();
        (0..8).map(next).collect()
    }

    #[test]
    fn waits_double_between_their_bounds() {
        assert_eq!(
            waits(0),
            [800, 1_600, 3_200, 6_400, 12_800, 15_000, 15_000, 15_000]
        );
        let longest = waits(999);
        assert!(longest.iter().all(|wait| *wait <= 30_000), "{longest:?}");
        assert_eq!(longest.last(), Some(&29_985));
    }

    #[test]
    fn success_begins_anew_and_the_server_may_ask_for_more() {
        let mut backoff = Backoff::default();
        for _ in 0..100 {
            backoff.next(None);
        }
        backoff.succeeded();
        assert_eq!(backoff.next_with(None, 0).as_millis(), 800);
        let asked = Some(Duration::from_secs(7));
        assert_eq!(backoff.next_with(asked, 0).as_secs(), 7);
        let absurd = Some(Duration::from_secs(86_400));
        assert_eq!(backoff.next_with(absurd, 0).as_secs(), 30);
    }

    #[test]
    fn two_edges_do_not_wait_alike() {
        let all: std::collections::HashSet<Duration> =
            (0..20).map(|_| Backoff::default().next(None)).collect();
        assert!(all.len() > 1);
    }
}
