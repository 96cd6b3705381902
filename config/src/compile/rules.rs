//! What does each rule of each object do with a request?

use super::backends::Backends;
use crate::model::{Filter, ListenerScope, Redirect, Route, RouteRule};
use crate::name::{Kind, ObjectRef};
use crate::problem::Problem;
use crate::reason::Reason;
use crate::snapshot::{Action, Failure, Rule, WeightedTarget};
use std::sync::Arc;

/// Rules in the order of their objects' seniority, and the last one that answers 404.
pub fn compile(
    routes: &[&Route],
    backends: &mut Backends<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<Rule> {
    let rules_len: usize = routes.iter().map(|route| route.rules.len()).sum();
    let mut rules = Vec::with_capacity(rules_len + 1);
    for route in routes {
        for rule in &route.rules {
            rules.push(Rule {
                object: route.object.clone(),
                field: rule.field.clone(),
                origin: rule.origin.clone(),
                hosts: rule.hosts.clone(),
                matches: rule.matches.clone(),
                scope: rule.scope.clone(),
                is_default_backend: rule.is_default_backend,
                filters: without_redirects(&rule.filters),
                action: action(route, rule, backends, problems),
                policy: rule.policy.clone(),
            });
        }
        for lost in &route.lost {
            backends.judge(route, lost, problems);
        }
    }
    rules.push(not_found());
    rules
}

fn without_redirects(filters: &[Filter]) -> Vec<Filter> {
    let kept = filters.iter().filter(|f| !matches!(f, Filter::Redirect(_)));
    kept.cloned().collect()
}

fn not_found() -> Rule {
    Rule {
        object: ObjectRef::new(Kind::Manifest, "", "none"),
        field: Arc::from(""),
        origin: None,
        hosts: Arc::new([]),
        matches: Arc::new([]),
        scope: ListenerScope::ALL,
        is_default_backend: true,
        filters: Vec::new(),
        action: Action::NotFound,
        policy: Arc::default(),
    }
}

fn action(
    route: &Route,
    rule: &RouteRule,
    backends: &mut Backends<'_>,
    problems: &mut Vec<Problem>,
) -> Action {
    if let Some(redirect) = redirect(&rule.filters) {
        return Action::Redirect(redirect.clone());
    }
    let mut whole: u32 = 0;
    let mut targets = Vec::with_capacity(rule.backends.len());
    for reference in &rule.backends {
        let backend = backends.resolve(route, rule, reference, problems);
        if reference.weight == 0 {
            continue; // "If weight is set to 0, no traffic should be forwarded for this entry."
        }
        whole = whole.saturating_add(reference.weight);
        targets.push(WeightedTarget {
            weight_until: whole,
            backend,
            filters: reference.filters.clone(),
        });
    }
    match targets.as_slice() {
        [] => Action::Fail(no_target(route, rule)),
        [target] => match &target.backend {
            Ok(_) => Action::Forward(targets),
            Err(failure) => Action::Fail(failure.clone()),
        },
        _ => Action::Forward(targets),
    }
}

fn redirect(filters: &[Filter]) -> Option<&Redirect> {
    filters.iter().find_map(|filter| match filter {
        Filter::Redirect(redirect) => Some(redirect),
        _ => None,
    })
}

/// Nothing to forward to. An HTTPRoute without a backend and without a filter that answers "MUST receive a 500 status code"; that all
/// weights are 0 is not in its text, and is the same case: no backend is left.
fn no_target(route: &Route, rule: &RouteRule) -> Failure {
    let sentence = if rule.backends.is_empty() {
        "the rule names no backend"
    } else {
        "the weight of every backend of the rule is 0"
    };
    failure(route, Reason::NoService, sentence.to_owned())
}

/// 500 for an HTTPRoute's invalid reference, by its specification; 503 with the reason in every other case.
pub fn failure(route: &Route, reason: Reason, sentence: String) -> Failure {
    let reason = match route.object.kind {
        Kind::HttpRoute => Reason::InvalidBackend,
        _ => reason,
    };
    Failure {
        status: reason.status(),
        reason,
        sentence,
    }
}
