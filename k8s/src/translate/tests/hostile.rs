//! Does any object make the translation panic, or change what other namespaces get?

use crate::objects::{Object, Objects};
use crate::sample;
use crate::translate::Translator;
use config::name::ObjectName;
use proptest::prelude::*;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::sync::Arc;

/// One right object of each kind; every field that is read is in one of them.
fn seeds() -> Vec<(&'static str, Value)> {
    let backend = json!({ "service": { "name": "web", "port": { "number": 80, "name": "" } } });
    let meta = meta();
    vec![
        (
            "Ingress",
            json!({ "metadata": meta, "spec": {
            "ingressClassName": "hedgerow", "defaultBackend": backend,
            "rules": [{ "host": "shop.test", "http": { "paths": [{ "path": "/a", "pathType": "Prefix", "backend": backend }] } }],
            "tls": [{ "hosts": ["shop.test"], "secretName": "tls" }] } }),
        ),
        (
            "IngressClass",
            json!({ "metadata": meta, "spec": { "controller": "edwardstech.dev/hedgerow" } }),
        ),
        (
            "Service",
            json!({ "metadata": meta, "spec": { "type": "ClusterIP", "externalName": "a.test", "selector": { "a": "b" },
            "ports": [{ "name": "http", "port": 80, "protocol": "TCP", "appProtocol": "http" }] } }),
        ),
        (
            "EndpointSlice",
            json!({ "metadata": meta, "addressType": "IPv4", "ports": [{ "name": "http", "port": 80, "protocol": "TCP" }],
            "endpoints": [{ "addresses": ["10.0.0.1"], "conditions": { "ready": true, "serving": true, "terminating": false }, "nodeName": "n", "zone": "z" }] }),
        ),
        (
            "Endpoints",
            json!({ "metadata": meta, "subsets": [{ "addresses": [{ "ip": "10.0.0.1", "nodeName": "n" }], "notReadyAddresses": [{ "ip": "10.0.0.2" }], "ports": [{ "name": "http", "port": 80 }] }] }),
        ),
        (
            "Secret",
            json!({ "metadata": { "name": "tls" }, "type": "kubernetes.io/tls", "data": { "tls.crt": "LS0tLS1CRUdJTg==", "tls.key": "QUJD" }, "stringData": { "tls.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" } }),
        ),
        (
            "ConfigMap",
            json!({ "metadata": meta, "data": { "ca.crt": "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----" }, "binaryData": { "ca.crt": "QUJD" } }),
        ),
        (
            "ReferenceGrant",
            json!({ "metadata": meta, "spec": { "from": [{ "group": "gateway.networking.k8s.io", "kind": "HTTPRoute", "namespace": "b" }], "to": [{ "group": "", "kind": "Service", "name": "web" }] } }),
        ),
    ]
    .into_iter()
    .chain(seeds_of_gateway_api())
    .collect()
}

fn meta() -> Value {
    json!({ "name": "x", "annotations": { "kubernetes.io/ingress.class": "hedgerow", "hedgerow.edwardstech.dev/hold": "8s" }, "labels": { "kubernetes.io/service-name": "web" }, "creationTimestamp": "2026-01-01T00:00:00Z" })
}

