//! Which Ingresses are written, taken over, given up, and left alone?

use super::super::plan::{Change, View, plan};
use super::*;
use crate::objects::Objects;
use crate::report::MANAGER;
use crate::sample;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ManagedFieldsEntry;
use std::sync::Arc;

const CLASSES: &str = "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: { name: hedgerow }\n\
    spec: { controller: edwardstech.dev/hedgerow }\n---\n\
    apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: { name: nginx }\nspec: { controller: k8s.io/ingress-nginx }\n---\n";

/// As the API server has it: in this class, with this status, and perhaps with our mark.
fn objects(class: &str, said: &[&str], is_marked: bool) -> Objects {
    let text = format!(
        "{CLASSES}apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{ name: web, namespace: shop }}\n\
         spec: {{ ingressClassName: {class}, rules: [{{ host: web.test }}] }}\n"
    );
    let mut objects = sample::objects(&text);
    objects.is_directory = false;
    let set = Arc::make_mut(&mut objects.ingresses);
    for object in set.values_mut() {
        let object = Arc::get_mut(object).unwrap();
        object.value.metadata.resource_version = Some("7".to_owned());
        let entry = |address: &&str| serde_json::from_value(Address::parse(address).entry());
        object.value.status = serde_json::from_value(json!({ "loadBalancer": {} })).unwrap();
        let entries: Result<Vec<IngressLoadBalancerIngress>, _> = said.iter().map(entry).collect();
        let status = object.value.status.as_mut().unwrap();
        status.load_balancer.as_mut().unwrap().ingress = Some(entries.unwrap());
        object.value.metadata.managed_fields = is_marked.then(|| {
            vec![ManagedFieldsEntry {
                manager: Some(MANAGER.to_owned()),
                ..ManagedFieldsEntry::default()
            }]
        });
    }
    objects
}

/// `known`: the addresses that are published, if they are known.
#[track_caller]
fn check(objects: &Objects, known: Option<&[&str]>, expected: Option<&Change>) {
    let addresses: Option<Vec<Address>> =
        known.map(|known| known.iter().map(|text| Address::parse(text)).collect());
    let writes = plan(&View {
        objects,
        settings: &sample::settings(),
        addresses: addresses.as_deref(),
    });
    let changes: Vec<&Change> = writes.iter().map(|write| &write.change).collect();
    assert_eq!(changes, Vec::from_iter(expected));
    assert!(writes.iter().all(|write| write.version == "7"));
}

fn apply(entries: Value) -> Change {
    Change::Apply(json!({ "loadBalancer": { "ingress": entries } }))
}

#[test]
fn an_ingress_of_ours_says_where_it_is_served() {
    let both = apply(json!([{ "ip": "192.0.2.1" }, { "hostname": "lb.test" }]));
    let published: Option<&[&str]> = Some(&["192.0.2.1", "lb.test"]);
    check(&objects("hedgerow", &[], false), published, Some(&both));
    check(
        &objects("hedgerow", &["192.0.2.1"], true),
        published,
        Some(&both),
    );
    // Whoever said it before: it is what clients need.
    let old = objects("hedgerow", &["198.51.100.9"], false);
    check(&old, published, Some(&both));
}

#[test]
fn nothing_is_written_that_is_there_already() {
    let published: Option<&[&str]> = Some(&["192.0.2.1", "lb.test"]);
    for is_marked in [true, false] {
        let said = objects("hedgerow", &["lb.test", "192.0.2.1"], is_marked);
        check(&said, published, None);
    }
    check(&objects("nginx", &[], false), published, None);
}

#[test]
fn what_is_not_ours_is_touched_only_to_take_back_what_we_said() {
    let published: Option<&[&str]> = Some(&["192.0.2.1"]);
    for class in ["nginx", "nobody"] {
        check(&objects(class, &["192.0.2.7"], false), published, None);
        let marked = objects(class, &["192.0.2.1"], true);
        check(&marked, published, Some(&Change::Release));
        check(&marked, None, Some(&Change::Release));
    }
}

#[test]
fn addresses_that_are_not_known_change_nothing_and_none_at_all_clear_what_was_ours() {
    let marked = objects("hedgerow", &["192.0.2.1"], true);
    check(&marked, None, None);
    check(&marked, Some(&[]), Some(&Change::Release));
    check(&objects("hedgerow", &["192.0.2.1"], false), Some(&[]), None);
}
