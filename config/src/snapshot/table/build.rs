//! How do rules become a table that is quick to search?

use super::entry::{Conditions, Entry, Listeners};
use super::hosts::{HostId, HostIndex};
use super::paths::{self, HostPaths, Node, PathIndex};
use super::{Precedence, RouteTable};
use crate::digest;
use crate::hostname::WildcardLabels;
use crate::model::{HeaderMatch, HostMatch, PathMatch, QueryMatch, RequestMatch, TextMatch};
use crate::pattern::Pattern;
use crate::snapshot::{Rule, RuleId};
use std::cmp::Ordering;
use std::collections::HashMap;
use std::ops::Range;

/// Two rules claim the same requests; the second one never gets them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct SharedClaim {
    pub rule: RuleId,
    pub match_index: usize,
    pub host_index: usize,
    pub winner: RuleId,
}

/// One host and one match of one rule, before it is sorted in.
struct Candidate<'a> {
    host: HostId,
    kind: PathKind,
    /// Without a trailing slash where it is a prefix; empty where it is a regular expression.
    path: &'a str,
    precedence: Precedence,
    host_index: usize,
    labels: WildcardLabels,
    rule: &'a Rule,
    request: &'a RequestMatch,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum PathKind {
    Exact,
    Regex,
    Prefix,
}

impl RouteTable {
    /// Sorts rules in. They are numbered by their place, and the senior comes first: `Precedence` says what that means.
    /// The last one answers what no rule takes.
    pub(crate) fn build(rules: &[Rule]) -> (RouteTable, Vec<SharedClaim>) {
        let mut table = RouteTable {
            not_found: RuleId(last_index(rules)),
            ..RouteTable::default()
        };
        let mut candidates = Vec::with_capacity(rules.len());
        let mut hosts_len = 0;
        for (rule, id) in rules.iter().zip((0..).map(RuleId)) {
            let index = if rule.is_default_backend {
                &mut table.default_backends
            } else {
                &mut table.ordinary
            };
            push_candidates(&mut candidates, rule, id, index, &mut hosts_len);
        }
        candidates.sort_by(Candidate::compare); // Stable: what comes in order already costs one pass.
        let mut claims = Vec::new();
        table.paths = index_paths(&candidates, hosts_len, &mut claims);
        claims.sort_unstable();
        claims.dedup_by_key(|claim| (claim.rule, claim.match_index));
        (table, claims)
    }
}

fn last_index(rules: &[Rule]) -> u32 {
    u32::try_from(rules.len().saturating_sub(1)).unwrap_or(u32::MAX)
}

fn push_candidates<'a>(
    candidates: &mut Vec<Candidate<'a>>,
    rule: &'a Rule,
    id: RuleId,
    index: &mut HostIndex,
    hosts_len: &mut usize,
) {
    let hosts = rule.hosts.iter().map(Some);
    let any = rule.hosts.is_empty().then_some(None);
    for (host_index, host) in hosts.chain(any).enumerate() {
        let host_id = index.intern(host, *hosts_len);
        *hosts_len = (*hosts_len).max(host_id + 1);
        for (match_index, request) in rule.matches.iter().enumerate() {
            let (kind, path) = path_key(&request.path);
            candidates.push(Candidate {
                host: host_id,
                kind,
                path,
                precedence: Precedence::of(rule, id, host, match_index, request),
                host_index,
                labels: labels(host),
                rule,
                request,
            });
        }
    }
}

/// An exact name covers itself: nothing to count.
fn labels(host: Option<&HostMatch>) -> WildcardLabels {
    match host {
        Some(host) if host.name.is_wildcard() => host.labels,
        _ => WildcardLabels::Many,
    }
}

fn path_key(path: &PathMatch) -> (PathKind, &str) {
    match path {
        PathMatch::Exact(path) => (PathKind::Exact, path),
        PathMatch::Regex(_) => (PathKind::Regex, ""),
        PathMatch::Prefix(path) => (PathKind::Prefix, path.strip_suffix('/').unwrap_or(path)),
    }
}

impl Candidate<'_> {
    fn compare(&self, other: &Candidate<'_>) -> Ordering {
        self.host
            .cmp(&other.host)
            .then_with(|| self.kind.cmp(&other.kind))
            .then_with(|| paths::compare(self.path.as_bytes(), other.path.as_bytes()))
            .then_with(|| self.precedence.cmp(&other.precedence))
    }

    fn is_beside(&self, other: &Candidate<'_>) -> bool {
        self.host == other.host && self.kind == other.kind && self.path == other.path
    }

    fn entry(&self) -> Entry {
        let request = self.request;
        let is_plain =
            request.method.is_none() && request.headers.is_empty() && request.query.is_empty();
        let except = self.rule.scope.except.clone();
        let is_plain = is_plain && except.is_none();
        let conditions = (!is_plain).then(|| {
            Box::new(Conditions {
                except,
                method: request.method.clone(),
                headers: request.headers.clone(),
                query: request.query.clone(),
            })
        });
        Entry {
            rule: self.precedence.seniority,
            host_index: u32::try_from(self.host_index).unwrap_or(u32::MAX),
            match_index: u32::try_from(self.precedence.match_index).unwrap_or(u32::MAX),
            listeners: Listeners::of(&self.rule.scope),
            labels: self.labels,
            conditions,
        }
    }
}

