//! What do we count of requests?

use prometheus::Registry;

#[derive(Debug)]
pub struct RequestMetrics {}

impl RequestMetrics {
    pub fn register(_registry: &Registry) -> Result<RequestMetrics, prometheus::Error> {
        Ok(RequestMetrics {})
    }
}

/// The handles of one route, or of all that were folded into `other`.
#[derive(Debug, Clone)]
pub struct RouteMetrics {}
