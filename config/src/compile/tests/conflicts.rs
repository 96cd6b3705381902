//! Who wins where two objects claim the same?

use super::*;

fn site() -> Site {
    let mut site = Site::default();
    for service in ["a/x", "a/y", "b/x"] {
        site = site
            .service(service, &[("", 80)], true)
            .slice(service, &[("", 80)], &["10.0.0.1"]);
    }
    site
}

#[track_caller]
fn check(site: &Site, winner_is: &str, loser: Option<&str>) {
    let mut turned = site.clone();
    turned.model.routes.reverse();
    for site in [site, &turned] {
        let compiled = site.compile();
        assert_eq!(winner(&compiled, "h.test/p").object.to_string(), winner_is);
        let conflicts = compiled
            .problems
            .iter()
            .filter(|p| p.code == ProblemCode::Conflict);
        let losers: Vec<_> = conflicts.map(|p| p.object.to_string()).collect();
        assert_eq!(losers, loser.into_iter().collect::<Vec<_>>());
    }
}

#[test]
fn the_oldest_object_wins_then_the_name() {
    let to_x = [("h.test", "/p", "x", "80")];
    let site_of = |a: i64, b: i64| site().ingress("a/one", a, &to_x).ingress("b/one", b, &to_x);
    check(&site_of(2, 1), "Ingress b/one", Some("Ingress a/one"));
    check(&site_of(1, 1), "Ingress a/one", Some("Ingress b/one"));
    check(&site_of(0, 0), "Ingress a/one", Some("Ingress b/one"));
    check(&site_of(1, 0), "Ingress b/one", Some("Ingress a/one"));
}

#[test]
fn the_problem_names_the_winner_and_what_is_claimed() {
    let to_x = [("h.test", "/p", "x", "80")];
    let compiled = site()
        .ingress("a/one", 1, &to_x)
        .ingress("b/two", 2, &to_x)
        .compile();
    let expected = (Severity::Warning, ProblemCode::Conflict, "Ingress b/two");
    check_problem(
        &compiled,
        expected,
        &[
            "h.test/p",
            "Ingress a/one",
            "older",
            "spec.rules[0].http.paths[0]",
        ],
    );
}

#[test]
fn the_same_backend_twice_is_no_conflict_and_neither_are_other_paths() {
    let one = site().ingress("a/one", 1, &[("h.test", "/p", "x", "80")]);
    check(
        &one.clone()
            .ingress("a/two", 2, &[("h.test", "/p", "x", "80")]),
        "Ingress a/one",
        None,
    );
    check(
        &one.clone()
            .ingress("b/two", 2, &[("h.test", "/p/q", "x", "80")]),
        "Ingress a/one",
        None,
    );
    check(
        &one.clone()
            .ingress("b/two", 2, &[("h.test", "=/p", "x", "80")]),
        "Ingress b/two",
        None,
    );
    check(
        &one.clone()
            .ingress("b/two", 2, &[("i.test", "/p", "x", "80")]),
        "Ingress a/one",
        None,
    );
    let other = one.ingress("a/two", 2, &[("h.test", "/p", "y", "80")]);
    check(&other, "Ingress a/one", Some("Ingress a/two"));
}

#[test]
fn a_path_twice_in_one_object_is_told_too() {
    let paths = [("h.test", "/p", "x", "80"), ("h.test", "/p/", "y", "80")];
    check(
        &site().ingress("a/one", 1, &paths),
        "Ingress a/one",
        Some("Ingress a/one"),
    );
}

#[test]
fn of_two_default_backends_the_older_one_wins() {
    let default = |site: Site, at: &str, created| {
        let site = site.ingress(at, created, &[("", "/", "x", "80")]);
        site.change(|route| route.rules[0].is_default_backend = true)
    };
    let both = default(default(site(), "a/one", 2), "b/one", 1);
    check(&both, "Ingress b/one", Some("Ingress a/one"));
}
