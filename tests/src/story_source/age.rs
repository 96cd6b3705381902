//! How old is an object, where only the API server says so?
//!
//! Of two that claim the same, the older wins. Files say the age of an object or leave it open; the API server says the second in which it
//! was made. So what is made at once has to be made within one second, and what is younger in a later one.

use super::plan::ByPath;
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

/// The kinds of which the age counts.
const KINDS: &[&str] = &["Ingress", "HTTPRoute", "Gateway", "IngressClass"];

pub fn counts(object: &Value) -> bool {
    object["kind"]
        .as_str()
        .is_some_and(|kind| KINDS.contains(&kind))
}

/// As a file says it; `None` where it does not.
pub fn told(object: &Value) -> Option<&str> {
    object["metadata"]["creationTimestamp"].as_str()
}

/// Whether the age of any stands in its file.
pub fn is_told<'a>(mut objects: impl Iterator<Item = &'a Value>) -> bool {
    objects.any(|object| told(object).is_some())
}

/// The age of each of which it counts.
pub fn all(objects: &ByPath) -> BTreeMap<&str, Option<&str>> {
    let aged = objects.iter().filter(|(_, object)| counts(object));
    aged.map(|(path, object)| (&**path, told(object))).collect()
}

/// The API server's clock is ours.
pub async fn next_second() {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    let into = Duration::from_nanos(u64::from(since.unwrap().subsec_nanos()));
    tokio::time::sleep(Duration::from_secs(1) - into).await;
}
