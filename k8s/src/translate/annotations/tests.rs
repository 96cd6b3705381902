//! Is every annotation obeyed or answered?

mod refused;

use super::*;
use config::digest;
use config::hostname::Hostname;
use config::model::{LoadBalance, SslRedirect};
use config::name::ObjectName;
use proptest::prelude::*;
use refused::check_refused;
use std::time::Duration;

fn object(kind: Kind) -> ObjectRef {
    ObjectRef::new(kind, "website", "site")
}

fn annotations(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let pairs = pairs.iter().map(|(name, value)| {
        let name = if name.contains('/') {
            (*name).to_owned()
        } else {
            full(name)
        };
        (name, (*value).to_owned())
    });
    pairs.collect()
}

fn read_on(kind: Kind, pairs: &[(&str, &str)]) -> (RoutePolicy, BackendPolicy, Vec<Problem>) {
    let object = object(kind);
    let place = Place {
        object: &object,
        lines: None,
    };
    let annotations = annotations(pairs);
    match kind {
        Kind::Ingress => route_policy(&annotations, place),
        Kind::Service => {
            let (backend, problems) = service_policy(&annotations, place);
            (RoutePolicy::default(), backend, problems)
        }
        _ => {
            let problems = misplaced(&annotations, place);
            (RoutePolicy::default(), BackendPolicy::default(), problems)
        }
    }
}

/// One annotation that is obeyed.
#[track_caller]
fn check_obeyed(pairs: &[(&str, &str)], route: RoutePolicy, backend: BackendPolicy) {
    let found = read_on(Kind::Ingress, pairs);
    assert_eq!(found, (route, backend, Vec::new()), "{pairs:?}");
}

fn route(change: impl Fn(&mut RoutePolicy)) -> RoutePolicy {
    let mut policy = RoutePolicy::default();
    change(&mut policy);
    policy
}

fn backend(change: impl Fn(&mut BackendPolicy)) -> BackendPolicy {
    let mut policy = BackendPolicy::default();
    change(&mut policy);
    policy
}

fn seconds(number: u64) -> Option<Duration> {
    Some(Duration::from_secs(number))
}

#[test]
fn an_annotation_of_the_route_is_obeyed() {
    let none = BackendPolicy::default;
    check_obeyed(&[], RoutePolicy::default(), none());
    check_obeyed(
        &[("request-timeout", "1m30s")],
        route(|r| r.request_timeout = seconds(90)),
        none(),
    );
    check_obeyed(
        &[("attempt-timeout", "5s")],
        route(|r| r.attempt_timeout = seconds(5)),
        none(),
    );
    check_obeyed(
        &[("attempt-timeout", "5s"), ("request-timeout", "5s")],
        route(|r| (r.attempt_timeout, r.request_timeout) = (seconds(5), seconds(5))),
        none(),
    );
    check_obeyed(
        &[("attempts", "10")],
        route(|r| r.attempts = Some(10)),
        none(),
    );
    check_obeyed(
        &[("retry-on", "504, 502,502,503")],
        route(|r| r.retry_on = vec![502, 503, 504]),
        none(),
    );
    check_obeyed(
        &[("body-size-max", "10Mi")],
        route(|r| r.body_bytes_max = Some(10 << 20)),
        none(),
    );
    check_obeyed(
        &[("ssl-redirect", "true")],
        route(|r| r.ssl_redirect = SslRedirect::Always),
        none(),
    );
    check_obeyed(
        &[("ssl-redirect", "false")],
        route(|r| r.ssl_redirect = SslRedirect::Never),
        none(),
    );
    check_obeyed(&[("ssl-redirect", "auto")], RoutePolicy::default(), none());
    check_obeyed(
        &[("encoded-slash", "refuse")],
        route(|r| r.refuse_encoded_slash = true),
        none(),
    );
    check_obeyed(&[("encoded-slash", "pass")], RoutePolicy::default(), none());
    let host = Hostname::parse("edwardstech.dev").unwrap();
    check_obeyed(
        &[("canonical-host", "EdwardsTech.dev")],
        route(|r| r.canonical_host = Some(host.clone())),
        none(),
    );
}

