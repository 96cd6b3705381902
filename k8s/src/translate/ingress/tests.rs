//! Is an Ingress translated as its specification says?

use crate::sample;

/// `paths` is the text below `paths:`.
#[track_caller]
fn check(spec: &str, rules: &[&str], problems: &[&str]) {
    let yaml = format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: shop\n  namespace: web\nspec:\n{spec}"
    );
    let (model, found) = sample::translate(&yaml);
    assert_eq!(sample::rules(&model), rules, "{spec}\n{found:#?}");
    assert_eq!(sample::problems(&found), problems, "{spec}\n{found:#?}");
}

fn path(path: &str, backend: &str) -> String {
    format!(
        "  rules:\n  - host: shop.test\n    http:\n      paths:\n      - {{ {path}, backend: {backend} }}\n"
    )
}

const BACKEND: &str = "{ service: { name: web, port: { number: 80 } } }";

#[test]
fn the_type_of_a_path_says_how_it_is_compared() {
    for (written, expected) in [
        ("pathType: Exact, path: /a", "shop.test /a -> web/web:80"),
        ("pathType: Exact, path: /a/", "shop.test /a/ -> web/web:80"),
        ("pathType: Prefix, path: /a", "shop.test /a* -> web/web:80"),
        ("pathType: Prefix, path: /a/", "shop.test /a* -> web/web:80"),
        ("pathType: Prefix, path: /", "shop.test /* -> web/web:80"),
        (
            "pathType: ImplementationSpecific, path: /a",
            "shop.test /a* -> web/web:80",
        ),
        (
            "pathType: ImplementationSpecific",
            "shop.test /* -> web/web:80",
        ),
    ] {
        check(&path(written, BACKEND), &[expected], &[]);
    }
}

#[test]
fn a_path_that_looks_like_a_regular_expression_is_said() {
    let field = "warning unsupported spec.rules[0].http.paths[0].path:11";
    for (written, expected, problems) in [
        (
            "pathType: ImplementationSpecific, path: \"/k(/|$)(.*)\"",
            "shop.test /k(/%7C$)(.*)* -> web/web:80",
            &[field][..],
        ),
        (
            "pathType: Prefix, path: \"/q*\"",
            "shop.test /q** -> web/web:80",
            &[field],
        ),
        (
            "pathType: Exact, path: \"/q*\"",
            "shop.test /q* -> web/web:80",
            &[],
        ),
        (
            "pathType: Prefix, path: /a+b.c~",
            "shop.test /a+b.c~* -> web/web:80",
            &[],
        ),
    ] {
        check(&path(written, BACKEND), &[expected], problems);
    }
}

#[test]
fn a_path_that_the_api_server_refuses_is_lost_and_said() {
    for written in [
        "pathType: Prefix, path: a",
        "pathType: Exact, path: a",
        "pathType: Prefix, path: /a//b",
        "pathType: Prefix, path: /a/../b",
        "pathType: Exact, path: \"/a b\"",
    ] {
        let field = "error invalid-field spec.rules[0].http.paths[0].path:11";
        check(&path(written, BACKEND), &[], &[field]);
    }
    let nearest = "error invalid-field spec.rules[0].http.paths[0].path:11";
    check(&path("pathType: Prefix", BACKEND), &[], &[nearest]);
}

#[test]
fn a_path_without_a_right_type_keeps_its_place_and_fails() {
    for written in ["path: /a", "pathType: prefix, path: /a"] {
        check(
            &path(written, BACKEND),
            &["shop.test /a* -> invalid"],
            &["error invalid-field spec.rules[0].http.paths[0].pathType:11"],
        );
    }
}

#[test]
fn a_wrong_backend_keeps_its_path() {
    let parent = "spec.rules[0].http.paths[0].backend";
    for (backend, problem) in [
        ("{}", format!("error invalid-field {parent}:11")),
        (
            "{ service: { name: web } }",
            format!("error invalid-field {parent}.service.port:11"),
        ),
        (
            "{ service: { name: web, port: { number: 0 } } }",
            format!("error invalid-field {parent}.service.port.number:11"),
        ),
        (
            "{ service: { name: web, port: { number: 65536 } } }",
            format!("error invalid-field {parent}.service.port.number:11"),
        ),
        (
            "{ service: { name: web, port: { number: 80, name: http } } }",
            format!("error invalid-field {parent}.service.port:11"),
        ),
        (
            "{ service: { name: \"\", port: { number: 80 } } }",
            format!("error invalid-field {parent}.service.name:11"),
        ),
        (
            "{ resource: { apiGroup: example.com, kind: Bucket, name: icons } }",
            format!("error unsupported {parent}.resource:11"),
        ),
        (
            "{ resource: { kind: Bucket, name: b }, service: { name: web, port: { number: 80 } } }",
            format!("error invalid-field {parent}:11"),
        ),
    ] {
        let spec = path("pathType: Prefix, path: /api", backend);
        check(&spec, &["shop.test /api* -> invalid"], &[&problem]);
    }
}

