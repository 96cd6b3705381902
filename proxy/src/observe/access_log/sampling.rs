//! Which requests get a line?

use super::Record;
use config::reason::Fault;

/// A share of all requests, chosen by request id: every log that saw a request decides alike, and nothing is shared between threads.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Sampling {
    /// Of `IDS`.
    kept: f64,
}

/// 2^32: as many as request ids are told apart.
const IDS: f64 = 4_294_967_296.0;

impl Sampling {
    /// `share` from 0.0 (none but failures) to 1.0 (all); anything outside counts as the nearer end.
    pub fn new(share: f64) -> Sampling {
        Sampling {
            kept: share.clamp(0.0, 1.0) * IDS,
        }
    }

    /// A failure is always kept: an answer of 500 and above, and a request that ended by another's fault than the client's without a status
    /// to show for it (an answer cut short, nothing sent).
    pub fn keeps(self, record: &Record<'_>) -> bool {
        if self.kept >= IDS || record.status >= 500 {
            return true;
        }
        if matches!(
            record.reason.fault(),
            Fault::Backend | Fault::Operator | Fault::Edge
        ) {
            return true;
        }
        let spread = mix(config::digest::of(&[record.request_id.as_bytes()]));
        let place = u32::try_from(spread >> 32).unwrap_or(u32::MAX);
        f64::from(place) < self.kept
    }
}

/// Spreads every bit of a hash over all of its bits (the finaliser of SplitMix64): FNV alone leaves the upper ones of short texts alike.
fn mix(hash: u64) -> u64 {
    let hash = (hash ^ (hash >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let hash = (hash ^ (hash >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    hash ^ (hash >> 31)
}
