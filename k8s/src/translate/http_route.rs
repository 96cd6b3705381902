//! What does an HTTPRoute ask for?

mod backends;
mod filters;
mod matches;
mod parents;

use super::findings::{Findings, quoted};
use super::gateway::Gateways;
use super::grant::Grants;
use super::{bounds, created_seconds, digest, policy};
use crate::objects::Object;
use config::hostname::WildcardLabels;
use config::model::{
    BackendReference, Filter, HostMatch, ListenerScope, LostReference, PathMatch, RequestMatch,
    Route, RoutePolicy, RouteRule, WeightedReference,
};
use config::name::Kind;
use config::problem::{Problem, ProblemCode};
use gateway_api::apis::standard::httproutes::{
    HttpRoute, HttpRouteRules, HttpRouteRulesTimeouts, HttpRouteSpec,
};
use matches::Left;
use parents::Attachment;
pub(super) use parents::{Fate, fate};
use std::sync::Arc;
use std::time::Duration;

/// What an HTTPRoute's translation needs beside the HTTPRoute.
pub(super) struct Surroundings<'a> {
    pub gateways: &'a Gateways,
    pub grants: &'a Grants<'a>,
}

/// The route of an HTTPRoute, if it attaches to a listener of ours.
/// <https://gateway-api.sigs.k8s.io/reference/spec/#httproute>
pub(super) fn translate(
    object: &Object<HttpRoute>,
    surroundings: &Surroundings<'_>,
) -> (Option<Arc<Route>>, Vec<Problem>) {
    let mut findings = Findings::of(Kind::HttpRoute, object);
    let spec = &object.value.spec;
    let attachments = parents::attach(spec, surroundings.gateways, &mut findings);
    if attachments.is_empty() {
        report_no_parent(spec, &mut findings);
        return (None, findings.into_problems());
    }
    policy::report_misplaced(&object.value.metadata, &mut findings);
    let scopes = by_scope(&attachments);
    let (mut rules, mut lost) = (Vec::new(), Vec::new());
    let mut left = Left::default();
    // HTTPRouteSpec.rules: the default is one rule that takes everything.
    let default = [HttpRouteRules::default()];
    let asked = spec.rules.as_deref().unwrap_or(&default);
    report_no_rule(spec, &mut findings);
    let asked = bounds::first(asked, bounds::RULES_MAX, "spec.rules", &mut findings);
    for (index, rule) in asked.iter().enumerate() {
        let mut maker = Maker {
            left: &mut left,
            lost: &mut lost,
            is_written: spec.rules.is_some(),
            field: format!("spec.rules[{index}]"),
            findings: &mut findings,
            surroundings,
        };
        let Some(made) = maker.rule(rule) else {
            continue;
        };
        for (hosts, scope) in &scopes {
            rules.push(RouteRule {
                hosts: hosts.as_slice().into(),
                scope: scope.clone(),
                ..made.clone()
            });
        }
    }
    rules.shrink_to_fit();
    let attached: Vec<String> = attachments.iter().map(Attachment::to_string).collect();
    let route = Route {
        object: findings.object.clone(),
        created: created_seconds(&object.value.metadata),
        origin: findings.origin(""),
        rules,
        lost,
        tls: Vec::new(),
        digest: digest::of_route(&findings.object, &object.value.metadata, &(spec, attached)),
    };
    (Some(Arc::new(route)), findings.into_problems())
}

/// A parent that is not a Gateway of ours is somebody else's matter; none at all is nobody's.
fn report_no_parent(spec: &HttpRouteSpec, findings: &mut Findings<'_>) {
    if spec.parent_refs.as_deref().unwrap_or_default().is_empty() {
        findings.warning(
            ProblemCode::NoSuchGateway,
            "spec.parentRefs",
            "names no Gateway",
            "a Gateway to attach to; nobody serves this route",
        );
    }
}

fn report_no_rule(spec: &HttpRouteSpec, findings: &mut Findings<'_>) {
    let expected = match spec.rules.as_deref() {
        None => "rules with backendRefs; requests for its hosts are answered with 500 meanwhile",
        Some([]) => "at least one rule; this route takes no request",
        Some(_) => return,
    };
    let found = "has no rules";
    findings.error(ProblemCode::InvalidField, "spec.rules", found, expected);
}

/// A rule has one scope, so hosts that are reached in different ways are rules of their own. No host is every host.
fn by_scope(attachments: &[Attachment]) -> Vec<(Vec<HostMatch>, ListenerScope)> {
    let mut scopes: Vec<(Vec<HostMatch>, ListenerScope)> = Vec::new();
    for attachment in attachments {
        let Some(name) = attachment.host.clone() else {
            scopes.push((Vec::new(), attachment.scope.clone()));
            continue;
        };
        let host = HostMatch {
            name,
            labels: WildcardLabels::Many,
        };
        let same = |(hosts, scope): &&mut (Vec<HostMatch>, ListenerScope)| {
            !hosts.is_empty() && *scope == attachment.scope
        };
        match scopes.iter_mut().find(same) {
            Some((hosts, _)) => hosts.push(host),
            None => scopes.push((vec![host], attachment.scope.clone())),
        }
    }
    scopes
}

struct Maker<'a, 'f> {
    /// Of the rule.
    field: String,
    findings: &'a mut Findings<'f>,
    left: &'a mut Left,
    /// What no request reaches.
    lost: &'a mut Vec<LostReference>,
    /// Not the rule that stands for a missing list.
    is_written: bool,
    surroundings: &'a Surroundings<'a>,
}

