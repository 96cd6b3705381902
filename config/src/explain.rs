//! Why does this request go where it goes?

mod concerns;
mod first;
mod outcome;
mod print;
#[cfg(test)]
mod tests;
mod through;
mod words;

use crate::hostname::WildcardLabels;
use crate::problem::Severity;
use crate::snapshot::{
    Compiled, Entry, Mismatch, Precedence, RequestView, Rule, RuleId, Snapshot, Visitor,
};
pub use first::decide;
use serde::Serialize;
use std::collections::{BTreeMap, HashSet};
use std::ops::ControlFlow;
pub use through::Through;

/// The first field of the JSON form. Fields may be added; none changes its meaning without another schema.
const SCHEMA: &str = "hedgerow.why/v1";

/// Rules that an explanation lists; a host may have thousands.
const CONSIDERED_MAX: usize = 50;

/// The decision on one request, for `hedgerow why`. Made by the search that decides in earnest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Explanation {
    /// `hedgerow.why/v1`: of the form as JSON.
    pub schema: &'static str,
    /// `http` or `https`: the listener's scheme.
    pub listener: &'static str,
    /// None: the rule alone was asked for, whatever the settings say.
    pub through: Option<Through>,
    /// In normal form.
    pub host: String,
    pub method: String,
    pub path: String,
    /// The Secret whose certificate is shown for the host; none: the default certificate.
    pub certificate: Option<String>,
    /// Rules whose host covers the request's: what matches first, in order of precedence, then what does not.
    pub considered: Vec<Considered>,
    /// Rules beyond the ones that are listed.
    pub not_listed: usize,
    /// None: no rule takes the request, which is 404.
    pub winner: Option<Winner>,
    /// What the edge answers by itself, so that it never comes to the winner's action. None: the action decides.
    pub first: Option<AnswersFirst>,
    /// What is wrong with objects that have to do with this host, or that have no rule at all because of it; the nearest first.
    pub problems: Vec<ProblemExplained>,
    /// Problems beyond the ones that are listed.
    pub problems_not_listed: usize,
}

/// A problem that may be the reason why the answer is not the one that was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ProblemExplained {
    pub severity: Severity,
    /// As `hedgerow check` says it.
    pub code: String,
    pub object: String,
    pub field: String,
    pub found: String,
    pub expected: String,
    /// `file:line`, in directory mode.
    pub origin: Option<String>,
}

/// An answer of the edge itself to a request that has its rule.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum AnswersFirst {
    /// Status, the whole `Location`, and why.
    Redirect {
        status: u16,
        to: String,
        why: &'static str,
    },
    Fail(FailureExplained),
}

/// One rule that was looked at.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Considered {
    #[serde(flatten)]
    pub rule: RuleName,
    /// What the rule asks for: `edwardstech.dev/api, GET`.
    pub asks_for: String,
    pub verdict: Verdict,
    /// Why: the first thing that does not match, or why another one comes first.
    pub why: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// It takes the request.
    Wins,
    /// It matches too, below the winner.
    Matches,
    Fails,
}

/// Which rule of which object, and where it was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RuleName {
    pub object: String,
    pub field: String,
    /// `file:line`, in directory mode.
    pub origin: Option<String>,
}

/// The rule that takes the request, and what it does with it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Winner {
    #[serde(flatten)]
    pub rule: RuleName,
    /// Why it comes before the next one that matches; none where no other does.
    pub precedence: Option<String>,
    pub action: ActionTaken,
    /// What the route says beyond the defaults: name and value.
    pub policy: BTreeMap<&'static str, String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ActionTaken {
    Forward(Vec<Target>),
    /// Status and where to.
    Redirect {
        status: u16,
        to: String,
    },
    Fail(FailureExplained),
}

/// A share of the requests.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Target {
    /// Of the sum of all weights.
    pub weight: u32,
    pub of: u32,
    pub to: Destination,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Destination {
    Backend(BackendExplained),
    Fail(FailureExplained),
}

/// The edge's own answer, which the configuration has decided already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct FailureExplained {
    pub status: u16,
    pub reason: &'static str,
    pub sentence: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BackendExplained {
    /// `namespace/service:port`.
    pub service: String,
    pub protocol: &'static str,
    /// Nobody but the author of its endpoints keeps them right.
    pub is_manual: bool,
    /// What Service and route say beyond the defaults.
    pub policy: BTreeMap<&'static str, String>,
    pub endpoints: Vec<EndpointExplained>,
    /// What is answered because no endpoint can be used; none: there is one.
    pub failure: Option<FailureExplained>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct EndpointExplained {
    pub address: String,
    /// What its object says: `ready`, `not ready`, `terminating`.
    pub state: &'static str,
    /// What this edge has seen of it. `unknown` until whoever runs it fills it in.
    pub health: String,
    /// The object that names it, and where that was written.
    pub object: String,
    pub origin: Option<String>,
}

/// Which rule takes the request, and why no other? (`decide` also tells what is answered before the rule acts.) Agrees with `Snapshot::find`, because it is the same search.
pub fn explain(compiled: &Compiled, request: &RequestView<'_>) -> Explanation {
    let snapshot = &*compiled.snapshot;
    let mut notes = Notes::new(snapshot);
    snapshot.table.walk(request, &mut notes);
    let winner = notes.matched.first().copied();
    let (considered, not_listed) = considered(&notes, request);
    let (problems, problems_not_listed) = concerns::of_host(compiled, &notes, request.host);
    Explanation {
        schema: SCHEMA,
        listener: if request.is_https { "https" } else { "http" },
        through: None,
        host: request.host.to_owned(),
        method: request.method.to_string(),
        path: request.path.to_owned(),
        certificate: snapshot
            .tls
            .find(request.host)
            .map(|entry| entry.secret.to_string()),
        considered,
        not_listed,
        winner: winner.and_then(|place| winning(compiled, place, &notes.matched)),
        first: None,
        problems,
        problems_not_listed,
    }
}

/// One host and one match of one rule.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Place {
    rule: RuleId,
    host_index: usize,
    match_index: usize,
}

