//! Does each rule fail on a planted violation?

use super::rules::violations;
use super::tree::Tree;

/// The tree as it stands, with one file changed: the change must be found, and named.
#[track_caller]
fn check(path: &str, text: &str, expected: &str) {
    let mut tree = Tree::read();
    let before = violations(&tree);
    tree.files.insert(path.to_owned(), text.to_owned());
    let new: Vec<String> = violations(&tree)
        .into_iter()
        .filter(|violation| !before.contains(violation))
        .collect();
    assert!(
        new.iter().any(|violation| violation.contains(expected)),
        "expected {expected:?}, found {new:?}"
    );
}

#[test]
fn a_header_that_asks_nothing_is_found() {
    check(
        "config/src/planted.rs",
        "//! Helpers.\n",
        "is not one question",
    );
    check(
        "config/src/planted.rs",
        "//! What? And why?\n",
        "is not one question",
    );
    check(
        "config/src/planted.rs",
        "use std::fmt;\n",
        "is not one question",
    );
}

#[test]
fn a_file_over_the_limit_is_found() {
    let long = format!("//! What is long?\n{}", "\n".repeat(400));
    check("proxy/src/planted.rs", &long, "401 lines");
}

#[test]
fn an_arrow_that_points_the_wrong_way_is_found() {
    check(
        "config/src/planted.rs",
        "//! What?\nuse tokio::net;\n",
        "names `tokio::`",
    );
    check(
        "k8s/src/planted.rs",
        "//! What?\nuse proxy::live;\n",
        "names `proxy::`",
    );
    check(
        "proxy/src/planted.rs",
        "//! What?\nuse k8s::objects;\n",
        "names `k8s::`",
    );
    check(
        "config/Cargo.toml",
        "[dependencies]\ntokio.workspace = true\n",
        "depends on `tokio`",
    );
}

#[test]
fn an_undocumented_metric_is_found_and_so_is_a_document_without_its_metric() {
    check(
        "proxy/src/observe/planted.rs",
        "//! What?\nconst A: &str = \"hedgerow_planted_total\";\n",
        "`hedgerow_planted_total` is missing",
    );
    check(
        "docs/metrics.md",
        "| `hedgerow_ghost_total` |\n",
        "`hedgerow_ghost_total` does not exist",
    );
}

#[test]
fn an_undocumented_annotation_is_found() {
    check(
        "docs/annotations.md",
        "",
        "docs/annotations.md: `hold` is missing",
    );
}

#[test]
fn an_open_end_without_an_issue_is_found() {
    let line = format!("//! What?\n// {}: later\n", concat!("TO", "DO"));
    check("k8s/src/planted.rs", &line, "without its issue");
}
