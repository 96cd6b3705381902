//! Does compilation resolve every name, and report every one that leads nowhere?

mod certificates;
mod churn;
mod conflicts;
mod endpoints;
mod isolation;
mod memory;
pub mod random;
mod references;
pub mod site;

use super::*;
use crate::problem::{Problem, ProblemCode, Severity};
use crate::snapshot::{Action, RequestView, Rule};
use site::Site;

/// The rule that takes `GET host/path`.
pub fn winner<'c>(compiled: &'c Compiled, target: &str) -> &'c Rule {
    let (host, _) = target.split_once('/').unwrap();
    let request = RequestView {
        is_https: false,
        port: None,
        host,
        method: &http::Method::GET,
        path: &target[host.len()..],
        query: None,
        headers: &http::HeaderMap::new(),
    };
    let id = compiled.snapshot.find(&request);
    compiled.snapshot.rule(id).unwrap()
}

/// What happens to a request: `a/b:80 -> [addresses]`, `503 no-service`, `404`.
pub fn outcome(compiled: &Compiled, target: &str) -> String {
    match &winner(compiled, target).action {
        Action::Forward(targets) => {
            let each = targets.iter().map(|target| match &target.backend {
                Ok(id) => {
                    let backend = compiled.snapshot.backend(*id).unwrap();
                    let addresses = &compiled.endpoints[&backend.key];
                    let addresses: Vec<_> =
                        addresses.iter().map(|a| a.address.to_string()).collect();
                    format!("{} -> [{}]", backend.label, addresses.join(" "))
                }
                Err(failure) => format!("{} {}", failure.status, failure.reason),
            });
            each.collect::<Vec<_>>().join(", ")
        }
        Action::Fail(failure) => format!("{} {}", failure.status, failure.reason),
        Action::Redirect(redirect) => format!("redirect {}", redirect.status),
        Action::NotFound => "404".to_owned(),
    }
}

/// The one problem with this code.
#[track_caller]
pub fn problem(compiled: &Compiled, code: ProblemCode) -> &Problem {
    let found: Vec<_> = compiled
        .problems
        .iter()
        .filter(|p| p.code == code)
        .collect();
    assert_eq!(found.len(), 1, "{code:?} in {:#?}", compiled.problems);
    found[0]
}

/// There is exactly one such problem, and its text has all of these words.
#[track_caller]
pub fn check_problem(compiled: &Compiled, expected: (Severity, ProblemCode, &str), words: &[&str]) {
    let (severity, code, object) = expected;
    let problem = problem(compiled, code);
    assert_eq!(
        (problem.severity, &*problem.object.to_string()),
        (severity, object)
    );
    for word in words {
        let text = problem.to_string();
        assert!(text.contains(word), "{word:?} is not in {text}");
    }
}

#[test]
fn an_empty_model_answers_404() {
    let compiled = Site::default().compile();
    assert_eq!(outcome(&compiled, "a.test/"), "404");
    assert!(compiled.problems.is_empty());
}

#[test]
fn the_first_site_is_served_from_its_two_homes() {
    let compiled = Site::edwardstech().compile();
    assert_eq!(
        outcome(&compiled, "edwardstech.dev/api/health"),
        "website/backend-service:3001 -> [192.168.0.50:3001]"
    );
    assert_eq!(
        outcome(&compiled, "edwardstech.dev/apifoo"),
        "website/frontend-service:80 -> [10.42.0.7:8080 10.42.1.9:8080]"
    );
    let errors = compiled
        .problems
        .iter()
        .filter(|p| p.severity == Severity::Error);
    assert_eq!(errors.count(), 0, "{:#?}", compiled.problems);
}

#[test]
fn problems_of_the_translation_are_kept_and_none_comes_twice() {
    let first = Site::edwardstech().compile();
    let given: Problems = first
        .problems
        .iter()
        .cloned()
        .chain(first.problems.iter().cloned())
        .collect();
    let site = Site::edwardstech();
    let again = compile(&site.model, given, &site.options);
    assert_eq!(again.problems, first.problems);
}

#[test]
fn the_digest_does_not_depend_on_order_and_tells_routes_and_services_apart() {
    let digest = |site: &Site| site.compile().snapshot.digest;
    let site = Site::edwardstech().ingress("b/x", 0, &[("b.test", "/", "x", "80")]);
    let mut turned = Site::edwardstech().ingress("b/x", 0, &[("b.test", "/", "x", "80")]);
    turned.model.routes.reverse();
    assert_eq!(digest(&site), digest(&turned));
    assert!(digest(&site) < 1 << 48);
    assert_ne!(digest(&site), digest(&Site::edwardstech()));
    let service = Site::edwardstech().service("website/frontend-service", &[("", 80)], false);
    assert_ne!(digest(&service), digest(&Site::edwardstech()));
    let churned =
        Site::edwardstech().slice("website/frontend-service", &[("", 8080)], &["10.42.3.3"]);
    assert_eq!(
        digest(&churned),
        digest(&Site::edwardstech()),
        "endpoints do not count"
    );
}