/// Writes sorted candidates into the arrays that are searched, one path at a time.
fn index_paths(
    candidates: &[Candidate<'_>],
    hosts_len: usize,
    claims: &mut Vec<SharedClaim>,
) -> PathIndex {
    let mut index = PathIndex {
        entries: candidates.iter().map(Candidate::entry).collect(),
        hosts: vec![HostPaths::default(); hosts_len],
        ..PathIndex::default()
    };
    let mut begin = 0;
    for group in candidates.chunk_by(Candidate::is_beside) {
        let entries = begin..begin + group.len();
        begin = entries.end;
        find_claims(group, claims);
        let Some(first) = group.first() else { continue };
        let Some(host) = index.hosts.get_mut(first.host) else {
            continue;
        };
        if host.entries.start == host.entries.end {
            host.entries.start = entries.start;
        }
        host.entries.end = entries.end;
        let range = match first.kind {
            PathKind::Regex => {
                let begin = index.regexes.len();
                index.regexes.extend(group.iter().filter_map(regex_of));
                host.regex = begin..index.regexes.len();
                host.regex_entries = entries.start;
                continue;
            }
            PathKind::Exact => &mut host.exact,
            PathKind::Prefix => &mut host.prefix,
        };
        push_node(
            &mut index.nodes,
            &mut index.text,
            range,
            first.path,
            entries,
        );
    }
    index
}

/// The nodes of one host and kind stand side by side; `siblings` are those before this one.
fn push_node(
    nodes: &mut Vec<Node>,
    text: &mut String,
    siblings: &mut Range<usize>,
    path: &str,
    entries: Range<usize>,
) {
    let at = nodes.len();
    if siblings.start == siblings.end {
        siblings.start = at;
    }
    let parent = parent_of(nodes, text, siblings.start..at, path);
    siblings.end = at + 1;
    let text_begin = text.len();
    text.push_str(path);
    nodes.push(Node {
        text: text_begin..text.len(),
        entries,
        parent,
    });
}

fn regex_of(candidate: &Candidate<'_>) -> Option<Pattern> {
    match &candidate.request.path {
        PathMatch::Regex(regex) => Some(regex.clone()),
        _ => None,
    }
}

/// The node before is below every prefix that this path is below, so its parents are all there are to look at.
fn parent_of(nodes: &[Node], text: &str, siblings: Range<usize>, path: &str) -> Option<usize> {
    let mut next = siblings
        .end
        .checked_sub(1)
        .filter(|at| *at >= siblings.start);
    while let Some(at) = next {
        let node = nodes.get(at)?;
        let prefix = text.get(node.text.clone())?;
        if paths::is_below(path, prefix) {
            return Some(at);
        }
        next = node.parent;
    }
    None
}

/// Who asks for the same host, path and conditions as somebody before them?
fn find_claims(group: &[Candidate<'_>], claims: &mut Vec<SharedClaim>) {
    if group.len() < 2 {
        return;
    }
    let mut first_claims: HashMap<u64, Vec<&Candidate<'_>>> = HashMap::new();
    for candidate in group {
        let earlier = first_claims
            .entry(conditions_digest(candidate.request))
            .or_default();
        if let Some(winner) = earlier.iter().find(|winner| overlaps(winner, candidate)) {
            claims.push(SharedClaim {
                rule: candidate.precedence.seniority,
                match_index: candidate.precedence.match_index,
                host_index: candidate.host_index,
                winner: winner.precedence.seniority,
            });
        }
        // At most one for each scope: the list stays short, however many claim the same.
        if !earlier
            .iter()
            .any(|other| other.rule.scope == candidate.rule.scope)
        {
            earlier.push(candidate);
        }
    }
}

fn overlaps(left: &Candidate<'_>, right: &Candidate<'_>) -> bool {
    let (l, r) = (&left.rule.scope, &right.rule.scope);
    let is_of_one_port = l.port.is_none() || r.port.is_none() || l.port == r.port;
    is_of_one_port && ((l.http && r.http) || (l.https && r.https))
}

/// Equal for equal conditions.
fn conditions_digest(request: &RequestMatch) -> u64 {
    let path = match &request.path {
        PathMatch::Regex(regex) => regex.as_str(),
        _ => "", // The group has one path.
    };
    let method = request.method.as_ref().map_or("", |method| method.as_str());
    let mut parts: Vec<&[u8]> = vec![path.as_bytes(), method.as_bytes()];
    for HeaderMatch { name, value } in &request.headers {
        parts.extend([b"header", name.as_str().as_bytes()]);
        push_text(&mut parts, value);
    }
    for QueryMatch { name, value } in &request.query {
        parts.extend([b"query", name.as_bytes()]);
        push_text(&mut parts, value);
    }
    digest::of(&parts)
}

fn push_text<'a>(parts: &mut Vec<&'a [u8]>, value: &'a TextMatch) {
    match value {
        TextMatch::Exact(text) => parts.extend([b"exact", text.as_bytes()]),
        TextMatch::Regex(regex) => parts.extend([b"regex", regex.as_str().as_bytes()]),
    }
}
