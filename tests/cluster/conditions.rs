//! What do the objects of the Gateway API say of themselves?

use super::report::{reporting, writes};
use super::source_edge::{edge, service};
use serde_json::{Value, json};
use std::time::Duration;
use tests::client::until;
use tests::cluster::api::Api;
use tests::cluster::{Cluster, Options, audit};
use tests::manifest::join;

const GROUP: &str = "/apis/gateway.networking.k8s.io/v1";
const CLASS: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: { name: hedgerow }\n\
    spec: { controllerName: edwardstech.dev/hedgerow }\n";
const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: edge, namespace: default }\n\
    spec:\n  gatewayClassName: hedgerow\n  listeners:\n  - { name: http, protocol: HTTP, port: 80 }\n  \
    - { name: shop, protocol: HTTP, port: 80, hostname: shop.test }\n  \
    - { name: https, protocol: HTTPS, port: 443, tls: { certificateRefs: [{ name: missing }] } }\n  \
    - { name: tcp, protocol: TCP, port: 9000 }\n";

fn route(name: &str, more: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {{ name: {name}, namespace: default }}\nspec:\n  {more}\n"
    )
}

fn http_route(name: &str) -> String {
    format!("{GROUP}/namespaces/default/httproutes/{name}")
}

fn gateway() -> String {
    format!("{GROUP}/namespaces/default/gateways/edge")
}

/// `Accepted=True Accepted`, each condition, sorted.
fn words(status: &Value) -> Vec<String> {
    let all = status["conditions"].as_array().into_iter().flatten();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut words: Vec<String> = all
        .map(|one| {
            let (kind, status) = (text(&one["type"]), text(&one["status"]));
            format!("{kind}={status} {}", text(&one["reason"]))
        })
        .collect();
    words.sort();
    words
}

/// Waits for these conditions of the part of the object at this path.
async fn until_words(api: &Api, path: &str, part: impl Fn(&Value) -> Value, expected: &[&str]) {
    until(async || {
        let object = api.get(path).await;
        let found = words(&part(&object));
        let never = format!(
            "{path} says {found:?}, never {expected:?}: {}",
            object["status"]
        );
        (found == expected).then_some(()).ok_or(never)
    })
    .await;
}

/// What we say of the first parent.
fn ours(object: &Value) -> Value {
    let parents = object["status"]["parents"].as_array().cloned();
    let mut parents = parents.unwrap_or_default().into_iter();
    let ours = parents.find(|one| one["controllerName"] == "edwardstech.dev/hedgerow");
    ours.unwrap_or_default()
}

fn listener(name: &'static str) -> impl Fn(&Value) -> Value {
    move |object| {
        let all = object["status"]["listeners"].as_array().cloned();
        let mut all = all.unwrap_or_default().into_iter();
        all.find(|one| one["name"] == name).unwrap_or_default()
    }
}

const RESOLVED: &str = "ResolvedRefs=True ResolvedRefs";

/// A Gateway with listeners of every fate, and routes of every fate.
fn site() -> String {
    let to = |section: &str| format!("parentRefs: [{{ name: edge, sectionName: {section} }}]");
    let backend =
        |name: &str| format!("rules: [{{ backendRefs: [{{ name: {name}, port: 80 }}] }}]");
    let lines = |lines: &[String]| lines.join("\n  ");
    let blog = "hostnames: [blog.test]".to_owned();
    join(&[
        CLASS.to_owned(),
        GATEWAY.to_owned(),
        service("web"),
        route("good", &lines(&[to("http"), backend("web")])),
        route("lost", &lines(&[to("nowhere"), backend("web")])),
        route("empty", &lines(&[to("http"), backend("nothing")])),
        route("elsewhere", &lines(&[to("shop"), blog, backend("web")])),
    ])
}

async fn check_gateway(api: &Api) {
    let status = |object: &Value| object["status"].clone();
    let class = format!("{GROUP}/gatewayclasses/hedgerow");
    until_words(api, &class, status, &["Accepted=True Accepted"]).await;
    let all = [
        "Accepted=True ListenersNotValid",
        "Programmed=True Programmed",
    ];
    until_words(api, &gateway(), status, &all).await;
    let accepted = "Accepted=True Accepted";
    let invalid = "Programmed=False Invalid";
    for (name, expected) in [
        ("http", [accepted, "Programmed=True Programmed", RESOLVED]),
        (
            "https",
            [
                accepted,
                invalid,
                "ResolvedRefs=False InvalidCertificateRef",
            ],
        ),
        (
            "tcp",
            ["Accepted=False UnsupportedProtocol", invalid, RESOLVED],
        ),
    ] {
        until_words(api, &gateway(), listener(name), &expected).await;
    }
    let object = api.get(&gateway()).await;
    let addresses = json!([{ "type": "IPAddress", "value": "192.0.2.1" }]);
    assert_eq!(object["status"]["addresses"], addresses);
    let generation = object["metadata"]["generation"].as_i64().unwrap();
    let observed = &object["status"]["conditions"][0]["observedGeneration"];
    assert_eq!(*observed, generation);
}