#[test]
fn a_port_is_named_or_numbered() {
    let spec = path(
        "pathType: Prefix, path: /",
        "{ service: { name: web, port: { name: http } } }",
    );
    check(&spec, &["shop.test /* -> web/web:http"], &[]);
}

#[test]
fn a_host_is_exact_or_a_wildcard_or_every_one() {
    let rule = |host: &str| {
        format!(
            "  rules:\n  - {host}\n    http: {{ paths: [{{ pathType: Prefix, path: /, backend: {BACKEND} }}] }}\n"
        )
    };
    check(
        &rule("host: Shop.Test"),
        &["shop.test /* -> web/web:80"],
        &[],
    );
    check(&rule("host: \"*.test\""), &["*.test /* -> web/web:80"], &[]);
    check(&rule("host: \"\""), &["* /* -> web/web:80"], &[]);
    let problem = ["error invalid-field spec.rules[0].host:8"];
    for host in [
        "\"*\"",
        "a.*.test",
        "shop.test:80",
        "192.168.0.1",
        "a_,b",
        "\"shop test\"",
    ] {
        check(&rule(&format!("host: {host}")), &[], &problem);
    }
}

#[test]
fn only_the_wrong_rule_is_lost() {
    let spec = format!(
        "  rules:\n  - host: a..b\n    http: {{ paths: [{{ pathType: Prefix, path: /, backend: {BACKEND} }}] }}\n  - host: shop.test\n    http:\n      paths:\n      - {{ pathType: Prefix, path: x, backend: {BACKEND} }}\n      - {{ pathType: Prefix, path: /y, backend: {BACKEND} }}\n"
    );
    check(
        &spec,
        &["shop.test /y* -> web/web:80"],
        &[
            "error invalid-field spec.rules[0].host:8",
            "error invalid-field spec.rules[1].http.paths[0].path:13",
        ],
    );
}

#[test]
fn the_default_backend_takes_what_no_rule_takes() {
    let default = format!("  defaultBackend: {BACKEND}\n");
    check(&default, &["default /* -> web/web:80"], &[]);
    check(
        &format!("{default}  rules:\n  - host: shop.test\n"),
        &["default /* -> web/web:80", "shop.test /* -> web/web:80"],
        &[],
    );
    check(
        "  defaultBackend: { service: { name: web } }\n  rules:\n  - host: shop.test\n",
        &["default /* -> invalid", "shop.test /* -> invalid"],
        &["error invalid-field spec.defaultBackend.service.port:7"],
    );
}

#[test]
fn an_ingress_that_asks_for_nothing_is_wrong() {
    check("  rules: []\n", &[], &["error invalid-field spec:6"]);
    check(
        "  rules:\n  - host: shop.test\n",
        &[],
        &["error invalid-field spec.rules[0]:8"],
    );
}

#[test]
fn a_tls_block_is_for_its_hosts_or_for_those_of_the_rules() {
    let rules = format!(
        "  rules:\n  - host: a.test\n    http: {{ paths: [{{ pathType: Prefix, path: /, backend: {BACKEND} }}] }}\n  - host: \"*.b.test\"\n    http: {{ paths: [{{ pathType: Prefix, path: /, backend: {BACKEND} }}, {{ pathType: Exact, path: /x, backend: {BACKEND} }}] }}\n"
    );
    for (tls, expected, problems) in [
        (
            "[{ hosts: [A.test], secretName: s }]",
            "a.test web/s",
            vec![],
        ),
        ("[{ secretName: s }]", "a.test,*.b.test web/s", vec![]),
        ("[{ hosts: [c.test] }]", "c.test ", vec![]),
        (
            "[{ hosts: [c.test, \"c test\"], secretName: s }]",
            "c.test web/s",
            vec!["error invalid-field spec.tls[0].hosts[1]:12"],
        ),
    ] {
        let yaml = format!(
            "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: shop\n  namespace: web\nspec:\n{rules}  tls: {tls}\n"
        );
        let (model, found) = sample::translate(&yaml);
        assert_eq!(sample::tls(&model), [expected], "{tls}");
        assert_eq!(sample::problems(&found), problems, "{tls}");
    }
}
