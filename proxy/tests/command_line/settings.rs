//! Do `check` and `why` heed a settings file, and say what is wrong with it?

use super::{GOOD, ask, check};

#[test]
fn why_answers_under_the_settings_that_run_would_have() {
    let directory = tempfile::tempdir().expect("makes a directory");
    let file = directory.path().join("hedgerow.yaml");
    let path = file.to_str().expect("is text");
    let classed = GOOD.replace("spec:\n  rules", "spec:\n  ingressClassName: edge\n  rules");
    let ask = [
        "why",
        "http://shop.test/",
        "--manifests",
        "-",
        "--settings",
        path,
    ];
    std::fs::write(&file, "ingressClasses: [edge]\n").expect("writes");
    check(&ask, &classed, 0, "Service website/web:80");
    check(&ask[..4], &classed, 0, "there is no IngressClass `edge`");
    std::fs::write(&file, "ingressClases: [edge]\n").expect("writes");
    check(&ask, &classed, 2, "did you mean ingressClasses?");
    let named = ["why", "http://u:p@a.test/", "--manifests", "-"];
    check(&named, GOOD, 2, "userinfo");
}

/// The one document of `check --output json`, and its exit code.
#[track_caller]
fn check_document(arguments: &[&str], input: &str, code: i32, words: &str) {
    let mut all = vec!["check", "--output", "json"];
    all.extend(arguments);
    let (found, out, err) = ask(&all, input);
    let json: serde_json::Value = serde_json::from_str(&out).expect("is JSON");
    assert_eq!(
        (found, &json["ok"]),
        (code, &(code == 0).into()),
        "{out}\n{err}"
    );
    let problems = json["problems"].to_string();
    assert!(problems.contains(words), "{words:?} is not in\n{out}");
}

#[test]
fn a_tool_gets_one_document_even_if_nothing_could_be_checked() {
    let directory = tempfile::tempdir().expect("makes a directory");
    let file = directory.path().join("hedgerow.yaml");
    let path = file.to_str().expect("is text");
    let with = ["--manifests", "-", "--settings", path];
    check_document(&with, GOOD, 2, "is the path right?");
    std::fs::write(&file, "vai: true\n").expect("writes");
    check_document(&with, GOOD, 2, "did you mean via?");
    let (_, _, err) = ask(&["check", "--manifests", "-", "--settings", path], GOOD);
    assert_eq!(err.matches("hedgerow.yaml").count(), 1, "{err}");
    check_document(&["--manifests", "/no/such/place"], "", 2, "does not exist");
    let stdin = ["--manifests", "-"];
    check_document(&stdin, "", 2, "no object that an edge reads");
    check_document(&stdin, "Usage: helm\n", 2, "no object that an edge reads");
    check_document(&stdin, "hello\n", 2, "found text");
    check_document(&stdin, GOOD, 0, "");
}

#[test]
fn check_sees_a_default_certificate_that_cannot_be_shown() {
    let directory = tempfile::tempdir().expect("makes a directory");
    let file = directory.path().join("hedgerow.yaml");
    let path = file.to_str().expect("is text");
    let with = ["--manifests", "-", "--settings", path];
    let key = "defaultCertificate";
    std::fs::write(&file, format!("{key}: website/none\n")).expect("writes");
    check_document(&with, GOOD, 1, "there is no Secret website/none");
    let files = "{ certFile: /no/such/crt, keyFile: /no/such/key }";
    std::fs::write(&file, format!("{key}: {files}\n")).expect("writes");
    check_document(&with, GOOD, 1, "/no/such/crt cannot be read");
}
