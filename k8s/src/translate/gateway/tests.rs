//! Are listeners and their certificates read as Gateway API says?

use crate::sample;

const CLASS: &str = "kind: GatewayClass\napiVersion: gateway.networking.k8s.io/v1\nmetadata: { name: hedgerow }\nspec: { controllerName: edwardstech.dev/hedgerow }\n---\n";
const ROUTE: &str = "---\nkind: HTTPRoute\napiVersion: gateway.networking.k8s.io/v1\nmetadata: { name: r, namespace: web }\nspec: { parentRefs: [{ name: edge, namespace: infra }], hostnames: [shop.test], rules: [{ backendRefs: [{ name: web, port: 80 }] }] }\n";

fn gateway(listener: &str) -> String {
    format!(
        "kind: Gateway\napiVersion: gateway.networking.k8s.io/v1\nmetadata: {{ name: edge, namespace: infra }}\nspec:\n  gatewayClassName: hedgerow\n  listeners:\n  - {{ name: a, {listener} }}\n"
    )
}

/// What a route of another namespace comes to, the listener's TLS, and the problems without their lines.
#[track_caller]
fn check(yaml: &str, rules: &[&str], tls: &[&str], problems: &[&str]) {
    let (model, found) = sample::translate(&format!("{yaml}{ROUTE}"));
    assert_eq!(sample::rules(&model), rules, "{yaml}\n{found:#?}");
    assert_eq!(sample::tls(&model), tls, "{yaml}\n{found:#?}");
    let lines = sample::problems(&found);
    let lines: Vec<&str> = lines
        .iter()
        .map(|line| line.rsplit_once(':').unwrap().0)
        .collect();
    assert_eq!(lines, problems, "{yaml}\n{found:#?}");
}

const ALL: &str = "allowedRoutes: { namespaces: { from: All } }";

#[test]
fn a_listener_takes_the_requests_of_its_protocol() {
    let http = format!("protocol: HTTP, port: 80, {ALL}");
    check(
        &format!("{CLASS}{}", gateway(&http)),
        &["http shop.test /* -> web/web:80"],
        &[],
        &[],
    );
    let https = format!(
        "protocol: HTTPS, port: 443, hostname: \"*.test\", tls: {{ certificateRefs: [{{ name: tls }}, {{ kind: Secret, group: \"\", name: other }}] }}, {ALL}"
    );
    check(
        &format!("{CLASS}{}", gateway(&https)),
        &["https shop.test /* -> web/web:80"],
        &["*.test infra/other", "*.test infra/tls"],
        &[],
    );
    let both = format!(
        "{}  - {{ name: b, protocol: HTTPS, port: 443, tls: {{ certificateRefs: [{{ name: tls }}] }}, {ALL} }}\n",
        gateway(&http)
    );
    check(
        &format!("{CLASS}{both}"),
        &["shop.test /* -> web/web:80"],
        &[" infra/tls"],
        &[],
    );
}

#[test]
fn a_port_that_this_edge_does_not_listen_on_is_said() {
    check(
        &format!(
            "{CLASS}{}",
            gateway(&format!("protocol: HTTP, port: 8000, {ALL}"))
        ),
        &["http shop.test /* -> web/web:80"],
        &[],
        &["info unsupported spec.listeners[0].port"],
    );
}

#[test]
fn nothing_attaches_to_a_listener_that_is_wrong_or_of_another_protocol() {
    for (listener, problem) in [
        (
            "protocol: TCP, port: 80",
            "error unsupported spec.listeners[0].protocol",
        ),
        (
            "protocol: TLS, port: 443, tls: { mode: Passthrough }",
            "error unsupported spec.listeners[0].tls.mode",
        ),
        (
            "protocol: HTTP, port: 80, hostname: \"a b\"",
            "error invalid-field spec.listeners[0].hostname",
        ),
    ] {
        let no_listener = "error no-such-gateway spec.parentRefs[0].name";
        let mut problems = [problem, no_listener];
        problems.sort_unstable();
        check(
            &format!("{CLASS}{}", gateway(listener)),
            &[],
            &[],
            &problems,
        );
    }
}

#[test]
fn a_listener_without_a_usable_certificate_still_takes_requests() {
    for (tls, problem) in [
        (
            "",
            "error invalid-field spec.listeners[0].tls.certificateRefs",
        ),
        (
            "tls: { certificateRefs: [] }, ",
            "error invalid-field spec.listeners[0].tls.certificateRefs",
        ),
        (
            "tls: { certificateRefs: [{ kind: ConfigMap, name: tls }] }, ",
            "error unsupported spec.listeners[0].tls.certificateRefs[0]",
        ),
        (
            "tls: { certificateRefs: [{ name: tls, namespace: web }] }, ",
            "error not-granted spec.listeners[0].tls.certificateRefs[0]",
        ),
    ] {
        check(
            &format!(
                "{CLASS}{}",
                gateway(&format!("protocol: HTTPS, port: 443, {tls}{ALL}"))
            ),
            &["https shop.test /* -> web/web:80"],
            &[],
            &[problem],
        );
    }
}

