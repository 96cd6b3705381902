//! Is every text, however hostile, either read rightly or refused with its place?

use super::*;
use crate::source::node::DEPTH_MAX;
use proptest::prelude::*;
use serde_json::{Value, json};

fn read(text: &str, notation: Notation) -> Vec<Result<Value, String>> {
    documents(text.as_bytes(), notation)
        .into_iter()
        .map(|document| match document {
            Ok(node) => Ok(node.split(&"a.yaml".into()).0),
            Err(fault) => Err(format!("{}: {}", fault.line, fault.message)),
        })
        .collect()
}

fn check(text: &str, expected: &[Value]) {
    let found: Vec<Value> = read(text, Notation::Yaml)
        .into_iter()
        .collect::<Result<_, _>>()
        .unwrap();
    assert_eq!(found, expected, "{text:?}");
}

fn check_fault(text: &str, expected: &str) {
    let found = read(text, Notation::Yaml);
    let fault = found.iter().find_map(|document| document.clone().err());
    let fault = fault.unwrap_or_else(|| panic!("{text:?} was read as {found:?}"));
    assert!(
        fault.starts_with(expected),
        "{fault:?} instead of {expected:?}"
    );
}

#[test]
fn documents_are_read_one_by_one() {
    check("a: 1\n---\na: 2\n", &[json!({"a": 1}), json!({"a": 2})]);
    check("# only a comment\n", &[]);
    check("", &[]);
    check("---\n---\na: 1\n", &[json!(null), json!({"a": 1})]);
    check(
        "# c\n\n---\na: 1\n...\n---\na: 2",
        &[json!({"a": 1}), json!({"a": 2})],
    );
    check("%YAML 1.2\n---\na: 1\n", &[json!({"a": 1})]);
    check(
        "a: 1\n...\n# c\n%YAML 1.2\n---\na: 2\n",
        &[json!({"a": 1}), json!({"a": 2})],
    );
    check(
        "a: |\n  ---\n  b\n---\nc: 1\n",
        &[json!({"a": "---\nb\n"}), json!({"c": 1})],
    );
    check("--- {a: 1}\n", &[json!({"a": 1})]);
}

#[test]
fn marks_and_line_ends_of_other_systems_are_read() {
    check(
        "\u{feff}a: 1\r\nb:\r\n  - x\r\n",
        &[json!({"a": 1, "b": ["x"]})],
    );
    check(
        "a: 1\r\n---\r\nb: 2\r\n",
        &[json!({"a": 1}), json!({"b": 2})],
    );
}

#[test]
fn aliases_and_merges_are_expanded() {
    check(
        "a: &x {b: 1}\nc: *x\n",
        &[json!({"a": {"b": 1}, "c": {"b": 1}})],
    );
    check(
        "a: &x {b: 1, c: 1}\nd:\n  <<: *x\n  c: 2\n",
        &[json!({"a": {"b": 1, "c": 1}, "d": {"c": 2, "b": 1}})],
    );
    check(
        "a: &x {b: 1}\nd:\n  <<: [*x, {b: 2, c: 3}]\n",
        &[json!({"a": {"b": 1}, "d": {"b": 1, "c": 3}})],
    );
    check_fault("a: &x 1\n---\nb: *x\n", "3: ");
    check_fault("a: &x [*x]\n", "1: ");
    check_fault("a:\n  <<: 1\n", "2: a number under <<");
}

#[test]
fn keys_become_text_and_may_not_repeat() {
    check("80: a\ntrue: b\n", &[json!({"80": "a", "true": "b"})]);
    check_fault("a: 1\nb: 2\na: 3\n", "3: the key \"a\" stands twice");
    check_fault("x:\n  - {a: 1, a: 2}\n", "2: the key \"a\" stands twice");
    check_fault("? [a]\n: b\n", "1: a key that is a list or a map");
}

#[test]
fn a_broken_document_costs_its_neighbours_nothing() {
    let found = read("a: 1\n---\nb: [\n---\nc: 3\n", Notation::Yaml);
    assert_eq!(found[0], Ok(json!({"a": 1})));
    assert!(
        found[1]
            .as_ref()
            .is_err_and(|fault| fault.starts_with("3") || fault.starts_with("4"))
    );
    assert_eq!(found[2], Ok(json!({"c": 3})));
}

#[test]
fn text_that_is_not_yaml_is_refused_with_its_line() {
    check_fault("a: 1\nb:\n\tc: 2\n", "3: ");
    check_fault("a: b: c\n", "1: ");
    check_fault("a: 1\nb: \"\n", "");
    check_fault("a: 1\nb: x\u{0}y\n", "2: the control character U+0000");
    check_fault("a: \u{1b}[31m\n", "1: the control character U+001B");
    check_fault("a: @b\n", "1: ");
    let found = documents(b"a: 1\nb: \xff\n", Notation::Yaml);
    assert_eq!(found[0].as_ref().unwrap_err().line, 2);
    assert_eq!(found.len(), 1);
    let large = vec![b'a'; FILE_BYTES_MAX + 1];
    assert!(documents(&large, Notation::Yaml)[0].is_err());
}

#[test]
fn nesting_is_bounded_whatever_opens_it() {
    let deep = DEPTH_MAX * 1000;
    for opener in ["[", "{a: ", "- ", "? ", "&x [", "!!seq ["] {
        let text = opener.repeat(deep);
        assert!(read(&text, Notation::Yaml)[0].is_err(), "{opener:?}");
    }
    let text = "[".repeat(deep);
    assert!(read(&text, Notation::Json)[0].is_err());
    let lines: String = (0..2000)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    assert!(read(&lines, Notation::Yaml)[0].is_err());
    let fits = format!("{}{}", "[".repeat(DEPTH_MAX - 1), "]".repeat(DEPTH_MAX - 1));
    assert!(read(&fits, Notation::Yaml)[0].is_ok());
}

