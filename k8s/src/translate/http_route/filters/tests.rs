//! Does every filter do what it says, and a wrong one stop its rule?

use super::*;
use crate::objects::Object;
use config::name::{Kind, ObjectName};
use serde_json::{Value, json};

fn read_all(filters: Value, has_prefixes_only: bool) -> (Result<Vec<Filter>, String>, Vec<String>) {
    let asked: Vec<Asked> = serde_json::from_value(filters).unwrap();
    let object = Object {
        value: (),
        name: ObjectName::new("web", "r"),
        revision: 0,
        lines: None,
    };
    let mut findings = Findings::of(Kind::HttpRoute, &object);
    let made = translate("filters", &asked, has_prefixes_only, &mut findings);
    let problems = findings.into_problems();
    let problems = problems.iter().map(|problem| problem.field.clone());
    (made, problems.collect())
}

/// A right filter, as it is printed for debugging.
#[track_caller]
fn check(filter: Value, expected: &str) {
    let (made, problems) = read_all(json!([filter]), true);
    assert_eq!(problems, [""; 0]);
    assert_eq!(format!("{:?}", made.unwrap()), format!("[{expected}]"));
}

/// Wrong filters, and the field of the first problem.
#[track_caller]
fn check_wrong(filters: Value, field: &str) {
    let (made, problems) = read_all(filters.clone(), false);
    assert!(made.is_err(), "{filters}");
    assert_eq!(problems, [field], "{filters}");
}

fn set(name: &str, value: &str) -> Value {
    json!({ "type": "RequestHeaderModifier", "requestHeaderModifier": { "set": [{ "name": name, "value": value }] } })
}

fn redirect(fields: Value) -> Value {
    json!({ "type": "RequestRedirect", "requestRedirect": fields })
}

fn rewrite(fields: Value) -> Value {
    json!({ "type": "URLRewrite", "urlRewrite": fields })
}

#[test]
fn headers_are_set_added_and_removed_each_name_once() {
    check(
        json!({ "type": "ResponseHeaderModifier", "responseHeaderModifier": {
            "set": [{ "name": "X-A", "value": "1" }, { "name": "x-a", "value": "2" }],
            "add": [{ "name": "b", "value": "3" }], "remove": ["C"] } }),
        r#"ResponseHeaders(HeaderChange { set: [("x-a", "1")], add: [("b", "3")], remove: ["c"] })"#,
    );
    check(
        set("a", "b c"),
        r#"RequestHeaders(HeaderChange { set: [("a", "b c")], add: [], remove: [] })"#,
    );
}

#[test]
fn what_the_edge_itself_writes_is_no_filters() {
    let filter = json!({ "type": "RequestHeaderModifier", "requestHeaderModifier": {
        "set": [{ "name": "X-Forwarded-For", "value": "1.2.3.4" }, { "name": "x-forwarded-prefix", "value": "/a" }],
        "add": [{ "name": "Cdn-Loop", "value": "a" }], "remove": ["cdn-loop", "x-request-id", "b"] } });
    let (made, problems) = read_all(json!([filter]), true);
    let expected = r#"[RequestHeaders(HeaderChange { set: [("x-forwarded-prefix", "/a")], add: [], remove: ["b"] })]"#;
    assert_eq!(format!("{:?}", made.unwrap()), expected);
    let parts = ["set[0].name", "add[0].name", "remove[0]", "remove[1]"];
    assert_eq!(
        problems,
        parts.map(|part| format!("filters[0].requestHeaderModifier.{part}"))
    );
    // A response has none of them from us.
    let filter = json!([{ "type": "ResponseHeaderModifier", "responseHeaderModifier": { "remove": ["x-request-id"] } }]);
    assert_eq!(read_all(filter, true).1, [""; 0]);
}