#[test]
fn a_grant_opens_exactly_what_it_names() {
    let listener = format!(
        "protocol: HTTPS, port: 443, tls: {{ certificateRefs: [{{ name: tls, namespace: web }}] }}, {ALL}"
    );
    let grant = |namespace: &str, from: &str, to: &str| {
        format!(
            "kind: ReferenceGrant\napiVersion: gateway.networking.k8s.io/v1beta1\nmetadata: {{ name: g, namespace: {namespace} }}\nspec: {{ from: [{from}], to: [{to}] }}\n---\n"
        )
    };
    let from = "{ group: gateway.networking.k8s.io, kind: Gateway, namespace: infra }";
    let to = "{ group: \"\", kind: Secret }";
    for (grant, is_granted) in [
        (grant("web", from, to), true),
        (
            grant("web", from, "{ group: \"\", kind: Secret, name: tls }"),
            true,
        ),
        (
            grant("web", from, "{ group: \"\", kind: Secret, name: other }"),
            false,
        ),
        (grant("web", from, "{ group: \"\", kind: Service }"), false),
        (
            grant("web", &from.replace("Gateway", "HTTPRoute"), to),
            false,
        ),
        (grant("web", &from.replace("infra", "other"), to), false),
        (grant("infra", from, to), false),
    ] {
        let yaml = format!("{CLASS}{grant}{}", gateway(&listener));
        let rules = ["https shop.test /* -> web/web:80"];
        if is_granted {
            check(&yaml, &rules, &[" web/tls"], &[]);
        } else {
            let problem = "error not-granted spec.listeners[0].tls.certificateRefs[0]";
            check(&yaml, &rules, &[], &[problem]);
        }
    }
}

#[test]
fn a_printed_grant_opens_what_was_refused() {
    let listener = format!(
        "protocol: HTTPS, port: 443, tls: {{ certificateRefs: [{{ name: tls, namespace: web }}] }}, {ALL}"
    );
    let refused = format!("{CLASS}{}", gateway(&listener));
    let (_, problems) = sample::translate(&refused);
    let (_, manifest) = problems[0].expected.split_once("adds:\n").unwrap();
    check(
        &format!("{manifest}\n---\n{refused}"),
        &["https shop.test /* -> web/web:80"],
        &[" web/tls"],
        &[],
    );
}

/// A route of namespace `web` at a listener of namespace `infra`. Empty: it attaches.
#[track_caller]
fn check_allowed(allowed: &str, problems: &[&str]) {
    let attached: &[&str] = &["http shop.test /* -> web/web:80"];
    let is_refused = problems.contains(&REFUSED);
    let rules = if is_refused { &[] } else { attached };
    let listener = format!("protocol: HTTP, port: 80, allowedRoutes: {{ {allowed} }}");
    check(
        &format!("{CLASS}{}", gateway(&listener)),
        rules,
        &[],
        problems,
    );
}

const REFUSED: &str = "error not-granted spec.parentRefs[0]";

#[test]
fn a_listener_says_whose_routes_it_takes() {
    check_allowed("namespaces: { from: All }", &[]);
    check_allowed("namespaces: { from: Same }", &[REFUSED]);
    check_allowed("", &[REFUSED]);
    let all = "namespaces: { from: All }";
    check_allowed(&format!("{all}, kinds: [{{ kind: HTTPRoute }}]"), &[]);
    let kind = "warning unsupported spec.listeners[0].allowedRoutes.kinds[0]";
    check_allowed(
        &format!("{all}, kinds: [{{ kind: TLSRoute }}]"),
        &[REFUSED, kind],
    );
    check_allowed(
        &format!("{all}, kinds: [{{ kind: TLSRoute }}, {{ kind: HTTPRoute }}]"),
        &[kind],
    );
}

#[test]
fn a_selector_on_the_name_of_namespaces_is_judged_and_others_take_nothing() {
    let name = "kubernetes.io/metadata.name";
    let check = |selector: String, problems: &[&str]| {
        let allowed = format!("namespaces: {{ from: Selector, selector: {selector} }}");
        check_allowed(&allowed, problems);
    };
    let labels = |value: &str| format!("{{ matchLabels: {{ {name}: {value} }} }}");
    let expression = |rest: &str| format!("{{ matchExpressions: [{{ key: {name}, {rest} }}] }}");
    check("{}".to_owned(), &[]);
    check(labels("web"), &[]);
    check(labels("other"), &[REFUSED]);
    check(expression("operator: In, values: [a, web]"), &[]);
    check(expression("operator: In, values: [a]"), &[REFUSED]);
    check(expression("operator: NotIn, values: [web]"), &[REFUSED]);
    check(expression("operator: Exists"), &[]);
    check(expression("operator: DoesNotExist"), &[REFUSED]);
    let unknown = "error unsupported spec.listeners[0].allowedRoutes.namespaces.selector";
    let team = "{ matchLabels: { team: shop } }";
    check(team.to_owned(), &[REFUSED, unknown]);
    check(expression("operator: Near"), &[REFUSED, unknown]);
}

