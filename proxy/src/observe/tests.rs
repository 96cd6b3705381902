//! Is every metric documented, and every documented metric there?

use super::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const CRATE: &str = env!("CARGO_MANIFEST_DIR");

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

fn source_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            source_files(&path, files);
        } else {
            files.push(path);
        }
    }
}

/// Every `"hedgerow_…"` and `"process_…"` that stands in quotes: vectors without children do not show in a scrape, but here.
fn named_in_source() -> BTreeSet<String> {
    let mut files = Vec::new();
    source_files(Path::new(&format!("{CRATE}/src")), &mut files);
    let text: String = files
        .iter()
        .filter(|path| !path.ends_with("tests.rs"))
        .map(|path| fs::read_to_string(path).unwrap())
        .collect();
    let is_name = |word: &&str| {
        (word.starts_with("hedgerow_") || word.starts_with("process_"))
            && word
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_')
    };
    text.split('"').filter(is_name).map(str::to_owned).collect()
}

#[test]
fn the_documentation_names_every_metric_and_no_other() {
    let documented: BTreeSet<String> = documented().into_keys().collect();
    assert_eq!(documented, named_in_source());
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