async fn check_routes(api: &Api) {
    for (name, accepted, resolved) in [
        ("good", "True Accepted", "True ResolvedRefs"),
        ("lost", "False NoMatchingParent", "True ResolvedRefs"),
        ("empty", "True Accepted", "False BackendNotFound"),
        (
            "elsewhere",
            "False NoMatchingListenerHostname",
            "True ResolvedRefs",
        ),
    ] {
        let words = [
            format!("Accepted={accepted}"),
            format!("ResolvedRefs={resolved}"),
        ];
        let words: Vec<&str> = words.iter().map(String::as_str).collect();
        until_words(api, &http_route(name), ours, &words).await;
    }
    let object = api.get(&gateway()).await;
    assert_eq!(listener("http")(&object)["attachedRoutes"], 2);
    assert_eq!(listener("shop")(&object)["attachedRoutes"], 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn gateways_and_routes_say_what_became_of_them() {
    let cluster = Cluster::start_with(Options {
        audit_policy: Some(audit::METADATA.to_owned()),
        ..Options::default()
    })
    .await;
    let api = cluster.api(&cluster.admin()).await;
    cluster.apply(&site()).await;
    let kubeconfig = cluster.kubeconfig(&cluster.admin());
    let edge = edge(kubeconfig, reporting(&["192.0.2.1"])).await;
    check_gateway(&api).await;
    check_routes(&api).await;
    // Nothing is left to say.
    let before = writes(&cluster).len();
    tokio::time::sleep(Duration::from_secs(5)).await;
    let after = writes(&cluster);
    assert_eq!(after.len(), before, "{:#?}", &after[before..]);
    // What was missing comes.
    cluster.apply(&service("nothing")).await;
    let expected = ["Accepted=True Accepted", RESOLVED];
    until_words(&api, &http_route("empty"), ours, &expected).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_controller_says_of_a_route_stays() {
    let cluster = Cluster::start().await;
    let api = cluster.api(&cluster.admin()).await;
    let more = "parentRefs: [{ name: edge }, { name: theirs }]\n  rules: [{ backendRefs: [{ name: web, port: 80 }] }]";
    cluster
        .apply(&join(&[
            CLASS.to_owned(),
            GATEWAY.to_owned(),
            service("web"),
            route("both", more),
        ]))
        .await;
    let theirs = json!({
        "parentRef": { "group": "gateway.networking.k8s.io", "kind": "Gateway", "name": "theirs" },
        "controllerName": "example.org/theirs",
        "conditions": [{
            "type": "Accepted", "status": "True", "reason": "Accepted", "message": "ours",
            "observedGeneration": 1, "lastTransitionTime": "2026-11-01T00:00:00Z",
        }],
    });
    let path = http_route("both");
    let says = json!({ "status": { "parents": [theirs] } });
    api.patch(&format!("{path}/status"), &says).await.unwrap();
    let edge = edge(
        cluster.kubeconfig(&cluster.admin()),
        reporting(&["192.0.2.1"]),
    )
    .await;
    let good = ["Accepted=True Accepted", "ResolvedRefs=True ResolvedRefs"];
    until_words(&api, &path, ours, &good).await;
    let parents = api.get(&path).await["status"]["parents"].clone();
    assert_eq!(parents.as_array().unwrap().len(), 2, "{parents}");
    assert_eq!(parents[0], theirs);
    // The Gateway goes to another class: our words go, and theirs stay.
    cluster
        .apply(&GATEWAY.replace("gatewayClassName: hedgerow", "gatewayClassName: other"))
        .await;
    until(async || {
        let parents = api.get(&path).await["status"]["parents"].clone();
        let never = format!("{parents}");
        (parents == json!([theirs])).then_some(()).ok_or(never)
    })
    .await;
    until(async || {
        let object = api.get(&gateway()).await;
        let never = object["status"].to_string();
        (object["status"]["listeners"].is_null())
            .then_some(())
            .ok_or(never)
    })
    .await;
    edge.stop().await;
}
