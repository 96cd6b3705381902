//! What do we count of backends and attempts?

use prometheus::Registry;

#[derive(Debug)]
pub struct BackendMetrics {}

impl BackendMetrics {
    pub fn register(_registry: &Registry) -> Result<BackendMetrics, prometheus::Error> {
        Ok(BackendMetrics {})
    }
}
