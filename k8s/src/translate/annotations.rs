//! Which annotations are obeyed, and what is said of the others?
//!
//! One table has every annotation; `docs/annotations.md` is generated from it.

mod document;
mod table;
#[cfg(test)]
mod tests;
mod value;

pub use document::annotations_page;

use crate::objects::Lines;
use config::model::{BackendPolicy, Protocol, RoutePolicy};
use config::name::{Kind, ObjectRef};
use config::nearest::nearest;
use config::problem::{Problem, ProblemCode, Severity};
use std::collections::BTreeMap;
use table::{Annotation, On, Support, TABLE};

/// What every annotation of ours begins with.
pub const PREFIX: &str = "hedgerow.edwardstech.dev/";
/// Traefik's priority of a router: read, so that its author learns what became of it.
pub(super) const TRAEFIK_PRIORITY: &str = "traefik.ingress.kubernetes.io/router.priority";

/// Whose annotations they are, and where that object is written.
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub object: &'a ObjectRef,
    pub lines: Option<&'a Lines>,
}

/// What is known so far of one object's policy.
struct Draft<'a> {
    route: RoutePolicy,
    backend: BackendPolicy,
    namespace: &'a str,
}

/// Why an annotation is not obeyed.
enum Refusal {
    /// The rest of a sentence that begins with the value.
    Wrong(String),
    /// The value is of a later version.
    Later,
}

/// The policies that the annotations of an Ingress ask for: of its routes, and of the backends as its routes reach them.
/// What is wrong is a problem, and its default stays in force.
pub fn route_policy(
    annotations: &BTreeMap<String, String>,
    place: Place<'_>,
) -> (RoutePolicy, BackendPolicy, Vec<Problem>) {
    let (mut draft, mut problems) = read(annotations, place);
    problems.extend(drop_long_attempts(&mut draft.route, place));
    problems.extend(annotations.get(TRAEFIK_PRIORITY).map(|value| {
        place.problem(
            (Severity::Info, ProblemCode::IgnoredAnnotation),
            TRAEFIK_PRIORITY,
            quoted(value),
            match value.trim().parse::<i64>() {
                Ok(_) => "nothing to do: read, never obeyed; the longest path wins, which is what the priority was for".into(),
                Err(_) => "a number, for Traefik; here it is never obeyed, and the longest path wins".into(),
            },
        )
    }));
    (draft.route, draft.backend, problems)
}

/// The policy that the annotations of a Service ask for, whichever route reaches it.
/// An annotation that speaks of routes is a problem: it belongs on the Ingress.
pub fn service_policy(
    annotations: &BTreeMap<String, String>,
    place: Place<'_>,
) -> (BackendPolicy, Vec<Problem>) {
    let (draft, problems) = read(annotations, place);
    (draft.backend, problems)
}

/// The problems of annotations on an object of another kind, where none of ours means anything.
pub fn misplaced(annotations: &BTreeMap<String, String>, place: Place<'_>) -> Vec<Problem> {
    read(annotations, place).1
}

/// The names of all annotations, without the prefix, in the order of the documentation.
pub fn names() -> impl Iterator<Item = &'static str> {
    TABLE.iter().map(|annotation| annotation.name)
}

fn read<'a>(annotations: &BTreeMap<String, String>, place: Place<'a>) -> (Draft<'a>, Vec<Problem>) {
    let mut draft = Draft {
        route: RoutePolicy::default(),
        backend: BackendPolicy::default(),
        namespace: &place.object.name.namespace,
    };
    let mut problems = Vec::new();
    for (key, raw) in annotations {
        let Some(name) = key.strip_prefix(PREFIX) else {
            problems.extend(in_another_case(key, place));
            continue;
        };
        problems.extend(read_one(&mut draft, name, raw, place));
    }
    problems.extend(tls_without_https(&draft.backend, annotations, place));
    (draft, problems)
}

fn read_one(draft: &mut Draft<'_>, name: &str, raw: &str, place: Place<'_>) -> Option<Problem> {
    let Some(annotation) = TABLE.iter().find(|annotation| annotation.name == name) else {
        return Some(unknown(name, place));
    };
    let apply = match (annotation.support, annotation.on, place.object.kind) {
        (Support::Later, ..) => return Some(later(annotation, raw, place)),
        (Support::Now(apply), _, Kind::Ingress) => apply,
        (Support::Now(apply), On::IngressAndService, Kind::Service) => apply,
        _ => return Some(misplaced_one(annotation, place)),
    };
    match apply(draft, raw) {
        Ok(()) => None,
        Err(Refusal::Later) => Some(later(annotation, raw, place)),
        Err(Refusal::Wrong(error)) => Some(place.problem(
            (Severity::Error, ProblemCode::InvalidAnnotation),
            &full(name),
            format!("{} {error}", quoted(raw)),
            format!(
                "{}; until then the default is in force: {}",
                annotation.form(),
                annotation.default()
            ),
        )),
    }
}

