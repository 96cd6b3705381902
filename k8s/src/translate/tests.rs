//! Is a translation whole, and does it cost nothing when nothing changed?

mod hostile;

use super::{Touched, Translator};
use crate::objects::{Object, Objects};
use crate::sample;
use config::model::{Model, Route};
use config::name::ObjectName;
use std::collections::HashSet;
use std::sync::Arc;

const SITE: &str = "
kind: Service
apiVersion: v1
metadata: { name: web, namespace: shop }
spec: { ports: [{ port: 80 }] }
---
kind: Endpoints
apiVersion: v1
metadata: { name: web, namespace: shop }
subsets: [{ addresses: [{ ip: 10.0.0.1 }], ports: [{ port: 80 }] }]
---
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: { name: shop, namespace: shop }
spec: { rules: [{ host: shop.test, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }] } }] }
---
kind: Ingress
apiVersion: networking.k8s.io/v1
metadata: { name: other, namespace: shop }
spec: { defaultBackend: { service: { name: web, port: { number: 80 } } } }
";

fn route(model: &Model, name: &str) -> Arc<Route> {
    let wanted = |route: &&Arc<Route>| &*route.object.name.name == name;
    model.routes.iter().find(wanted).unwrap().clone()
}

/// Translates a text after `SITE`; says what was touched, and whether the two routes are the very same.
#[track_caller]
fn check(later: &str, touched: Touched, same_shop: bool, same_other: bool) {
    let mut translator = Translator::default();
    let settings = sample::settings();
    let (before, _) = translator.translate(&sample::objects(SITE), &settings);
    let (after, _) = translator.translate(&sample::objects(later), &settings);
    assert_eq!(*translator.touched(), touched);
    let is_same = |name| Arc::ptr_eq(&route(&before, name), &route(&after, name));
    assert_eq!((is_same("shop"), is_same("other")), (same_shop, same_other));
}

#[test]
fn only_what_changed_is_translated_again() {
    check(SITE, Touched::default(), true, true);
    let routes = Touched {
        routes: true,
        ..Touched::default()
    };
    check(
        &SITE.replace("host: shop.test", "host: new.test"),
        routes,
        false,
        true,
    );
    let services = Touched {
        services: true,
        ..Touched::default()
    };
    check(
        &SITE.replace(
            "spec: { ports: [{ port: 80 }]",
            "spec: { ports: [{ port: 81 }]",
        ),
        services,
        true,
        true,
    );
    let endpoints = Touched {
        endpoints_of: vec![ObjectName::new("shop", "web")],
        ..Touched::default()
    };
    check(&SITE.replace("10.0.0.1", "10.0.0.2"), endpoints, true, true);
    // A class that comes or goes decides about Ingresses that did not change.
    let class = "---\nkind: IngressClass\napiVersion: networking.k8s.io/v1\nmetadata: { name: x, annotations: { ingressclass.kubernetes.io/is-default-class: \"true\" } }\nspec: { controller: edwardstech.dev/hedgerow }\n";
    check(&format!("{SITE}{class}"), Touched::default(), true, true);
}

#[test]
fn endpoints_that_move_to_another_service_touch_both() {
    let mut translator = Translator::default();
    let settings = sample::settings();
    let slice = |service: &str| {
        sample::objects(&format!(
            "kind: EndpointSlice\napiVersion: discovery.k8s.io/v1\nmetadata: {{ name: s, namespace: shop, labels: {{ kubernetes.io/service-name: {service} }} }}\naddressType: IPv4\nports: []\nendpoints: []\n"
        ))
    };
    for (objects, touched) in [
        (slice("a"), &["a"][..]),
        (slice("b"), &["a", "b"]),
        (slice("b"), &[]),
        (Objects::default(), &["b"]),
    ] {
        translator.translate(&objects, &settings);
        let names = translator.touched().endpoints_of.iter();
        let names: Vec<&str> = names.map(|service| &*service.name).collect();
        assert_eq!(names, touched);
    }
}

