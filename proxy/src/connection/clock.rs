//! When has a request had its time?

use std::sync::Arc;
use std::time::Duration;

/// The clock around one request: when it fires, the request is dropped as it stands.
#[derive(Debug)]
pub struct RequestClock {}

impl RequestClock {
    pub fn arm(&self, _after: Duration) {}
    pub fn disarm(&self) {}
}

/// The clock of the request that this task serves.
pub fn current_clock() -> Option<Arc<RequestClock>> {
    None
}