fn unknown(name: &str, place: Place<'_>) -> Problem {
    let expected = match nearest(name, names()) {
        Some(known) => format!("did you mean {PREFIX}{known}?"),
        None => "one of those in docs/annotations.md; it has no effect".to_owned(),
    };
    let found = "there is no such annotation".to_owned();
    let sort = (Severity::Warning, ProblemCode::UnknownAnnotation);
    place.problem(sort, &full(name), found, expected)
}

/// The API server takes such a key, and it is not ours.
fn in_another_case(key: &str, place: Place<'_>) -> Option<Problem> {
    let (prefix, name) = key.split_at_checked(PREFIX.len())?;
    prefix.eq_ignore_ascii_case(PREFIX).then(|| {
        let found = "the prefix is ours but for its case".to_owned();
        let expected = format!("{PREFIX}{name}; as written it has no effect");
        let sort = (Severity::Warning, ProblemCode::UnknownAnnotation);
        place.problem(sort, key, found, expected)
    })
}

fn later(annotation: &Annotation, raw: &str, place: Place<'_>) -> Problem {
    let expected = "not in this version; it has no effect".to_owned();
    let sort = (Severity::Warning, ProblemCode::UnknownAnnotation);
    place.problem(sort, &full(annotation.name), quoted(raw), expected)
}

fn misplaced_one(annotation: &Annotation, place: Place<'_>) -> Problem {
    let right = match annotation.on {
        On::Ingress => "on the Ingress",
        On::IngressAndService => "on the Ingress or on the Service",
    };
    place.problem(
        (Severity::Warning, ProblemCode::UnknownAnnotation),
        &full(annotation.name),
        format!("has no effect on this kind: {}", place.object.kind),
        right.to_owned(),
    )
}

/// An attempt cannot take longer than the whole request (GEP-1742: backendRequest at most request).
fn drop_long_attempts(route: &mut RoutePolicy, place: Place<'_>) -> Option<Problem> {
    let (attempt, request) = (route.attempt_timeout?, route.request_timeout?);
    if attempt <= request {
        return None;
    }
    route.attempt_timeout = None;
    let found = format!(
        "attempt-timeout is {} and request-timeout {}",
        config::duration::format(attempt),
        config::duration::format(request)
    );
    let expected = "attempt-timeout at most request-timeout; until then there is none".to_owned();
    let sort = (Severity::Error, ProblemCode::InvalidAnnotation);
    Some(place.problem(sort, &full("attempt-timeout"), found, expected))
}

/// Who writes down an authority or a name expects that it is checked. Without `backend-protocol` the Service's appProtocol may say https.
fn tls_without_https(
    backend: &BackendPolicy,
    annotations: &BTreeMap<String, String>,
    place: Place<'_>,
) -> Vec<Problem> {
    let protocol = match backend.protocol {
        None | Some(Protocol::Https) => return Vec::new(),
        Some(protocol) => protocol.as_str(),
    };
    let without_effect = ["backend-ca", "backend-name"].into_iter().map(full);
    let present = without_effect.filter(|key| annotations.contains_key(key));
    present
        .map(|key| {
            let found = format!("has no effect with backend-protocol: {protocol}");
            let sort = (Severity::Warning, ProblemCode::InvalidAnnotation);
            place.problem(sort, &key, found, "backend-protocol: https".to_owned())
        })
        .collect()
}

impl Place<'_> {
    fn problem(
        &self,
        (severity, code): (Severity, ProblemCode),
        key: &str,
        found: String,
        expected: String,
    ) -> Problem {
        let field = format!("metadata.annotations[{key}]");
        Problem {
            severity,
            code,
            object: self.object.clone(),
            origin: self.lines.and_then(|lines| lines.origin(&field)),
            field,
            found,
            expected,
        }
    }
}

fn full(name: &str) -> String {
    format!("{PREFIX}{name}")
}

/// In the quotes that every problem uses, and not longer than a line: anybody may write anything into an annotation.
fn quoted(raw: &str) -> String {
    const CHARS_MAX: usize = 80;
    match raw.char_indices().nth(CHARS_MAX) {
        Some((cut, _)) => {
            let head = raw.get(..cut).unwrap_or_default();
            format!("`{}...`", head.escape_debug())
        }
        None => format!("`{}`", raw.escape_debug()),
    }
}
