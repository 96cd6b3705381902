//! What has to be done so that an API server has what files say?

use super::age;
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Objects by the path at which the API server has them.
pub type ByPath = BTreeMap<String, Value>;

/// In this order.
pub struct Plan {
    /// Before what is in them.
    pub namespaces: ByPath,
    /// New or other than before.
    pub changed: ByPath,
    /// New ones of which the age counts.
    pub aged: ByPath,
    pub gone: ByPath,
    /// Wanted still, but the API server deletes a Service's Endpoints with it.
    pub lost: ByPath,
}

impl Plan {
    pub fn new(there: &ByPath, wanted: &ByPath) -> Plan {
        let is_other = |path: &str, object: &Value| there.get(path) != Some(object);
        let (namespaces, rest) = parted(chosen(wanted, is_other), |_, object| is_namespace(object));
        let is_aged = |path: &str, object: &Value| age::counts(object) && !there.contains_key(path);
        let (aged, changed) = parted(rest, is_aged);
        let is_gone =
            |path: &str, object: &Value| !wanted.contains_key(path) && !is_namespace(object);
        let gone = chosen(there, is_gone);
        let is_lost = |path: &str| {
            let service = path.replace("/endpoints/", "/services/");
            service != path && gone.contains_key(&service)
        };
        Plan {
            lost: chosen(wanted, |path, _| is_lost(path)),
            namespaces,
            changed,
            aged,
            gone,
        }
    }
}

/// Without controllers a namespace never ends, so they stay.
pub fn is_namespace(object: &Value) -> bool {
    object["kind"] == "Namespace"
}

/// The namespaces that objects name and no file makes.
pub fn add_namespaces(wanted: &mut ByPath) {
    let names = wanted.values().filter_map(|object| {
        let name = object["metadata"]["namespace"].as_str();
        name.map(str::to_owned)
    });
    let names: Vec<String> = names.collect();
    for name in names {
        let namespace =
            json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
        wanted
            .entry(format!("/api/v1/namespaces/{name}"))
            .or_insert(namespace);
    }
}

/// Those that are meant.
pub fn chosen(objects: &ByPath, is_meant: impl Fn(&str, &Value) -> bool) -> ByPath {
    let meant = objects
        .iter()
        .filter(|(path, object)| is_meant(path, object));
    meant
        .map(|(path, object)| (path.clone(), object.clone()))
        .collect()
}

fn parted(objects: ByPath, is_first: impl Fn(&str, &Value) -> bool) -> (ByPath, ByPath) {
    objects
        .into_iter()
        .partition(|(path, object)| is_first(path, object))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn object(kind: &str, more: Value) -> Value {
        json!({ "kind": kind, "metadata": { "name": "a", "namespace": "x" }, "spec": more })
    }

    fn paths(objects: &ByPath) -> Vec<&str> {
        objects.keys().map(String::as_str).collect()
    }

    #[test]
    fn endpoints_are_applied_again_when_their_service_goes() {
        let service = (
            "/api/v1/namespaces/x/services/a".to_owned(),
            object("Service", json!(1)),
        );
        let endpoints = (
            "/api/v1/namespaces/x/endpoints/a".to_owned(),
            object("Endpoints", json!(1)),
        );
        let there: ByPath = [service.clone(), endpoints.clone()].into();
        let wanted: ByPath = [endpoints.clone()].into();
        let plan = Plan::new(&there, &wanted);
        assert_eq!(paths(&plan.gone), [&*service.0]);
        assert_eq!(paths(&plan.lost), [&*endpoints.0]);
        assert!(plan.changed.is_empty() && plan.aged.is_empty());
    }

    #[test]
    fn namespaces_come_first_and_stay() {
        let path = "/apis/networking.k8s.io/v1/namespaces/x/ingresses/a".to_owned();
        let mut wanted: ByPath = [(path.clone(), object("Ingress", json!(1)))].into();
        add_namespaces(&mut wanted);
        let plan = Plan::new(&ByPath::new(), &wanted);
        assert_eq!(paths(&plan.namespaces), ["/api/v1/namespaces/x"]);
        assert_eq!(paths(&plan.aged), [&*path]);
        let plan = Plan::new(&wanted, &ByPath::new());
        assert_eq!(paths(&plan.gone), [&*path]);
        // What is there already keeps its age.
        let other: ByPath = [(path.clone(), object("Ingress", json!(2)))].into();
        assert_eq!(paths(&Plan::new(&wanted, &other).changed), [&*path]);
    }
}
