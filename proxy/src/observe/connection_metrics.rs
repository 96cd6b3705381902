//! What do we count of clients' connections?

use prometheus::Registry;

#[derive(Debug)]
pub struct ConnectionMetrics {}

impl ConnectionMetrics {
    pub fn register(_registry: &Registry) -> Result<ConnectionMetrics, prometheus::Error> {
        Ok(ConnectionMetrics {})
    }
}
