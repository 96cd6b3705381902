//! Does the explanation say what the search does, in words?

use super::*;
use crate::compile::tests::random;
use crate::compile::tests::site::Site;
use crate::hostname::Hostname;
use crate::model::{HeaderMatch, QueryMatch, TextMatch};
use crate::name::{Kind, ObjectRef};
use crate::problem::{Problem, ProblemCode};
use http::{HeaderMap, Method};
use proptest::prelude::*;
use std::sync::Arc;

/// `GET host/path`, over HTTPS with a `+` in front.
fn ask(compiled: &Compiled, text: &str) -> (Explanation, RuleId) {
    let (method, target) = text.trim_start_matches('+').split_once(' ').unwrap();
    let (host, _) = target.split_once('/').unwrap();
    let request = RequestView {
        is_https: text.starts_with('+'),
        port: None,
        host,
        method: &method.parse().unwrap_or(Method::GET),
        path: &target[host.len()..],
        query: None,
        headers: &HeaderMap::new(),
    };
    (
        explain(compiled, &request),
        compiled.snapshot.find(&request),
    )
}

/// Each rule that was considered: what it asks for, and why it won or not.
#[track_caller]
fn check(site: &Site, asked: &str, expected: &[(&str, &str)]) -> Explanation {
    let (explanation, _) = ask(&site.compile(), asked);
    let found = explanation.considered.iter();
    let found: Vec<_> = found.map(|c| (&*c.asks_for, &*c.why)).collect();
    assert_eq!(found, expected);
    explanation
}

#[test]
fn both_candidates_are_shown_and_why_one_won() {
    let expected = [
        ("edwardstech.dev/api", "everything matches"),
        ("edwardstech.dev/", "below the winner: its path is longer"),
    ];
    let explanation = check(
        &Site::edwardstech(),
        "+GET edwardstech.dev/api/x",
        &expected,
    );
    let winner = explanation.winner.unwrap();
    assert_eq!(winner.rule.object, "Ingress website/site");
    assert_eq!(
        winner.precedence.as_deref(),
        Some("before Ingress website/site, spec.rules[0].http.paths[1]: its path is longer")
    );
    let ActionTaken::Forward(targets) = &winner.action else {
        panic!("{winner:?}");
    };
    let Destination::Backend(backend) = &targets[0].to else {
        panic!("{targets:?}");
    };
    assert_eq!(
        (&*backend.service, backend.is_manual),
        ("website/backend-service:3001", true)
    );
    let endpoint = &backend.endpoints[0];
    assert_eq!(endpoint.object, "Endpoints website/backend-service");
    assert_eq!(
        (&*endpoint.address, endpoint.state),
        ("192.168.0.50:3001", "ready")
    );
}

#[test]
fn a_path_that_is_only_a_string_prefix_is_named() {
    let expected = [
        ("edwardstech.dev/", "everything matches"),
        ("edwardstech.dev/api", "path: /apix is not below /api"),
    ];
    check(&Site::edwardstech(), "GET edwardstech.dev/apix", &expected);
}

#[test]
fn the_first_predicate_that_fails_is_named() {
    let site = |change: &dyn Fn(&mut crate::model::RouteRule)| {
        let site = Site::default().http_route("n/r", &[("*.a.test", "/x", "app", "80")]);
        site.change(|route| change(&mut route.rules[0]))
    };
    let text = |text: &str| TextMatch::Exact(text.to_owned());
    let check_why = |site: Site, asked: &str, why: &str| {
        let (explanation, _) = ask(&site.compile(), asked);
        assert_eq!(explanation.considered[0].why, why);
        assert!(explanation.winner.is_none());
    };
    let post = |rule: &mut crate::model::RouteRule| {
        Arc::make_mut(&mut rule.matches)[0].method = Some(Method::POST);
    };
    check_why(site(&post), "GET b.a.test/x", "method: GET is not POST");
    let secure = |rule: &mut crate::model::RouteRule| rule.scope.http = false;
    check_why(
        site(&secure),
        "GET b.a.test/x",
        "listener: the rule is for https alone",
    );
    check_why(
        site(&|_| {}),
        "GET c.b.a.test/x",
        "host: c.b.a.test has more than one label where the * of *.a.test stands for one (Ingress)",
    );
    check_why(
        site(&|_| {}),
        "GET c.b.a.test/y",
        "host: c.b.a.test has more than one label where the * of *.a.test stands for one (Ingress)",
    );
    let header = |rule: &mut crate::model::RouteRule| {
        let name = http::HeaderName::from_static("x-version");
        Arc::make_mut(&mut rule.matches)[0].headers = vec![HeaderMatch {
            name,
            value: text("2"),
        }];
    };
    check_why(
        site(&header),
        "GET b.a.test/x",
        "header: x-version is missing, it would have to be 2",
    );
    let query = |rule: &mut crate::model::RouteRule| {
        Arc::make_mut(&mut rule.matches)[0].query = vec![QueryMatch {
            name: "q".to_owned(),
            value: text("1"),
        }];
    };
    check_why(site(&query), "GET b.a.test/x", "query: q is not 1");
}

