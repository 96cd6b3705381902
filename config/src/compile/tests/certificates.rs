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

/// `aaa` is before `n`, and both have no timestamp.
fn stranger(site: Site, hosts: &[&str], names: &[&str]) -> Site {
    site.service("aaa/app", &[("", 80)], true)
        .ingress("aaa/evil", 0, &[("evil.test", "/", "app", "80")])
        .tls("aaa/s", hosts)
        .certificate("aaa/s", names, VALID)
}

const NO_ENDPOINTS: ProblemCode = ProblemCode::NoEndpoints;

#[test]
fn a_tls_block_takes_no_host_of_other_namespaces_rules() {
    let own = ingress(site(), "n/i", "a.test").tls("n/s", &["a.test"]);
    let own = own.certificate("n/s", &["a.test"], VALID);
    let names = ["a.test", "evil.test"];
    let both = stranger(own, &["a.test", "evil.test"], &names);
    let codes = [NO_ENDPOINTS, ProblemCode::Conflict];
    let compiled = check(&both, "a.test", Some("n/s"), &codes);
    let expected = (Severity::Warning, ProblemCode::Conflict, "Ingress aaa/evil");
    let words = ["a.test", "rules of other namespaces", "namespace aaa"];
    check_problem(&compiled, expected, &words);
    check(&both, "evil.test", Some("aaa/s"), &codes);
}

#[test]
fn a_tls_host_that_no_rule_is_for_is_said() {
    let site = ingress(site(), "n/i", "a.test").tls("n/s", &["a.test", "www.a.test"]);
    let site = site.certificate("n/s", &["a.test", "www.a.test"], VALID);
    let compiled = check(&site, "www.a.test", None, &[ProblemCode::NoCertificate]);
    let expected = (Severity::Info, ProblemCode::NoCertificate, "Ingress n/i");
    check_problem(&compiled, expected, &["www.a.test", "no rule"]);
}

#[test]
fn a_host_that_has_no_certificate_is_shown_none_of_another_namespace() {
    for hosts in [["a.test", "evil.test"], ["*.test", "evil.test"]] {
        let site = stranger(ingress(site(), "n/i", "a.test"), &hosts, &hosts);
        let compiled = site.compile();
        let tls = &compiled.snapshot.tls;
        assert!(tls.find("a.test").is_none(), "{hosts:?}");
        assert!(!tls.is_asked_for("n", "a.test"), "{hosts:?}");
        assert!(tls.is_asked_for("aaa", "evil.test"), "{hosts:?}");
        assert_eq!(tls.find("evil.test").unwrap().secret.to_string(), "aaa/s");
    }
}

#[test]
fn a_wildcard_block_is_for_the_objects_own_hosts_where_the_wildcard_is_anothers() {
    let site = ingress(site(), "n/i", "*.a.test").tls("n/s", &["*.a.test"]);
    let site = site
        .certificate("n/s", &["*.a.test"], VALID)
        .service("m/app", &[("", 80)], true)
        .ingress("m/i", 0, &[("x.a.test", "/", "app", "80")])
        .tls("m/s", &["*.a.test"])
        .certificate("m/s", &["*.a.test"], VALID);
    check(&site, "x.a.test", Some("m/s"), &[NO_ENDPOINTS]);
    check(&site, "y.a.test", Some("n/s"), &[NO_ENDPOINTS]);
}

#[test]
fn a_rule_for_every_host_has_the_certificates_of_the_hosts_that_nobody_names() {
    let site = stranger(ingress(site(), "n/i", "a.test"), &["a.test", "b.test"], &[])
        .ingress("aaa/evil", 0, &[("", "/", "app", "80")])
        .tls("aaa/s", &["a.test", "b.test"])
        .certificate("aaa/s", &["a.test", "b.test"], VALID);
    let compiled = site.compile();
    assert!(compiled.snapshot.tls.find("a.test").is_none());
    assert!(compiled.snapshot.tls.find("b.test").is_some());
}

#[test]
fn a_gateway_shows_its_certificates_for_every_host_and_redirects_no_ingress() {
    for hosts in [&["*.test"][..], &[]] {
        let gateway = ingress(site(), "infra/gateway", "a.test").tls("infra/s", hosts);
        let gateway = gateway.certificate("infra/s", &["*.test"], VALID);
        let gateway = gateway.change(|route| {
            route.object.kind = crate::name::Kind::Gateway;
            route.rules.clear();
        });
        let compiled = check(
            &ingress(gateway, "n/i", "a.test"),
            "a.test",
            Some("infra/s"),
            &[],
        );
        assert!(!compiled.snapshot.tls.is_asked_for("n", "a.test"));
    }
}

#[test]
fn the_reason_why_a_secret_is_shown_is_the_true_one() {
    let of = |at: &str, created, site: Site| {
        let (namespace, _) = at.split_once('/').unwrap();
        let secret = format!("{namespace}/s");
        site.ingress(at, created, &[("a.test", "/", "app", "80")])
            .tls(&secret, &["a.test"])
            .certificate(&secret, &["a.test"], VALID)
    };
    for (n, m, words) in [
        (
            0,
            0,
            "both are of one age, and its namespace/name comes first",
        ),
        (
            7,
            7,
            "both are of one age, and its namespace/name comes first",
        ),
        (9, 7, "Ingress m/i is older"),
        (9, 0, "Ingress m/i has no creationTimestamp"),
    ] {
        let site = of("n/i", n, of("m/i", m, Site::default()));
        let compiled = site.compile();
        let mut conflicts = compiled
            .problems
            .iter()
            .filter(|p| p.code == ProblemCode::Conflict);
        let text = conflicts.find(|p| p.field == "spec.tls[0]").unwrap();
        assert!(
            text.to_string().contains(words),
            "{words:?} is not in {text}"
        );
    }
}
