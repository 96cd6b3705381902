//! What does an Ingress ask for?

mod backend;

use super::class::{self, Verdict};
use super::findings::{Findings, quoted};
use super::policy::{self, RoutePolicies};
use super::{created_seconds, digest};
use crate::objects::Object;
use config::hostname::{Hostname, WildcardLabels};
use config::model::{
    BackendReference, HostMatch, ListenerScope, LostReference, PathMatch, RequestMatch, Route,
    RouteRule, TlsHosts, WeightedReference,
};
use config::name::{Kind, ObjectName};
use config::problem::{Problem, ProblemCode};
use k8s_openapi::api::networking::v1::{
    HTTPIngressPath, Ingress, IngressBackend, IngressRule, IngressSpec, IngressTLS,
};
use std::collections::HashSet;
use std::sync::Arc;

/// The route of an Ingress, if it is ours.
/// <https://kubernetes.io/docs/reference/kubernetes-api/service-resources/ingress-v1/>
pub(super) fn translate(
    object: &Object<Ingress>,
    verdict: &Verdict,
) -> (Option<Arc<Route>>, Vec<Problem>) {
    let mut findings = Findings::of(Kind::Ingress, object);
    match verdict {
        Verdict::Theirs => return (None, Vec::new()),
        Verdict::Nobody(cause) => {
            class::report_nobody(cause, &object.value, &mut findings);
            return (None, findings.into_problems());
        }
        Verdict::Ours => class::report_conflict(&object.value, &mut findings),
    }
    let policies = policy::of_route(&object.value.metadata, &mut findings);
    let mut maker = Maker {
        findings,
        policies,
        lost: Vec::new(),
    };
    let empty = IngressSpec::default();
    let spec = object.value.spec.as_ref().unwrap_or(&empty);
    let mut rules = maker.rules(spec);
    // Most objects have one, and the vector room for four: 3 MiB for 5,000 objects.
    rules.shrink_to_fit();
    let tls = maker.tls(spec, &rules);
    let Maker { findings, lost, .. } = maker;
    let route = Route {
        object: findings.object.clone(),
        created: created_seconds(&object.value.metadata),
        origin: findings.origin(""),
        rules,
        lost,
        tls,
        digest: digest::of_route(&findings.object, &object.value.metadata, spec),
    };
    (Some(Arc::new(route)), findings.into_problems())
}

/// What hardly any path has, and hardly any regular expression lacks.
const REGEX_CHARACTERS: [char; 10] = ['(', ')', '*', '[', ']', '{', '}', '^', '$', '|'];

struct Maker<'a> {
    findings: Findings<'a>,
    policies: RoutePolicies,
    /// Of paths and hosts that are wrong.
    lost: Vec<LostReference>,
}

/// Where a rule stands, and whom it is for.
struct Place {
    field: String,
    hosts: Arc<[HostMatch]>,
    /// The part of the field that names the backend: empty where `field` is the backend.
    backend_field: &'static str,
}