#[test]
fn no_rule_is_404_and_says_so() {
    let explanation = check(&Site::edwardstech(), "GET other.test/", &[]);
    let text = explanation.to_string();
    assert!(
        text.contains("No rule is for this host.") && text.contains("404"),
        "{text}"
    );
}

#[test]
fn a_broken_backend_is_named_with_status_and_reason() {
    let site = Site::default().ingress("n/i", 0, &[("a.test", "/", "gone", "80")]);
    let (explanation, _) = ask(&site.compile(), "GET a.test/");
    let text = explanation.to_string();
    assert!(
        text.contains("answer 503 (no-service): Service n/gone does not exist"),
        "{text}"
    );
}

/// Printed for `GET a.test/` to one Service with these endpoints: ready, serving, terminating.
#[track_caller]
fn check_endpoints(conditions: &[(bool, bool, bool)], words: &str) {
    let addresses = ["10.0.0.1", "10.0.0.2"];
    let addresses = addresses.get(..conditions.len()).unwrap();
    let mut compiled = Site::default()
        .service("n/app", &[("", 80)], false)
        .slice("n/app", &[("", 80)], addresses)
        .ingress("n/i", 0, &[("a.test", "/", "app", "80")])
        .compile();
    for all in compiled.endpoints.values_mut() {
        let mut changed = all.to_vec();
        for (endpoint, state) in changed.iter_mut().zip(conditions) {
            (endpoint.ready, endpoint.serving, endpoint.terminating) = *state;
        }
        *all = changed.into();
    }
    let (explanation, _) = ask(&compiled, "GET a.test/");
    let text = explanation.to_string();
    let fails = "answer 503 (no-endpoint)";
    assert_eq!(text.contains(fails), words == fails, "{text}");
    assert!(text.contains(words), "{text}");
}

#[test]
fn endpoints_of_which_none_can_be_used_are_503() {
    let fails = "answer 503 (no-endpoint)";
    check_endpoints(&[], fails);
    check_endpoints(&[(false, false, false); 2], fails);
    check_endpoints(&[(false, true, false), (false, false, true)], fails);
    check_endpoints(&[(true, true, false), (false, false, false)], "ready;");
    check_endpoints(&[(false, true, true)], "terminating, still serving;");
}

#[test]
fn an_address_of_the_command_line_is_not_called_written_by_hand() {
    let kind = crate::model::ServiceKind::Override(vec![(None, "127.0.0.1:1".parse().unwrap())]);
    let site = Site::default()
        .service_of("n/app", &[("", 80)], kind)
        .ingress("n/i", 0, &[("a.test", "/", "app", "80")]);
    let (explanation, _) = ask(&site.compile(), "GET a.test/");
    let text = explanation.to_string();
    assert!(text.contains("; from --endpoint\n"), "{text}");
    assert!(!text.contains("by hand"), "{text}");
}

fn problem(severity: Severity, kind: Kind, name: &str, found: &str) -> Arc<Problem> {
    Arc::new(Problem {
        severity,
        code: ProblemCode::InvalidField,
        object: ObjectRef::new(kind, "n", name),
        field: "spec".to_owned(),
        found: found.to_owned(),
        expected: "what is right\nkind: Ingress".to_owned(),
        origin: None,
    })
}

#[test]
fn problems_of_what_may_be_for_the_host_are_told_and_others_are_not() {
    let site = Site::default()
        .service("n/app", &[("", 80)], false)
        .ingress("n/here", 0, &[("a.test", "/", "app", "80")])
        .ingress("n/there", 0, &[("b.test", "/", "app", "80")]);
    let mut compiled = site.compile();
    compiled.problems = std::sync::Arc::new(vec![
        problem(Severity::Warning, Kind::Ingress, "lost", "refused"),
        problem(Severity::Error, Kind::Ingress, "there", "elsewhere"),
        problem(Severity::Error, Kind::Ingress, "there", "it is xa.test"),
        problem(Severity::Error, Kind::Ingress, "there", "it is a.test.b"),
        problem(Severity::Error, Kind::Secret, "s", "is not for a.test."),
        problem(Severity::Info, Kind::Ingress, "here", "unneeded"),
        problem(Severity::Error, Kind::Ingress, "here", "no path"),
        problem(Severity::Error, Kind::Service, "app", "no endpoint"),
        problem(Severity::Error, Kind::Service, "other", "no endpoint"),
    ]);
    let (explanation, _) = ask(&compiled, "GET a.test/");
    let found: Vec<&str> = explanation.problems.iter().map(|p| &*p.object).collect();
    let expected = [
        "Secret n/s",
        "Ingress n/here",
        "Service n/app",
        "Ingress n/lost",
    ];
    assert_eq!(found, expected);
    let text = explanation.to_string();
    let words = "  Ingress n/lost, spec\n     refused (invalid-field); what is right (a manifest, which hedgerow check prints)\n";
    assert!(text.contains(words), "{text}");
    let (explanation, _) = ask(&compiled, "GET c.test/");
    let text = explanation.to_string();
    assert!(text.contains("No rule is for this host.") && text.contains(words));
}

