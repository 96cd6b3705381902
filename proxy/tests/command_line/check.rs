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
    assert!(
        json["problems"]
            .as_array()
            .is_some_and(|all| all.len() >= 5),
        "{text}"
    );
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
