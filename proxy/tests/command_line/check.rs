//! Does `check` find everything in a folder of manifests, and nothing that is not there?

use super::{GOOD, ask, check};
use std::path::Path;

const SITES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../k8s/sites");

/// Exit code and output of a check of these files.
fn check_files(files: &[(&str, &str)], more: &[&str]) -> (i32, String) {
    let directory = tempfile::tempdir().expect("makes a directory");
    for (name, text) in files {
        std::fs::write(directory.path().join(name), text).expect("writes");
    }
    let path = directory.path().to_str().expect("is text");
    let (code, out, err) = ask(&[&["check", "--manifests", path], more].concat(), "");
    (code, out + &err)
}

#[test]
fn the_sites_of_this_repository_are_right() {
    for site in ["edwardstech", "todo"] {
        let path = Path::new(SITES).join(site);
        check(
            &["check", "--manifests", path.to_str().expect("is text")],
            "",
            0,
            "would serve",
        );
    }
}

#[test]
fn every_problem_is_told_at_once_with_its_place() {
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: misspelt }\nspec:\n  ingressclassname: hedgerow\n  rules: [{ host: a.test }]\n---\n\
        apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: site }\nspec:\n  rules:\n    \
        - http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: gone, port: { number: 80 } } } }] }\n    \
        - http: { paths: [{ path: x, pathType: Prefx, backend: { service: { name: web, port: { number: 81 } } } }] }\n    \
        - http: { paths: [{ path: /vm, pathType: Prefix, backend: { service: { name: vm, port: { number: 3001 } } } }] }\n";
    let service =
        "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { ports: [{ port: 80 }] }\n";
    let external = "apiVersion: v1\nkind: Service\nmetadata: { name: vm }\nspec: { type: ExternalName, externalName: 192.168.0.50, ports: [{ port: 3001 }] }\n";
    let files = [
        ("a.yaml", ingress),
        ("b.yaml", service),
        ("c.yaml", external),
        ("d.yaml", "a: ["),
    ];
    let (code, text) = check_files(&files, &[]);
    assert_eq!(code, 1, "{text}");
    for part in [
        "a.yaml\n    5  error",
        "ingressClassName",
        "no-such-service",
        "Prefx",
        "c.yaml\n",
        "kind: Endpoints",
        "192.168.0.50",
        "d.yaml\n    2  error",
        "unreadable-manifest",
    ] {
        assert!(text.contains(part), "{part:?} is not in\n{text}");
    }
    let (code, text) = check_files(&files, &["--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
    assert_eq!((code, &json["ok"]), (1, &serde_json::json!(false)));
    let told = told(&json);
    let (unreadable, told) = told.split_last().expect("are told");
    assert!(
        unreadable.ends_with("d.yaml unreadable-manifest "),
        "{unreadable}"
    );
    assert_eq!(
        told,
        [
            "misspelt unknown-field spec.ingressclassname",
            "misspelt invalid-field spec.rules[0]",
            "site no-such-service spec.rules[0].http.paths[0].backend.service",
            "site invalid-field spec.rules[1].http.paths[0].path",
            "site invalid-field spec.rules[1].http.paths[0].pathType",
            "site no-such-port spec.rules[1].http.paths[0].backend.service",
            "vm external-name spec.externalName",
        ]
    );
}

/// The errors of a report, each as `name code field`.
fn told(json: &serde_json::Value) -> Vec<String> {
    let all = json["problems"].as_array().expect("is a list").iter();
    let errors = all.filter(|problem| problem["severity"] == "error");
    let word = |problem: &serde_json::Value, key: &str| problem[key].as_str().map(str::to_owned);
    errors
        .map(|problem| {
            ["name", "code", "field"]
                .map(|key| word(problem, key).unwrap_or_default())
                .join(" ")
        })
        .collect()
}

#[test]
fn a_mistake_hides_no_other_one_of_its_object() {
    let ingress = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: shop }\nspec:\n  rules:\n    \
        - host: bad host.test\n      http: { paths: [\n        \
        { path: x, pathType: Prefix, backend: { service: { name: one, port: { number: 80 } } } },\n        \
        { path: /y, pathType: Prefx, backend: { service: { name: two, port: { number: 80 } } } },\n        \
        { path: /z, pathType: Prefix, backend: { service: { name: three, port: { number: 80 } } } }] }\n    \
        - host: shop.test\n      http: { paths: [\n        \
        { path: x, pathType: Prefix, backend: { service: { name: four, port: { number: 80 } } } },\n        \
        { path: /y, pathType: Prefx, backend: { service: { name: web, port: { number: 81 } } } }] }\n";
    let service = "apiVersion: v1\nkind: Service\nmetadata: { name: web }\nspec: { selector: { a: b }, ports: [{ port: 80 }] }\n";
    let route = "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: { name: hedgerow }\nspec: { controllerName: edwardstech.dev/hedgerow }\n---\n\
        apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: edge }\nspec: { gatewayClassName: hedgerow, listeners: [{ name: http, protocol: HTTP, port: 80 }] }\n---\n\
        apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: store }\nspec:\n  parentRefs: [{ name: edge }]\n  rules:\n  \
        - matches: [{ path: { type: RegularExpression, value: '/(' } }]\n    timeouts: { request: soon }\n    \
          backendRefs: [{ name: five, port: 80 }, { name: web, port: 80, weight: -3 }]\n";
    let files = [
        ("ingress.yaml", ingress),
        ("route.yaml", route),
        ("service.yaml", service),
    ];
    let (code, text) = check_files(&files, &["--output", "json"]);
    let json: serde_json::Value = serde_json::from_str(&text).expect("is JSON");
    assert_eq!(code, 1, "{text}");
    let expected = [
        "shop invalid-field spec.rules[0].host",
        "shop invalid-field spec.rules[0].http.paths[0].path",
        "shop no-such-service spec.rules[0].http.paths[0].backend.service",
        "shop invalid-field spec.rules[0].http.paths[1].pathType",
        "shop no-such-service spec.rules[0].http.paths[1].backend.service",
        "shop no-such-service spec.rules[0].http.paths[2].backend.service",
        "shop invalid-field spec.rules[1].http.paths[0].path",
        "shop no-such-service spec.rules[1].http.paths[0].backend.service",
        "shop invalid-field spec.rules[1].http.paths[1].pathType",
        "shop no-such-port spec.rules[1].http.paths[1].backend.service",
        "store invalid-field spec.rules[0].matches[0].path.value",
        "store invalid-field spec.rules[0].timeouts.request",
        "store invalid-field spec.rules[0].backendRefs[1].weight",
        "store no-such-service spec.rules[0].backendRefs[0]",
    ];
    assert_eq!(told(&json), expected, "{text}");
}

