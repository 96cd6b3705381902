//! Does the chart give the edge the rights that it uses, and no other?

use super::source_edge::{classes, edge, names};
use config::settings::{Flags, Settings};
use proxy::app;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::io::Write;
use std::path::Path;
use tests::client::{self, LOOK_INTERVAL, PATIENCE};
use tests::cluster::api::Api;
use tests::cluster::api::objects;
use tests::cluster::helm::RELEASE;
use tests::cluster::rights::{Right, granted, unused};
use tests::cluster::{Cluster, Options, audit};
use tests::edge::Edge;
use tests::manifest::join;

/// Where the edge itself is installed.
const HOME: &str = "edge-system";
/// Where the sites are.
const SITES: [&str; 2] = ["shop", "blog"];
/// Everything but reading that any part of the program may ever do.
const WRITES: [(&str, &[&str]); 6] = [
    ("ingresses/status", &["patch"]),
    ("gatewayclasses/status", &["patch"]),
    ("gateways/status", &["patch"]),
    ("httproutes/status", &["patch"]),
    ("events", &["create", "patch"]),
    ("leases", &["create", "update"]),
];

/// A site whose objects make the edge ask for every kind: a certificate, a VM with manual Endpoints, an authority in a ConfigMap.
fn site(namespace: &str) -> String {
    let text = "apiVersion: v1\nkind: Service\nmetadata: { name: vm, namespace: NS, annotations: {\n  \
        hedgerow.edwardstech.dev/backend-protocol: https, hedgerow.edwardstech.dev/backend-ca: homelab } }\n\
        spec: { ports: [{ port: 443 }] }\n---\n\
        apiVersion: v1\nkind: Endpoints\nmetadata: { name: vm, namespace: NS }\n\
        subsets: [{ addresses: [{ ip: 192.0.2.50 }], ports: [{ port: 443 }] }]\n---\n\
        apiVersion: v1\nkind: ConfigMap\nmetadata: { name: homelab, namespace: NS }\ndata: { ca.crt: none }\n---\n\
        apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: site, namespace: NS }\nspec:\n  \
        ingressClassName: hedgerow\n  rules: [{ host: NS.test, http: { paths: [{ path: /, pathType: Prefix, \
        backend: { service: { name: vm, port: { number: 443 } } } }] } }]\n---\n\
        apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: edge, namespace: NS }\n\
        spec: { gatewayClassName: hedgerow, listeners: [{ name: http, protocol: HTTP, port: 80 }] }\n---\n\
        apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: route, namespace: NS }\n\
        spec: { parentRefs: [{ name: edge }], hostnames: [NS.test], rules: [{ backendRefs: [{ name: vm, port: 443 }] }] }\n";
    text.replace("NS", namespace)
}

/// A cluster with both sites, and with what a user gets from the chart.
async fn installed(values: &Value) -> (Cluster, Vec<Value>) {
    let mut values = values.clone();
    if values["settings"]["publish"].is_null() {
        values["settings"]["publish"] = json!({ "addresses": ["192.0.2.1"] });
    }
    let cluster = Cluster::start_with(Options {
        audit_policy: Some(audit::METADATA.to_owned()),
        ..Options::default()
    })
    .await;
    for namespace in SITES.into_iter().chain([HOME]) {
        let labels = if namespace == "shop" {
            "edge: 'yes'"
        } else {
            ""
        };
        cluster
            .apply(&format!(
                "apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {namespace}, labels: {{ {labels} }} }}\n"
            ))
            .await;
    }
    let class = "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: { name: hedgerow }\n\
        spec: { controllerName: edwardstech.dev/hedgerow }\n";
    cluster.apply(&join(&[classes(), class.to_owned()])).await;
    for namespace in SITES {
        cluster.apply(&site(namespace)).await;
    }
    install_node(&cluster).await;
    let manifest = cluster.chart(HOME, &values).await;
    cluster.apply(&manifest).await;
    (cluster, objects(&manifest))
}

