//! Which rules never get a request, because an older one claims the same?

use crate::model::{HostMatch, PathMatch};
use crate::problem::{Problem, ProblemCode, Severity};
use crate::snapshot::{Action, Rule, SharedClaim};

/// A problem for each rule that claims what an older one has, and would do something else with it.
pub fn report(rules: &[Rule], claims: &[SharedClaim], problems: &mut Vec<Problem>) {
    for claim in claims {
        let (Some(rule), Some(winner)) = (
            rules.get(claim.rule.index()),
            rules.get(claim.winner.index()),
        ) else {
            continue;
        };
        if claim.rule != claim.winner && !do_the_same(rule, winner) {
            problems.push(problem(rule, winner, claim));
        }
    }
}

/// Forwarding to the same backends in the same shares, under the same policy. What has filters is taken to differ.
fn do_the_same(left: &Rule, right: &Rule) -> bool {
    let (Action::Forward(ours), Action::Forward(theirs)) = (&left.action, &right.action) else {
        return false;
    };
    let has_filters = |rule: &Rule| !rule.filters.is_empty();
    !has_filters(left)
        && !has_filters(right)
        && left.policy == right.policy
        && ours.len() == theirs.len()
        && ours.iter().zip(theirs).all(|(our, their)| {
            our.weight_until == their.weight_until
                && our.backend == their.backend
                && our.filters.is_empty()
                && their.filters.is_empty()
        })
}

fn problem(rule: &Rule, winner: &Rule, claim: &SharedClaim) -> Problem {
    let host = rule.hosts.get(claim.host_index);
    let path = rule.matches.get(claim.match_index).map(|m| &m.path);
    let what = format!(
        "{}{}",
        describe_host(host),
        path.map(describe_path).unwrap_or_default()
    );
    let expected = if rule.object == winner.object {
        format!("each path once; {} comes first and is served", winner.field)
    } else {
        format!(
            "one object for each host and path; {}, the older one (by creationTimestamp, then namespace/name), is served",
            winner.object
        )
    };
    Problem {
        severity: Severity::Warning,
        code: ProblemCode::Conflict,
        object: rule.object.clone(),
        field: rule.field.to_string(),
        found: format!(
            "{what} is claimed by {}, {} too",
            winner.object, winner.field
        ),
        expected,
        origin: rule.origin.clone(),
    }
}

fn describe_host(host: Option<&HostMatch>) -> String {
    match host {
        Some(host) => host.name.to_string(),
        None => "any host, ".to_owned(),
    }
}

fn describe_path(path: &PathMatch) -> String {
    match path {
        PathMatch::Exact(path) | PathMatch::Prefix(path) => path.to_string(),
        PathMatch::Regex(regex) => format!(" {}", regex.as_str()),
    }
}
