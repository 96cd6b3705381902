//! Does the house keep its own rules?

mod planted;
mod rules;
mod tree;

use tree::Tree;

/// Every rule over the tree as it stands.
#[test]
fn the_house_keeps_its_rules() {
    let violations = rules::violations(&Tree::read());
    assert!(
        violations.is_empty(),
        "{} violations:\n{}",
        violations.len(),
        violations.join("\n")
    );
}