impl Maker<'_> {
    fn rules(&mut self, spec: &IngressSpec) -> Vec<RouteRule> {
        let mut rules = Vec::new();
        if let Some(backend) = &spec.default_backend {
            let place = Place {
                field: "spec.defaultBackend".to_owned(),
                hosts: Arc::new([]),
                backend_field: "",
            };
            let reference = self.reference(&place, backend);
            let mut rule = self.rule(&place, everything(), reference);
            rule.is_default_backend = true;
            rules.push(rule);
        }
        for (index, rule) in spec.rules.iter().flatten().enumerate() {
            let field = format!("spec.rules[{index}]");
            match self.hosts(&field, rule) {
                Some(hosts) => rules.extend(self.rules_of_host(&field, &hosts, rule, spec)),
                None => {
                    let nowhere = self.rules_of_host(&field, &Arc::default(), rule, spec);
                    let lost = nowhere.into_iter().flat_map(RouteRule::into_lost);
                    self.lost.extend(lost);
                }
            }
        }
        if spec.default_backend.is_none() && spec.rules.iter().flatten().next().is_none() {
            self.findings.error(
                ProblemCode::InvalidField,
                "spec",
                "has neither rules nor defaultBackend",
                "one of them; the API server refuses this object",
            );
        }
        rules
    }

    /// None: the host is wrong, and its rules are lost. Empty: every host.
    fn hosts(&mut self, field: &str, rule: &IngressRule) -> Option<Arc<[HostMatch]>> {
        let raw = rule.host.as_deref().unwrap_or_default();
        if raw.is_empty() {
            return Some(Arc::new([]));
        }
        match Hostname::parse(raw) {
            Ok(name) => Some(Arc::new([HostMatch {
                name,
                labels: WildcardLabels::One,
            }])),
            Err(error) => {
                let found = format!("{} {error}", quoted(raw));
                let expected = "a host name as in shop.example.com or *.example.com; the paths of this rule are not served";
                let field = format!("{field}.host");
                self.findings
                    .error(ProblemCode::InvalidField, &field, found, expected);
                None
            }
        }
    }

    fn rules_of_host(
        &mut self,
        field: &str,
        hosts: &Arc<[HostMatch]>,
        rule: &IngressRule,
        spec: &IngressSpec,
    ) -> Vec<RouteRule> {
        let mut rules = Vec::new();
        let paths = rule.http.as_ref().map_or(&[][..], |http| &http.paths);
        for (index, path) in paths.iter().enumerate() {
            let place = Place {
                field: format!("{field}.http.paths[{index}]"),
                hosts: hosts.clone(),
                backend_field: "backend",
            };
            rules.extend(self.path_rule(&place, path));
        }
        if !paths.is_empty() {
            return rules;
        }
        // IngressRule: without `http` all of the host's traffic goes to the default backend.
        let Some(backend) = spec
            .default_backend
            .as_ref()
            .filter(|_| rule.http.is_none())
        else {
            let (found, expected) = (
                "has no paths",
                "http.paths, or a spec.defaultBackend; this rule serves nothing",
            );
            self.findings
                .error(ProblemCode::InvalidField, field, found, expected);
            return rules;
        };
        let place = Place {
            field: field.to_owned(),
            hosts: hosts.clone(),
            backend_field: "",
        };
        // What is wrong with the default backend has been reported under its own field.
        let reference =
            backend::read(self.findings.namespace(), backend).unwrap_or_else(backend::invalid);
        rules.push(self.rule(&place, everything(), reference));
        rules
    }

    /// None: the path is wrong, and the rule is lost.
    fn path_rule(&mut self, place: &Place, path: &HTTPIngressPath) -> Option<RouteRule> {
        let type_problem = self.path_type_problem(place, path);
        let parsed = self.parsed_path(place, path);
        let reference = self.reference(place, &path.backend);
        let is_lost = parsed.is_none() || type_problem.is_some();
        if is_lost {
            let meant = self.rule(place, everything(), reference.clone());
            self.lost.extend(meant.into_lost());
        }
        let reference = match type_problem {
            Some(sentence) => BackendReference::Invalid { sentence },
            None => reference,
        };
        Some(self.rule(place, parsed?, reference))
    }

    fn parsed_path(&mut self, place: &Place, path: &HTTPIngressPath) -> Option<PathMatch> {
        let raw = path.path.as_deref().unwrap_or_default();
        let raw = self.present_path(place, path, raw)?;
        let parsed = match &*path.path_type {
            "Exact" => config::path::exact(raw),
            _ => config::path::prefix(raw),
        };
        match parsed {
            Ok(parsed) => {
                self.report_regex(place, path, raw);
                Some(parsed)
            }
            Err(error) => {
                let found = format!("{} {error}", quoted(raw));
                let expected = "a path as in /shop; this path is not served";
                let field = format!("{}.path", place.field);
                self.findings
                    .error(ProblemCode::InvalidField, &field, found, expected);
                None
            }
        }
    }

    /// ingress-nginx reads such paths as regular expressions, and others `/*` as everything below. Here each character stands for itself.
    fn report_regex(&mut self, place: &Place, path: &HTTPIngressPath, raw: &str) {
        let is_literal = path.path_type == "Exact" || !raw.contains(REGEX_CHARACTERS);
        if is_literal {
            return;
        }
        let field = format!("{}.path", place.field);
        let expected = "a path without regular expression: it is taken as a prefix, character by character; an HTTPRoute has matches of type RegularExpression";
        self.findings
            .warning(ProblemCode::Unsupported, &field, quoted(raw), expected);
    }

    /// The API server refuses a missing or unknown pathType. From a file, such a path is kept as a prefix and answers 503:
    /// were it passed over, a broader rule would answer in its place.
    fn path_type_problem(&mut self, place: &Place, path: &HTTPIngressPath) -> Option<String> {
        if matches!(
            &*path.path_type,
            "Exact" | "Prefix" | "ImplementationSpecific"
        ) {
            return None;
        }
        let found = match &*path.path_type {
            "" => "is missing".to_owned(),
            other => quoted(other),
        };
        let field = format!("{}.pathType", place.field);
        let verb = if path.path_type.is_empty() { "" } else { "is " };
        let sentence = format!(
            "{field} {verb}{found}; right would be Exact, Prefix or ImplementationSpecific"
        );
        let expected = "Exact, Prefix or ImplementationSpecific; requests below this path are answered with 503 meanwhile";
        self.findings
            .error(ProblemCode::InvalidField, &field, found, expected);
        Some(sentence)
    }

    /// Exact and Prefix need a path; without one, ImplementationSpecific takes every path.
    fn present_path<'b>(
        &mut self,
        place: &Place,
        path: &HTTPIngressPath,
        raw: &'b str,
    ) -> Option<&'b str> {
        if !raw.is_empty() {
            return Some(raw);
        }
        if !matches!(&*path.path_type, "Exact" | "Prefix") {
            return Some("/");
        }
        let field = format!("{}.path", place.field);
        let expected = format!(
            "a path that begins with `/`, for pathType {}; this path is not served",
            path.path_type
        );
        self.findings
            .error(ProblemCode::InvalidField, &field, "is missing", expected);
        None
    }

    /// A backend that is wrong is reported, and keeps its path.
    fn reference(&mut self, place: &Place, backend: &IngressBackend) -> BackendReference {
        match backend::read(self.findings.namespace(), backend) {
            Ok(reference) => reference,
            Err(wrong) => {
                let field = join(&join(&place.field, place.backend_field), wrong.field);
                let expected = format!(
                    "{}; requests to this path are answered with 503 meanwhile",
                    wrong.expected
                );
                self.findings
                    .error(wrong.code, &field, wrong.found.clone(), expected);
                backend::invalid(wrong)
            }
        }
    }

    fn rule(&self, place: &Place, path: PathMatch, reference: BackendReference) -> RouteRule {
        let service_field = join(place.backend_field, "service");
        let backend = WeightedReference {
            weight: 1,
            origin: self.findings.origin(&join(&place.field, &service_field)),
            field: service_field,
            reference,
            filters: Vec::new(),
            policy: self.policies.backend.clone(),
        };
        RouteRule {
            field: place.field.as_str().into(),
            origin: self.findings.origin(&place.field),
            hosts: place.hosts.clone(),
            matches: Arc::new([RequestMatch {
                path,
                method: None,
                headers: Vec::new(),
                query: Vec::new(),
            }]),
            scope: ListenerScope::ALL,
            is_default_backend: false,
            filters: Vec::new(),
            backends: vec![backend],
            policy: self.policies.route.clone(),
        }
    }

    fn tls(&mut self, spec: &IngressSpec, rules: &[RouteRule]) -> Vec<TlsHosts> {
        let mut has_general = false;
        let mut blocks = Vec::new();
        for (index, block) in spec.tls.iter().flatten().enumerate() {
            let field = format!("spec.tls[{index}]");
            let is_general = block.hosts.as_deref().unwrap_or_default().is_empty();
            if is_general && has_general {
                let found = "is a second block without hosts";
                let expected = "hosts, where there are several blocks; this one is passed over";
                self.findings
                    .warning(ProblemCode::InvalidField, &field, found, expected);
                continue;
            }
            has_general |= is_general;
            blocks.push(self.tls_block(&field, block, rules));
        }
        blocks
    }

    fn tls_block(&mut self, field: &str, block: &IngressTLS, rules: &[RouteRule]) -> TlsHosts {
        let mut hosts: Vec<Hostname> = Vec::new();
        let mut seen = HashSet::new();
        let named = block.hosts.as_deref().unwrap_or_default();
        for (index, raw) in named.iter().enumerate() {
            match Hostname::parse(raw) {
                Ok(name) if seen.insert(name.clone()) => hosts.push(name),
                Ok(_) => {}
                Err(error) => {
                    let found = format!("{} {error}", quoted(raw));
                    let expected = "a host name as in shop.example.com or *.example.com; this entry is passed over";
                    let field = format!("{field}.hosts[{index}]");
                    self.findings
                        .error(ProblemCode::InvalidField, &field, found, expected);
                }
            }
        }
        if named.is_empty() {
            let of_rules = rules.iter().flat_map(|rule| rule.hosts.iter());
            let new = of_rules.filter(|host| seen.insert(host.name.clone()));
            hosts = new.map(|host| host.name.clone()).collect();
        }
        let secret = block.secret_name.as_deref().filter(|name| !name.is_empty());
        TlsHosts {
            field: field.to_owned(),
            origin: self.findings.origin(field),
            hosts,
            secret: secret.map(|name| ObjectName::new(self.findings.namespace(), name)),
        }
    }
}

fn everything() -> PathMatch {
    PathMatch::Prefix("/".into())
}

fn join(parent: &str, field: &str) -> String {
    match (parent, field) {
        (parent, "") => parent.to_owned(),
        ("", field) => field.to_owned(),
        _ => format!("{parent}.{field}"),
    }
}

#[cfg(test)]
mod tests;
