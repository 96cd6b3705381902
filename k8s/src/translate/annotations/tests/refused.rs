//! Is every annotation that is not obeyed answered with what would be right?

use super::*;

/// One annotation that is not obeyed: the default stays, and there is one problem.
#[track_caller]
pub(super) fn check_refused(
    kind: Kind,
    (name, value): (&str, &str),
    expected: (Severity, ProblemCode, &str, &str),
) {
    let (route, backend, problems) = read_on(kind, &[(name, value)]);
    assert_eq!(route, RoutePolicy::default(), "{name}: {value}");
    assert_eq!(backend, BackendPolicy::default(), "{name}: {value}");
    let [problem] = &*problems else {
        panic!("{name}: {value}: {problems:?}");
    };
    let found = (
        problem.severity,
        problem.code,
        &*problem.found,
        &*problem.expected,
    );
    assert_eq!(found, expected, "{name}: {value}");
    assert_eq!(problem.object, object(kind));
    let key = if name.contains('/') {
        name.to_owned()
    } else {
        full(name)
    };
    assert_eq!(problem.field, format!("metadata.annotations[{key}]"));
}

#[test]
fn our_prefix_in_another_case_is_said() {
    let expected = (
        Severity::Warning,
        ProblemCode::UnknownAnnotation,
        "the prefix is ours but for its case",
        "hedgerow.edwardstech.dev/hold; as written it has no effect",
    );
    let key = "Hedgerow.edwardstech.dev/hold";
    check_refused(Kind::Ingress, (key, "8s"), expected);
}

#[test]
#[rustfmt::skip]
fn a_value_that_does_not_parse_is_a_problem_that_names_the_default() {
    const DURATION: &str = "is not a duration as Gateway API writes them (GEP-2257): 1 to 4 numbers of up to 5 digits, each with its unit h, m, s or ms, as in 10s, 1m30s, 500ms";
    const STAYS: &str = "; until then the default is in force: ";
    for (name, value, found, form, default) in [
        ("hold", "8", DURATION, "duration, 0s to 30s", "limits.hold (1s)"),
        ("hold", "31s", "is out of its range", "duration, 0s to 30s", "limits.hold (1s)"),
        ("hold", "", DURATION, "duration, 0s to 30s", "limits.hold (1s)"),
        ("connect-timeout", "0s", "is out of its range", "duration, 1ms to 5m", "limits.connectTimeout (1s)"),
        ("request-timeout", "0s", "is out of its range", "duration, 1ms to 24h", "none"),
        ("attempts", "0", "is out of its range", "number, 1 to 10", "limits.attempts (3)"),
        ("attempts", "11", "is out of its range", "number, 1 to 10", "limits.attempts (3)"),
        ("attempts", "-1", "is not a whole number", "number, 1 to 10", "limits.attempts (3)"),
        ("ssl-redirect", "yes", "is none of them", "auto, true or false", "auto"),
        ("ssl-redirect", "True", "is none of them", "auto, true or false", "auto"),
        ("encoded-slash", "allow", "is neither", "pass or refuse", "pass"),
        ("load-balance", "ewma", "is none of them", "p2c or round-robin", "p2c"),
        ("canonical-host", "*.a.test", "is a wildcard, where one name is needed", "host name", "none"),
        ("canonical-host", "10.0.0.1", "is an IP address, where a name is needed", "host name", "none"),
        ("backend-name", "", "is empty", "host name", "SERVICE.NAMESPACE.svc"),
    ] {
        let found = format!("`{value}` {found}");
        let expected = format!("{form}{STAYS}{default}");
        let sort = (Severity::Error, ProblemCode::InvalidAnnotation);
        check_refused(Kind::Ingress, (name, value), (sort.0, sort.1, &found, &expected));
    }
}

