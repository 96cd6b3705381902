//! Does a list replace what is its own, and nothing else?

use super::*;
use crate::objects::Secret;
use k8s_openapi::api::core::v1::ConfigMap;
use k8s_openapi::api::networking::v1::Ingress;
use serde_json::{Value, json};

fn arrived<K: Watched>(name: &str, version: &str) -> Arrived<K> {
    object(name, version, json!({}))
}

fn object<K: Watched>(name: &str, version: &str, mut more: Value) -> Arrived<K> {
    let (namespace, name) = name.split_once('/').expect("namespace/name");
    let metadata =
        json!({ "namespace": namespace, "name": name, "uid": name, "resourceVersion": version });
    more["metadata"] = metadata;
    serde_json::from_value(more).expect("is an object")
}

fn wrong(name: &str) -> Arrived<Ingress> {
    object(name, "9", json!({ "spec": 7 }))
}

fn secret(name: &str, kind: &str) -> Arrived<Secret> {
    object(name, "1", json!({ "type": kind }))
}

#[track_caller]
fn check<K>(set: &Set<K>, expected: &[&str]) {
    let mut names: Vec<String> = set.keys().map(ToString::to_string).collect();
    names.sort();
    assert_eq!(names, expected);
}

fn name(text: &str) -> ObjectName {
    let (namespace, name) = text.split_once('/').expect("namespace/name");
    ObjectName::new(namespace, name)
}

#[test]
fn a_list_replaces_everything_that_was_there() {
    let mut shelf = Shelf::default();
    shelf.replace::<Ingress>(&Place::All, vec![arrived("a/x", "1"), arrived("b/y", "1")]);
    check(&shelf.objects.ingresses, &["a/x", "b/y"]);
    let before = shelf.objects.ingresses.clone();
    shelf.replace::<Ingress>(&Place::All, vec![arrived("b/y", "1"), arrived("c/z", "1")]);
    check(&shelf.objects.ingresses, &["b/y", "c/z"]);
    // Whoever still looks at the last set keeps it, and the same object stays the same one.
    check(&before, &["a/x", "b/y"]);
    assert!(Arc::ptr_eq(
        &before[&name("b/y")],
        &shelf.objects.ingresses[&name("b/y")]
    ));
    shelf.replace::<Ingress>(&Place::All, vec![arrived("b/y", "2")]);
    assert!(!Arc::ptr_eq(
        &before[&name("b/y")],
        &shelf.objects.ingresses[&name("b/y")]
    ));
}

#[test]
fn the_list_of_a_namespace_leaves_the_others_alone() {
    let mut shelf = Shelf::default();
    let (a, b) = (Place::Namespace("a".into()), Place::Namespace("b".into()));
    shelf.replace::<Ingress>(&a, vec![arrived("a/x", "1")]);
    shelf.replace::<Ingress>(&b, vec![arrived("b/x", "1"), arrived("b/y", "1")]);
    shelf.replace::<Ingress>(&b, vec![arrived("b/y", "1")]);
    check(&shelf.objects.ingresses, &["a/x", "b/y"]);
    shelf.replace::<Ingress>(&a, Vec::new());
    check(&shelf.objects.ingresses, &["b/y"]);
}

#[test]
fn changes_follow_one_by_one() {
    let mut shelf = Shelf::default();
    let place = Place::All;
    shelf.put::<Ingress>(&place, arrived("a/x", "1"));
    shelf.put::<Ingress>(&place, arrived("a/y", "1"));
    shelf.remove::<Ingress>(&place, &name("a/x"));
    check(&shelf.objects.ingresses, &["a/y"]);
}

#[test]
fn an_object_that_goes_wrong_keeps_its_last_form_and_says_what_is_wrong() {
    let mut shelf = Shelf::default();
    let place = Place::All;
    shelf.put::<Ingress>(&place, arrived("a/x", "1"));
    shelf.put(&place, wrong("a/x"));
    check(&shelf.objects.ingresses, &["a/x"]);
    assert_eq!(shelf.faults.len(), 1);
    // A list that has it in its wrong form changes nothing.
    shelf.replace(&place, vec![wrong("a/x"), wrong("a/new")]);
    check(&shelf.objects.ingresses, &["a/x"]);
    assert_eq!(shelf.faults.len(), 2);
    shelf.put::<Ingress>(&place, arrived("a/x", "2"));
    assert_eq!(shelf.faults.len(), 1);
    shelf.remove::<Ingress>(&place, &name("a/new"));
    assert!(shelf.faults.is_empty());
}

#[test]
fn faults_of_another_kind_or_namespace_outlive_a_list() {
    let mut shelf = Shelf::default();
    shelf.put(&Place::All, wrong("a/x"));
    shelf.replace::<Secret>(&Place::All, Vec::new());
    shelf.replace::<Ingress>(&Place::Namespace("b".into()), Vec::new());
    assert_eq!(shelf.faults.len(), 1);
    shelf.replace::<Ingress>(&Place::Namespace("a".into()), Vec::new());
    assert!(shelf.faults.is_empty());
}

#[test]
fn tls_secrets_come_in_bulk_and_others_by_their_names() {
    let mut shelf = Shelf::default();
    let named = Place::Name(name("a/opaque"));
    shelf.replace(&named, vec![secret("a/opaque", "Opaque")]);
    shelf.replace(&Place::All, vec![secret("a/tls", TLS)]);
    check(&shelf.objects.secrets, &["a/opaque", "a/tls"]);
    shelf.replace::<Secret>(&Place::All, Vec::new());
    check(&shelf.objects.secrets, &["a/opaque"]);
    // Made anew with the right type: the watch on all of them brings it, and the one on its name takes only its own back.
    shelf.put(&Place::All, secret("a/opaque", TLS));
    shelf.replace(&named, vec![secret("a/opaque", TLS)]);
    shelf.replace::<Secret>(&named, Vec::new());
    shelf.remove::<Secret>(&named, &name("a/opaque"));
    check(&shelf.objects.secrets, &["a/opaque"]);
}

#[test]
fn a_secret_of_a_namespace_that_is_not_watched_comes_alone() {
    let mut shelf = Shelf::default();
    let alone = Place::Alone(name("other/tls"));
    shelf.replace(&alone, vec![secret("other/tls", TLS)]);
    shelf.replace::<Secret>(&Place::Namespace("a".into()), Vec::new());
    check(&shelf.objects.secrets, &["other/tls"]);
    shelf.remove::<Secret>(&alone, &name("other/tls"));
    check(&shelf.objects.secrets, &[]);
}

#[test]
fn config_maps_come_by_their_names() {
    let mut shelf = Shelf::default();
    let (one, two) = (Place::Name(name("a/x")), Place::Name(name("a/y")));
    shelf.replace::<ConfigMap>(&one, vec![arrived("a/x", "1")]);
    shelf.replace::<ConfigMap>(&two, vec![arrived("a/y", "1")]);
    shelf.replace::<ConfigMap>(&one, Vec::new());
    check(&shelf.objects.config_maps, &["a/y"]);
}

const TLS: &str = "kubernetes.io/tls";
