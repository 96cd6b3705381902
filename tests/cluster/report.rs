//! What does the edge write to the objects of a real API server, and what does it leave alone?

use super::source_edge::{classes, edge, ingress, service};
use config::settings::{Publish, Settings};
use serde_json::{Value, json};
use std::time::Duration;
use tests::client::until;
use tests::cluster::api::{Api, objects};
use tests::cluster::{Cluster, Options, audit};
use tests::edge::Edge;
use tests::manifest::join;

pub const WEB: &str = "/apis/networking.k8s.io/v1/namespaces/default/ingresses/web";
const NGINX: &str = "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: { name: nginx }\n\
    spec: { controller: k8s.io/ingress-nginx }\n";

/// Reports, and says that it is served at these addresses.
pub fn reporting(addresses: &[&str]) -> impl FnOnce(&mut Settings) {
    let addresses = addresses.iter().map(|text| text.parse().unwrap());
    let publish = Publish::Addresses(addresses.collect());
    move |settings| {
        settings.report = Some(true);
        settings.publish = publish;
    }
}

/// The addresses that an Ingress says.
pub fn said(object: &Value) -> Vec<String> {
    let entries = &object["status"]["loadBalancer"]["ingress"];
    let entries = entries.as_array().into_iter().flatten();
    let texts = entries.filter_map(|entry| entry["ip"].as_str().or(entry["hostname"].as_str()));
    texts.map(str::to_owned).collect()
}

pub async fn until_said(api: &Api, path: &str, expected: &[&str]) {
    until(async || {
        let object = api.get(path).await;
        let found = said(&object);
        let never = format!("says {found:?}, never {expected:?}: {object}");
        (found == expected).then_some(()).ok_or(never)
    })
    .await;
}

/// Ours, with somebody's hand on it since: how often was something of it written?
fn version(object: &Value) -> String {
    object["metadata"]["resourceVersion"]
        .as_str()
        .unwrap()
        .to_owned()
}

async fn until_leading(edge: &Edge) {
    edge.until_metric("hedgerow_leader", &[], 1.0).await;
}

/// What edges wrote into the status of objects.
pub fn writes(cluster: &Cluster) -> Vec<Value> {
    let mut all = all_writes(cluster);
    all.retain(|line| line["objectRef"]["subresource"] == "status");
    all
}

