//! Which problems may be the reason of an answer that nobody expected?

use super::{Notes, ProblemExplained};
use crate::name::{Kind, ObjectName, ObjectRef};
use crate::problem::{Problem, Severity};
use crate::snapshot::{Action, Compiled, Rule, UnusedHosts};
use std::collections::HashSet;

/// Problems that an explanation lists; `hedgerow check` has all of them.
const PROBLEMS_MAX: usize = 8;

/// How near a problem is to the request: the nearest is told first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Nearness {
    /// It names the host, or is of an object that has a rule for it, or of the Service behind such a rule.
    OfHost,
    /// Of an object without a single rule in force: it was for this host, or it may have been.
    Lost,
}

/// Errors and warnings; infos are no reason.
pub fn of_host(
    compiled: &Compiled,
    notes: &Notes<'_>,
    host: &str,
) -> (Vec<ProblemExplained>, usize) {
    let near = Near::new(compiled, notes, host);
    let mut found: Vec<(Nearness, &Problem)> = compiled
        .problems
        .iter()
        .map(|problem| &**problem)
        .filter(|problem| problem.severity < Severity::Info)
        .filter_map(|problem| Some((near.nearness(problem)?, problem)))
        .collect();
    found.sort_by_key(|(nearness, problem)| (*nearness, problem.severity));
    let not_listed = found.len().saturating_sub(PROBLEMS_MAX);
    let listed = found.into_iter().take(PROBLEMS_MAX);
    (
        listed.map(|(_, problem)| explained(problem)).collect(),
        not_listed,
    )
}

fn explained(problem: &Problem) -> ProblemExplained {
    ProblemExplained {
        severity: problem.severity,
        code: problem.code_str(),
        object: problem.object.to_string(),
        field: problem.field.clone(),
        found: problem.found.clone(),
        expected: problem.expected.clone(),
        origin: problem.origin.as_ref().map(ToString::to_string),
    }
}

struct Near<'s> {
    host: &'s str,
    /// Objects with a rule whose host covers the request's.
    objects: HashSet<&'s ObjectRef>,
    /// What those rules forward to.
    services: HashSet<&'s ObjectName>,
    /// Objects with any rule.
    in_force: HashSet<&'s ObjectRef>,
    unused_hosts: &'s UnusedHosts,
}

impl<'s> Near<'s> {
    fn new(compiled: &'s Compiled, notes: &Notes<'_>, host: &'s str) -> Near<'s> {
        let snapshot = &*compiled.snapshot;
        let ids = notes.all.iter().map(|(place, _)| place.rule);
        let rules: Vec<&Rule> = ids.filter_map(|id| snapshot.rule(id)).collect();
        let targets = rules.iter().flat_map(|rule| match &rule.action {
            Action::Forward(targets) => targets.as_slice(),
            _ => &[],
        });
        let backends =
            targets.filter_map(|target| snapshot.backend(*target.backend.as_ref().ok()?));
        Near {
            host,
            objects: rules.iter().map(|rule| &rule.object).collect(),
            services: backends.map(|backend| &backend.key.service).collect(),
            in_force: snapshot.rules.iter().map(|rule| &rule.object).collect(),
            unused_hosts: &compiled.unused_hosts,
        }
    }

    fn nearness(&self, problem: &Problem) -> Option<Nearness> {
        let object = &problem.object;
        let is_behind = match object.kind {
            Kind::Service | Kind::EndpointSlice | Kind::Endpoints => {
                self.services.contains(&object.name)
            }
            _ => self.objects.contains(object),
        };
        if is_behind || names(&problem.found, self.host) || names(&problem.expected, self.host) {
            return Some(Nearness::OfHost);
        }
        let is_lost = match object.kind {
            Kind::Ingress | Kind::HttpRoute => match self.unused_hosts.get(object) {
                // What it was before may be in force; what it was meant to become is not.
                Some(Some(hosts)) => hosts.iter().any(|pattern| covers(pattern, self.host)),
                _ => !self.in_force.contains(object),
            },
            Kind::Manifest => true,
            _ => false,
        };
        is_lost.then_some(Nearness::Lost)
    }
}

/// Whether a host that somebody wrote may be this one. More generous than the table: nobody has judged it.
fn covers(pattern: &str, host: &str) -> bool {
    match pattern.strip_prefix('*') {
        Some(suffix) => host.len() >= suffix.len() && is_end(host, suffix),
        None => pattern.trim_end_matches('.').eq_ignore_ascii_case(host),
    }
}

fn is_end(host: &str, suffix: &str) -> bool {
    let from = host.len().saturating_sub(suffix.len());
    let end = host.get(from..).unwrap_or_default();
    end.eq_ignore_ascii_case(suffix)
}

/// The host stands in the text, and not as a part of a longer name. A dot behind it may end the sentence.
fn names(text: &str, host: &str) -> bool {
    let is_of_label = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
    text.match_indices(host).any(|(at, _)| {
        let (before, behind) = text.split_at(at);
        let behind = behind.get(host.len()..).unwrap_or_default();
        let behind = behind.strip_prefix('.').unwrap_or(behind);
        !before.ends_with(|c| c == '.' || is_of_label(c)) && !behind.starts_with(is_of_label)
    })
}
