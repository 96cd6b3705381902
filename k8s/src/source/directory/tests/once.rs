//! Is everything in a directory found by one look, and nothing else?

use super::*;
use config::problem::{ProblemCode, Severity};
use std::os::unix::fs::symlink;

fn problems(loaded: &Loaded) -> Vec<(Severity, ProblemCode)> {
    let problems = loaded.objects.problems.iter();
    problems
        .map(|problem| (problem.severity, problem.code))
        .collect()
}

#[test]
fn files_of_all_levels_are_read_and_hidden_ones_are_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::create_dir_all(path("inner/more")).unwrap();
    fs::create_dir_all(path(".git")).unwrap();
    fs::create_dir_all(path("named.yaml")).unwrap();
    for (file, name) in [
        ("a.yaml", "a"),
        ("b.yml", "b"),
        ("inner/more/c.yaml", "c"),
        ("named.yaml/d.yaml", "d"),
        (".hidden.yaml", "hidden"),
        (".git/e.yaml", "git"),
        ("f.yaml~", "backup"),
        ("g.txt", "text"),
        ("h.YAML", "case"),
    ] {
        fs::write(path(file), ingress(name, "x.org")).unwrap();
    }
    let json = r#"{"apiVersion": "networking.k8s.io/v1", "kind": "Ingress", "metadata": {"name": "j"}, "spec": {"rules": [{"host": "x.org"}]}}"#;
    fs::write(path("j.json"), json).unwrap();
    let other =
        "kind: Deployment\napiVersion: apps/v1\n---\nkind: Deployment\napiVersion: apps/v1\n";
    fs::write(path("k.yaml"), other).unwrap();
    let loaded = load(directory.path());
    let expected = ["a=x.org", "b=x.org", "c=x.org", "d=x.org", "j=x.org"];
    assert_eq!(hosts(&loaded.objects), expected);
    assert_eq!(loaded.files, 6);
    assert_eq!(loaded.passed_over.get("Deployment"), Some(&2));
    assert_eq!(loaded.objects.problems, []);
    assert!(loaded.objects.is_directory);
}

#[test]
fn a_single_file_is_read_whatever_its_name() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join(".manifests");
    fs::write(&file, ingress("a", "x.org")).unwrap();
    assert_eq!(hosts(&load(&file).objects), ["a=x.org"]);
}

#[test]
fn standard_input_is_read_as_one_file() {
    let text = format!("{}---\nkind: Pod\n---\na: b: c\n", ingress("a", "x.org"));
    let loaded = gather_stdin(&text);
    assert_eq!(hosts(&loaded.objects), ["a=x.org"]);
    assert_eq!(loaded.passed_over.get("Pod"), Some(&1));
    let problem = loaded.objects.problems[0].to_string();
    assert!(
        problem.starts_with("stdin:11: Manifest stdin: column"),
        "{problem}"
    );
}

#[test]
fn an_empty_directory_is_a_note_and_a_missing_one_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let empty = load(directory.path());
    assert_eq!(
        problems(&empty),
        [(Severity::Info, ProblemCode::NoManifests)]
    );
    let missing = directory.path().join("missing");
    let loaded = load(&missing);
    assert_eq!(
        problems(&loaded),
        [(Severity::Error, ProblemCode::UnreadableManifest)]
    );
    let told = loaded.objects.problems[0].to_string();
    assert!(told.contains(missing.to_str().unwrap()), "{told}");
}

#[test]
fn links_are_followed_once_and_never_in_circles() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::create_dir_all(path("inner")).unwrap();
    fs::write(path("inner/a.yaml"), ingress("a", "x.org")).unwrap();
    symlink(path("inner/a.yaml"), path("z.yaml")).unwrap();
    symlink(directory.path(), path("inner/up")).unwrap();
    symlink(path("inner"), path("again")).unwrap();
    let loaded = load(directory.path());
    assert_eq!(hosts(&loaded.objects), ["a=x.org"]);
    assert_eq!(loaded.objects.problems, []);
}

#[test]
fn what_cannot_be_read_is_told_and_costs_nothing_else() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    fs::write(path("a.yaml"), ingress("a", "x.org")).unwrap();
    fs::write(path("b.yaml"), b"a: \xff\xfe").unwrap();
    symlink(path("nowhere"), path("c.yaml")).unwrap();
    let _socket = std::os::unix::net::UnixListener::bind(path("d.yaml")).unwrap();
    let loaded = load(directory.path());
    assert_eq!(hosts(&loaded.objects), ["a=x.org"]);
    let found: Vec<String> = loaded
        .objects
        .problems
        .iter()
        .map(|problem| problem.found.clone())
        .collect();
    assert_eq!(
        found,
        [
            "bytes that are not UTF-8",
            "a link to nothing",
            "no regular file"
        ]
    );
}

#[test]
fn the_first_path_of_an_object_wins_and_the_second_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = |name: &str| directory.path().join(name);
    let twice = format!("{}---\n{}", ingress("a", "one"), ingress("b", "one"));
    fs::write(path("1.yaml"), twice).unwrap();
    let again = format!("{}---\n{}", ingress("a", "two"), ingress("a", "three"));
    fs::write(path("2.yaml"), again).unwrap();
    let loaded = load(directory.path());
    assert_eq!(hosts(&loaded.objects), ["a=one", "b=one"]);
    let told: Vec<String> = loaded
        .objects
        .problems
        .iter()
        .map(ToString::to_string)
        .collect();
    let root = directory.path().display();
    assert_eq!(
        told,
        [
            format!(
                "{root}/2.yaml:1: Ingress default/a: the same object stands in {root}/1.yaml:1; it once; that one comes first and is in force"
            ),
            format!(
                "{root}/2.yaml:9: Ingress default/a: the same object stands in {root}/1.yaml:1; it once; that one comes first and is in force"
            ),
        ]
    );
}

#[test]
fn a_thousand_files_are_read() {
    let directory = tempfile::tempdir().unwrap();
    for index in 0..1000 {
        let text = ingress(&format!("i{index}"), &format!("h{index}.org"));
        fs::write(directory.path().join(format!("{index}.yaml")), text).unwrap();
    }
    let loaded = load(directory.path());
    assert_eq!(loaded.objects.ingresses.len(), 1000);
    assert_eq!(loaded.files, 1000);
    assert_eq!(loaded.objects.problems, []);
}

#[test]
fn the_same_class_in_two_sites_is_a_note_unless_they_differ() {
    let class = |controller: &str| {
        format!(
            "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: {{ name: c }}\nspec: {{ controller: {controller} }}\n"
        )
    };
    for (second, severity) in [("a.test/x", Severity::Info), ("a.test/y", Severity::Error)] {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join("1.yaml"), class("a.test/x")).unwrap();
        fs::write(directory.path().join("2.yaml"), class(second)).unwrap();
        let loaded = load(directory.path());
        assert_eq!(
            problems(&loaded),
            [(severity, ProblemCode::DuplicateObject)]
        );
    }
}
