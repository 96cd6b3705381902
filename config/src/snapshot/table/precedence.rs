//! Of two rules that both match a request, which one comes first?

use super::entry::is_repeated;
use crate::model::{HostMatch, PathMatch, RequestMatch};
use crate::snapshot::{Rule, RuleId};
use std::cmp::Reverse;

/// The lesser one comes first. The order of the fields is the specification: Gateway API (HTTPRouteSpec.hostnames,
/// HTTPRouteRule.matches), which holds for an Ingress too (longest path first, Exact before Prefix at equal length).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Precedence {
    /// An Ingress's default backend is below every other rule of every host.
    pub is_default_backend: bool,
    pub host: HostRank,
    pub path: PathRank,
    /// A rule that asks for a method is before one that does not.
    pub has_no_method: bool,
    pub headers: Reverse<usize>,
    pub query: Reverse<usize>,
    /// Rules are numbered by the age of their object, then its `namespace/name`, then their place in it.
    pub seniority: RuleId,
    pub match_index: usize,
}

/// More characters first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum HostRank {
    Exact(Reverse<usize>),
    Wildcard(Reverse<usize>),
    Any,
}

/// More characters first. Where regular expressions stand is for the implementation to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum PathRank {
    Exact(Reverse<usize>),
    Regex(Reverse<usize>),
    Prefix(Reverse<usize>),
}

impl Precedence {
    pub(crate) fn of(
        rule: &Rule,
        seniority: RuleId,
        host: Option<&HostMatch>,
        match_index: usize,
        request: &RequestMatch,
    ) -> Precedence {
        let headers = &request.headers;
        let repeated = (0..headers.len()).filter(|at| is_repeated(headers, *at));
        Precedence {
            is_default_backend: rule.is_default_backend,
            host: HostRank::of(host),
            path: PathRank::of(&request.path),
            has_no_method: request.method.is_none(),
            headers: Reverse(headers.len() - repeated.count()),
            query: Reverse(request.query.len()),
            seniority,
            match_index,
        }
    }

    /// Why this one comes before the other, in words.
    pub fn reason_over(&self, other: &Precedence) -> &'static str {
        if self.is_default_backend != other.is_default_backend {
            return "a default backend is below every other rule";
        }
        if self.host != other.host {
            return "its host is more specific";
        }
        if self.path != other.path {
            return match (self.path, other.path) {
                (PathRank::Exact(_), _) => "its path is Exact",
                (PathRank::Regex(_), PathRank::Prefix(_)) => {
                    "a regular expression comes before a prefix"
                }
                (PathRank::Regex(_), _) => "its regular expression is longer",
                (PathRank::Prefix(_), _) => "its path is longer",
            };
        }
        if self.has_no_method != other.has_no_method {
            return "it asks for a method";
        }
        if self.headers != other.headers {
            return "it asks for more headers";
        }
        if self.query != other.query {
            return "it asks for more query parameters";
        }
        "it is older: by creationTimestamp, then namespace/name, then its place in the object"
    }
}

impl HostRank {
    fn of(host: Option<&HostMatch>) -> HostRank {
        match host {
            None => HostRank::Any,
            Some(host) if host.name.is_wildcard() => HostRank::Wildcard(Reverse(host.name.chars())),
            Some(host) => HostRank::Exact(Reverse(host.name.chars())),
        }
    }
}

impl PathRank {
    fn of(path: &PathMatch) -> PathRank {
        match path {
            PathMatch::Exact(path) => PathRank::Exact(Reverse(path.len())),
            PathMatch::Regex(regex) => PathRank::Regex(Reverse(regex.as_str().len())),
            PathMatch::Prefix(path) => PathRank::Prefix(Reverse(path.len())),
        }
    }
}
