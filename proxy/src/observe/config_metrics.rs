//! What do we tell of the configuration in force?

mod certificates;

use crate::live::InForce;
use certificates::CertificateExpiry;
use config::problem::{Problem, ProblemCode, Severity};
use jiff::Timestamp;
use prometheus::core::Collector;
use prometheus::{Gauge, GaugeVec, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry};
use std::sync::Arc;
use tracing::metadata::LevelFilter;

const SEVERITIES: [(Severity, &str); 3] = [
    (Severity::Error, "error"),
    (Severity::Warning, "warning"),
    (Severity::Info, "info"),
];

/// How a change of settings or objects ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Applied {
    /// It is in force.
    Ok,
    /// The last good one stays in force.
    Failed,
}

impl Applied {
    pub const fn as_str(self) -> &'static str {
        match self {
            Applied::Ok => "ok",
            Applied::Failed => "failed",
        }
    }
}

/// Set where a configuration is published or refused, on the control runtime.
#[derive(Debug)]
pub struct ConfigMetrics {
    version: IntGauge,
    published: Gauge,
    age: Gauge,
    digest: Gauge,
    last_result: IntGauge,
    applied: IntCounterVec,
    problems: IntGaugeVec,
    rules: IntGauge,
    backends: IntGauge,
    certificates: CertificateExpiry,
    settings_last_result: IntGauge,
    settings_applied: IntCounterVec,
    log_level: IntGauge,
}

impl ConfigMetrics {
    /// An error: the registry has metrics of these names already.
    pub fn register(registry: &Registry) -> Result<ConfigMetrics, prometheus::Error> {
        register_build_info(registry)?;
        let metrics = ConfigMetrics {
            version: IntGauge::new(
                "hedgerow_config_version",
                "Configurations that this process has published.",
            )?,
            published: Gauge::new(
                "hedgerow_config_published_timestamp_seconds",
                "When the configuration in force was published.",
            )?,
            age: Gauge::new(
                "hedgerow_config_age_seconds",
                "How long the configuration in force has been so.",
            )?,
            digest: Gauge::new(
                "hedgerow_config_digest",
                "48 bits over routes, backends and wanted certificates; equal where they are equal.",
            )?,
            last_result: IntGauge::new(
                "hedgerow_config_last_result",
                "1: the last change of objects is in force; 0: it failed, and the last good one is.",
            )?,
            applied: IntCounterVec::new(
                Opts::new("hedgerow_config_applied_total", "Changes of objects."),
                &["result"],
            )?,
            problems: IntGaugeVec::new(
                Opts::new("hedgerow_problems", "What is wrong with the objects."),
                &["severity"],
            )?,
            rules: IntGauge::new("hedgerow_config_rules", "Rules in force.")?,
            backends: IntGauge::new("hedgerow_config_backends", "Backends in force.")?,
            certificates: CertificateExpiry::new()?,
            settings_last_result: IntGauge::new(
                "hedgerow_settings_last_result",
                "1: the settings file is in force; 0: it is wrong, and the last good one is.",
            )?,
            settings_applied: IntCounterVec::new(
                Opts::new("hedgerow_settings_applied_total", "Changes of settings."),
                &["result"],
            )?,
            log_level: IntGauge::new(
                "hedgerow_log_level",
                "Most verbose level: 0 off, 1 error, 2 warn, 3 info, 4 debug, 5 trace.",
            )?,
        };
        metrics.begin();
        for collector in metrics.collectors() {
            registry.register(collector)?;
        }
        Ok(metrics)
    }

