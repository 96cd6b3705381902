//! Is an HTTPRoute translated as Gateway API says?

use crate::sample;

const EDGE: &str = "kind: GatewayClass\napiVersion: gateway.networking.k8s.io/v1\nmetadata: { name: hedgerow }\nspec: { controllerName: edwardstech.dev/hedgerow }\n---\nkind: Gateway\napiVersion: gateway.networking.k8s.io/v1\nmetadata: { name: edge, namespace: web }\nspec: { gatewayClassName: hedgerow, listeners: [{ name: http, protocol: HTTP, port: 80 }, { name: wild, protocol: HTTP, port: 8080, hostname: \"*.test\" }] }\n---\n";

fn route(spec: &str) -> String {
    format!(
        "{EDGE}kind: HTTPRoute\napiVersion: gateway.networking.k8s.io/v1\nmetadata: {{ name: r, namespace: web }}\nspec:\n{spec}\n"
    )
}

#[track_caller]
fn check_spec(spec: &str, rules: &[&str], problems: &[&str]) {
    let (model, found) = sample::translate(&route(spec));
    assert_eq!(sample::rules(&model), rules, "{spec}\n{found:#?}");
    let lines = sample::problems(&found);
    let lines: Vec<&str> = lines
        .iter()
        .map(|line| line.rsplit_once(':').unwrap().0)
        .filter(|line| !line.ends_with("listeners[1].port"))
        .collect();
    assert_eq!(lines, problems, "{spec}\n{found:#?}");
}

/// One rule, reached through the first listener.
#[track_caller]
fn check(rule: &str, rules: &[&str], problems: &[&str]) {
    let spec =
        format!("  parentRefs: [{{ name: edge, sectionName: http }}]\n  rules: [{{ {rule} }}]");
    let rules: Vec<String> = rules.iter().map(|rule| format!("http * {rule}")).collect();
    let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
    check_spec(&spec, &rules, problems);
}

const WEB: &str = "backendRefs: [{ name: web, port: 80 }]";

#[test]
fn a_rule_takes_what_any_of_its_matches_says() {
    for (matches, expected) in [
        ("", vec!["/* -> web/web:80"]),
        ("matches: [],", vec!["/* -> web/web:80"]),
        ("matches: [{}],", vec!["/* -> web/web:80"]),
        (
            "matches: [{ path: { value: /a } }],",
            vec!["/a* -> web/web:80"],
        ),
        (
            "matches: [{ path: { type: PathPrefix, value: /a/ } }],",
            vec!["/a* -> web/web:80"],
        ),
        (
            "matches: [{ path: { type: Exact, value: /a } }],",
            vec!["/a -> web/web:80"],
        ),
        (
            "matches: [{ path: { type: RegularExpression, value: \"/a|/b\" } }],",
            vec!["~/a|/b -> web/web:80"],
        ),
        (
            "matches: [{ method: PATCH }],",
            vec!["/* PATCH -> web/web:80"],
        ),
        (
            "matches: [{ headers: [{ name: X-Version, value: v2 }, { name: x-version, value: v3 }, { name: a, type: RegularExpression, value: \"[0-9]+\" }] }],",
            vec!["/* x-version=v2 a~[0-9]+ -> web/web:80"],
        ),
        (
            "matches: [{ queryParams: [{ name: a, value: b }, { name: a, value: c }, { name: d, type: RegularExpression, value: e }] }],",
            vec!["/* ?a=b ?d~e -> web/web:80"],
        ),
        (
            "matches: [{ path: { value: /a } }, { method: GET }],",
            vec!["/* GET -> web/web:80", "/a* -> web/web:80"],
        ),
    ] {
        check(&format!("{matches} {WEB}"), &expected, &[]);
    }
}

#[test]
fn a_wrong_match_is_left_out_and_takes_nothing_more_than_it_says() {
    for (wrong, field) in [
        ("path: { value: a }", "path.value"),
        ("path: { type: Exact, value: /a//b }", "path.value"),
        (
            "path: { type: RegularExpression, value: \"(\" }",
            "path.value",
        ),
        (
            "path: { type: RegularExpression, value: \"a)(b\" }",
            "path.value",
        ),
        (
            "path: { type: RegularExpression, value: \"\\\\w{1000}{1000}\" }",
            "path.value",
        ),
        ("headers: [{ name: \"a b\", value: c }]", "headers[0].name"),
        (
            "headers: [{ name: a, type: RegularExpression, value: \"[\" }]",
            "headers[0].value",
        ),
        (
            "queryParams: [{ name: a, type: RegularExpression, value: \"[\" }]",
            "queryParams[0].value",
        ),
        (
            "queryParams: [{ name: \"\", value: a }]",
            "queryParams[0].name",
        ),
    ] {
        let problem = format!("error invalid-field spec.rules[0].matches[0].{field}");
        check(
            &format!("matches: [{{ {wrong} }}], {WEB}"),
            &[],
            &[&problem],
        );
        check(
            &format!("matches: [{{ {wrong} }}, {{ path: {{ value: /b }} }}], {WEB}"),
            &["/b* -> web/web:80"],
            &[&problem],
        );
    }
}