#[test]
fn what_is_lost_is_told_to_those_hosts_that_it_may_have_been_for() {
    let mut compiled = Site::default().compile();
    let lost = |name: &str| ObjectRef::new(Kind::Ingress, "n", name);
    let names = ["exact", "wildcard", "every", "unreadable", "other"];
    let problems = names.map(|name| problem(Severity::Error, Kind::Ingress, name, "refused"));
    compiled.problems = std::sync::Arc::new(problems.into());
    let hosts = |host: &str| Some(vec!["x.test".to_owned(), host.to_owned()]);
    compiled.unused_hosts = std::sync::Arc::new(BTreeMap::from([
        (lost("exact"), hosts("A.test.")),
        (lost("wildcard"), hosts("*.test")),
        (lost("every"), hosts("*")),
        (lost("unreadable"), None),
        (lost("other"), hosts("*.a.test")),
    ]));
    let (explanation, _) = ask(&compiled, "GET a.test/");
    let told = explanation.problems.iter().map(|problem| &*problem.object);
    let expected = ["exact", "wildcard", "every", "unreadable"];
    assert_eq!(
        told.collect::<Vec<_>>(),
        expected.map(|name| format!("Ingress n/{name}"))
    );
}

#[test]
fn problems_are_listed_up_to_a_bound() {
    let mut compiled = Site::default().compile();
    let problems = (0..20).map(|n| problem(Severity::Error, Kind::Manifest, &n.to_string(), "x"));
    compiled.problems = std::sync::Arc::new(problems.collect());
    let (explanation, _) = ask(&compiled, "GET a.test/");
    let counts = (explanation.problems.len(), explanation.problems_not_listed);
    assert_eq!(counts, (8, 12));
    assert!(explanation.to_string().contains("and 12 more"));
}

#[test]
fn a_host_with_thousands_of_rules_is_cut_short() {
    let site = (0..500).fold(Site::default(), |site, number| {
        site.ingress(
            &format!("n/i{number}"),
            0,
            &[("a.test", &format!("/p{number}"), "app", "80")],
        )
    });
    let (explanation, _) = ask(&site.compile(), "GET a.test/p499");
    assert_eq!(
        (explanation.considered.len(), explanation.not_listed),
        (50, 450)
    );
    assert_eq!(explanation.considered[0].verdict, Verdict::Wins);
}

#[test]
fn what_is_printed_and_serialised_has_every_part() {
    let mut site = Site::edwardstech().tls("website/tls", &["edwardstech.dev"]);
    site = site.certificate("website/tls", &["edwardstech.dev"], (0, 10));
    site = site.change(|route| {
        let policy = crate::model::RoutePolicy {
            attempts: Some(2),
            canonical_host: Hostname::parse("edwardstech.dev").ok(),
            ..Default::default()
        };
        route.rules[0].policy = policy.into();
    });
    site = site.change_service("website/backend-service", |service| {
        service.policy.hold = Some(std::time::Duration::from_secs(8));
    });
    let (explanation, _) = ask(&site.compile(), "+POST edwardstech.dev/api");
    let text = explanation.to_string();
    for part in [
        "POST https://edwardstech.dev/api",
        "Secret website/tls",
        "=> edwardstech.dev/api",
        "attempts: 2",
        "canonical-host: edwardstech.dev",
        "Service website/backend-service:3001 over http",
        "hold: 8s",
        "192.168.0.50:3001  ready; health unknown; from Endpoints website/backend-service",
        "written by hand",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let json = serde_json::to_value(&explanation).unwrap();
    assert_eq!(
        json["winner"]["action"]["forward"][0]["to"]["backend"]["policy"]["hold"],
        "8s"
    );
    assert_eq!(json["considered"][0]["verdict"], "wins");
    assert_eq!(json["winner"]["object"], "Ingress website/site");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn explanation_and_search_never_disagree(
        pieces in proptest::collection::vec(random::piece(&["n", "m"]), 0..12),
    ) {
        let compiled = random::site(&pieces).compile();
        for target in random::targets() {
            let (explanation, id) = ask(&compiled, &format!("GET {target}"));
            let rule = compiled.snapshot.rule(id).unwrap();
            match &explanation.winner {
                Some(winner) => {
                    prop_assert_eq!((&winner.rule.object, &*winner.rule.field), (&rule.object.to_string(), &*rule.field));
                    prop_assert_eq!(explanation.considered[0].verdict, Verdict::Wins);
                }
                None => prop_assert!(matches!(rule.action, crate::snapshot::Action::NotFound)),
            }
            prop_assert!(!explanation.to_string().is_empty());
        }
    }
}