/// A tool must not take nothing for "no problems".
#[test]
fn an_answer_that_cannot_be_written_is_no_success() {
    let full = std::fs::File::options().write(true).open("/dev/full");
    let site = Path::new(SITES).join("edwardstech");
    let arguments = ["check", "--manifests", site.to_str().expect("is text")];
    let mut command = super::support::hedgerow(&arguments);
    command.stdout(full.expect("Linux has it"));
    let done = command.output().expect("runs");
    assert_eq!(done.status.code(), Some(2));
    let told = String::from_utf8_lossy(&done.stderr);
    assert!(told.contains("cannot be written"), "{told}");
}

#[test]
fn what_an_application_has_besides_is_passed_over() {
    let deployment = "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { anything: [goes] }\n---\napiVersion: v1\nkind: PersistentVolumeClaim\nmetadata: { name: x }\n";
    let (code, text) = check_files(
        &[("app.yaml", deployment), ("site.yaml", GOOD)],
        &["--strict"],
    );
    assert_eq!(code, 0, "{text}");
}

#[test]
fn a_priority_of_another_controller_is_read_and_not_obeyed() {
    let annotated = GOOD.replace(
        "name: site, namespace: website",
        "name: site, namespace: website, annotations: { traefik.ingress.kubernetes.io/router.priority: '9' }",
    );
    let (code, text) = check_files(&[("site.yaml", &annotated)], &["--strict"]);
    assert_eq!(code, 0, "{text}");
    assert!(
        text.contains("router.priority") && text.contains("info"),
        "{text}"
    );
}

#[test]
fn an_empty_directory_and_text_that_is_no_manifest_are_errors() {
    let (code, text) = check_files(&[], &[]);
    assert!(code != 0, "{text}");
    let (code, text) = check_files(&[("x.yaml", "\u{1b}[31m: [\n")], &[]);
    assert!(code != 0 && !text.contains('\u{1b}'), "{text:?}");
}