#[test]
fn backends_share_by_weight_and_wrong_ones_keep_their_share() {
    for (reference, expected, problem) in [
        ("name: web, port: 80", "web/web:80", None),
        ("name: web, port: 80, weight: 0", "0xweb/web:80", None),
        ("name: web, port: 80, weight: 90", "90xweb/web:80", None),
        (
            "name: web, port: 80, group: \"\", kind: Service, namespace: web",
            "web/web:80",
            None,
        ),
        (
            "name: web, port: 80, weight: -1",
            "web/web:80",
            Some("error invalid-field backendRefs[0].weight"),
        ),
        (
            "name: web",
            "invalid",
            Some("error invalid-field backendRefs[0].port"),
        ),
        (
            "name: web, port: 0",
            "invalid",
            Some("error invalid-field backendRefs[0].port"),
        ),
        (
            "name: web, port: 80, kind: Bucket, weight: 5",
            "5xinvalid",
            Some("error invalid-field backendRefs[0]"),
        ),
        (
            "name: web, port: 80, namespace: other",
            "invalid",
            Some("error not-granted backendRefs[0]"),
        ),
    ] {
        let problem =
            problem.map(|problem: &str| problem.replace("backend", "spec.rules[0].backend"));
        let problems: Vec<&str> = problem.iter().map(String::as_str).collect();
        check(
            &format!("backendRefs: [{{ {reference} }}, {{ name: b, port: 81 }}]"),
            &[&format!("/* -> {expected} web/b:81")],
            &problems,
        );
    }
}

#[test]
fn a_grant_lets_a_route_name_a_service_of_another_namespace() {
    let grant = "kind: ReferenceGrant\napiVersion: gateway.networking.k8s.io/v1\nmetadata: { name: g, namespace: other }\nspec: { from: [{ group: gateway.networking.k8s.io, kind: HTTPRoute, namespace: web }], to: [{ group: \"\", kind: Service }] }\n---\n";
    let spec = "  parentRefs: [{ name: edge, sectionName: http }]\n  rules: [{ backendRefs: [{ name: web, namespace: other, port: 80 }] }]";
    let (model, _) = sample::translate(&format!("{grant}{}", route(spec)));
    assert_eq!(sample::rules(&model), ["http * /* -> other/web:80"]);
}

#[test]
fn hosts_are_those_that_route_and_listener_have_in_common() {
    for (parent, hostnames, expected, problem) in [
        (
            "sectionName: http",
            "[shop.test]",
            vec!["http shop.test /* -> web/web:80"],
            None,
        ),
        (
            "sectionName: http",
            "[]",
            vec!["http * /* -> web/web:80"],
            None,
        ),
        (
            "sectionName: wild",
            "[]",
            vec!["http *.test /* -> web/web:80"],
            None,
        ),
        (
            "sectionName: wild",
            "[a.test, b.a.test, shop.example]",
            vec!["http a.test,b.a.test /* -> web/web:80"],
            None,
        ),
        (
            "sectionName: wild",
            "[shop.example]",
            vec![],
            Some("error invalid-field spec.hostnames"),
        ),
        (
            "port: 8080",
            "[\"*.a.test\"]",
            vec!["http *.a.test /* -> web/web:80"],
            None,
        ),
        (
            "sectionName: wlid",
            "[a.test]",
            vec![],
            Some("error no-such-gateway spec.parentRefs[0].sectionName"),
        ),
        (
            "port: 81",
            "[a.test]",
            vec![],
            Some("error no-such-gateway spec.parentRefs[0].port"),
        ),
        (
            "sectionName: http",
            "[\"a b\"]",
            vec![],
            Some("error invalid-field spec.hostnames[0]"),
        ),
        (
            "sectionName: http",
            "[\"a b\", a.test]",
            vec!["http a.test /* -> web/web:80"],
            Some("error invalid-field spec.hostnames[0]"),
        ),
        (
            "namespace: web",
            "[a.test]",
            vec!["http a.test /* -> web/web:80"],
            None,
        ),
    ] {
        let spec = format!(
            "  parentRefs: [{{ name: edge, {parent} }}]\n  hostnames: {hostnames}\n  rules: [{{ {WEB} }}]"
        );
        let problems: Vec<&str> = problem.into_iter().collect();
        check_spec(&spec, &expected, &problems);
    }
}

