//! Is what is not read dropped, and one wrong object kept apart?

use super::*;
use crate::objects::{EndpointSlice, Secret};
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Service};
use k8s_openapi::api::networking::v1::Ingress;
use serde::Serialize;
use serde_json::json;

fn arrived<K: Watched>(object: Value) -> Arrived<K> {
    serde_json::from_value(object).expect("is an object")
}

/// What is kept of it, as JSON.
#[track_caller]
fn check<K: Watched + Serialize>(object: Value, expected: Value) {
    let kept = arrived::<K>(object).object.expect("can be read");
    let mut kept = serde_json::to_value(&kept.value).expect("is JSON");
    if let Some(kept) = kept.as_object_mut() {
        kept.remove("apiVersion");
        kept.remove("kind");
    }
    assert_eq!(kept, expected);
}

#[test]
fn bulk_of_the_metadata_is_dropped() {
    let object = json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": {
            "name": "site", "namespace": "web", "uid": "u", "resourceVersion": "7", "generation": 2,
            "creationTimestamp": "2026-01-02T03:04:05Z",
            "managedFields": [{ "manager": "kubectl", "fieldsV1": { "f:spec": {} } }],
            "labels": { "app": "site" },
            "annotations": {
                "kubectl.kubernetes.io/last-applied-configuration": "{ very long }",
                "hedgerow.edwardstech.dev/hold": "8s",
            },
            "ownerReferences": [], "finalizers": ["x"],
        },
    });
    check::<Ingress>(
        object,
        json!({ "metadata": {
            "name": "site", "namespace": "web", "uid": "u", "resourceVersion": "7", "generation": 2,
            "creationTimestamp": "2026-01-02T03:04:05Z",
            "labels": {},
            "annotations": { "hedgerow.edwardstech.dev/hold": "8s" },
        } }),
    );
}

#[test]
fn of_a_service_nothing_but_ports_type_and_selector_is_kept() {
    let object = json!({
        "metadata": { "name": "a", "namespace": "b" },
        "spec": {
            "clusterIP": "10.96.0.7", "clusterIPs": ["10.96.0.7"], "type": "ClusterIP",
            "selector": { "app": "a", "tier": "b" }, "ports": [{ "port": 80 }],
        },
        "status": { "loadBalancer": {} },
    });
    check::<Service>(
        object,
        json!({
            "metadata": { "name": "a", "namespace": "b" },
            "spec": { "type": "ClusterIP", "selector": { "app": "a" }, "ports": [{ "port": 80 }] },
        }),
    );
}

#[test]
fn of_endpoints_nothing_but_where_they_are_is_kept() {
    let object = json!({
        "metadata": { "name": "a-1", "namespace": "b", "labels": { "kubernetes.io/service-name": "a", "x": "y" } },
        "addressType": "IPv4", "ports": [{ "port": 80 }],
        "endpoints": [{
            "addresses": ["10.0.0.1"], "conditions": { "ready": true }, "nodeName": "n", "zone": "z",
            "targetRef": { "kind": "Pod", "name": "a-xyz" }, "hostname": "h",
        }],
    });
    check::<EndpointSlice>(
        object,
        json!({
            "metadata": { "name": "a-1", "namespace": "b", "labels": { "kubernetes.io/service-name": "a" } },
            "addressType": "IPv4", "ports": [{ "port": 80 }],
            "endpoints": [{ "addresses": ["10.0.0.1"], "conditions": { "ready": true }, "nodeName": "n", "zone": "z" }],
        }),
    );
    let object = json!({
        "metadata": { "name": "a", "namespace": "b" },
        "subsets": [{ "addresses": [{ "ip": "10.0.0.1", "targetRef": { "kind": "Pod" } }], "ports": [{ "port": 80 }] }],
    });
    check::<Endpoints>(
        object,
        json!({
            "metadata": { "name": "a", "namespace": "b" },
            "subsets": [{ "addresses": [{ "ip": "10.0.0.1" }], "ports": [{ "port": 80 }] }],
        }),
    );
}

