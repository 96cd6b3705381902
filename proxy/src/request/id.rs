//! By which name is this request known, in logs and at the backend?

use http::HeaderValue;
use uuid::{NoContext, Timestamp, Uuid};

/// The bytes of a UUID in its usual form.
const UUID_BYTES: usize = uuid::fmt::Hyphenated::LENGTH;
/// What a trusted proxy may name a request at most.
const KEPT_BYTES_MAX: usize = 128;

/// A UUIDv7 of ours, or what a trusted proxy calls the request. Neither is on the heap.
#[derive(Debug, Clone)]
pub enum RequestId {
    Made([u8; UUID_BYTES]),
    /// Letters, digits and `-_.:+/=` only. The bytes are those of the request, shared.
    Kept(HeaderValue),
}

impl RequestId {
    /// A new id, and its random bits.
    pub fn make() -> (RequestId, u64) {
        // `now_v7` would take a lock that all threads share.
        let uuid = Uuid::new_v7(Timestamp::now(NoContext));
        let mut text = [0; UUID_BYTES];
        uuid.hyphenated().encode_lower(&mut text);
        (RequestId::Made(text), uuid.as_u64_pair().1)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_uuids_of_version_7_and_rise_with_time() {
        let (first, seed) = RequestId::make();
        let (second, other_seed) = RequestId::make();
        let uuid = Uuid::parse_str(first.as_str()).unwrap();
        assert_eq!(uuid.get_version_num(), 7);
        assert_ne!(seed, other_seed);
        assert_ne!(first.as_str(), second.as_str());
        assert_eq!(first.to_header(), first.as_str());
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
