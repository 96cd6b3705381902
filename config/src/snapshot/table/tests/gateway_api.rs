//! Do the examples and the precedence of the Gateway API specification of HTTPRoute hold?

use super::*;

#[test]
fn a_wildcard_hostname_is_a_suffix_match() {
    let rules: &[(&[&str], &str)] = &[(&["*.example.com"], "/")];
    check(rules, "GET test.example.com/", "/");
    check(rules, "GET foo.test.example.com/", "/");
    check(rules, "GET example.com/", "404");
}

/// HTTPRouteSpec.hostnames: characters in a matching non-wildcard hostname, then in a matching hostname.
#[test]
fn the_hostname_with_more_characters_comes_first() {
    let rules: &[(&[&str], &str)] = &[
        (&["*.com"], "/a GET"),
        (&["*.example.com"], "/"),
        (&["very.long.example.com"], "/b"),
    ];
    check(rules, "GET x.example.com/a", "/");
    check(rules, "GET very.long.example.com/b", "/b");
    check(rules, "GET very.long.example.com/a", "/");
    check(rules, "GET other.com/a", "/a GET");
}

/// HTTPRouteRule.matches: any of several matches is enough.
#[test]
fn a_rule_matches_where_either_of_its_matches_does() {
    let matches = vec![request_match("/foo version:v2"), request_match("/v2/foo")];
    let rules = with_not_found(vec![rule("rule", &[], matches)]);
    check_rules(&rules, "GET h/foo version:v2", "rule");
    check_rules(&rules, "GET h/foo/bar VERSION:v2", "rule");
    check_rules(&rules, "GET h/foo version:v1", "404");
    check_rules(&rules, "GET h/foo", "404");
    check_rules(&rules, "GET h/v2/foo", "rule");
}

/// HTTPRouteMatch: "path prefixed with /foo AND header version: v1".
#[test]
fn all_conditions_of_a_match_hold_together() {
    let rules: &[(&[&str], &str)] = &[(&[], "/foo version:v1")];
    check(rules, "GET h/foo version:v1", "/foo version:v1");
    check(rules, "GET h/bar version:v1", "404");
    check(rules, "GET h/foo version:v2", "404");
}

/// PathMatchType.
#[test]
fn the_path_examples_of_the_specification_hold() {
    for path in ["/abc", "/abc/", "/abc/def"] {
        check(&[(&[], "/abc")], &format!("GET h{path}"), "/abc");
    }
    check(&[(&[], "/abc")], "GET h/abcd", "404");
    check(&[(&[], "=/abc")], "GET h/abc", "=/abc");
    for path in ["/abc/", "/Abc", "/abcd"] {
        check(&[(&[], "=/abc")], &format!("GET h{path}"), "404");
    }
}

/// The list of HTTPRouteRule.matches, each against the next.
#[test]
fn precedence_is_the_list_of_the_specification() {
    let order = [
        "=/a/b",
        "~/a/.*",
        "/a/b",
        "/a GET x:1 ?q=1",
        "/a GET x:1",
        "/a GET",
        "/a x:1 y:1",
    ];
    let rest = [
        "/a x:1 ?q=1 ?r=1",
        "/a x:1",
        "/a ?q=1 ?r=1",
        "/a ?q=1",
        "/a",
        "/",
    ];
    let order: Vec<&str> = order.into_iter().chain(rest).collect();
    for at in 0..order.len() {
        // Written the other way round: the order of the rules must not decide.
        let hosts: &[&str] = &[];
        let rules: Vec<_> = order[at..]
            .iter()
            .rev()
            .map(|text| (hosts, *text))
            .collect();
        check(&rules, "GET h/a/b?q=1&r=1 x:1 y:1", order[at]);
    }
}

#[test]
fn of_equal_matches_the_first_rule_wins() {
    let rules: &[(&[&str], &str)] = &[(&[], "/a x:1"), (&[], "/a y:1")];
    check(rules, "GET h/a x:1 y:1", "/a x:1");
}