/// What edges wrote beside their Lease.
fn all_writes(cluster: &Cluster) -> Vec<Value> {
    let is_write = |line: &Value| {
        let agent = line["userAgent"].as_str().unwrap_or_default();
        let verb = line["verb"].as_str().unwrap_or_default();
        agent.starts_with("hedgerow/")
            && !["get", "list", "watch"].contains(&verb)
            && line["objectRef"]["resource"] != "leases"
    };
    let lines = cluster.audit.lines();
    lines.into_iter().filter(is_write).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_write_each_status_once_and_then_nothing() {
    let cluster = Cluster::start_with(Options {
        audit_policy: Some(audit::METADATA.to_owned()),
        ..Options::default()
    })
    .await;
    let names = ["web", "web1", "web2"];
    cluster.apply(&join(&[classes(), service("web")])).await;
    for name in names {
        cluster.apply(&ingress(name)).await;
    }
    let kubeconfig = || cluster.kubeconfig(&cluster.admin());
    let addresses = ["192.0.2.1", "2001:db8::1"];
    let first = edge(kubeconfig(), reporting(&addresses)).await;
    let second = edge(kubeconfig(), reporting(&addresses)).await;
    let api = cluster.api(&cluster.admin()).await;
    for name in names {
        until_said(&api, &WEB.replace("web", name), &addresses).await;
    }
    let leaders = async || {
        let one = first.metric("hedgerow_leader", &[]).await;
        one + second.metric("hedgerow_leader", &[]).await
    };
    assert_eq!(leaders().await, 1.0);
    // The Service has no endpoints, which is told as well.
    let count = until(async || {
        let all = all_writes(&cluster);
        let has_told = |line: &Value| line["objectRef"]["resource"] == "events";
        let never = format!("no Event: {all:#?}");
        all.iter().any(has_told).then_some(all.len()).ok_or(never)
    })
    .await;
    // Nothing happens now, for as long as somebody has patience.
    let patience = match std::env::var_os("FULL") {
        Some(_) => Duration::from_secs(300),
        None => Duration::from_secs(20),
    };
    tokio::time::sleep(patience).await;
    let wrote = all_writes(&cluster);
    assert_eq!(wrote.len(), count, "{wrote:#?}");
    assert_eq!(writes(&cluster).len(), names.len(), "{wrote:#?}");
    assert_eq!(leaders().await, 1.0);
    first.stop().await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_ingress_is_taken_over_and_given_up() {
    let cluster = Cluster::start().await;
    let api = cluster.api(&cluster.admin()).await;
    let theirs = ingress("web").replace("hedgerow", "nginx");
    cluster
        .apply(&join(&[
            classes(),
            NGINX.to_owned(),
            service("web"),
            theirs,
        ]))
        .await;
    // Another controller's word, with its name on it.
    let mut object = objects(&ingress("web")).remove(0);
    object["status"] = json!({ "loadBalancer": { "ingress": [{ "ip": "198.51.100.9" }] } });
    object.as_object_mut().unwrap().remove("spec");
    api.apply_status(&object).await.unwrap();
    let edge = edge(
        cluster.kubeconfig(&cluster.admin()),
        reporting(&["192.0.2.1"]),
    )
    .await;
    until_leading(&edge).await;
    // Its neighbour is ours: when that is written, everything was looked at.
    cluster.apply(&ingress("web1")).await;
    until_said(&api, &WEB.replace("web", "web1"), &["192.0.2.1"]).await;
    let untouched = api.get(WEB).await;
    assert_eq!(said(&untouched), ["198.51.100.9"]);

    cluster.apply(&ingress("web")).await;
    until_said(&api, WEB, &["192.0.2.1"]).await;
    let theirs = ingress("web").replace("hedgerow", "nginx");
    cluster.apply(&theirs).await;
    until_said(&api, WEB, &[]).await;
    // Once it is another one's, it stays so.
    api.apply_status(&object).await.unwrap();
    let before = version(&api.get(WEB).await);
    cluster.apply(&ingress("web2")).await;
    until_said(&api, &WEB.replace("web", "web2"), &["192.0.2.1"]).await;
    assert_eq!(version(&api.get(WEB).await), before);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_claims_as_well_stays_when_we_give_up() {
    let cluster = Cluster::start().await;
    let api = cluster.api(&cluster.admin()).await;
    cluster
        .apply(&join(&[
            classes(),
            NGINX.to_owned(),
            service("web"),
            ingress("web"),
        ]))
        .await;
    let edge = edge(
        cluster.kubeconfig(&cluster.admin()),
        reporting(&["192.0.2.1"]),
    )
    .await;
    until_said(&api, WEB, &["192.0.2.1"]).await;
    let mut object = objects(&ingress("web")).remove(0);
    object.as_object_mut().unwrap().remove("spec");
    object["status"] = json!({ "loadBalancer": { "ingress": [{ "ip": "192.0.2.1" }] } });
    api.apply_status(&object).await.unwrap();
    cluster
        .apply(&ingress("web").replace("hedgerow", "nginx"))
        .await;
    until(async || {
        let object = api.get(WEB).await;
        let entries = object["metadata"]["managedFields"].as_array().unwrap();
        let is_ours = |entry: &Value| entry["manager"] == "edwardstech.dev/hedgerow";
        let never = format!("our mark stays: {object}");
        (!entries.iter().any(is_ours)).then_some(()).ok_or(never)
    })
    .await;
    assert_eq!(said(&api.get(WEB).await), ["192.0.2.1"]);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_addresses_follow_a_service() {
    let cluster = Cluster::start().await;
    let api = cluster.api(&cluster.admin()).await;
    cluster
        .apply(&join(&[classes(), service("web"), ingress("web")]))
        .await;
    let edge = edge(cluster.kubeconfig(&cluster.admin()), |settings| {
        settings.report = Some(true);
        let name = config::name::ObjectName::new("default", "edge");
        settings.publish = Publish::Service(name);
    })
    .await;
    until_leading(&edge).await;
    let mut balancer = json!({
        "apiVersion": "v1", "kind": "Service", "metadata": { "name": "edge", "namespace": "default" },
        "spec": { "type": "LoadBalancer", "ports": [{ "port": 80 }], "externalIPs": ["198.51.100.7"] },
    });
    api.apply(&balancer).await.unwrap();
    until_said(&api, WEB, &["198.51.100.7"]).await;
    balancer.as_object_mut().unwrap().remove("spec");
    balancer["status"] = json!({ "loadBalancer": { "ingress": [{ "hostname": "lb.test" }] } });
    api.apply_status(&balancer).await.unwrap();
    until_said(&api, WEB, &["198.51.100.7", "lb.test"]).await;
    api.delete(&balancer).await.unwrap();
    until_said(&api, WEB, &[]).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_addresses_follow_the_nodes_that_are_ready() {
    let cluster = Cluster::start().await;
    let api = cluster.api(&cluster.admin()).await;
    cluster
        .apply(&join(&[
            classes(),
            service("web"),
            ingress("web"),
            service("edge"),
        ]))
        .await;
    for (name, address) in [("pi-a", "192.168.0.40"), ("pi-b", "192.168.0.41")] {
        let mut node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": name } });
        api.apply(&node).await.unwrap();
        let internal = json!({ "type": "InternalIP", "address": address });
        node["status"] = json!({ "addresses": [internal] });
        api.apply_status(&node).await.unwrap();
    }
    let slice = |is_b_ready: bool| {
        let endpoint = |at: u8, node: &str, ready: bool| {
            let address = format!("192.0.2.{at}");
            json!({ "addresses": [address], "nodeName": node, "conditions": { "ready": ready } })
        };
        json!({
            "apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": "IPv4",
            "metadata": { "name": "edge-1", "namespace": "default", "labels": { "kubernetes.io/service-name": "edge" } },
            "ports": [{ "name": "", "port": 80 }],
            "endpoints": [endpoint(1, "pi-a", true), endpoint(2, "pi-b", is_b_ready)],
        })
    };
    api.apply(&slice(false)).await.unwrap();
    let edge = edge(cluster.kubeconfig(&cluster.admin()), |settings| {
        settings.report = Some(true);
        let name = config::name::ObjectName::new("default", "edge");
        settings.publish = Publish::Nodes(name);
    })
    .await;
    until_said(&api, WEB, &["192.168.0.40"]).await;
    api.apply(&slice(true)).await.unwrap();
    until_said(&api, WEB, &["192.168.0.40", "192.168.0.41"]).await;
    api.apply(&slice(false)).await.unwrap();
    until_said(&api, WEB, &["192.168.0.40"]).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_the_right_to_write_requests_are_served_and_it_is_told() {
    let cluster = Cluster::start().await;
    let account = cluster.service_account("default", "edge").await;
    let resources = [
        "ingresses",
        "ingressclasses",
        "services",
        "endpointslices",
        "secrets",
    ];
    let read = super::source_edge::grant(&resources);
    cluster
        .apply(&join(&[
            read.clone(),
            classes(),
            service("web"),
            ingress("web"),
        ]))
        .await;
    // Events may be written all the while.
    let events = rights("events", "events.k8s.io", "events", "create, patch");
    cluster.apply(&join(&[lease_rights(), events])).await;
    let edge = edge(cluster.kubeconfig(&account), reporting(&["192.0.2.1"])).await;
    edge.until_metric("hedgerow_report_up", &[], 0.0).await;
    assert!(edge.app().is_ready());
    edge.until_ready_says("[!] report cannot be written, Ingress in namespace default")
        .await;
    let more = status_rights();
    cluster.apply(&more).await;
    let api = cluster.api(&cluster.admin()).await;
    until_said(&api, WEB, &["192.0.2.1"]).await;
    edge.until_metric("hedgerow_report_up", &[], 1.0).await;
    edge.stop().await;
}

fn lease_rights() -> String {
    rights(
        "lease",
        "coordination.k8s.io",
        "leases",
        "get, create, update",
    )
}

fn status_rights() -> String {
    rights("status", "networking.k8s.io", "ingresses/status", "patch")
}

/// For ServiceAccount `default/edge`, anywhere.
fn rights(name: &str, group: &str, resource: &str, verbs: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {{ name: {name} }}\n\
         rules: [{{ apiGroups: [{group}], resources: [{resource}], verbs: [{verbs}] }}]\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRoleBinding\nmetadata: {{ name: {name} }}\n\
         roleRef: {{ apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {name} }}\n\
         subjects: [{{ kind: ServiceAccount, name: edge, namespace: default }}]\n"
    )
}
