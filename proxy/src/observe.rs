//! What do we tell?

pub mod access_log;
pub mod backend_metrics;
pub mod config_metrics;
pub mod connection_metrics;
pub mod process_metrics;
pub mod request_metrics;

use access_log::AccessLogMetrics;
use backend_metrics::BackendMetrics;
use config_metrics::ConfigMetrics;
use connection_metrics::ConnectionMetrics;
use prometheus::Registry;
use request_metrics::RequestMetrics;

/// Every metric of the process, by the module that owns it. Labels come from configuration only, never from requests.
#[derive(Debug)]
pub struct Metrics {
    pub registry: Registry,
    pub connections: ConnectionMetrics,
    pub requests: RequestMetrics,
    pub backends: BackendMetrics,
    pub config: ConfigMetrics,
    pub access_log: AccessLogMetrics,
}

impl Metrics {
    pub fn new() -> Result<Metrics, prometheus::Error> {
        let registry = Registry::new();
        Ok(Metrics {
            connections: ConnectionMetrics::register(&registry)?,
            requests: RequestMetrics::register(&registry)?,
            backends: BackendMetrics::register(&registry)?,
            config: ConfigMetrics::register(&registry)?,
            access_log: AccessLogMetrics::register(&registry)?,
            registry,
        })
    }
}