#[test]
fn only_gateways_of_our_class_are_touched() {
    let listener = gateway(&format!("protocol: HTTP, port: 80, {ALL}"));
    let theirs = CLASS.replace("edwardstech.dev/hedgerow", "traefik.io/gateway-controller");
    check(&format!("{theirs}{listener}"), &[], &[], &[]);
    check(
        &listener,
        &[],
        &[],
        &["warning no-such-gateway spec.gatewayClassName"],
    );
    check(
        "",
        &[],
        &[],
        &["warning no-such-gateway spec.parentRefs[0].name"],
    );
}

/// A Gateway of namespace `web` with these listeners, and an edge that listens on 8080, 8081 and 8443 in public.
#[track_caller]
fn check_listeners(listeners: &str, route: &str, rules: &[&str], problems: &[&str]) {
    let mut settings = sample::settings();
    settings.http = [8080, 8081]
        .map(|port| config::settings::Listener {
            address: ([0, 0, 0, 0], port).into(),
            public_port: None,
            proxy_protocol: false,
        })
        .to_vec();
    let gateway = format!(
        "kind: Gateway\napiVersion: gateway.networking.k8s.io/v1\nmetadata: {{ name: edge, namespace: infra }}\nspec:\n  gatewayClassName: hedgerow\n  listeners: [{listeners}]\n"
    );
    let route = format!(
        "---\nkind: HTTPRoute\napiVersion: gateway.networking.k8s.io/v1\nmetadata: {{ name: r, namespace: web }}\nspec: {{ {route}, rules: [{{ backendRefs: [{{ name: web, port: 80 }}] }}] }}\n"
    );
    let objects = sample::objects(&format!("{CLASS}{gateway}{route}"));
    let (model, found) = crate::translate::Translator::default().translate(&objects, &settings);
    assert_eq!(sample::rules(&model), rules, "{found:#?}");
    let fields: Vec<&str> = found.iter().map(|problem| &*problem.field).collect();
    assert_eq!(fields, problems, "{found:#?}");
}

#[test]
fn a_route_is_reached_through_the_port_of_its_listener_alone() {
    let listeners = format!(
        "{{ name: public, protocol: HTTP, port: 8080, {ALL} }}, {{ name: internal, protocol: HTTP, port: 8081, {ALL} }}"
    );
    let parent = |rest: &str| {
        format!("parentRefs: [{{ name: edge, namespace: infra{rest} }}], hostnames: [a.test]")
    };
    let internal = "http :8081 a.test /* -> web/web:80";
    let public = "http :8080 a.test /* -> web/web:80";
    check_listeners(
        &listeners,
        &parent(", sectionName: internal"),
        &[internal],
        &[],
    );
    check_listeners(&listeners, &parent(", port: 8080"), &[public], &[]);
    check_listeners(&listeners, &parent(""), &[public, internal], &[]);
}

#[test]
fn a_host_is_for_the_most_specific_listener_of_its_port() {
    let listeners = format!(
        "{{ name: shared, protocol: HTTP, port: 8080, {ALL} }}, {{ name: admin, protocol: HTTP, port: 8080, hostname: admin.test }}, {{ name: other, protocol: HTTP, port: 8081, hostname: other.test, {ALL} }}"
    );
    let route = |hosts: &str| {
        format!("parentRefs: [{{ name: edge, namespace: infra, sectionName: shared }}]{hosts}")
    };
    let field = "spec.parentRefs[0]";
    check_listeners(
        &listeners,
        &route(", hostnames: [admin.test]"),
        &[],
        &[field],
    );
    check_listeners(
        &listeners,
        &route(", hostnames: [admin.test, other.test]"),
        &["http :8080 other.test /* -> web/web:80"],
        &[field],
    );
    check_listeners(
        &listeners,
        &route(", hostnames: [\"*.test\"]"),
        &["http :8080 not admin.test *.test /* -> web/web:80"],
        &[],
    );
    check_listeners(
        &listeners,
        &route(""),
        &["http :8080 not admin.test * /* -> web/web:80"],
        &[],
    );
    check_listeners(
        &listeners.replace(
            "admin.test",
            "admin.test, allowedRoutes: { namespaces: { from: All } }",
        ),
        "parentRefs: [{ name: edge, namespace: infra }], hostnames: [admin.test]",
        &["http :8080 admin.test /* -> web/web:80"],
        &[],
    );
}
