//! Where does a reference lead, and what happens to a path whose reference leads nowhere?

use super::site::{backend, name};
use super::*;
use crate::model::{
    BackendPolicy, BackendReference, Filter, Protocol, Redirect, RouteRule, ServiceKind,
};
use std::time::Duration;

fn site() -> Site {
    Site::default()
        .service("n/app", &[("http", 80), ("admin", 81)], true)
        .slice("n/app", &[("http", 8080), ("admin", 8081)], &["10.0.0.1"])
        .ingress("n/root", 0, &[("a.test", "/", "app", "80")])
}

/// The path keeps its answer, whatever the broader rule would say.
#[track_caller]
fn check_kept(to: (&str, &str), ingress: &str, http_route: &str) {
    let path = [("a.test", "/api", to.0, to.1)];
    let compiled = site().ingress("n/api", 0, &path).compile();
    assert_eq!(outcome(&compiled, "a.test/api/x"), ingress);
    let compiled = site().http_route("n/api", &path).compile();
    assert_eq!(outcome(&compiled, "a.test/api/x"), http_route);
}

#[test]
fn ports_are_found_by_number_and_by_name() {
    check_kept(
        ("app", "81"),
        "n/app:81 -> [10.0.0.1:8081]",
        "n/app:81 -> [10.0.0.1:8081]",
    );
    check_kept(
        ("app", "admin"),
        "n/app:81 -> [10.0.0.1:8081]",
        "n/app:81 -> [10.0.0.1:8081]",
    );
}

#[test]
fn a_path_whose_backend_is_missing_keeps_it() {
    check_kept(("ap", "80"), "503 no-service", "500 invalid-backend");
    check_kept(("app", "82"), "503 no-port", "500 invalid-backend");
    check_kept(("app", "htp"), "503 no-port", "500 invalid-backend");
}

#[test]
fn a_missing_service_is_reported_with_the_nearest_name() {
    let compiled = site()
        .ingress("n/api", 0, &[("a.test", "/api", "ap", "80")])
        .compile();
    check_problem(
        &compiled,
        (Severity::Error, ProblemCode::NoSuchService, "Ingress n/api"),
        &[
            "spec.rules[0].http.paths[0].backend.service",
            "n/ap does not exist",
            "did you mean n/app?",
            "503",
        ],
    );
    let compiled = site()
        .ingress("m/api", 0, &[("a.test", "/api", "app", "80")])
        .compile();
    let words = ["n/app is in another namespace"];
    check_problem(
        &compiled,
        (Severity::Error, ProblemCode::NoSuchService, "Ingress m/api"),
        &words,
    );
    let compiled = site()
        .http_route("n/api", &[("a.test", "/api", "ap", "80")])
        .compile();
    let words = ["answered with 500"];
    check_problem(
        &compiled,
        (
            Severity::Error,
            ProblemCode::NoSuchService,
            "HTTPRoute n/api",
        ),
        &words,
    );
}

#[test]
fn a_missing_port_is_reported_with_those_that_exist() {
    for (port, words) in [
        ("82", &["no port 82", "80 (http), 81 (admin)"][..]),
        ("htpp", &["named \"htpp\"", "did you mean http?"]),
    ] {
        let compiled = site()
            .ingress("n/api", 0, &[("a.test", "/api", "app", port)])
            .compile();
        check_problem(
            &compiled,
            (Severity::Error, ProblemCode::NoSuchPort, "Ingress n/api"),
            words,
        );
    }
}

#[test]
fn an_external_name_that_is_an_address_is_answered_with_the_manifest_to_use() {
    let site = |target: &str| {
        let kind = ServiceKind::ExternalName(target.into());
        let site = Site::default().service_of("n/vm", &[("", 3001)], kind);
        site.ingress("n/api", 0, &[("a.test", "/api", "vm", "3001")])
            .compile()
    };
    let compiled = site("192.168.0.50");
    assert_eq!(outcome(&compiled, "a.test/api"), "503 invalid-rule");
    let words = [
        "spec.externalName",
        "kind: Endpoints",
        "ip: \"192.168.0.50\"",
        "{ port: 3001 }",
    ];
    check_problem(
        &compiled,
        (Severity::Error, ProblemCode::ExternalName, "Service n/vm"),
        &words,
    );
    // A Service that names no port, as an ExternalName mostly does.
    let bare = |target: &str, port: &str| {
        let kind = ServiceKind::ExternalName(target.into());
        let site = Site::default().service_of("n/vm", &[], kind);
        site.ingress("n/api", 0, &[("a.test", "/api", "vm", port)])
            .compile()
    };
    let expected = (Severity::Error, ProblemCode::ExternalName, "Service n/vm");
    for (port, written) in [
        ("3001", "ports: [{ port: 3001 }]"),
        ("web", "ports: [{ name: web, port: 80 }]"),
    ] {
        check_problem(&bare("192.168.0.50", port), expected, &[written]);
    }
    for special in ["127.0.0.1", "169.254.169.254", "::1", "fe80::1", "0.0.0.0"] {
        let compiled = bare(special, "80");
        check_problem(&compiled, expected, &["Kubernetes refuses", special]);
        let text = problem(&compiled, ProblemCode::ExternalName).to_string();
        assert!(!text.contains("kind: Endpoints"), "{text}");
    }
    let words = ["not in this version"];
    let compiled = site("vm.home.lan");
    check_problem(
        &compiled,
        (Severity::Error, ProblemCode::ExternalName, "Service n/vm"),
        &words,
    );
}