#[test]
#[rustfmt::skip]
fn an_annotation_of_the_backend_is_obeyed_on_either_kind() {
    let name = Hostname::parse("vm.home.lan").unwrap();
    for (key, value, expected) in [
        ("connect-timeout", "300ms", backend(|b| b.connect_timeout = Some(Duration::from_millis(300)))),
        ("response-timeout", "5m", backend(|b| b.response_timeout = seconds(300))),
        ("idle-timeout", "1h", backend(|b| b.idle_timeout = seconds(3600))),
        ("hold", "30s", backend(|b| b.hold = seconds(30))),
        ("hold", "0s", backend(|b| b.hold = seconds(0))),
        ("keep-alive", "2s", backend(|b| b.keep_alive = seconds(2))),
        ("backend-protocol", "http", backend(|b| b.protocol = Some(Protocol::Http1))),
        ("backend-protocol", "h2c", backend(|b| b.protocol = Some(Protocol::H2c))),
        ("backend-protocol", "HTTPS", backend(|b| b.protocol = Some(Protocol::Https))),
        ("backend-ca", "vm-ca.pem", backend(|b| b.ca = Some(ObjectName::new("website", "vm-ca.pem")))),
        ("backend-name", "vm.home.lan", backend(|b| b.server_name = Some(name.clone()))),
        ("load-balance", "p2c", backend(|b| b.load_balance = Some(LoadBalance::PowerOfTwoChoices))),
        ("load-balance", "round-robin", backend(|b| b.load_balance = Some(LoadBalance::RoundRobin))),
    ] {
        check_obeyed(&[(key, value)], RoutePolicy::default(), expected.clone());
        let found = read_on(Kind::Service, &[(key, value)]);
        assert_eq!(found, (RoutePolicy::default(), expected, Vec::new()), "{key}: {value}");
    }
}

#[test]
fn annotations_of_others_are_left_alone_but_for_traefiks_priority() {
    let others = [
        ("nginx.ingress.kubernetes.io/rewrite-target", "/"),
        ("traefik.ingress.kubernetes.io/router.entrypoints", "web"),
        ("kubernetes.io/ingress.class", "hedgerow"),
    ];
    check_obeyed(&others, RoutePolicy::default(), BackendPolicy::default());
    let sort = (Severity::Info, ProblemCode::IgnoredAnnotation);
    let expected = "nothing to do: read, never obeyed; the longest path wins, which is what the priority was for";
    check_refused(
        Kind::Ingress,
        (TRAEFIK_PRIORITY, "100"),
        (sort.0, sort.1, "`100`", expected),
    );
    assert_eq!(read_on(Kind::Service, &[(TRAEFIK_PRIORITY, "100")]).2, []);
}

#[test]
fn a_wrong_annotation_takes_no_other_with_it_and_has_its_line() {
    let object = object(Kind::Ingress);
    let mut fields: Vec<_> = [
        ("", 1),
        ("metadata.annotations", 4),
        ("metadata.annotations[hedgerow.edwardstech.dev/hold]", 6),
    ]
    .map(|(path, line)| (digest::of(&[path.as_bytes()]), line))
    .into();
    fields.sort_unstable();
    let lines = Lines {
        file: "site.yaml".into(),
        fields: fields.into(),
    };
    let place = Place {
        object: &object,
        lines: Some(&lines),
    };
    let annotations = annotations(&[("attempts", "5"), ("hold", "x"), ("hodl", "1s")]);
    let (found, _, problems) = route_policy(&annotations, place);
    assert_eq!(found.attempts, Some(5));
    let origins: Vec<_> = problems
        .iter()
        .map(|p| p.origin.clone().unwrap().to_string())
        .collect();
    assert_eq!(origins, ["site.yaml:4", "site.yaml:6"]);
}

proptest! {
    #[test]
    fn no_value_makes_the_reader_panic_and_a_refusal_is_never_silent(at in 0..TABLE.len(), value in any::<String>(), close in "[0-9a-z,.:/-]{0,12}") {
        for value in [value, close] {
            for kind in [Kind::Ingress, Kind::Service, Kind::HttpRoute] {
                let (route, backend, problems) = read_on(kind, &[(TABLE[at].name, &value)]);
                let is_default = route == RoutePolicy::default() && backend == BackendPolicy::default();
                let says_the_default = ["auto", "pass"].contains(&&*value);
                prop_assert!(is_default != problems.is_empty() || says_the_default, "{} {value:?}", TABLE[at].name);
                prop_assert!(problems.iter().all(|p| p.found.len() < 1200));
            }
        }
    }
}
