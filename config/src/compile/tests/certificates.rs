//! Which certificate is shown for a host, and what is said where it is not the one that was asked for?

use super::*;
use crate::model::{Route, SslRedirect};
use std::sync::Arc;

const VALID: (i64, i64) = (0, 1000);
const EXPIRED: (i64, i64) = (0, 10);

fn site() -> Site {
    let mut site = Site::default().service("n/app", &[("", 80)], true).slice(
        "n/app",
        &[("", 80)],
        &["10.0.0.1"],
    );
    site.options.now = 500;
    site
}

fn ingress(site: Site, at: &str, host: &str) -> Site {
    site.ingress(at, 0, &[(host, "/", "app", "80")])
}

#[track_caller]
fn check(site: &Site, host: &str, secret: Option<&str>, codes: &[ProblemCode]) -> Compiled {
    let compiled = site.compile();
    let shown = compiled
        .snapshot
        .tls
        .find(host)
        .map(|entry| entry.secret.to_string());
    assert_eq!(shown.as_deref(), secret, "{:#?}", compiled.problems);
    let mut found: Vec<_> = compiled.problems.iter().map(|p| p.code).collect();
    found.sort();
    assert_eq!(found, codes, "{:#?}", compiled.problems);
    compiled
}

#[test]
fn a_secret_that_covers_its_hosts_is_shown() {
    let site = ingress(site(), "n/i", "a.test").tls("n/s", &["a.test"]);
    check(
        &site.certificate("n/s", &["a.test"], VALID),
        "a.test",
        Some("n/s"),
        &[],
    );
}

#[test]
fn a_wildcard_certificate_covers_hosts_and_wildcards() {
    let site = ingress(site(), "n/i", "*.a.test").tls("n/s", &["*.a.test"]);
    let site = site.certificate("n/s", &["*.a.test"], VALID);
    check(&site, "x.a.test", Some("n/s"), &[]);
    check(
        &ingress(site, "n/j", "y.a.test"),
        "y.a.test",
        Some("n/s"),
        &[],
    );
}

#[test]
fn a_block_without_hosts_is_for_the_hosts_of_the_rules() {
    let site = ingress(site(), "n/i", "a.test").tls("n/s", &[]);
    check(
        &site.certificate("n/s", &["a.test"], VALID),
        "a.test",
        Some("n/s"),
        &[],
    );
}

#[test]
fn a_missing_secret_is_a_warning_with_the_nearest_name() {
    let site = ingress(site(), "n/i", "a.test").tls("n/secret", &["a.test"]);
    let site = site.certificate("n/secrets", &["a.test"], VALID);
    let codes = [ProblemCode::NoSuchSecret, ProblemCode::NoCertificate];
    let compiled = check(&site, "a.test", None, &codes);
    let words = [
        "n/secret",
        "did you mean n/secrets?",
        "default certificate",
        "spec.tls[0]",
    ];
    check_problem(
        &compiled,
        (Severity::Warning, ProblemCode::NoSuchSecret, "Ingress n/i"),
        &words,
    );
}

#[test]
fn a_certificate_for_other_names_is_never_shown() {
    let site = ingress(site(), "n/i", "a.test").tls("n/s", &["a.test"]);
    let site = site.certificate("n/s", &["b.test"], VALID);
    let codes = [ProblemCode::InvalidCertificate, ProblemCode::NoCertificate];
    let compiled = check(&site, "a.test", None, &codes);
    let expected = (
        Severity::Warning,
        ProblemCode::InvalidCertificate,
        "Ingress n/i",
    );
    check_problem(&compiled, expected, &["is for b.test, not for a.test"]);
}

#[test]
fn an_expired_certificate_for_other_names_is_not_shown_either() {
    let site = ingress(site(), "n/i", "a.test").tls("n/s", &["a.test"]);
    let site = site.certificate("n/s", &["b.test"], EXPIRED);
    let invalid = ProblemCode::InvalidCertificate;
    check(
        &site,
        "a.test",
        None,
        &[invalid, invalid, ProblemCode::NoCertificate],
    );
}

