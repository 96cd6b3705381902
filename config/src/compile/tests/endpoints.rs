//! Which addresses does a backend have, and what is said where it has none?

use super::*;
use crate::model::ServiceKind;

fn routed(site: Site) -> Site {
    site.ingress("n/i", 0, &[("a.test", "/", "app", "80")])
}

fn manual() -> Site {
    routed(Site::default().service("n/app", &[("http", 80)], false))
}

#[track_caller]
fn check(site: &Site, expected: &str) {
    let compiled = site.compile();
    assert_eq!(
        outcome(&compiled, "a.test/"),
        format!("n/app:80 -> [{expected}]")
    );
}

#[test]
fn several_slices_are_merged_and_endpoints_count_only_without_them() {
    let two = manual()
        .slice("n/app", &[("http", 8080)], &["10.0.0.2", "10.0.0.1"])
        .slice(
            "n/app",
            &[("http", 8081), ("other", 9)],
            &["10.0.0.1", "fd00::1"],
        );
    check(
        &two,
        "10.0.0.1:8080 10.0.0.1:8081 10.0.0.2:8080 [fd00::1]:8081",
    );
    check(
        &two.endpoints("n/app", &[("http", 8080)], &["10.9.9.9"]),
        "10.0.0.1:8080 10.0.0.1:8081 10.0.0.2:8080 [fd00::1]:8081",
    );
    check(
        &manual().endpoints("n/app", &[("http", 3001)], &["10.9.9.9"]),
        "10.9.9.9:3001",
    );
}

#[test]
fn an_address_in_two_slices_counts_once_and_is_ready_if_one_says_so() {
    for addresses in [
        ["10.0.0.1", "!10.0.0.1"],
        ["!10.0.0.1", "10.0.0.1"],
        ["~10.0.0.1", "10.0.0.1"],
    ] {
        let [first, second] = addresses;
        let site = manual().slice("n/app", &[("http", 8080)], &[first]).slice(
            "n/app",
            &[("http", 8080)],
            &[second],
        );
        let compiled = site.compile();
        let endpoints: Vec<_> = compiled
            .endpoints
            .values()
            .flat_map(|all| all.iter())
            .collect();
        assert_eq!(endpoints.len(), 1);
        assert!(endpoints[0].ready && endpoints[0].serving && !endpoints[0].terminating);
    }
    let compiled = manual()
        .slice("n/app", &[("http", 80)], &["~10.0.0.1", "!10.0.0.2"])
        .compile();
    let states: Vec<_> = compiled
        .endpoints
        .values()
        .flat_map(|all| all.iter())
        .map(|e| (e.ready, e.serving, e.terminating))
        .collect();
    assert_eq!(states, [(false, true, true), (false, false, false)]);
}

#[test]
fn ports_match_by_name_and_unnamed_matches_unnamed() {
    let site = |service: &str, endpoint: &str| {
        routed(Site::default().service("n/app", &[(service, 80)], false)).slice(
            "n/app",
            &[(endpoint, 8080)],
            &["10.0.0.1"],
        )
    };
    check(&site("", ""), "10.0.0.1:8080");
    check(&site("http", "http"), "10.0.0.1:8080");
    // The number does not make up for the name.
    let same_number = routed(Site::default().service("n/app", &[("web", 80)], false));
    check(
        &same_number.slice("n/app", &[("http", 80)], &["10.0.0.1"]),
        "",
    );
    for (ours, theirs, words) in [
        ("", "http", ["80 (unnamed)", "8080 (http)"]),
        ("web", "", ["80 (web)", "8080 (unnamed)"]),
        ("web", "http", ["80 (web)", "8080 (http)"]),
    ] {
        check(&site(ours, theirs), "");
        let compiled = site(ours, theirs).compile();
        let expected = (
            Severity::Error,
            ProblemCode::PortNameMismatch,
            "Service n/app",
        );
        check_problem(&compiled, expected, &words);
    }
}