#[test]
fn a_redirect_keeps_what_it_does_not_name() {
    check(
        redirect(json!({})),
        "Redirect(Redirect { scheme: None, hostname: None, port: None, path: None, status: 302 })",
    );
    check(
        redirect(
            json!({ "scheme": "https", "port": 8443, "statusCode": 308, "path": { "type": "ReplaceFullPath", "replaceFullPath": "/a" } }),
        ),
        r#"Redirect(Redirect { scheme: Some("https"), hostname: None, port: Some(8443), path: Some(Full("/a")), status: 308 })"#,
    );
}

#[test]
fn a_rewrite_replaces_the_path_or_its_prefix() {
    for (path, expected) in [
        (
            json!({ "type": "ReplaceFullPath", "replaceFullPath": "/%7ea" }),
            r#"Full("/~a")"#,
        ),
        (
            json!({ "type": "ReplacePrefixMatch", "replacePrefixMatch": "/a" }),
            r#"Prefix("/a")"#,
        ),
        (
            json!({ "type": "ReplacePrefixMatch", "replacePrefixMatch": "" }),
            r#"Prefix("")"#,
        ),
    ] {
        let expected = format!("Rewrite {{ hostname: None, path: Some({expected}) }}");
        check(rewrite(json!({ "path": path })), &expected);
    }
}

#[test]
fn a_filter_that_is_wrong_or_unknown_stops_the_rule() {
    let part = |name: &str| json!([{ "type": name }]);
    check_wrong(
        part("RequestHeaderModifier"),
        "filters[0].requestHeaderModifier",
    );
    check_wrong(part("URLRewrite"), "filters[0].urlRewrite");
    for name in ["RequestMirror", "CORS", "ExtensionRef"] {
        check_wrong(part(name), "filters[0].type");
    }
    check_wrong(
        json!([set("a b", "c")]),
        "filters[0].requestHeaderModifier.set[0].name",
    );
    check_wrong(
        json!([set("a", "b\nc")]),
        "filters[0].requestHeaderModifier.set[0].value",
    );
    check_wrong(json!([set("a", "b"), set("c", "d")]), "filters[1].type");
    check_wrong(
        json!([rewrite(json!({})), redirect(json!({}))]),
        "filters[1].type",
    );
}

#[test]
fn a_redirect_or_rewrite_with_a_wrong_part_stops_the_rule() {
    let path =
        |kind: &str, name: &str, value: &str| json!({ "path": { "type": kind, name: value } });
    for (fields, field) in [
        (json!({ "statusCode": 200 }), "statusCode"),
        (json!({ "statusCode": 304 }), "statusCode"),
        (json!({ "port": 0 }), "port"),
        (json!({ "hostname": "*.test" }), "hostname"),
        (json!({ "hostname": "a b" }), "hostname"),
        (
            path("ReplaceFullPath", "replaceFullPath", "a"),
            "path.replaceFullPath",
        ),
        (
            path("ReplaceFullPath", "replaceFullPath", "/a?b=c"),
            "path.replaceFullPath",
        ),
        (
            path("ReplaceFullPath", "other", "/a"),
            "path.replaceFullPath",
        ),
        // The rule has a match that is no prefix.
        (
            path("ReplacePrefixMatch", "replacePrefixMatch", "/a"),
            "path.replacePrefixMatch",
        ),
    ] {
        let expected = format!("filters[0].requestRedirect.{field}");
        check_wrong(json!([redirect(fields.clone())]), &expected);
        if field.starts_with("path") || field == "hostname" {
            let expected = format!("filters[0].urlRewrite.{field}");
            check_wrong(json!([rewrite(fields)]), &expected);
        }
    }
}

#[test]
fn headers_that_frame_a_message_cannot_be_changed() {
    for name in headers::FRAMING_HEADERS {
        check_wrong(
            json!([set(name, "x")]),
            "filters[0].requestHeaderModifier.set[0].name",
        );
        let remove = json!([{ "type": "ResponseHeaderModifier", "responseHeaderModifier": { "remove": [name] } }]);
        check_wrong(remove, "filters[0].responseHeaderModifier.remove[0]");
    }
}