#[test]
fn an_expired_certificate_is_shown_only_where_there_is_no_other() {
    let old = ingress(site(), "n/i", "a.test").tls("n/old", &["a.test"]);
    let old = old.certificate("n/old", &["a.test"], EXPIRED);
    let compiled = check(
        &old,
        "a.test",
        Some("n/old"),
        &[ProblemCode::InvalidCertificate],
    );
    let expected = (
        Severity::Warning,
        ProblemCode::InvalidCertificate,
        "Ingress n/i",
    );
    check_problem(
        &compiled,
        expected,
        &["expired at 1970-01-01T00:00:10Z", "still shown"],
    );
    let both = ingress(old, "n/j", "b.test").tls("n/new", &["a.test"]);
    let both = both.certificate("n/new", &["a.test", "b.test"], VALID);
    let codes = [ProblemCode::InvalidCertificate, ProblemCode::NoCertificate];
    check(&both, "a.test", Some("n/new"), &codes);
}

#[test]
fn the_oldest_object_decides_which_secret_a_host_has() {
    let site = site()
        .ingress("b/i", 1, &[("a.test", "/", "app", "80")])
        .tls("b/s", &["a.test"]);
    let site = site
        .ingress("a/i", 2, &[("a.test", "/", "app", "80")])
        .tls("a/s", &["a.test"]);
    let mut site =
        site.certificate("b/s", &["a.test"], VALID)
            .certificate("a/s", &["a.test"], VALID);
    for _ in 0..2 {
        let compiled = site.compile();
        assert_eq!(
            compiled
                .snapshot
                .tls
                .find("a.test")
                .unwrap()
                .secret
                .to_string(),
            "b/s"
        );
        let conflicts = compiled
            .problems
            .iter()
            .filter(|p| p.code == ProblemCode::Conflict);
        let of_secrets: Vec<_> = conflicts.filter(|p| p.field == "spec.tls[0]").collect();
        assert_eq!(of_secrets.len(), 1);
        assert_eq!(of_secrets[0].object.to_string(), "Ingress a/i");
        site.model.routes.reverse();
    }
}

#[test]
fn a_host_without_a_certificate_is_told_once_and_a_preloaded_one_loudly() {
    let site = ingress(ingress(site(), "n/i", "a.test"), "n/j", "a.test");
    let compiled = check(&site, "a.test", None, &[ProblemCode::NoCertificate]);
    check_problem(
        &compiled,
        (Severity::Info, ProblemCode::NoCertificate, "Ingress n/i"),
        &["a.test"],
    );
    let site = ingress(self::site(), "n/i", "edwardstech.dev");
    let compiled = check(
        &site,
        "edwardstech.dev",
        None,
        &[ProblemCode::NoCertificate],
    );
    let expected = (Severity::Warning, ProblemCode::NoCertificate, "Ingress n/i");
    check_problem(
        &compiled,
        expected,
        &[".dev", "HSTS preload list", "no browser"],
    );
    check(
        &ingress(self::site(), "n/i", "localhost"),
        "localhost",
        None,
        &[],
    );
}

#[test]
fn a_redirect_to_a_certificate_that_nobody_accepts_is_a_warning() {
    let always = |route: &mut Route| {
        for rule in &mut route.rules {
            Arc::make_mut(&mut rule.policy).ssl_redirect = SslRedirect::Always;
        }
    };
    // An older object for the same host that does not redirect changes nothing.
    let site = ingress(ingress(site(), "n/h", "a.test"), "n/i", "a.test").change(always);
    let compiled = check(
        &site,
        "a.test",
        None,
        &[ProblemCode::NoCertificate, ProblemCode::Conflict],
    );
    let expected = (Severity::Warning, ProblemCode::NoCertificate, "Ingress n/i");
    check_problem(&compiled, expected, &["HTTP is redirected to HTTPS"]);
}

#[test]
fn the_words_for_an_http_route_are_those_of_the_gateway_api() {
    let site = site().http_route("n/r", &[("a.test", "/", "app", "80")]);
    let compiled = check(&site, "a.test", None, &[ProblemCode::NoCertificate]);
    let expected = (Severity::Info, ProblemCode::NoCertificate, "HTTPRoute n/r");
    check_problem(&compiled, expected, &["its Gateway", "certificateRefs"]);
    let text = problem(&compiled, ProblemCode::NoCertificate).to_string();
    assert!(
        !text.contains("redirected") && !text.contains("spec.tls"),
        "{text}"
    );
}