impl Maker<'_, '_> {
    /// None: no match of the rule is right, so that it can take no request.
    fn rule(&mut self, rule: &HttpRouteRules) -> Option<RouteRule> {
        let matches = matches::translate(&self.field, rule, self.left, self.findings);
        let filters = self.filters(rule, &matches);
        let has_filters = filters.is_ok();
        // A filter that is wrong may have been the redirect that needs no backend.
        let is_judged = has_filters || rule.backend_refs.is_some();
        let known = filters.as_deref().unwrap_or_default();
        let backends = match is_judged {
            true => self.backends(rule, known, &matches),
            false => Vec::new(),
        };
        let mut made = RouteRule {
            origin: self.findings.origin(&self.field),
            hosts: Arc::new([]),
            matches: matches.into(),
            scope: ListenerScope::ALL,
            is_default_backend: false,
            filters: Vec::new(),
            backends,
            policy: Arc::new(self.policy(rule.timeouts.as_ref())),
            field: self.field.as_str().into(),
        };
        if made.matches.is_empty() || !has_filters {
            self.lost.extend(made.clone().into_lost());
        }
        match filters {
            Ok(filters) => made.filters = filters,
            Err(sentence) => made.backends = vec![self.failing(sentence)],
        }
        (!made.matches.is_empty()).then_some(made)
    }

    /// The error says which filter stops the rule: "the filter MUST NOT be skipped. Instead, requests that would have been processed
    /// by that filter MUST receive a HTTP error response" (HTTPRouteFilter).
    fn filters(
        &mut self,
        rule: &HttpRouteRules,
        matches: &[RequestMatch],
    ) -> Result<Vec<Filter>, String> {
        let asked = rule.filters.as_deref().unwrap_or_default();
        let field = format!("{}.filters", self.field);
        filters::translate(&field, asked, has_prefixes_only(matches), self.findings)
    }

    fn backends(
        &mut self,
        rule: &HttpRouteRules,
        filters: &[Filter],
        matches: &[RequestMatch],
    ) -> Vec<WeightedReference> {
        let asked = rule.backend_refs.as_deref().unwrap_or_default();
        let has_redirect = filters
            .iter()
            .any(|filter| matches!(filter, Filter::Redirect(_)));
        if has_redirect {
            if !asked.is_empty() {
                self.findings.warning(
                    ProblemCode::InvalidField,
                    &format!("{}.backendRefs", self.field),
                    "stands beside a RequestRedirect",
                    "one of the two; the redirect is obeyed",
                );
            }
            return Vec::new();
        }
        let field = format!("{}.backendRefs", self.field);
        if asked.is_empty() && self.is_written {
            self.findings.error(
                ProblemCode::InvalidField,
                &field,
                "names no backend",
                "a backend, or a RequestRedirect among the filters; these requests are answered with 500 meanwhile",
            );
        }
        let asked = bounds::first(asked, bounds::BACKENDS_MAX, &field, self.findings);
        let mut reader = backends::Reader {
            findings: self.findings,
            grants: self.surroundings.grants,
            has_prefixes_only: has_prefixes_only(matches),
        };
        let backends = asked.iter().enumerate();
        backends
            .map(|(index, asked)| reader.backend(&self.field, index, asked))
            .collect()
    }

    /// What every request of the rule gets: 500.
    fn failing(&self, sentence: String) -> WeightedReference {
        WeightedReference {
            weight: 1,
            field: "filters".to_owned(),
            origin: self.findings.origin(&format!("{}.filters", self.field)),
            reference: BackendReference::Invalid { sentence },
            filters: Vec::new(),
            policy: None,
        }
    }

    fn policy(&mut self, timeouts: Option<&HttpRouteRulesTimeouts>) -> RoutePolicy {
        let Some(timeouts) = timeouts else {
            return RoutePolicy::default();
        };
        let request = self.timeout("request", timeouts.request.as_deref());
        let attempt = self.timeout("backendRequest", timeouts.backend_request.as_deref());
        if let (Some(whole), Some(part)) = (request, attempt)
            && part > whole
        {
            self.findings.error(
                ProblemCode::InvalidField,
                &format!("{}.timeouts.backendRequest", self.field),
                "is longer than timeouts.request",
                "at most as long; the shorter one ends the request",
            );
        }
        RoutePolicy {
            request_timeout: request,
            attempt_timeout: attempt,
            ..RoutePolicy::default()
        }
    }

    /// Zero is no timeout (HTTPRouteTimeouts).
    fn timeout(&mut self, name: &str, raw: Option<&str>) -> Option<Duration> {
        let raw = raw?;
        match config::duration::parse(raw) {
            Ok(duration) => (!duration.is_zero()).then_some(duration),
            Err(error) => {
                self.findings.error(
                    ProblemCode::InvalidField,
                    &format!("{}.timeouts.{name}", self.field),
                    format!("{} {error}", quoted(raw)),
                    "a duration; the default stays in force",
                );
                None
            }
        }
    }
}

/// "ReplacePrefixMatch is only compatible with a PathPrefix HTTPRouteMatch" (HTTPPathModifier).
fn has_prefixes_only(matches: &[RequestMatch]) -> bool {
    matches
        .iter()
        .all(|one| matches!(one.path, PathMatch::Prefix(_)))
}

#[cfg(test)]
mod tests;