/// A node where the edge is ready, as its Service's EndpointSlice says.
async fn install_node(cluster: &Cluster) {
    let api = cluster.api(&cluster.admin()).await;
    let mut node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "pi-a" } });
    api.apply(&node).await.unwrap();
    let internal = json!({ "type": "InternalIP", "address": "192.168.0.40" });
    node["status"] = json!({ "addresses": [internal] });
    api.apply_status(&node).await.unwrap();
    let slice = json!({
        "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
        "metadata": { "name": "edge-1", "namespace": HOME, "labels": { "kubernetes.io/service-name": RELEASE } },
        "ports": [{ "name": "", "port": 80 }],
        "endpoints": [{ "addresses": ["192.0.2.1"], "nodeName": "pi-a", "conditions": { "ready": true } }],
    });
    api.apply(&slice).await.unwrap();
}

/// The settings of the chart's ConfigMap, with this kubeconfig.
fn settings_of(chart: &[Value], kubeconfig: &Path) -> Settings {
    let map = chart.iter().find(|one| one["kind"] == "ConfigMap").unwrap();
    let text = map["data"]["hedgerow.yaml"].as_str().unwrap();
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    let flags = Flags {
        kubeconfig: Some(kubeconfig.to_owned()),
        ..Flags::default()
    };
    let (settings, warnings) = app::settings::load(Some(file.path()), &flags).unwrap();
    assert_eq!(warnings, []);
    settings
}

/// An edge that is whom the chart says it is, with the settings that the chart gives it.
async fn start(cluster: &Cluster, chart: &[Value]) -> Edge {
    let account = cluster.token(HOME, RELEASE).await;
    let kubeconfig = cluster.kubeconfig(&account);
    // Where the Lease is; in a pod the service account says it.
    let text = std::fs::read_to_string(&kubeconfig).unwrap();
    let text = text.replace(
        "user: test } }]",
        &format!("user: test, namespace: {HOME} }} }}]"),
    );
    std::fs::write(&kubeconfig, text).unwrap();
    let given = settings_of(chart, &kubeconfig);
    edge(kubeconfig, |settings| {
        settings.source = given.source;
        settings.default_certificate = given.default_certificate;
        settings.publish = given.publish;
        settings.report = Some(true);
        settings.ingress_classes = given.ingress_classes;
    })
    .await
}

/// Starts the edge, waits until it serves exactly these sites and has used every right, and looks at what it was refused.
async fn check(values: Value, served: &[&str], refused: &[&str]) {
    let (cluster, chart) = installed(&values).await;
    let rights = granted(&chart, (HOME, RELEASE));
    check_modest(&rights);
    let edge = start(&cluster, &chart).await;
    let wanted: BTreeSet<String> = served.iter().map(|name| format!("{name}.test")).collect();
    edge.until("the sites are served", |now| names(now) == wanted)
        .await;
    let api = cluster.api(&cluster.admin()).await;
    for name in served {
        make_events(&cluster, &api, name).await;
    }
    let user = format!("system:serviceaccount:{HOME}:{RELEASE}");
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let never = unused(&rights, &cluster.audit.lines(), &user);
        if never.is_empty() {
            break;
        }
        let is_late = tokio::time::Instant::now() > deadline;
        assert!(!is_late, "granted and never used: {never:#?}");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    let ready = edge.admin("/readyz?verbose").await.text();
    assert!(!ready.contains("[!]"), "{ready}");
    edge.stop().await;
    let denied: BTreeSet<String> = cluster.audit.denied().into_iter().collect();
    let refused = refused
        .iter()
        .map(|what| format!("{user} list {what}/"))
        .collect();
    assert_eq!(denied, refused);
}

/// The same problem twice: one Event that is written, and written again.
async fn make_events(cluster: &Cluster, api: &Api, name: &str) {
    let events = format!("/apis/events.k8s.io/v1/namespaces/{name}/events");
    let namespace = format!("-n={name}");
    for round in 1..=2 {
        cluster
            .kubectl(&["delete", "service", "vm", &namespace])
            .await;
        until_told(api, &events, "NoSuchService", round).await;
        cluster.apply(&site(name)).await;
        until_told(api, &events, "NoSuchServiceSolved", round).await;
    }
}

