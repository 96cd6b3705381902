//! Does a report say everything, in an order that a person can work through?

use super::*;
use config::name::{Kind, ObjectRef, Origin};
use config::problem::ProblemCode;

fn problem(severity: Severity, place: Option<(&str, u32)>, found: &str) -> Problem {
    Problem {
        severity,
        code: ProblemCode::NoSuchService,
        object: ObjectRef::new(Kind::Ingress, "website", "site"),
        field: "spec.rules[0]".into(),
        found: found.into(),
        expected: "a Service of this name:\nkind: Service".into(),
        origin: place.map(|(file, line)| Origin {
            file: file.into(),
            line,
        }),
    }
}

fn served() -> Served {
    Served {
        routes: 1,
        rules: 2,
        hosts: vec!["*".into(), "a.test".into()],
        backends: 2,
        endpoints: 3,
        certificates: 0,
    }
}

fn check_good(severities: &[Severity], is_strict: bool, expected: bool) {
    let problems: Vec<Problem> = severities
        .iter()
        .map(|severity| problem(*severity, None, "x"))
        .collect();
    assert_eq!(
        Report::new(&problems, None, is_strict).is_good(),
        expected,
        "{severities:?}"
    );
}

#[test]
fn errors_fail_and_warnings_only_under_strict() {
    check_good(&[], true, true);
    check_good(&[Severity::Info], true, true);
    check_good(&[Severity::Warning], false, true);
    check_good(&[Severity::Warning], true, false);
    check_good(&[Severity::Error], false, false);
}

#[test]
fn problems_stand_under_their_file_in_the_order_of_lines() {
    let problems = [
        problem(Severity::Info, None, "nowhere"),
        problem(Severity::Warning, Some(("b.yaml", 2)), "third"),
        problem(Severity::Error, Some(("a.yaml", 10)), "second"),
        problem(Severity::Error, Some(("a.yaml", 9)), "first"),
        problem(Severity::Error, Some(("a.yaml", 9)), "first"),
    ];
    let report = Report::new(&problems, Some(served()), false);
    let text = report.render(Output::Text, Paint::PLAIN).expect("renders");
    let expected = "\
a.yaml
    9  error    Ingress website/site  no-such-service
       field     spec.rules[0]
       found     first
       expected  a Service of this name:
                 kind: Service
   10  error    Ingress website/site  no-such-service
       field     spec.rules[0]
       found     second
       expected  a Service of this name:
                 kind: Service
b.yaml
    2  warning  Ingress website/site  no-such-service
       field     spec.rules[0]
       found     third
       expected  a Service of this name:
                 kind: Service
(no file)
       info     Ingress website/site  no-such-service
       field     spec.rules[0]
       found     nowhere
       expected  a Service of this name:
                 kind: Service
2 errors, 1 warning, 1 info
would serve every host, a.test: 1 route with 2 rules, 2 backends with 3 endpoints, no certificate
";
    assert_eq!(text, expected);
}

#[test]
fn colour_changes_no_word() {
    let problems = [problem(Severity::Error, Some(("a.yaml", 1)), "x")];
    let report = Report::new(&problems, Some(served()), false);
    let colour = report.render(Output::Text, Paint::COLOUR).expect("renders");
    assert!(colour.contains("\u{1b}[1;31merror"));
    let mut plain = String::new();
    let mut is_escape = false;
    for c in colour.chars() {
        match c {
            '\u{1b}' => is_escape = true,
            'm' if is_escape => is_escape = false,
            c if !is_escape => plain.push(c),
            _ => {}
        }
    }
    assert_eq!(
        Ok(plain),
        report.render(Output::Text, Paint::PLAIN).map_err(|_| ())
    );
}

#[test]
fn the_json_form_is_the_documented_one() {
    let problems = [problem(Severity::Error, Some(("a.yaml", 9)), "x\u{1b}")];
    let report = Report::new(&problems, Some(served()), true);
    let text = report.render(Output::Json, Paint::COLOUR).expect("renders");
    let json: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
    let expected = serde_json::json!({
        "schema": "hedgerow.check/v1",
        "ok": false,
        "strict": true,
        "counts": { "error": 1, "warning": 0, "info": 0 },
        "problems": [{
            "severity": "error", "code": "no-such-service",
            "kind": "Ingress", "namespace": "website", "name": "site",
            "field": "spec.rules[0]", "found": "x\u{1b}",
            "expected": "a Service of this name:\nkind: Service",
            "file": "a.yaml", "line": 9
        }],
        "served": {
            "routes": 1, "rules": 2, "hosts": ["*", "a.test"],
            "backends": 2, "endpoints": 3, "certificates": 0
        }
    });
    assert_eq!(json, expected);
}