    /// A configuration has come into force.
    pub fn published(&self, in_force: &InForce) {
        let count = |n: usize| i64::try_from(n).unwrap_or(i64::MAX);
        self.version
            .set(i64::try_from(in_force.version).unwrap_or(i64::MAX));
        self.published.set(seconds(in_force.published_at));
        self.digest.set(of_48_bits(in_force.snapshot.digest));
        // The last one answers 404; nobody asked for it.
        let rules = in_force.snapshot.rules.len().saturating_sub(1);
        self.rules.set(count(rules));
        self.backends.set(count(in_force.snapshot.backends.len()));
        self.certificates.set(&in_force.snapshot.tls);
        self.problems(&in_force.problems);
        self.applied(result(&in_force.problems));
    }

    fn applied(&self, result: Applied) {
        self.last_result.set(i64::from(result == Applied::Ok));
        self.applied.with_label_values(&[result.as_str()]).inc();
    }

    /// All problems that stand: also those that come and go without a new configuration.
    pub fn problems(&self, problems: &[Arc<Problem>]) {
        for (severity, label) in SEVERITIES {
            let count = problems
                .iter()
                .filter(|problem| problem.severity == severity)
                .count();
            self.problems
                .with_label_values(&[label])
                .set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// A change of the settings file has ended.
    pub fn settings_applied(&self, result: Applied) {
        self.settings_last_result
            .set(i64::from(result == Applied::Ok));
        self.settings_applied
            .with_label_values(&[result.as_str()])
            .inc();
    }

    pub fn log_level(&self, most_verbose: LevelFilter) {
        self.log_level.set(match most_verbose {
            LevelFilter::OFF => 0,
            LevelFilter::ERROR => 1,
            LevelFilter::WARN => 2,
            LevelFilter::INFO => 3,
            LevelFilter::DEBUG => 4,
            LevelFilter::TRACE => 5,
        });
    }

    /// Sets what depends on the time of the scrape.
    pub fn refresh(&self, now: Timestamp) {
        if self.version.get() > 0 {
            self.age.set((seconds(now) - self.published.get()).max(0.0));
        }
    }

    /// Counters exist from the start, so that the first failure is an increase.
    fn begin(&self) {
        for result in [Applied::Ok, Applied::Failed] {
            self.applied.with_label_values(&[result.as_str()]);
            self.settings_applied.with_label_values(&[result.as_str()]);
        }
        self.settings_last_result.set(1); // A process with wrong settings does not start.
        self.problems(&[]);
    }

    fn collectors(&self) -> Vec<Box<dyn Collector>> {
        vec![
            Box::new(self.version.clone()),
            Box::new(self.published.clone()),
            Box::new(self.age.clone()),
            Box::new(self.digest.clone()),
            Box::new(self.last_result.clone()),
            Box::new(self.applied.clone()),
            Box::new(self.problems.clone()),
            Box::new(self.rules.clone()),
            Box::new(self.backends.clone()),
            Box::new(self.certificates.collector()),
            Box::new(self.settings_last_result.clone()),
            Box::new(self.settings_applied.clone()),
            Box::new(self.log_level.clone()),
        ]
    }
}

/// The commit that the binary was built from, where the build says so.
pub const COMMIT: &str = match option_env!("HEDGEROW_BUILD_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

pub const VERSION: &str = env!("CARGO_PKG_VERSION");

fn register_build_info(registry: &Registry) -> Result<(), prometheus::Error> {
    let build = GaugeVec::new(
        Opts::new("hedgerow_build_info", "Version and commit; always 1."),
        &["version", "commit"],
    )?;
    build.with_label_values(&[VERSION, COMMIT]).set(1.0);
    registry.register(Box::new(build))
}

/// Since 1970, with milliseconds.
fn seconds(time: Timestamp) -> f64 {
    std::time::Duration::try_from(time.as_duration()).map_or(0.0, |since| since.as_secs_f64())
}

/// A float tells 53 bits apart, so 48 of them are exact. Higher ones are cut off.
fn of_48_bits(digest: u64) -> f64 {
    let low = u32::try_from(digest & 0xffff_ffff).unwrap_or_default();
    let high = u16::try_from((digest >> 32) & 0xffff).unwrap_or_default();
    f64::from(high) * 4_294_967_296.0 + f64::from(low)
}

/// A manifest or an object that cannot be used as it is: what was in force of it stays, or it is not served.
fn result(problems: &[Arc<Problem>]) -> Applied {
    let is_refusal = |problem: &Arc<Problem>| {
        let codes = [
            ProblemCode::UnreadableManifest,
            ProblemCode::InvalidField,
            ProblemCode::UnknownField,
        ];
        problem.severity == Severity::Error && codes.contains(&problem.code)
    };
    match problems.iter().any(is_refusal) {
        true => Applied::Failed,
        false => Applied::Ok,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::name::{Kind, ObjectRef};

    fn problem(severity: Severity) -> Arc<Problem> {
        Arc::new(Problem {
            severity,
            code: ProblemCode::NoSuchService,
            object: ObjectRef::new(Kind::Ingress, "website", "site"),
            field: String::new(),
            found: String::new(),
            expected: String::new(),
            origin: None,
        })
    }

    #[track_caller]
    fn check(act: impl FnOnce(&ConfigMetrics), expected: &[&str]) {
        let registry = Registry::new();
        let metrics = ConfigMetrics::register(&registry).unwrap();
        act(&metrics);
        let text = prometheus::TextEncoder::new()
            .encode_to_string(&registry.gather())
            .unwrap();
        for line in expected {
            assert!(
                text.lines().any(|found| found == *line),
                "{line} in\n{text}"
            );
        }
    }

    #[test]
    fn a_fresh_process_has_every_counter_at_zero() {
        check(
            |_| {},
            &[
                "hedgerow_config_version 0",
                "hedgerow_config_last_result 0",
                r#"hedgerow_config_applied_total{result="failed"} 0"#,
                r#"hedgerow_settings_applied_total{result="failed"} 0"#,
                r#"hedgerow_problems{severity="error"} 0"#,
                "hedgerow_settings_last_result 1",
            ],
        );
    }

    #[test]
    fn problems_are_counted_by_severity_and_forgotten_when_solved() {
        let two = [problem(Severity::Warning), problem(Severity::Warning)];
        check(
            |metrics| {
                metrics.problems(&[problem(Severity::Error)]);
                metrics.problems(&two);
            },
            &[
                r#"hedgerow_problems{severity="error"} 0"#,
                r#"hedgerow_problems{severity="warning"} 2"#,
            ],
        );
    }

    #[test]
    fn a_failed_change_shows_until_the_next_good_one() {
        check(
            |metrics| metrics.settings_applied(Applied::Failed),
            &[
                "hedgerow_settings_last_result 0",
                r#"hedgerow_settings_applied_total{result="failed"} 1"#,
            ],
        );
        check(
            |metrics| {
                metrics.applied(Applied::Failed);
                metrics.applied(Applied::Ok);
            },
            &["hedgerow_config_last_result 1"],
        );
    }

    #[test]
    fn a_change_has_failed_if_something_of_it_is_not_used() {
        let of = |severity, code| {
            let problem = Problem {
                code,
                ..Arc::unwrap_or_clone(problem(severity))
            };
            result(&[Arc::new(problem)]).as_str()
        };
        for code in [
            ProblemCode::UnreadableManifest,
            ProblemCode::InvalidField,
            ProblemCode::UnknownField,
        ] {
            assert_eq!(of(Severity::Error, code), "failed");
            assert_eq!(of(Severity::Warning, code), "ok");
        }
        assert_eq!(of(Severity::Error, ProblemCode::NoSuchService), "ok");
        assert_eq!(result(&[]).as_str(), "ok");
    }

    #[test]
    fn a_digest_of_48_bits_is_exact() {
        for digest in [0, 1, 0xffff_ffff_ffff, 0x1234_5678_9abc] {
            assert_eq!(format!("{}", of_48_bits(digest)), format!("{digest}"));
        }
    }
}