#[test]
fn parents_of_other_kinds_are_not_spoken_of() {
    for parent in [
        "kind: Service, group: \"\", name: web",
        "kind: ListenerSet, name: edge",
    ] {
        check_spec(
            &format!("  parentRefs: [{{ {parent} }}]\n  rules: [{{ {WEB} }}]"),
            &[],
            &[],
        );
    }
}

#[test]
fn timeouts_are_the_rules_own_and_zero_is_none() {
    for (timeouts, expected, problem) in [
        (
            "{ request: 10s, backendRequest: 2s }",
            (Some(10_000), Some(2000)),
            None,
        ),
        ("{ request: 0s }", (None, None), None),
        (
            "{ request: soon }",
            (None, None),
            Some("error invalid-field spec.rules[0].timeouts.request"),
        ),
        (
            "{ request: 1s, backendRequest: 2s }",
            (Some(1000), Some(2000)),
            Some("error invalid-field spec.rules[0].timeouts.backendRequest"),
        ),
    ] {
        let rule = format!("timeouts: {timeouts}, {WEB}");
        let problems: Vec<&str> = problem.into_iter().collect();
        check(&rule, &["/* -> web/web:80"], &problems);
        let spec =
            format!("  parentRefs: [{{ name: edge, sectionName: http }}]\n  rules: [{{ {rule} }}]");
        let (model, _) = sample::translate(&route(&spec));
        let routes = model.routes.iter();
        let rule = routes.flat_map(|route| &route.rules).next().unwrap();
        let millis = |time: Option<std::time::Duration>| time.map(|time| time.as_millis());
        let found = (
            millis(rule.policy.request_timeout),
            millis(rule.policy.attempt_timeout),
        );
        assert_eq!(found, expected);
    }
}

#[test]
fn a_rule_with_a_filter_that_cannot_be_obeyed_answers_500_on_its_paths() {
    check(
        &format!("matches: [{{ path: {{ value: /a }} }}], filters: [{{ type: CORS }}], {WEB}"),
        &["/a* -> invalid"],
        &["error unsupported spec.rules[0].filters[0].type"],
    );
    check(
        "backendRefs: [{ name: web, port: 80, filters: [{ type: RequestMirror, requestMirror: { backendRef: { name: m } } }] }, { name: b, port: 80 }]",
        &["/* -> invalid web/b:80"],
        &["error unsupported spec.rules[0].backendRefs[0].filters[0].type"],
    );
    check(
        "backendRefs: [{ name: web, port: 80, filters: [{ type: RequestRedirect, requestRedirect: {} }] }]",
        &["/* -> invalid"],
        &["error invalid-field spec.rules[0].backendRefs[0].filters"],
    );
}

#[test]
fn a_redirect_needs_no_backend_and_wins_over_one() {
    let redirect = "filters: [{ type: RequestRedirect, requestRedirect: { statusCode: 301 } }]";
    let expected =
        "/* -> [Redirect { scheme: None, hostname: None, port: None, path: None, status: 301 }]";
    check(redirect, &[expected], &[]);
    check(
        &format!("{redirect}, {WEB}"),
        &[expected],
        &["warning invalid-field spec.rules[0].backendRefs"],
    );
}

#[test]
fn a_route_that_serves_nothing_is_said() {
    let parent = "  parentRefs: [{ name: edge, sectionName: http }]\n";
    let field = "error invalid-field spec.rules";
    check(
        "",
        &["/* ->"],
        &["error invalid-field spec.rules[0].backendRefs"],
    );
    check(
        "matches: [{ path: { value: /a } }], backendRefs: []",
        &["/a* ->"],
        &["error invalid-field spec.rules[0].backendRefs"],
    );
    check_spec(parent, &["http * /* ->"], &[field]);
    check_spec(&format!("{parent}  rules: []"), &[], &[field]);
    let nobody = "warning no-such-gateway spec.parentRefs";
    check_spec(&format!("  rules: [{{ {WEB} }}]"), &[], &[nobody]);
    check_spec(
        &format!("  parentRefs: []\n  rules: [{{ {WEB} }}]"),
        &[],
        &[nobody],
    );
}
