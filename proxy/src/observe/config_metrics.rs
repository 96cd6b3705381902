//! What do we tell of the configuration in force?

use prometheus::Registry;

#[derive(Debug)]
pub struct ConfigMetrics {}

impl ConfigMetrics {
    pub fn register(_registry: &Registry) -> Result<ConfigMetrics, prometheus::Error> {
        Ok(ConfigMetrics {})
    }
}
