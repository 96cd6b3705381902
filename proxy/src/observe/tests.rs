//! Is every metric documented as it is?

use super::*;
use crate::live::InForce;
use config::hostname::Hostname;
use config::model::Certificate;
use config::name::ObjectName;
use config::snapshot::{Snapshot, TlsEntry};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

/// (That each name in the source is documented, and the other way round, is held for the whole repository by `tests/it/tidy.rs`.)
/// Type and labels by name, out of the table's rows: name, type, labels, meaning.
fn documented() -> BTreeMap<String, (String, BTreeSet<String>)> {
    let text = fs::read_to_string(format!("{CRATE}/../docs/metrics.md")).unwrap();
    let rows = text.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        assert_eq!(cells.len(), 6, "{row}");
        assert!(!cells[4].is_empty(), "{row}");
        let labels = cells[3]
            .split(',')
            .map(|label| label.trim().trim_matches('`'));
        (
            cells[1].trim_matches('`').to_owned(),
            (
                cells[2].to_owned(),
                labels
                    .filter(|label| !label.is_empty())
                    .map(str::to_owned)
                    .collect(),
            ),
        )
    })
    .collect()
}

#[test]
fn the_documentation_has_the_types_and_labels_of_the_metrics() {
    let documented = documented();
    let metrics = Metrics::new().unwrap();
    for family in metrics.registry.gather() {
        let name = family.name();
        let labels = family
            .get_metric()
            .iter()
            .flat_map(|metric| metric.get_label());
        let labels: BTreeSet<String> = labels.map(|label| label.name().to_owned()).collect();
        let kind = format!("{:?}", family.get_field_type()).to_lowercase();
        assert_eq!(documented.get(name), Some(&(kind, labels)), "{name}");
        assert!(!family.help().is_empty(), "{name}");
    }
}

#[test]
fn the_age_of_a_configuration_is_told_at_the_time_of_the_scrape() {
    let metrics = Metrics::new().unwrap();
    let text = metrics.exposition(Timestamp::now()).unwrap();
    assert!(text.contains("\nhedgerow_config_age_seconds 0\n"));
    assert!(text.contains("hedgerow_build_info{commit="));
}

/// The share of the series budget that does not depend on routes, backends and listeners (`request_metrics::budget` counts on it).
const OURS_MAX: usize = 50;

#[test]
fn thousands_of_certificates_stay_within_their_share_of_the_series() {
    let registry = Registry::new();
    process_metrics::register(&registry).unwrap();
    AccessLogMetrics::register(&registry).unwrap();
    let config = ConfigMetrics::register(&registry).unwrap();
    let pair = rcgen::generate_simple_self_signed(["a.test".to_owned()]).unwrap();
    let (chain, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    let certificate = Arc::new(Certificate::parse(chain.as_bytes(), key.as_bytes()).unwrap());
    let mut snapshot = Snapshot::default();
    for n in 0..5000 {
        snapshot.tls.insert(TlsEntry {
            host: Hostname::parse(&format!("host-{n}.test")).unwrap(),
            secret: ObjectName::new("website", "tls"),
            certificate: certificate.clone(),
        });
    }
    let nothing = InForce::nothing(Arc::default(), certificate.key.clone());
    config.published(&InForce {
        snapshot: Arc::new(snapshot),
        ..nothing
    });
    let families = registry.gather();
    let series: usize = families
        .iter()
        .map(|family| family.get_metric().len())
        .sum();
    assert!((20..=OURS_MAX).contains(&series), "{series}");
}
