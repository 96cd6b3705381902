//! What do we tell?

pub mod access_log;
pub mod backend_metrics;
pub mod config_metrics;
pub mod connection_metrics;
pub mod process_metrics;
pub mod report_metrics;
pub mod request_metrics;
pub mod source_metrics;

use access_log::AccessLogMetrics;
use backend_metrics::BackendMetrics;
use config_metrics::ConfigMetrics;
use connection_metrics::ConnectionMetrics;
use jiff::Timestamp;
use prometheus::{Registry, TextEncoder};
use report_metrics::ReportMetrics;
use request_metrics::RequestMetrics;
use source_metrics::{Ask, SourceMetrics};
use std::sync::OnceLock;

/// Every metric of the process, by the module that owns it. Labels come from configuration only, never from requests.
#[derive(Debug)]
pub struct Metrics {
    pub registry: Registry,
    pub connections: ConnectionMetrics,
    pub requests: RequestMetrics,
    pub backends: BackendMetrics,
    pub config: ConfigMetrics,
    pub access_log: AccessLogMetrics,
    source: OnceLock<SourceMetrics>,
    report: OnceLock<ReportMetrics>,
}

impl Metrics {
    pub fn new() -> Result<Metrics, prometheus::Error> {
        let registry = Registry::new();
        process_metrics::register(&registry)?;
        Ok(Metrics {
            connections: ConnectionMetrics::register(&registry)?,
            requests: RequestMetrics::register(&registry)?,
            backends: BackendMetrics::register(&registry)?,
            config: ConfigMetrics::register(&registry)?,
            access_log: AccessLogMetrics::register(&registry)?,
            source: OnceLock::new(),
            report: OnceLock::new(),
            registry,
        })
    }

    /// There is a source that can be asked how it is doing. The first one counts.
    pub fn set_source(&self, ask: Ask) -> Result<(), prometheus::Error> {
        let source = SourceMetrics::register(&self.registry, ask)?;
        // Full: registering the same names again is an error, so this is the first.
        let _ = self.source.set(source);
        Ok(())
    }

    /// There is somebody who writes to the API server and can be asked how that goes. The first one counts.
    pub fn set_report(&self, ask: report_metrics::Ask) -> Result<(), prometheus::Error> {
        let report = ReportMetrics::register(&self.registry, ask)?;
        let _ = self.report.set(report);
        Ok(())
    }

    /// Everything in Prometheus' text format, version 0.0.4. An error: a metric has no name or no value, which its registration has ruled out.
    pub fn exposition(&self, now: Timestamp) -> Result<String, prometheus::Error> {
        self.config.refresh(now);
        if let Some(source) = self.source.get() {
            source.refresh();
        }
        if let Some(report) = self.report.get() {
            report.refresh();
        }
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }
}

#[cfg(test)]
mod tests;
