//! What of a compiled configuration is worth to be sent on, and when is the next look due?

use crate::translate::Touched;
use config::diff::Diff;
use config::model::Certificate;
use config::name::ObjectRef;
use config::problem::{Problem, ProblemCode, Severity};
use config::snapshot::{Compiled, TlsEntry, TlsTable};
use std::collections::HashSet;
use std::sync::Arc;

/// Certificates are judged by the clock at least this often, without any change.
pub(super) const LOOK_SECONDS_MAX: u64 = 3600;

/// Problems that are told one by one for each configuration; the admin address lists all of them.
const TOLD_MAX: usize = 10;

/// When a certificate begins or ends, and an hour from now at the latest, in seconds since 1970.
pub(super) fn next_look<'a>(
    certificates: impl Iterator<Item = &'a Arc<Certificate>>,
    now: i64,
) -> i64 {
    let hour = i64::try_from(LOOK_SECONDS_MAX).unwrap_or(i64::MAX);
    let latest = now.saturating_add(hour);
    // The last second counts as valid (RFC 5280 §4.1.2.5), so the look is after it.
    certificates
        .flat_map(|certificate| {
            [
                certificate.not_before,
                certificate.not_after.saturating_add(1),
            ]
        })
        .filter(|moment| *moment > now)
        .fold(latest, i64::min)
}

/// Is anything in the new one other than in the last?
pub(super) fn is_news(
    last: &Compiled,
    next: &Compiled,
    touched: &Touched,
    is_directory: bool,
) -> bool {
    // Manifests that say the same on other lines: whoever asks why is told the lines.
    let has_moved = is_directory && (touched.routes || touched.services);
    has_moved
        || touched.authorities
        || last.snapshot.digest != next.snapshot.digest
        || last.problems != next.problems
        || last.unused_hosts != next.unused_hosts
        || last.endpoints != next.endpoints
        || !is_shown_alike(&last.snapshot.tls, &next.snapshot.tls)
}

/// For each host the same certificate: a renewed one changes no digest of what was asked for.
fn is_shown_alike(last: &TlsTable, next: &TlsTable) -> bool {
    let is_same = |entry: &Arc<TlsEntry>| {
        let before = last.entry(&entry.host);
        before.is_some_and(|before| {
            before.secret == entry.secret && before.certificate.digest == entry.certificate.digest
        })
    };
    last.entries().count() == next.entries().count() && next.entries().all(is_same)
}

/// One line for each configuration that is sent on. The first one is told by whoever starts the edge, with its worst problems.
pub(super) fn tell(last: Option<&Compiled>, next: &Compiled) {
    let Some(last) = last else {
        return;
    };
    let snapshot = &next.snapshot;
    let endpoints: usize = next.endpoints.values().map(|all| all.len()).sum();
    let errors = next
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error);
    tracing::info!(
        changed = %Diff::between(last, next),
        digest = %format_args!("{:012x}", snapshot.digest),
        // The last rule is our own.
        rules = snapshot.rules.len().saturating_sub(1),
        backends = snapshot.backends.len(),
        endpoints,
        certificates = snapshot.tls.entries().count(),
        errors = errors.count(),
        problems = next.problems.len(),
        "configuration changed"
    );
    tell_problems(last, next);
}

fn tell_problems(last: &Compiled, next: &Compiled) {
    let new = new_problems(&last.problems, &next.problems);
    for problem in new.iter().take(TOLD_MAX) {
        let origin = problem.origin.as_ref().map(ToString::to_string);
        tracing::warn!(
            object = %problem.object,
            field = problem.field,
            found = problem.found,
            expected = problem.expected,
            origin,
            severity = problem.severity.as_str(),
            "new problem"
        );
    }
    let more = new.len().saturating_sub(TOLD_MAX);
    if more > 0 {
        tracing::warn!(
            more,
            "new problems, of which `hedgerow check` and /problems tell"
        );
    }
}

/// Errors and warnings that were not there before, errors first. One that only moved to another line is not new.
fn new_problems<'a>(before: &'a [Arc<Problem>], now: &'a [Arc<Problem>]) -> Vec<&'a Problem> {
    let told = |all: &'a [Arc<Problem>]| {
        let all = all.iter().map(|problem| &**problem);
        all.filter(|problem| problem.severity != Severity::Info)
    };
    let known: HashSet<Sense<'_>> = told(before).map(sense).collect();
    let mut new: Vec<&Problem> = told(now)
        .filter(|problem| !known.contains(&sense(problem)))
        .collect();
    new.sort_by_key(|problem| problem.severity);
    new
}

/// A problem without its place.
type Sense<'a> = (ProblemCode, Severity, &'a ObjectRef, [&'a str; 3]);

fn sense(problem: &Problem) -> Sense<'_> {
    let words = [&problem.field, &problem.found, &problem.expected];
    let words = words.map(String::as_str);
    (problem.code, problem.severity, &problem.object, words)
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::name::{Kind, Origin};

    fn problem(severity: Severity, field: &str, line: u32) -> Arc<Problem> {
        Arc::new(Problem {
            severity,
            code: ProblemCode::InvalidField,
            object: ObjectRef::new(Kind::Ingress, "web", "shop"),
            field: field.to_owned(),
            found: String::new(),
            expected: String::new(),
            origin: Some(Origin {
                file: "a.yaml".into(),
                line,
            }),
        })
    }

    #[test]
    fn a_problem_is_told_once_and_not_when_its_line_moves() {
        use Severity::{Error, Info, Warning};
        let before = [problem(Error, "a", 1), problem(Error, "gone", 2)];
        let now = [
            problem(Warning, "c", 1),
            problem(Error, "a", 7),
            problem(Error, "b", 8),
            problem(Info, "d", 9),
        ];
        let fields = |before: &[Arc<Problem>]| -> Vec<String> {
            let new = new_problems(before, &now);
            new.iter().map(|problem| problem.field.clone()).collect()
        };
        assert_eq!(fields(&before), ["b", "c"]);
        assert_eq!(fields(&[]), ["a", "b", "c"]);
        assert_eq!(fields(&now), Vec::<String>::new());
    }
}
