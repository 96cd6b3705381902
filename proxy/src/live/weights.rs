//! Whose turn is it among weighted targets?

use std::sync::atomic::{AtomicU32, Ordering};

/// Deals the numbers below the sum of the weights, each once before any comes again, so that shares are exact and not only likely. They come
/// in steps of about the golden ratio, so that a target with a tenth of the weight has every tenth request or so, not ten in a row.
#[derive(Debug)]
pub struct Turns {
    whole: u32,
    step: u32,
    turn: AtomicU32,
}

impl Turns {
    /// `whole` is the sum of the weights.
    pub fn new(whole: u32) -> Turns {
        let whole = whole.max(1);
        // 0.618 of the whole, and on to the next number without a common divisor: then the steps visit every number.
        let golden = u64::from(whole) * 618 / 1000;
        let mut step = u32::try_from(golden).unwrap_or(1).max(1);
        while common_divisor(step, whole) != 1 {
            step += 1;
        }
        Turns {
            whole,
            step,
            turn: AtomicU32::new(0),
        }
    }

    /// The same, from the number on at which the others are.
    pub fn going_on(whole: u32, others: &Turns) -> Turns {
        Turns {
            turn: AtomicU32::new(others.turn.load(Ordering::Relaxed)),
            ..Turns::new(whole)
        }
    }

    pub fn next(&self) -> u32 {
        if self.whole == 1 {
            return 0;
        }
        let turn = self.turn.fetch_add(1, Ordering::Relaxed) % self.whole;
        let place = u64::from(turn) * u64::from(self.step) % u64::from(self.whole);
        u32::try_from(place).unwrap_or(0)
    }
}

fn common_divisor(mut a: u32, mut b: u32) -> u32 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn shares(weights: &[u32], requests: u32) -> Vec<u32> {
        let mut until = 0;
        let untils: Vec<u32> = weights
            .iter()
            .map(|weight| {
                until += weight;
                until
            })
            .collect();
        let turns = Turns::new(until);
        let mut shares = vec![0; weights.len()];
        for _ in 0..requests {
            let turn = turns.next();
            shares[untils.iter().position(|until| turn < *until).unwrap()] += 1;
        }
        shares
    }

    #[test]
    fn shares_are_exact_over_a_thousand_requests() {
        assert_eq!(shares(&[90, 10], 1000), [900, 100]);
        assert_eq!(shares(&[1, 1], 1000), [500, 500]);
        assert_eq!(shares(&[1, 0, 3], 1000), [250, 0, 750]);
        assert_eq!(shares(&[5], 1000), [1000]);
        assert_eq!(shares(&[100, 100, 800], 1000), [100, 100, 800]);
    }

    #[test]
    fn a_small_share_is_spread_and_not_dealt_in_a_row() {
        let turns = Turns::new(100);
        let of_ten: Vec<bool> = (0..100).map(|_| turns.next() < 10).collect();
        assert!(
            of_ten
                .windows(3)
                .all(|three| three.iter().filter(|ours| **ours).count() <= 1)
        );
    }

    proptest! {
        #[test]
        fn every_number_comes_once_before_any_comes_again(whole in 1u32..2000) {
            let turns = Turns::new(whole);
            let mut dealt: Vec<u32> = (0..whole).map(|_| turns.next()).collect();
            dealt.sort_unstable();
            prop_assert_eq!(dealt, (0..whole).collect::<Vec<_>>());
        }
    }
}
