//! Are exactly the watches planned that are needed?

use super::*;
use crate::sample;
use std::sync::Arc;

const SERVED: [(Kind, &str); 2] = [(Kind::HttpRoute, "v1"), (Kind::GatewayClass, "v1beta1")];

fn known(scope: Scope) -> Known {
    let mut known = Known::new(scope);
    known.served = Some(Served::from(SERVED));
    known
}

fn shelf(text: &str) -> Shelf {
    let mut objects = sample::objects(text);
    objects.is_directory = false;
    Shelf {
        objects,
        ..Shelf::default()
    }
}

fn list(names: &[&str]) -> Scope {
    Scope::new(names.iter().map(ToString::to_string).collect(), None)
}

/// The watches as in `Ingress a` and `IngressClass *`.
#[track_caller]
fn check(known: &mut Known, shelf: &Shelf, expected: &[&str]) {
    known.learn(shelf);
    let text = |(kind, place): &Key| match place {
        Place::All => format!("{kind} *"),
        Place::Namespace(namespace) => format!("{kind} {namespace}"),
        Place::Name(name) => format!("{kind} {name}"),
        Place::Alone(name) => format!("{kind} {name} alone"),
    };
    let mut found: Vec<String> = known.plan(shelf).keys().map(text).collect();
    found.sort();
    assert_eq!(found, expected);
}

const ALL: [&str; 7] = [
    "EndpointSlice *",
    "GatewayClass *",
    "HTTPRoute *",
    "Ingress *",
    "IngressClass *",
    "Secret *",
    "Service *",
];

#[test]
fn all_namespaces_take_one_watch_for_each_kind_that_there_is() {
    let mut known = known(Scope::All);
    check(&mut known, &Shelf::default(), &ALL);
    known.served = None;
    assert!(!known.is_certain());
}

#[test]
fn the_version_is_the_one_that_there_is() {
    let known = known(Scope::All);
    let plan = known.plan(&Shelf::default());
    assert_eq!(
        plan.get(&(Kind::GatewayClass, Place::All)),
        Some(&"v1beta1")
    );
}

#[test]
fn a_list_of_namespaces_asks_nothing_of_the_others() {
    let expected = [
        "EndpointSlice a",
        "EndpointSlice b",
        "GatewayClass *",
        "HTTPRoute a",
        "HTTPRoute b",
        "Ingress a",
        "Ingress b",
        "IngressClass *",
        "Secret a",
        "Secret b",
        "Service a",
        "Service b",
    ];
    check(&mut known(list(&["b", "a"])), &Shelf::default(), &expected);
}

#[test]
fn selected_namespaces_come_and_go() {
    let mut known = known(Scope::new(Vec::new(), Some("edge=yes".to_owned())));
    known.served = Some(Served::new());
    check(
        &mut known,
        &Shelf::default(),
        &["IngressClass *", "Namespace *"],
    );
    assert_eq!(
        known.labels_of(Kind::Namespace).as_deref(),
        Some("edge=yes")
    );
    assert_eq!(known.labels_of(Kind::Ingress), None);
    let mut shelf = Shelf::default();
    let namespace = serde_json::json!({ "metadata": { "name": "a" } });
    let namespace = serde_json::from_value(namespace).expect("is a namespace");
    shelf.put::<super::super::kinds::NamespaceName>(&Place::All, namespace);
    let expected = [
        "EndpointSlice a",
        "Ingress a",
        "IngressClass *",
        "Namespace *",
        "Secret a",
        "Service a",
    ];
    check(&mut known, &shelf, &expected);
}