impl Place {
    fn of(entry: &Entry) -> Place {
        Place {
            rule: entry.rule,
            host_index: usize::try_from(entry.host_index).unwrap_or(usize::MAX),
            match_index: usize::try_from(entry.match_index).unwrap_or(usize::MAX),
        }
    }

    fn precedence(self, snapshot: &Snapshot) -> Option<Precedence> {
        let rule = snapshot.rule(self.rule)?;
        let wanted = rule.matches.get(self.match_index)?;
        let host = rule.hosts.get(self.host_index);
        Some(Precedence::of(
            rule,
            self.rule,
            host,
            self.match_index,
            wanted,
        ))
    }
}

/// What the search saw, in its order.
struct Notes<'s> {
    snapshot: &'s Snapshot,
    matched: Vec<Place>,
    failed: Vec<(Place, Mismatch)>,
    /// Everything that the covering hosts have, the paths that the search never came to included; true: the host has too many labels.
    all: Vec<(Place, bool)>,
}

impl<'s> Notes<'s> {
    fn new(snapshot: &'s Snapshot) -> Notes<'s> {
        Notes {
            snapshot,
            matched: Vec::new(),
            failed: Vec::new(),
            all: Vec::new(),
        }
    }
}

impl Visitor for Notes<'_> {
    fn host(&mut self, entries: &[Entry], is_one_label: bool) {
        let with_labels = entries.iter().map(|entry| {
            let has_too_many = !is_one_label && entry.labels == WildcardLabels::One;
            (Place::of(entry), has_too_many)
        });
        self.all.extend(with_labels);
    }

    fn failed(&mut self, entry: &Entry, mismatch: Mismatch) {
        self.failed.push((Place::of(entry), mismatch));
    }

    fn matched(&mut self, entry: &Entry) -> ControlFlow<()> {
        self.matched.push(Place::of(entry));
        ControlFlow::Continue(())
    }
}

fn considered(notes: &Notes<'_>, request: &RequestView<'_>) -> (Vec<Considered>, usize) {
    let snapshot = notes.snapshot;
    let winner = notes
        .matched
        .first()
        .and_then(|place| place.precedence(snapshot));
    let mut listed = Vec::new();
    for (rank, place) in notes.matched.iter().take(CONSIDERED_MAX).enumerate() {
        let (verdict, why) = match (rank, winner, place.precedence(snapshot)) {
            (1.., Some(winner), Some(own)) => (
                Verdict::Matches,
                format!("below the winner: {}", winner.reason_over(&own)),
            ),
            _ => (Verdict::Wins, "everything matches".to_owned()),
        };
        listed.extend(one(snapshot, *place, verdict, why));
    }
    for (place, mismatch) in notes.failed.iter().take(CONSIDERED_MAX) {
        let why = words::mismatch(snapshot, *place, *mismatch, request);
        listed.extend(one(snapshot, *place, Verdict::Fails, why));
    }
    let seen: HashSet<Place> = notes
        .matched
        .iter()
        .copied()
        .chain(notes.failed.iter().map(|(place, _)| *place))
        .collect();
    let rest = notes.all.iter().filter(|(place, _)| !seen.contains(place));
    let room = CONSIDERED_MAX.saturating_sub(listed.len());
    for (place, has_too_many_labels) in rest.take(room) {
        let why = match has_too_many_labels {
            true => words::mismatch(snapshot, *place, Mismatch::HostLabels, request),
            false => words::path_mismatch(snapshot, *place, request),
        };
        listed.extend(one(snapshot, *place, Verdict::Fails, why));
    }
    listed.truncate(CONSIDERED_MAX);
    let not_listed = notes.all.len().saturating_sub(listed.len());
    (listed, not_listed)
}

fn one(snapshot: &Snapshot, place: Place, verdict: Verdict, why: String) -> Option<Considered> {
    let rule = snapshot.rule(place.rule)?;
    Some(Considered {
        rule: rule_name(rule),
        asks_for: words::asks_for(rule, place.host_index, place.match_index),
        verdict,
        why,
    })
}

fn rule_name(rule: &Rule) -> RuleName {
    RuleName {
        object: rule.object.to_string(),
        field: rule.field.to_string(),
        origin: rule.origin.as_ref().map(ToString::to_string),
    }
}

fn winning(compiled: &Compiled, place: Place, matched: &[Place]) -> Option<Winner> {
    let snapshot = &*compiled.snapshot;
    let rule = snapshot.rule(place.rule)?;
    let own = place.precedence(snapshot)?;
    let next = matched.iter().find(|other| other.rule != place.rule);
    let next = next.and_then(|next| Some((next, next.precedence(snapshot)?)));
    let precedence = next.and_then(|(next, precedence)| {
        let other = snapshot.rule(next.rule)?;
        Some(format!(
            "before {}, {}: {}",
            other.object,
            other.field,
            own.reason_over(&precedence)
        ))
    });
    Some(Winner {
        rule: rule_name(rule),
        precedence,
        action: outcome::action(compiled, rule),
        policy: words::route_policy(&rule.policy),
    })
}
