//! Are the example sites right, and do their requests go where their comments say?

use config::problem::Severity;
use config::settings::Settings;
use config::snapshot::{Action, RequestView, Snapshot};
use http::{HeaderMap, Method};
use k8s::control;
use k8s::source::directory;
use std::path::Path;

/// Seconds since 1970; no certificate is in the folders, so none expires.
const NOW: i64 = 1_790_000_000;

/// Loads a site, and follows URLs to backends. None: no rule.
fn check(site: &str, routes: &[(&str, &str, Option<&str>)]) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("sites")
        .join(site);
    let objects = directory::load(&folder).objects;
    let compiled = control::build(&objects, &Settings::default(), NOW);
    let errors = compiled
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error);
    assert_eq!(
        errors.map(ToString::to_string).collect::<Vec<_>>(),
        Vec::<String>::new()
    );
    for (host, path, backend) in routes {
        assert_eq!(
            backend_of(&compiled.snapshot, host, path).as_deref(),
            *backend,
            "{host}{path}"
        );
    }
}

fn backend_of(snapshot: &Snapshot, host: &str, path: &str) -> Option<String> {
    let id = snapshot.find(&RequestView {
        is_https: true,
        port: None,
        host,
        method: &Method::GET,
        path,
        query: None,
        headers: &HeaderMap::new(),
    });
    let Action::Forward(targets) = &snapshot.rule(id)?.action else {
        return None;
    };
    let backend = snapshot.backend(targets.first()?.backend.clone().ok()?)?;
    Some(backend.label.to_string())
}

const VM: Option<&str> = Some("website/backend-service:3001");
const PAGES: Option<&str> = Some("website/frontend-service:80");

#[test]
fn one_host_has_two_homes() {
    check(
        "edwardstech",
        &[
            ("edwardstech.dev", "/", PAGES),
            ("edwardstech.dev", "/api", VM),
            ("edwardstech.dev", "/api/", VM),
            ("edwardstech.dev", "/api/contact", VM),
            ("edwardstech.dev", "/apifoo", PAGES),
            ("edwardstech.dev", "/API", PAGES),
            ("www.edwardstech.dev", "/", None),
            ("192.168.0.40", "/", None),
        ],
    );
}

#[test]
fn no_path_has_a_meaning_of_its_own() {
    let next = Some("todo-app/frontend-service:3000");
    check(
        "todo",
        &[
            ("todo.test", "/", next),
            ("todo.test", "/api/backend/todos", next),
            ("todo.test", "/health", next),
            ("todo.test", "/metrics", next),
            ("todo-app", "/", None),
        ],
    );
}