/// Waits until an Event with this reason has come so often.
async fn until_told(api: &Api, events: &str, reason: &str, times: i64) {
    client::until(async || {
        let list = api.get(events).await;
        let all = list["items"].as_array().into_iter().flatten();
        let mut of_reason = all.filter(|event| event["reason"] == reason);
        let count = |event: &Value| event["series"]["count"].as_i64().unwrap_or(1);
        let is_told = of_reason.any(|event| count(event) >= times);
        is_told
            .then_some(())
            .ok_or(format!("{reason} {times}: {list}"))
    })
    .await;
}

/// No wildcards, and nothing is written but status and events.
fn check_modest(rights: &BTreeSet<Right>) {
    assert!(!rights.is_empty());
    for right in rights {
        let is_read = ["get", "list", "watch"].contains(&&*right.verb);
        let is_allowed = WRITES
            .iter()
            .any(|(resource, verbs)| *resource == right.resource && verbs.contains(&&*right.verb));
        assert!(is_read || is_allowed, "{right}");
        let texts = [&right.group, &right.resource, &right.verb];
        assert!(!texts.iter().any(|text| text.contains('*')), "{right}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_in_the_whole_cluster_are_enough_and_all_used() {
    check(json!({}), &SITES, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_for_selected_namespaces_are_enough_and_all_used() {
    let values =
        json!({ "settings": { "source": { "cluster": { "namespaceSelector": "edge=yes" } } } });
    check(values, &["shop"], &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_rights_in_listed_namespaces_are_enough_and_all_used() {
    let settings = json!({
        "source": { "cluster": { "namespaces": SITES } },
        "defaultCertificate": format!("{HOME}/spare"),
        "publish": { "nodes": true, "service": format!("{HOME}/{RELEASE}") },
    });
    check(json!({ "settings": settings }), &SITES, &[]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_right_outside_of_namespaces_only_the_classes_are_refused() {
    let values = json!({
        "settings": { "source": { "cluster": { "namespaces": ["blog"] } } },
        "rbac": { "classes": false },
    });
    check(values, &["blog"], &["gatewayclasses", "ingressclasses"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_right_that_is_taken_away_takes_nothing_out() {
    let (cluster, chart) = installed(&json!({})).await;
    let edge = start(&cluster, &chart).await;
    edge.until("the sites are served", |now| names(now).len() == 2)
        .await;
    let all = cluster.kubectl(&["get", "clusterrole", RELEASE, "-o=json"]);
    let mut role: Value = serde_json::from_str(&all.await).unwrap();
    role["rules"].as_array_mut().unwrap().retain(|rule| {
        let kinds = rule["resources"].as_array().unwrap();
        !kinds.contains(&json!("ingresses"))
    });
    let text = role.to_string();
    cluster.kubectl_with(&["replace", "-f", "-"], &text).await;
    // Whoever has begun to watch goes on: rights are looked at when a watch begins.
    cluster.restart_api_server().await;
    edge.until_metric("hedgerow_source_up", &["\"Ingress\""], 0.0)
        .await;
    assert_eq!(names(&edge.in_force()).len(), 2);
    client::until(async || {
        let problems = edge.admin("/problems").await.text();
        let is_told = problems.contains("unreadable-kind") && problems.contains("Ingress");
        is_told.then_some(()).ok_or(problems)
    })
    .await;
    let whole = chart.iter().find(|one| one["kind"] == "ClusterRole");
    cluster.apply(&whole.unwrap().to_string()).await;
    edge.until_metric("hedgerow_source_up", &["\"Ingress\""], 1.0)
        .await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn values_that_mean_nothing_are_refused() {
    let cluster = Cluster::shared().await;
    for (values, words) in [
        (json!({ "rabc": {} }), "rabc"),
        (json!({ "rbac": { "classes": "no" } }), "boolean"),
        (
            json!({ "settings": { "source": { "cluster": { "namespaces": ["a"], "namespaceSelector": "b=c" } } } }),
            "not",
        ),
        (
            json!({ "settings": { "source": { "cluster": { "namespace": ["a"] } } } }),
            "namespace",
        ),
        (
            json!({ "settings": { "publish": { "service": "edge" } } }),
            "service",
        ),
    ] {
        let refused = cluster.try_chart(HOME, &values).await.unwrap_err();
        assert!(refused.contains(words), "{values}: {refused}");
    }
}