#[test]
fn aliases_cannot_multiply_nodes_text_or_depth() {
    let mut laughs = String::from("a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n");
    for level in 1..12 {
        let inner = format!("*a{}, ", level - 1).repeat(10);
        laughs.push_str(&format!("a{level}: &a{level} [{inner}]\n"));
    }
    assert!(read(&laughs, Notation::Yaml)[0].is_err());

    let text = format!(
        "a: &a {}\nb: [{}]\n",
        "x".repeat(1_000_000),
        "*a, ".repeat(100)
    );
    assert!(read(&text, Notation::Yaml)[0].is_err());

    let mut deep = format!("a0: &a0 {}{}\n", "[".repeat(60), "]".repeat(60));
    for level in 1..5 {
        let (open, close) = ("[".repeat(60), "]".repeat(60));
        deep.push_str(&format!(
            "a{level}: &a{level} {open}*a{} {close}\n",
            level - 1
        ));
    }
    check_fault(&deep, "3: more than");
}

#[test]
fn lines_are_those_of_the_file_in_every_document() {
    let text = "a: 1\n---\n# c\nspec:\n  rules:\n    - host: x\n      http: {}\n    -\n      host: y\n\
                metadata:\n  annotations:\n    example.org/a: b\n";
    let found = documents(text.as_bytes(), Notation::Yaml);
    let node = found[1].clone().unwrap();
    let (_, lines) = node.split(&"a.yaml".into());
    let line = |field: &str| lines.origin(field).unwrap().line;
    assert_eq!(line(""), 4);
    assert_eq!(line("spec"), 4);
    assert_eq!(line("spec.rules"), 5);
    assert_eq!(line("spec.rules[0].host"), 6);
    assert_eq!(line("spec.rules[0].http"), 7);
    assert_eq!(line("spec.rules[0].http.paths[3].path"), 7);
    assert_eq!(line("spec.rules[1].host"), 9);
    assert_eq!(line("metadata.annotations[example.org/a]"), 12);
    assert_eq!(line("metadata.annotations.example.org/a"), 12);
}

#[test]
fn json_has_lines_too() {
    let text = "{\n \"a\": 1,\n \"b\": [\n  {\"c\": \"x\"},\n  {\n   \"c\": 2\n  }\n ]\n}\n{\"d\": null}\n";
    let found = documents(text.as_bytes(), Notation::Json);
    let (value, lines) = found[0].clone().unwrap().split(&"a.json".into());
    assert_eq!(value, json!({"a": 1, "b": [{"c": "x"}, {"c": 2}]}));
    let line = |field: &str| lines.origin(field).unwrap().line;
    assert_eq!(line(""), 1);
    assert_eq!(line("a"), 2);
    assert_eq!(line("b[0].c"), 4);
    assert_eq!(line("b[1]"), 5);
    assert_eq!(line("b[1].c"), 6);
    assert_eq!(found[1].as_ref().unwrap().child("d").unwrap().line, 10);
    assert_eq!(read(" \n", Notation::Json), []);
    assert_eq!(
        read("{\"a\": 1,\n\"a\": 2}", Notation::Json),
        [Err("2: the key \"a\" stands twice in one map".to_owned())]
    );
    assert!(read("{\"a\": 1", Notation::Json)[0].is_err());
}

#[test]
fn the_bracket_at_the_top_of_a_file_may_be_long() {
    let text = format!("[{}]", "1, ".repeat(200_000));
    assert!(read(&text, Notation::Yaml)[0].is_ok());
    let text = format!("[{}]", ", ".repeat(FLOW_MARKS_MAX + 1));
    check_fault(&text, "1: more than 1000000 brackets");
}

proptest! {
    #[test]
    fn no_text_makes_it_panic(text in any::<String>()) {
        let _ = documents(text.as_bytes(), Notation::Yaml);
        let _ = documents(text.as_bytes(), Notation::Json);
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = documents(&bytes, Notation::Yaml);
    }

    /// Made of the pieces that mean something, which plain strings seldom are.
    #[test]
    fn no_mix_of_marks_makes_it_panic(
        pieces in prop::collection::vec(prop::sample::select(&[
            "a", ":", " ", "\n", "- ", "  ", "[", "]", "{", "}", ",", "&x ", "*x", "!!str ", "!t!x ", "|\n", ">-\n", "---\n", "...\n", "\"",
            "'", "#", "? ", "%TAG ! x\n", "%YAML 1.2\n", "\\u12", "\t", "\r", "<<: ", "~", "\u{feff}", "\u{2028}", "é",
        ][..]), 0..40)
    ) {
        let text: String = pieces.concat();
        let _ = documents(text.as_bytes(), Notation::Yaml);
    }

    /// What JSON can write, both readers read alike.
    #[test]
    fn json_text_means_the_same_as_yaml(value in json_value()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        prop_assert_eq!(read(&text, Notation::Json), vec![Ok(value.clone())]);
        prop_assert_eq!(read(&text, Notation::Yaml), vec![Ok(value)]);
    }
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[ -~]{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 32, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Value::from),
            prop::collection::btree_map("[a-z]{1,6}", inner, 0..6)
                .prop_map(|map| map.into_iter().collect()),
        ]
    })
    .prop_map(|value| json!({ "value": value }))
}