#[test]
fn of_secrets_and_config_maps_nothing_but_certificates_is_kept() {
    let secret = |kind: &str| {
        json!({
            "metadata": { "name": "a", "namespace": "b" }, "type": kind,
            "data": { "tls.crt": "YQ==", "tls.key": "Yg==", "password": "Yw==" },
        })
    };
    check::<Secret>(
        secret("kubernetes.io/tls"),
        json!({
            "metadata": { "name": "a", "namespace": "b" }, "type": "kubernetes.io/tls",
            "data": { "tls.crt": "YQ==", "tls.key": "Yg==" },
        }),
    );
    check::<Secret>(
        secret("Opaque"),
        json!({ "metadata": { "name": "a", "namespace": "b" }, "type": "Opaque", "data": {} }),
    );
    check::<ConfigMap>(
        json!({
            "metadata": { "name": "a", "namespace": "b" },
            "data": { "ca.crt": "PEM", "other": "x" },
        }),
        json!({ "metadata": { "name": "a", "namespace": "b" }, "data": { "ca.crt": "PEM" } }),
    );
}

#[test]
fn one_object_that_cannot_be_read_is_a_problem_of_its_own() {
    let list: Vec<Arrived<Ingress>> = serde_json::from_value(json!([
        { "metadata": { "name": "right", "namespace": "web" } },
        { "metadata": { "name": "wrong", "namespace": "web" }, "spec": { "rules": [{ "host": 7 }] } },
    ]))
    .expect("is a list");
    assert_eq!(list.len(), 2);
    assert!(list[0].object.is_ok());
    let problem = list[1].object.as_ref().expect_err("is wrong");
    assert_eq!(problem.object.to_string(), "Ingress web/wrong");
    assert_eq!(problem.field, "spec.rules[0].host");
}

#[test]
fn nothing_of_a_secret_is_told() {
    let object = json!({
        "metadata": { "name": "a", "namespace": "b" }, "type": "kubernetes.io/tls",
        "data": { "tls.key": { "canary": 1 } },
    });
    let arrived = arrived::<Secret>(object);
    let problem = arrived.object.as_ref().expect_err("is wrong");
    assert!(!format!("{problem:?}{arrived:?}").contains("canary"));
}

#[test]
fn the_revision_is_the_incarnation_and_its_version() {
    let revision = |uid: &str, version: &str| {
        let metadata =
            json!({ "name": "a", "namespace": "b", "uid": uid, "resourceVersion": version });
        let arrived = arrived::<Ingress>(json!({ "metadata": metadata }));
        assert_eq!(arrived.meta().resource_version.as_deref(), Some(version));
        arrived.object.expect("is right").revision
    };
    assert_eq!(revision("u", "1"), revision("u", "1"));
    assert_ne!(revision("u", "1"), revision("u", "2"));
    assert_ne!(revision("u", "1"), revision("v", "1"));
}

#[test]
fn of_managed_fields_only_our_own_mark_is_kept() {
    let metadata = |managers: serde_json::Value| -> ObjectMeta {
        let object = json!({
            "metadata": { "name": "web", "namespace": "shop", "managedFields": managers },
        });
        arrived::<Ingress>(object)
            .object
            .unwrap()
            .value
            .metadata
            .clone()
    };
    let entry = |manager: &str, part: &str| {
        json!({
            "manager": manager, "operation": "Apply", "subresource": part, "apiVersion": "networking.k8s.io/v1",
            "fieldsType": "FieldsV1", "fieldsV1": { "f:status": {} }, "time": "2026-11-01T00:00:00Z",
        })
    };
    let ours = entry(MANAGER, "status");
    let kept = metadata(json!([entry("kubectl", ""), ours, entry(MANAGER, "")]));
    let kept = kept.managed_fields.unwrap();
    assert_eq!(kept.len(), 1);
    assert_eq!(kept[0].manager.as_deref(), Some(MANAGER));
    assert_eq!((&kept[0].fields_v1, &kept[0].time), (&None, &None));
    let none = metadata(json!([entry("kubectl", "status")]));
    assert_eq!(none.managed_fields, None);
}
