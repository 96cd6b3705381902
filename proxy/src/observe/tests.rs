//! Is every metric documented as it is?

use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;

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