#[test]
fn an_override_is_where_the_command_line_says() {
    let at = |text: &str| text.parse().unwrap();
    let site = |addresses: &[(Option<u16>, &str)]| {
        let addresses = addresses.iter().map(|(port, text)| (*port, at(text)));
        let kind = ServiceKind::Override(addresses.collect());
        let site = Site::default().service_of("n/app", &[("http", 80), ("x", 81)], kind);
        routed(site).slice("n/app", &[("http", 80)], &["10.0.0.1"])
    };
    check(&site(&[(None, "127.0.0.1:3001")]), "127.0.0.1:3001");
    check(
        &site(&[(Some(80), "127.0.0.1:1"), (None, "127.0.0.1:2")]),
        "127.0.0.1:1",
    );
    let other = site(&[(Some(81), "127.0.0.1:1")]);
    check(&other, "");
    let words = ["--endpoint n/app:80=HOST:PORT"];
    check_problem(
        &other.compile(),
        (Severity::Error, ProblemCode::NoEndpoints, "Service n/app"),
        &words,
    );
}

#[test]
fn a_service_without_a_selector_needs_endpoints() {
    let expected = (Severity::Error, ProblemCode::NoEndpoints, "Service n/app");
    check_problem(
        &manual().compile(),
        expected,
        &["Endpoints n/app", "kubernetes.io/service-name: app"],
    );
    let empty = manual().endpoints("n/app", &[], &[]);
    check_problem(&empty.compile(), expected, &["have no address"]);
    check(&empty, "");
}

#[test]
fn a_service_with_a_selector_lacks_nothing_in_a_directory() {
    let site = routed(Site::default().service("n/app", &[("", 80)], true));
    let object = "Service n/app";
    check_problem(
        &site.compile(),
        (Severity::Info, ProblemCode::NoEndpoints, object),
        &["--endpoint"],
    );
    let cluster = site.in_cluster().compile();
    check_problem(
        &cluster,
        (Severity::Warning, ProblemCode::NoEndpoints, object),
        &["ready"],
    );
}

#[test]
fn one_letter_wrong_names_both_objects() {
    let site = manual().endpoints("n/ap", &[("http", 80)], &["10.0.0.1"]);
    for site in [site.clone(), site.in_cluster()] {
        let compiled = site.compile();
        let orphan = (
            Severity::Error,
            ProblemCode::OrphanEndpoints,
            "Endpoints n/ap",
        );
        check_problem(
            &compiled,
            orphan,
            &["no Service n/ap", "did you mean n/app?"],
        );
        let lacking = (Severity::Error, ProblemCode::NoEndpoints, "Service n/app");
        check_problem(&compiled, lacking, &["did you mean n/ap?"]);
    }
}

#[test]
fn endpoints_of_others_are_their_own_matter_in_a_cluster() {
    let site = manual()
        .endpoints("n/app", &[("http", 80)], &["10.0.0.1"])
        .endpoints("kube-system/leader", &[], &[])
        .in_cluster();
    let compiled = site.compile();
    assert!(
        compiled
            .problems
            .iter()
            .all(|p| p.code != ProblemCode::OrphanEndpoints)
    );
}

#[test]
fn endpoints_are_deprecated_and_the_same_as_a_slice_is_suggested() {
    let compiled = manual()
        .endpoints(
            "n/app",
            &[("http", 3001)],
            &["10.0.0.1", "fd00::1", "!10.0.0.2"],
        )
        .compile();
    let expected = (
        Severity::Info,
        ProblemCode::DeprecatedEndpoints,
        "Endpoints n/app",
    );
    let words = [
        "kind: EndpointSlice",
        "kubernetes.io/service-name: app",
        "name: app-1",
        "addressType: IPv4",
        "name: app-2",
        "addressType: IPv6",
        "- addresses: [\"fd00::1\"]",
        "- addresses: [\"10.0.0.1\"]\n- addresses",
        "- addresses: [\"10.0.0.2\"]\n  conditions: { ready: false }",
        "{ name: http, port: 3001 }",
    ];
    check_problem(&compiled, expected, &words);
}