#[test]
#[rustfmt::skip]
fn a_value_that_does_not_parse_is_told_what_is_wrong_with_it() {
    for (name, value, found) in [
        ("retry-on", "", "is not a list of statuses with commas between them"),
        ("retry-on", "502,", "is not a list of statuses with commas between them"),
        ("retry-on", "5xx", "is not a list of statuses with commas between them"),
        ("retry-on", "+50", "is not a list of statuses with commas between them"),
        ("retry-on", "404", "has a status that no retry can cure"),
        ("body-size-max", "10m", "has a unit that could mean two things; write 10Mi (1,024-based) instead"),
        ("body-size-max", "0", "would refuse every body; for no limit leave the annotation out"),
        ("keep-alive", "500ms", "is too short"),
        ("backend-protocol", "GRPC", "is not a protocol by itself: gRPC in the clear is h2c"),
        ("backend-protocol", "grpcs", "is not a protocol by itself: gRPC over TLS is https"),
        ("backend-protocol", "h2", "is h2c in the clear and https over TLS"),
        ("backend-protocol", "FCGI", "is none of them"),
        ("backend-ca", "other/ca", "names a namespace; it is always the object's own"),
        ("backend-ca", "CA", "is not a name that Kubernetes gives a ConfigMap"),
        ("backend-ca", "", "is not a name that Kubernetes gives a ConfigMap"),
    ] {
        let (route, backend, problems) = read_on(Kind::Ingress, &[(name, value)]);
        assert_eq!((route, backend), Default::default(), "{name}: {value}");
        assert_eq!(problems.len(), 1, "{name}: {value}");
        assert_eq!(problems[0].found, format!("`{value}` {found}"));
        assert_eq!(problems[0].code, ProblemCode::InvalidAnnotation);
    }
}

#[test]
fn a_name_that_does_not_exist_is_answered_with_the_nearest() {
    let sort = (Severity::Warning, ProblemCode::UnknownAnnotation);
    let found = "there is no such annotation";
    let hold = "did you mean hedgerow.edwardstech.dev/hold?";
    check_refused(Kind::Ingress, ("hodl", "8s"), (sort.0, sort.1, found, hold));
    let body = "did you mean hedgerow.edwardstech.dev/body-size-max?";
    check_refused(
        Kind::Ingress,
        ("body-max-size", "8Mi"),
        (sort.0, sort.1, found, body),
    );
    let none = "one of those in docs/annotations.md; it has no effect";
    check_refused(
        Kind::Service,
        ("colour", "red"),
        (sort.0, sort.1, found, none),
    );
    check_refused(
        Kind::Ingress,
        ("hedgerow.edwardstech.dev/", "x"),
        (sort.0, sort.1, found, none),
    );
}

#[test]
fn what_is_of_a_later_version_says_so() {
    let sort = (Severity::Warning, ProblemCode::UnknownAnnotation);
    let expected = "not in this version; it has no effect";
    for name in [
        "acme",
        "env",
        "hedge",
        "max-connections",
        "max-pending",
        "slow-start",
        "hash-by",
        "sticky",
        "health-check-path",
        "health-check-interval",
        "health-check-timeout",
        "health-check-rise",
        "health-check-fall",
        "health-check-status",
    ] {
        for kind in [Kind::Ingress, Kind::Service] {
            check_refused(kind, (name, "x"), (sort.0, sort.1, "`x`", expected));
        }
    }
    check_refused(
        Kind::Service,
        ("load-balance", "hash"),
        (sort.0, sort.1, "`hash`", expected),
    );
}

#[test]
fn an_annotation_on_the_wrong_kind_says_where_it_belongs() {
    let sort = (Severity::Warning, ProblemCode::UnknownAnnotation);
    let found = "has no effect on this kind: Service";
    for name in [
        "request-timeout",
        "attempts",
        "attempt-timeout",
        "retry-on",
        "body-size-max",
        "ssl-redirect",
        "encoded-slash",
        "canonical-host",
    ] {
        check_refused(
            Kind::Service,
            (name, "x"),
            (sort.0, sort.1, found, "on the Ingress"),
        );
    }
    let found = "has no effect on this kind: HTTPRoute";
    let expected = "on the Ingress or on the Service";
    check_refused(
        Kind::HttpRoute,
        ("hold", "8s"),
        (sort.0, sort.1, found, expected),
    );
}

#[test]
fn what_does_not_fit_together_is_named() {
    let pairs = [("attempt-timeout", "10s"), ("request-timeout", "5s")];
    let (found, _, problems) = read_on(Kind::Ingress, &pairs);
    assert_eq!(found, route(|r| r.request_timeout = seconds(5)));
    assert_eq!(problems.len(), 1);
    assert_eq!(
        problems[0].found,
        "attempt-timeout is 10s and request-timeout 5s"
    );

    let pairs = [
        ("backend-ca", "ca"),
        ("backend-name", "a.test"),
        ("backend-protocol", "h2c"),
    ];
    for kind in [Kind::Ingress, Kind::Service] {
        let (_, _, problems) = read_on(kind, &pairs);
        let found: Vec<_> = problems.iter().map(|p| (p.severity, &*p.found)).collect();
        let expected = (
            Severity::Warning,
            "has no effect with backend-protocol: h2c",
        );
        assert_eq!(found, [expected, expected]);
        assert_eq!(read_on(kind, &pairs[..2]).2, []);
    }
}
