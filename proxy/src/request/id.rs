//! By which name is this request known, in logs and at the backend?

use http::HeaderValue;
use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use std::cell::RefCell;
use uuid::Builder;

/// The bytes of a UUID in its usual form.
const UUID_BYTES: usize = uuid::fmt::Hyphenated::LENGTH;
/// What a trusted proxy may name a request at most.
const KEPT_BYTES_MAX: usize = 128;

/// Random bytes of one id, and of what a request chooses by chance.
const RANDOM_BYTES: usize = 18;
/// Ids that one question to the kernel is enough for.
const IDS_AT_ONCE: usize = 32;

thread_local! {
    /// Random bytes that nobody has used yet.
    static RANDOM: RefCell<Random> = const {
        RefCell::new(Random {
            bytes: [0; RANDOM_BYTES * IDS_AT_ONCE],
            used: RANDOM_BYTES * IDS_AT_ONCE,
        })
    };
}

struct Random {
    bytes: [u8; RANDOM_BYTES * IDS_AT_ONCE],
    used: usize,
}

/// A UUIDv7 of ours, or what a trusted proxy calls the request. Neither is on the heap.
#[derive(Debug, Clone)]
pub enum RequestId {
    Made([u8; UUID_BYTES]),
    /// Letters, digits and `-_.:+/=` only. The bytes are those of the request, shared.
    Kept(HeaderValue),
}

impl RequestId {
    /// A new id for a request that began now, and random bits of its own.
    pub fn make(now: Timestamp) -> (RequestId, u64) {
        let (random, seed) = random_bytes();
        let ms = u64::try_from(now.as_millisecond()).unwrap_or_default();
        // Not `now_v7`: it takes a lock that all threads share, and asks the kernel for each id.
        let uuid = Builder::from_unix_timestamp_millis(ms, &random).into_uuid();
        let mut text = [0; UUID_BYTES];
        uuid.hyphenated().encode_lower(&mut text);
        (RequestId::Made(text), seed)
    }

    /// The id that a trusted proxy sent, if it is well-formed.
    pub fn keep(value: &HeaderValue) -> Option<RequestId> {
        let bytes = value.as_bytes();
        let is_right = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:+/=".contains(byte);
        let well_formed =
            !bytes.is_empty() && bytes.len() <= KEPT_BYTES_MAX && bytes.iter().all(is_right);
        well_formed.then(|| RequestId::Kept(value.clone()))
    }

    pub fn as_str(&self) -> &str {
        match self {
            RequestId::Made(text) => std::str::from_utf8(text).unwrap_or_default(),
            RequestId::Kept(value) => value.to_str().unwrap_or_default(),
        }
    }

    /// For `X-Request-Id`.
    pub fn to_header(&self) -> HeaderValue {
        match self {
            RequestId::Made(_) => HeaderValue::from_str(self.as_str())
                .unwrap_or_else(|_| HeaderValue::from_static("")),
            RequestId::Kept(value) => value.clone(),
        }
    }
}

impl Random {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let taken = self.bytes.get(self.used..)?.first_chunk().copied()?;
        self.used += N;
        Some(taken)
    }

    fn fill(&mut self) {
        // Linux fails at this only before it has any randomness, at boot; ids would then rest on their time alone.
        let _ = SystemRandom::new().fill(&mut self.bytes);
        self.used = 0;
    }
}

fn random_bytes() -> ([u8; 10], u64) {
    RANDOM.with_borrow_mut(|random| {
        if random.used >= random.bytes.len() {
            random.fill();
        }
        let id = random.take().unwrap_or_default();
        (id, u64::from_le_bytes(random.take().unwrap_or_default()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;
    use uuid::Uuid;

    #[test]
    fn ids_are_uuids_of_version_7_and_rise_with_time() {
        let (first, seed) = RequestId::make(Timestamp::from_millisecond(1).unwrap());
        let (second, other_seed) = RequestId::make(Timestamp::now());
        let uuid = Uuid::parse_str(first.as_str()).unwrap();
        assert_eq!(uuid.get_version_num(), 7);
        assert_ne!(seed, other_seed);
        assert!(first.as_str() < second.as_str());
        assert_eq!(first.to_header(), first.as_str());
    }

    #[test]
    fn no_two_ids_are_the_same_in_one_moment() {
        let now = Timestamp::now();
        let make = |_| RequestId::make(now);
        let made: Vec<(RequestId, u64)> = (0..5 * IDS_AT_ONCE).map(make).collect();
        let ids: HashSet<&str> = made.iter().map(|(id, _)| id.as_str()).collect();
        let seeds: HashSet<u64> = made.iter().map(|(_, seed)| *seed).collect();
        assert_eq!((ids.len(), seeds.len()), (made.len(), made.len()));
    }

    #[test]
    fn only_a_well_formed_id_is_kept() {
        let kept = |text: &'static str| RequestId::keep(&HeaderValue::from_static(text));
        assert_eq!(kept("abc-123_x.y:z").unwrap().as_str(), "abc-123_x.y:z");
        assert!(kept("").is_none());
        assert!(kept("two words").is_none());
        assert!(kept("quote\"").is_none());
        let long = HeaderValue::from_str(&"a".repeat(129)).unwrap();
        assert!(RequestId::keep(&long).is_none());
    }
}
