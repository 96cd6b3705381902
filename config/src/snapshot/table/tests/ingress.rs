//! Do the examples of the Kubernetes documentation of Ingress hold?

use super::*;
use std::sync::Arc;

/// "Examples" under "Path types", row by row.
#[test]
fn the_path_type_examples_of_the_ingress_documentation_hold() {
    for (paths, requests, expected) in [
        (&["/"][..], &["/", "/a", "/a/b/"][..], "/"),
        (&["=/foo"], &["/foo"], "=/foo"),
        (&["=/foo"], &["/bar"], "404"),
        (&["=/foo"], &["/foo/"], "404"),
        (&["=/foo/"], &["/foo"], "404"),
        (&["/foo"], &["/foo", "/foo/"], "/foo"),
        (&["/foo/"], &["/foo", "/foo/"], "/foo/"),
        (&["/aaa/bb"], &["/aaa/bbb"], "404"),
        (&["/aaa/bbb"], &["/aaa/bbb"], "/aaa/bbb"),
        (&["/aaa/bbb/"], &["/aaa/bbb"], "/aaa/bbb/"),
        (&["/aaa/bbb"], &["/aaa/bbb/"], "/aaa/bbb"),
        (&["/aaa/bbb"], &["/aaa/bbb/ccc"], "/aaa/bbb"),
        (&["/aaa/bbb"], &["/aaa/bbbxyz"], "404"),
        (&["/", "/aaa"], &["/aaa/ccc"], "/aaa"),
        (&["/", "/aaa", "/aaa/bbb"], &["/aaa/bbb"], "/aaa/bbb"),
        (&["/", "/aaa", "/aaa/bbb"], &["/ccc"], "/"),
        (&["/foo", "=/foo"], &["/foo"], "=/foo"), // Mixed: prefers Exact.
        (&["=/foo", "/foo"], &["/foo"], "=/foo"),
        (&["/foo"], &["/FOO"], "404"),
        (&["/foo/bar"], &["/foo/bar/baz"], "/foo/bar"),
        (&["/foo/bar"], &["/foo/barbaz"], "404"),
    ] {
        let hosts: &[&str] = &["foo.test"];
        let rules: Vec<_> = paths.iter().map(|path| (hosts, *path)).collect();
        for request in requests {
            check(&rules, &format!("GET foo.test{request}"), expected);
        }
    }
}

/// "Prefix /aaa, request /ccc: No, uses default backend."
#[test]
fn what_no_path_matches_goes_to_the_default_backend() {
    let mut default = rule("default", &[], vec![request_match("/")]);
    default.is_default_backend = true;
    let prefix = rule("/aaa", &[], vec![request_match("/aaa")]);
    check_rules(
        &with_not_found(vec![default, prefix]),
        "GET h/ccc",
        "default",
    );
}

/// "Hostname wildcards", row by row, and the precedence of exact hosts.
#[test]
fn the_host_name_examples_of_the_ingress_documentation_hold() {
    let wildcard = |field: &str| {
        let mut rule = rule(field, &["*.foo.com"], vec![request_match("/")]);
        Arc::make_mut(&mut rule.hosts)[0].labels = WildcardLabels::One;
        rule
    };
    let rules = with_not_found(vec![wildcard("wildcard")]);
    check_rules(&rules, "GET bar.foo.com/", "wildcard");
    check_rules(&rules, "GET baz.bar.foo.com/", "404");
    check_rules(&rules, "GET foo.com/", "404");
    let exact = rule("exact", &["bar.foo.com"], vec![request_match("/x")]);
    let rules = with_not_found(vec![wildcard("wildcard"), exact]);
    check_rules(&rules, "GET bar.foo.com/x", "exact");
    check_rules(&rules, "GET bar.foo.com/y", "wildcard");
}

/// "Name based virtual hosting": two hosts, and a rule without one.
#[test]
fn a_rule_without_a_host_takes_what_no_host_names() {
    let rules: &[(&[&str], &str)] = &[
        (&["first.bar.com"], "/ GET"),
        (&["second.bar.com"], "/ POST"),
        (&[], "/"),
    ];
    check(rules, "GET first.bar.com/", "/ GET");
    check(rules, "POST SECOND.bar.com.:8080/", "/ POST");
    check(rules, "GET third.bar.com/", "/");
}

/// "Simple fanout".
#[test]
fn one_host_fans_out_by_path() {
    let rules: &[(&[&str], &str)] = &[(&["foo.bar.com"], "/foo"), (&["foo.bar.com"], "/bar")];
    check(rules, "GET foo.bar.com/foo/1", "/foo");
    check(rules, "GET foo.bar.com/bar", "/bar");
    check(rules, "GET foo.bar.com/", "404");
}