#[test]
fn a_remembered_object_is_forgotten_with_its_class_its_lines_or_itself() {
    let mut translator = Translator::default();
    let settings = sample::settings();
    let first = sample::objects(SITE);
    assert_eq!(translator.translate(&first, &settings).0.routes.len(), 2);
    let theirs = "---\nkind: IngressClass\napiVersion: networking.k8s.io/v1\nmetadata: { name: x, annotations: { ingressclass.kubernetes.io/is-default-class: \"true\" } }\nspec: { controller: example.com/other }\n";
    let taken = sample::objects(&format!("{SITE}{theirs}"));
    assert_eq!(translator.translate(&taken, &settings).0.routes.len(), 0);
    let moved = sample::objects(&format!("# a new first line\n{SITE}"));
    let (model, _) = translator.translate(&moved, &settings);
    assert_eq!(route(&model, "other").origin.as_ref().unwrap().line, 18);
    let (model, _) = translator.translate(&Objects::default(), &settings);
    assert!(model.routes.is_empty() && model.services.is_empty() && model.endpoints.is_empty());
}

#[test]
fn the_digest_of_a_route_tells_meaning_and_not_place() {
    let digest = |yaml: &str| route(&sample::translate(yaml).0, "shop").digest;
    let plain = digest(SITE);
    assert_eq!(plain, digest(&format!("\n\n# comment\n{SITE}")));
    assert_eq!(plain, digest(&SITE.replace("10.0.0.1", "10.0.0.2")));
    for (from, to) in [
        ("host: shop.test", "host: shop2.test"),
        ("path: /,", "path: /a,"),
        (
            "name: shop, namespace: shop }",
            "name: shop, namespace: shop, creationTimestamp: 2026-01-01T00:00:00Z }",
        ),
        (
            "name: shop, namespace: shop }",
            "name: shop, namespace: shop, annotations: { hedgerow.edwardstech.dev/attempts: \"5\" } }",
        ),
    ] {
        assert_ne!(plain, digest(&SITE.replace(from, to)), "{to}");
    }
}

#[test]
fn annotations_become_the_policy_of_every_rule_and_backend() {
    let yaml = SITE.replace(
        "name: other, namespace: shop }",
        "name: other, namespace: shop, annotations: { hedgerow.edwardstech.dev/attempts: \"5\", hedgerow.edwardstech.dev/hold: 8s, hedgerow.edwardstech.dev/atempts: \"1\" } }",
    );
    let (model, problems) = sample::translate(&yaml);
    let rule = route(&model, "other").rules[0].clone();
    assert_eq!(rule.policy.attempts, Some(5));
    let backend = rule.backends[0].policy.clone().unwrap();
    assert_eq!(backend.hold, Some(std::time::Duration::from_secs(8)));
    let lines = sample::problems(&problems);
    assert_eq!(lines.len(), 1, "{lines:?}");
    assert!(
        lines[0].contains("hedgerow.edwardstech.dev/atempts]:19"),
        "{lines:?}"
    );
}

/// Ingresses that are not read from text.
fn many(count: usize) -> Objects {
    let mut objects = Objects {
        is_directory: true,
        ..Objects::default()
    };
    let template = sample::objects(SITE);
    let template = template.ingresses.values().next().unwrap();
    for index in 0..count {
        let name = ObjectName::new("shop", &format!("shop-{index}"));
        let object = Object {
            value: template.value.clone(),
            name: name.clone(),
            revision: 1,
            lines: None,
        };
        Arc::make_mut(&mut objects.ingresses).insert(name, Arc::new(object));
    }
    objects
}

#[test]
fn ten_thousand_unchanged_ingresses_are_looked_up_and_not_translated() {
    let objects = many(10_000);
    let settings = sample::settings();
    let mut translator = Translator::default();
    let (first, _) = translator.translate(&objects, &settings);
    let (again, problems) = translator.translate(&objects.clone(), &settings);
    assert_eq!((again.routes.len(), problems.len()), (10_000, 0));
    assert_eq!(*translator.touched(), Touched::default());
    let first: HashSet<*const Route> = first.routes.iter().map(Arc::as_ptr).collect();
    let is_known = |route: &Arc<Route>| first.contains(&Arc::as_ptr(route));
    assert!(again.routes.iter().all(is_known));
}