fn seeds_of_gateway_api() -> Vec<(&'static str, Value)> {
    let meta = meta();
    vec![
        (
            "GatewayClass",
            json!({ "metadata": meta, "spec": { "controllerName": "edwardstech.dev/hedgerow" } }),
        ),
        (
            "Gateway",
            json!({ "metadata": meta, "spec": { "gatewayClassName": "x", "listeners": [{ "name": "a", "protocol": "HTTPS", "port": 443, "hostname": "*.test",
            "tls": { "mode": "Terminate", "certificateRefs": [{ "group": "", "kind": "Secret", "name": "tls", "namespace": "b" }] },
            "allowedRoutes": { "kinds": [{ "group": "gateway.networking.k8s.io", "kind": "HTTPRoute" }], "namespaces": { "from": "Selector", "selector": { "matchLabels": { "kubernetes.io/metadata.name": "a" }, "matchExpressions": [{ "key": "kubernetes.io/metadata.name", "operator": "In", "values": ["a"] }] } } } }] } }),
        ),
        (
            "HTTPRoute",
            json!({ "metadata": meta, "spec": { "parentRefs": [{ "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "x", "namespace": "a", "sectionName": "a", "port": 443 }], "hostnames": ["shop.test"],
            "rules": [
                { "matches": [{ "path": { "type": "PathPrefix", "value": "/a" }, "method": "GET", "headers": [{ "name": "a", "value": "b", "type": "Exact" }], "queryParams": [{ "name": "a", "value": "b", "type": "RegularExpression" }] }],
                  "filters": [{ "type": "RequestHeaderModifier", "requestHeaderModifier": { "set": [{ "name": "a", "value": "b" }], "add": [{ "name": "c", "value": "d" }], "remove": ["e"] } },
                    { "type": "RequestRedirect", "requestRedirect": { "scheme": "https", "hostname": "a.test", "port": 443, "statusCode": 301, "path": { "type": "ReplacePrefixMatch", "replacePrefixMatch": "/b" } } }] },
                { "matches": [{ "path": { "type": "RegularExpression", "value": "/a.*" } }],
                  "filters": [{ "type": "URLRewrite", "urlRewrite": { "hostname": "a.test", "path": { "type": "ReplaceFullPath", "replaceFullPath": "/b" } } }],
                  "timeouts": { "request": "10s", "backendRequest": "1s" },
                  "backendRefs": [{ "group": "", "kind": "Service", "name": "web", "port": 80, "weight": 1, "filters": [{ "type": "ResponseHeaderModifier", "responseHeaderModifier": { "set": [{ "name": "a", "value": "b" }] } }] }] }] } }),
        ),
    ]
}

/// One change: which leaf or branch (by number), and what becomes of it.
#[derive(Debug, Clone)]
enum Change {
    Remove(usize),
    Replace(usize, Value),
    Repeat(usize),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let text = prop_oneof![
        "\\PC{0,12}",
        Just(String::new()),
        Just("*".to_owned()),
        Just("*.test".to_owned()),
        Just("/../%2f//".to_owned()),
        Just("(?x)a #".to_owned()),
        Just("a".repeat(300)),
        Just("Exact".to_owned()),
        Just("::ffff:127.0.0.1".to_owned()),
        Just("\u{0}\r\n: {}".to_owned()),
    ];
    let value = prop_oneof![
        text.prop_map(Value::String),
        any::<i32>().prop_map(Value::from),
        any::<bool>().prop_map(Value::from),
        Just(json!([])),
        Just(json!({})),
        Just(Value::Null),
    ];
    let change = prop_oneof![
        (0usize..120).prop_map(Change::Remove),
        (0usize..80, value).prop_map(|(at, value)| Change::Replace(at, value)),
        (0usize..120).prop_map(Change::Repeat),
    ];
    proptest::collection::vec(change, 0..4)
}

/// Visits every node below `value`, counting down; applies the change at the one where the count ends.
fn apply(value: &mut Value, left: &mut usize, change: &Change) -> bool {
    let keys: Vec<String> = match value {
        Value::Object(map) => map.keys().cloned().collect(),
        Value::Array(items) => (0..items.len()).map(|index| index.to_string()).collect(),
        _ => return false,
    };
    for key in keys {
        if *left == 0 {
            edit(value, &key, change);
            return true;
        }
        *left -= 1;
        let child = match value {
            Value::Object(map) => map.get_mut(&key),
            Value::Array(items) => items.get_mut(key.parse::<usize>().unwrap()),
            _ => None,
        };
        if child.is_some_and(|child| apply(child, left, change)) {
            return true;
        }
    }
    false
}

fn edit(parent: &mut Value, key: &str, change: &Change) {
    match (parent, change) {
        (Value::Object(map), Change::Remove(_)) => {
            map.remove(key);
        }
        (Value::Object(map), Change::Replace(_, value)) => {
            map.insert(key.to_owned(), value.clone());
        }
        (Value::Array(items), Change::Remove(_)) => {
            items.remove(key.parse::<usize>().unwrap());
        }
        (Value::Array(items), Change::Replace(_, value)) => {
            items[key.parse::<usize>().unwrap()] = value.clone();
        }
        (Value::Array(items), Change::Repeat(_)) => {
            let item = items[key.parse::<usize>().unwrap()].clone();
            items.push(item);
        }
        _ => {}
    }
}

fn mutate(mut value: Value, changes: &[Change]) -> Value {
    for change in changes {
        let (Change::Remove(at) | Change::Replace(at, _) | Change::Repeat(at)) = change;
        let mut left = *at;
        apply(&mut value, &mut left, change);
    }
    value
}

/// Adds the object, if its types allow it: what they do not allow is the reader's to refuse.
fn add(objects: &mut Objects, kind: &str, namespace: &str, value: Value) {
    match kind {
        "Ingress" => put(&mut objects.ingresses, namespace, value),
        "IngressClass" => put(&mut objects.ingress_classes, "", value),
        "Service" => put(&mut objects.services, namespace, value),
        "EndpointSlice" => put(&mut objects.endpoint_slices, namespace, value),
        "Endpoints" => put(&mut objects.endpoints, namespace, value),
        "Secret" => put(&mut objects.secrets, namespace, value),
        "ConfigMap" => put(&mut objects.config_maps, namespace, value),
        "ReferenceGrant" => put(&mut objects.reference_grants, namespace, value),
        "GatewayClass" => put(&mut objects.gateway_classes, "", value),
        "Gateway" => put(&mut objects.gateways, namespace, value),
        _ => put(&mut objects.http_routes, namespace, value),
    }
}

fn put<K: DeserializeOwned>(set: &mut crate::objects::Set<K>, namespace: &str, mut value: Value) {
    let name = value["metadata"]["name"].as_str().unwrap_or("x").to_owned();
    let revision = config::digest::of(&[value.to_string().as_bytes()]);
    if let Some(value) = value.as_object_mut() {
        value.remove("apiVersion");
    }
    let name = ObjectName::new(namespace, &name);
    let Ok(value) = serde_json::from_value::<K>(with_type::<K>(value)) else {
        return;
    };
    let lines = None;
    Arc::make_mut(set).insert(
        name.clone(),
        Arc::new(Object {
            value,
            name,
            revision,
            lines,
        }),
    );
}

/// The types insist on their own kind.
fn with_type<K>(mut value: Value) -> Value {
    let (version, kind) = match std::any::type_name::<K>().rsplit("::").next().unwrap() {
        kind @ ("Ingress" | "IngressClass") => ("networking.k8s.io/v1", kind),
        kind @ "EndpointSlice" => ("discovery.k8s.io/v1", kind),
        kind @ ("Gateway" | "GatewayClass" | "ReferenceGrant") => {
            ("gateway.networking.k8s.io/v1", kind)
        }
        "HttpRoute" => ("gateway.networking.k8s.io/v1", "HTTPRoute"),
        kind => ("v1", kind),
    };
    if let Some(map) = value.as_object_mut() {
        map.insert("apiVersion".to_owned(), version.into());
        map.insert("kind".to_owned(), kind.into());
    }
    value
}

fn seeded(namespace: &str) -> Objects {
    let mut objects = Objects {
        is_directory: true,
        ..Objects::default()
    };
    for (kind, value) in seeds() {
        add(&mut objects, kind, namespace, value);
    }
    objects
}

/// The routes of a namespace, as digests with their rules in words.
fn routes_of(objects: &Objects, namespace: &str) -> Vec<String> {
    let (model, _) = Translator::default().translate(objects, &sample::settings());
    let mut routes: Vec<String> = model
        .routes
        .iter()
        .filter(|route| &*route.object.name.namespace == namespace)
        .map(|route| format!("{} {:x} {:?}", route.object, route.digest, route.rules))
        .collect();
    routes.sort();
    routes
}

#[test]
fn the_seeds_are_right_objects_of_every_kind() {
    let objects = seeded("a");
    let counts = [
        objects.ingresses.len(),
        objects.ingress_classes.len(),
        objects.services.len(),
        objects.endpoint_slices.len(),
        objects.endpoints.len(),
        objects.secrets.len(),
        objects.config_maps.len(),
        objects.reference_grants.len(),
        objects.gateway_classes.len(),
        objects.gateways.len(),
        objects.http_routes.len(),
    ];
    assert_eq!(counts, [1; 11]);
    let routes = routes_of(&objects, "a");
    assert_eq!(routes.len(), 2, "{routes:#?}"); // The Ingress and the HTTPRoute; the Gateway's reference is not granted.
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn no_object_makes_the_translation_panic(kind in 0usize..11, changes in changes(), is_directory in any::<bool>()) {
        let mut objects = seeded("a");
        objects.is_directory = is_directory;
        let (kind, value) = seeds().swap_remove(kind);
        add(&mut objects, kind, "a", mutate(value, &changes));
        let compiled = crate::control::build(&objects, &sample::settings(), 1_800_000_000);
        prop_assert!(!compiled.snapshot.rules.is_empty());
    }

    #[test]
    fn an_object_of_another_namespace_changes_no_route(kind in 0usize..11, changes in changes()) {
        let before = seeded("a");
        let (kind, value) = seeds().swap_remove(kind);
        // Classes have no namespace: they may decide about everybody.
        prop_assume!(kind != "IngressClass" && kind != "GatewayClass");
        let mut after = before.clone();
        add(&mut after, kind, "other", mutate(value, &changes));
        prop_assert_eq!(routes_of(&before, "a"), routes_of(&after, "a"));
    }
}