#[test]
fn an_invalid_reference_answers_as_its_kind_says() {
    let broken = |rule: &mut RouteRule| {
        rule.backends[0].reference = BackendReference::Invalid {
            sentence: "not granted".to_owned(),
        };
    };
    let paths = [("a.test", "/api", "app", "80")];
    let compiled = site()
        .http_route("n/r", &paths)
        .change(|r| broken(&mut r.rules[0]))
        .compile();
    assert_eq!(outcome(&compiled, "a.test/api"), "500 invalid-backend");
    let compiled = site()
        .ingress("n/r", 0, &paths)
        .change(|r| broken(&mut r.rules[0]))
        .compile();
    assert_eq!(outcome(&compiled, "a.test/api"), "503 invalid-rule");
}

#[test]
fn weights_share_requests_and_what_is_invalid_keeps_its_share() {
    let shares = |weights: &[(u32, &str)]| {
        let site = site().http_route("n/r", &[("a.test", "/w", "app", "80")]);
        let site = site.change(|route| {
            let with_weight = weights.iter().map(|(weight, service)| {
                let mut reference = backend("n", service, "80");
                reference.weight = *weight;
                reference
            });
            route.rules[0].backends = with_weight.collect();
        });
        let compiled = site.compile();
        match &winner(&compiled, "a.test/w").action {
            Action::Forward(targets) => {
                let shares = targets.iter().map(|t| (t.weight_until, t.backend.is_ok()));
                Ok(shares.collect::<Vec<_>>())
            }
            _ => Err(outcome(&compiled, "a.test/w")),
        }
    };
    assert_eq!(
        shares(&[(3, "app"), (1, "gone")]),
        Ok(vec![(3, true), (4, false)])
    );
    assert_eq!(
        shares(&[(3, "app"), (0, "gone"), (1, "app")]),
        Ok(vec![(3, true), (4, true)])
    );
    assert_eq!(shares(&[(1, "app"), (0, "gone")]), Ok(vec![(1, true)]));
    assert_eq!(shares(&[(0, "app")]), Err("500 invalid-backend".to_owned()));
    assert_eq!(shares(&[]), Err("500 invalid-backend".to_owned()));
}

#[test]
fn a_redirect_needs_no_backend() {
    let redirect = Redirect {
        scheme: Some("https"),
        hostname: None,
        port: None,
        path: None,
        status: 301,
    };
    let site = site()
        .http_route("n/r", &[("a.test", "/old", "gone", "80")])
        .change(|route| {
            route.rules[0].backends.clear();
            route.rules[0].filters.push(Filter::Redirect(redirect));
        });
    let compiled = site.compile();
    assert_eq!(outcome(&compiled, "a.test/old"), "redirect 301");
    assert!(winner(&compiled, "a.test/old").filters.is_empty());
}

#[test]
fn a_route_with_a_policy_of_its_own_has_a_backend_of_its_own() {
    let hold = |seconds| Some(Duration::from_secs(seconds));
    let site = site()
        .change_service("n/app", |service| {
            service.policy.hold = hold(2);
            service.policy.keep_alive = hold(9);
        })
        .ingress("n/own", 0, &[("a.test", "/own", "app", "80")])
        .change(|route| {
            let own = BackendPolicy {
                hold: hold(8),
                ..BackendPolicy::default()
            };
            route.rules[0].backends[0].policy = Some(own.into());
        });
    let compiled = site.compile();
    let policies: Vec<_> = compiled
        .snapshot
        .backends
        .iter()
        .map(|b| (b.policy.hold, b.policy.keep_alive))
        .collect();
    assert_eq!(policies.len(), 2);
    assert!(policies.contains(&(hold(2), hold(9))) && policies.contains(&(hold(8), hold(9))));
    let keys: Vec<_> = compiled
        .snapshot
        .backends
        .iter()
        .map(|b| b.key.policy)
        .collect();
    assert_ne!(keys[0], keys[1]);
}

#[test]
fn the_protocol_is_the_policys_else_the_service_ports_else_the_endpoint_ports() {
    let protocol = |policy, service_port, endpoint_port| {
        let mut site = site().change_service("n/app", |service| {
            service.policy.protocol = policy;
            service.ports[0].protocol = service_port;
        });
        let slices = site.model.endpoints.get_mut(&name("n/app")).unwrap();
        std::sync::Arc::make_mut(&mut slices[0]).ports[0].protocol = endpoint_port;
        site.compile().snapshot.backends[0].protocol
    };
    let (h2c, https) = (Some(Protocol::H2c), Some(Protocol::Https));
    assert_eq!(protocol(None, None, None), Protocol::Http1);
    assert_eq!(protocol(None, None, h2c), Protocol::H2c);
    assert_eq!(protocol(None, https, h2c), Protocol::Https);
    assert_eq!(protocol(h2c, https, https), Protocol::H2c);
}

#[test]
fn a_missing_authority_trusts_nobody() {
    let site = |authority: Option<Vec<u8>>| {
        let mut site = site().change_service("n/app", |s| s.policy.ca = Some(name("n/ca")));
        if let Some(der) = authority {
            site.model
                .authorities
                .insert(name("n/ca"), vec![der].into());
        }
        site.compile()
    };
    let compiled = site(None);
    assert_eq!(
        compiled.snapshot.backends[0].authority.as_deref(),
        Some(&vec![])
    );
    let words = ["ConfigMap n/ca", "backend-ca"];
    check_problem(
        &compiled,
        (
            Severity::Warning,
            ProblemCode::NoSuchConfigMap,
            "Service n/app",
        ),
        &words,
    );
    let compiled = site(Some(vec![1]));
    assert_eq!(
        compiled.snapshot.backends[0].authority.as_deref(),
        Some(&vec![vec![1]])
    );
}