#[test]
fn what_is_referred_to_is_watched_by_its_name() {
    let tls = "kind: Secret\napiVersion: v1\nmetadata: { name: tls, namespace: a }\ntype: kubernetes.io/tls";
    let mut known = known(Scope::All);
    known.served = Some(Served::new());
    let mut wanted = crate::translate::References::default();
    let name = ObjectName::new;
    wanted
        .secrets
        .extend([name("a", "tls"), name("a", "missing")]);
    wanted.config_maps.insert(name("a", "ca"));
    known.wanted = Arc::new(wanted);
    let names = |known: &Known, shelf: &Shelf| {
        let plan = known.plan(shelf);
        let keys = plan
            .keys()
            .filter(|(_, place)| !matches!(place, Place::All));
        keys.map(|(kind, place)| format!("{kind} {place}"))
            .collect::<Vec<_>>()
    };
    assert_eq!(
        names(&known, &shelf(tls)),
        ["Secret a/missing", "ConfigMap a/ca"]
    );
    assert_eq!(
        names(&known, &Shelf::default()),
        ["Secret a/missing", "Secret a/tls", "ConfigMap a/ca"]
    );
    // The default certificate may be in a namespace that is not watched: it comes alone.
    let mut known = Known {
        scope: list(&["b"]),
        ..known
    };
    known.wanted = Arc::new(crate::translate::References {
        secrets: [name("a", "tls")].into(),
        ..Default::default()
    });
    assert!(
        known
            .plan(&shelf(tls))
            .contains_key(&(Kind::Secret, Place::Alone(name("a", "tls"))))
    );
}

const MANUAL: &str = "kind: Service\napiVersion: v1\nmetadata: { name: vm, namespace: a }\nspec: { ports: [{ port: 80 }] }\n---\n";

#[test]
fn endpoints_are_watched_only_while_a_service_needs_them() {
    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        let mut known = known(Scope::All);
        let shelf = shelf(text);
        known.learn(&shelf);
        let plan = known.plan(&shelf);
        let theirs = plan.keys().filter(|(kind, _)| *kind == Kind::Endpoints);
        let found: Vec<String> = theirs.map(|(_, place)| place.to_string()).collect();
        assert_eq!(found, expected, "{text}");
    }
    check(MANUAL, &["a/vm"]);
    check(
        &MANUAL.replace("{ ports", "{ selector: { a: b }, ports"),
        &[],
    );
    check(
        &MANUAL.replace("{ ports", "{ type: ExternalName, externalName: x, ports"),
        &[],
    );
    let api_server = MANUAL.replace(
        "name: vm, namespace: a",
        "name: kubernetes, namespace: default",
    );
    check(&api_server, &[]);
    let slice = "kind: EndpointSlice\napiVersion: discovery.k8s.io/v1\nmetadata: { name: s, namespace: a, labels: { kubernetes.io/service-name: vm } }\naddressType: IPv4\nendpoints: []\n";
    check(&format!("{MANUAL}{slice}"), &[]);
    check(
        &format!("{MANUAL}{}", slice.replace("namespace: a", "namespace: b")),
        &["a/vm"],
    );
}

#[test]
fn the_api_server_is_where_it_says() {
    let slice = "kind: EndpointSlice\napiVersion: discovery.k8s.io/v1\nmetadata: { name: kubernetes, namespace: default, labels: { kubernetes.io/service-name: kubernetes } }\naddressType: IPv4\nports: [{ name: https, port: 6443 }]\nendpoints: [{ addresses: [10.90.0.10] }]\n";
    let mut known = known(Scope::All);
    known.learn(&shelf(slice));
    let url = "10.96.0.1:443".parse().expect("is an address");
    let all: Vec<String> = known
        .api_server(vec![url])
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(all, ["10.90.0.10:6443", "10.96.0.1:443"]);
}

#[test]
fn more_than_can_be_watched_is_told() {
    let mut known = known(Scope::All);
    assert_eq!(known.problems().count(), 0);
    let mut wanted = crate::translate::References::default();
    let names = (0..=NAMED_MAX).map(|number| ObjectName::new("a", &number.to_string()));
    wanted.config_maps.extend(names);
    known.wanted = Arc::new(wanted);
    assert_eq!(known.problems().count(), 1);
    let plan = known.plan(&Shelf::default());
    let named = plan
        .keys()
        .filter(|(kind, _)| *kind == Kind::ConfigMap)
        .count();
    assert_eq!(named, NAMED_MAX);
}
