//! Would Traefik's priorities send a request elsewhere?

use super::annotations::TRAEFIK_PRIORITY;
use crate::objects::Objects;
use config::model::{HostMatch, Model, PathMatch, Route, RouteRule};
use config::name::{Kind, ObjectName, ObjectRef};
use config::problem::{Problem, ProblemCode, Severity};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::sync::Arc;

/// A host in text (empty: every host) and a path without a trailing slash.
type Claim<'a> = (String, &'a str);

/// What one Ingress says, and another.
struct Clash {
    object: ObjectRef,
    sentence: String,
}

/// A priority that agrees with the longest path first is needless, which its object has been told. One that does not is a warning: whoever
/// comes from Traefik sees requests change their way.
pub(super) fn judge(objects: &Objects, model: &Model, problems: &mut [Arc<Problem>]) {
    let written: HashMap<&ObjectName, i64> = objects
        .ingresses
        .values()
        .filter_map(|ingress| {
            let annotations = ingress.value.metadata.annotations.as_ref()?;
            let priority = annotations.get(TRAEFIK_PRIORITY)?.trim().parse().ok()?;
            // Zero is no priority to Traefik.
            (priority != 0).then_some((&ingress.name, priority))
        })
        .collect();
    if written.is_empty() {
        return;
    }
    let clashes = clashes(model, &written);
    for problem in problems.iter_mut() {
        let is_priority = problem.code == ProblemCode::IgnoredAnnotation;
        if is_priority && let Some(sentence) = clashes.get(&problem.object) {
            let problem = Arc::make_mut(problem);
            problem.severity = Severity::Warning;
            problem.expected.clone_from(sentence);
        }
    }
}

/// By the object that has the annotation, and the first clash of each.
fn clashes(model: &Model, written: &HashMap<&ObjectName, i64>) -> BTreeMap<ObjectRef, String> {
    let highest = highest(model, written);
    let mut clashes = BTreeMap::new();
    for (route, host, path) in claims(model) {
        let own = priority(route, &host, path, written);
        for above in above(path) {
            let Some((theirs, other)) = highest.get(&(host.clone(), above)) else {
                continue;
            };
            if *theirs <= own || other.object == route.object {
                continue;
            }
            let clash = clash((route, path), (other, above), &host, written);
            clashes.entry(clash.object).or_insert(clash.sentence);
        }
    }
    clashes
}

fn clash(
    (route, path): (&Route, &str),
    (other, above): (&Route, &str),
    host: &str,
    written: &HashMap<&ObjectName, i64>,
) -> Clash {
    let blamed = match written.contains_key(&other.object.name) {
        true => other,
        false => route,
    };
    Clash {
        object: blamed.object.clone(),
        sentence: format!(
            "paths that agree with it: Traefik would send {host}{path} to {} for its {above}/, here the longest path wins and {} has it",
            other.object, route.object
        ),
    }
}

/// The rule with the highest priority for each host and path.
fn highest<'m>(
    model: &'m Model,
    written: &HashMap<&ObjectName, i64>,
) -> HashMap<Claim<'m>, (i64, &'m Route)> {
    // Where nobody with a priority has a rule, the longest path wins with Traefik too.
    let concerned: HashSet<String> = claims(model)
        .filter(|(route, ..)| written.contains_key(&route.object.name))
        .map(|(_, host, _)| host)
        .collect();
    let mut highest: HashMap<Claim<'m>, (i64, &Route)> = HashMap::new();
    for (route, host, path) in claims(model).filter(|(_, host, _)| concerned.contains(host)) {
        let own = priority(route, &host, path, written);
        let entry = highest.entry((host, path)).or_insert((own, route));
        if own > entry.0 {
            *entry = (own, route);
        }
    }
    highest
}

/// Every host and prefix of every Ingress.
fn claims(model: &Model) -> impl Iterator<Item = (&Route, String, &str)> {
    let routes = model.routes.iter().map(|route| &**route);
    let ingresses = routes.filter(|route| route.object.kind == Kind::Ingress);
    ingresses.flat_map(|route| {
        let rules = route.rules.iter().filter(|rule| !rule.is_default_backend);
        rules.filter_map(move |rule| Some((route, host(rule), path(rule)?)))
    })
}

fn host(rule: &RouteRule) -> String {
    let first = rule.hosts.first();
    first.map_or_else(String::new, |HostMatch { name, .. }| name.to_string())
}

fn path(rule: &RouteRule) -> Option<&str> {
    match &rule.matches.first()?.path {
        PathMatch::Prefix(path) => Some(path.trim_end_matches('/')),
        PathMatch::Exact(_) | PathMatch::Regex(_) => None,
    }
}

/// Without the annotation it is the length of the rule as Traefik writes it.
fn priority(route: &Route, host: &str, path: &str, written: &HashMap<&ObjectName, i64>) -> i64 {
    if let Some(priority) = written.get(&route.object.name) {
        return *priority;
    }
    let of_host = if host.is_empty() {
        0
    } else {
        "Host(``) && ".len() + host.len()
    };
    let length = of_host + "PathPrefix(``)".len() + path.len().max(1);
    i64::try_from(length).unwrap_or(i64::MAX)
}

/// The prefixes that a path is below, without itself.
fn above(path: &str) -> impl Iterator<Item = &str> {
    path.match_indices('/').filter_map(|(at, _)| path.get(..at))
}

#[cfg(test)]
mod tests {
    use crate::sample;

    fn ingress(name: &str, path: &str, priority: &str) -> String {
        let annotations = match priority {
            "" => String::new(),
            _ => format!(
                ", annotations: {{ traefik.ingress.kubernetes.io/router.priority: \"{priority}\" }}"
            ),
        };
        format!(
            "kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: {{ name: {name}, namespace: web{annotations} }}\nspec: {{ rules: [{{ host: a.test, http: {{ paths: [{{ path: {path}, pathType: Prefix, backend: {{ service: {{ name: web, port: {{ number: 80 }} }} }} }}] }} }}] }}\n---\n"
        )
    }

    #[track_caller]
    fn check(root: &str, api: &str, expected: &[&str]) {
        let yaml = format!(
            "{}{}",
            ingress("root", "/", root),
            ingress("api", "/api", api)
        );
        let (_, found) = sample::translate(&yaml);
        let lines: Vec<String> = found
            .iter()
            .map(|p| format!("{:?} {}", p.severity, p.object.name.name))
            .collect();
        assert_eq!(lines, expected, "{found:#?}");
    }

    #[test]
    fn a_priority_that_would_change_a_route_is_a_warning() {
        check("100", "1", &["Warning root", "Info api"]);
        check("100", "", &["Warning root"]);
        check("", "1", &["Warning api"]);
        check("1", "100", &["Info api", "Info root"]);
        check("", "100", &["Info api"]);
        check("7", "7", &["Info api", "Info root"]);
        check("1", "", &["Info root"]);
    }

    #[test]
    fn a_priority_that_is_no_number_is_said_to_be_none() {
        let (_, found) = sample::translate(&ingress("root", "/", "abc"));
        assert!(found[0].expected.contains("a number"), "{found:#?}");
        assert!(!found[0].expected.contains("nothing to do"), "{found:#?}");
    }
}
