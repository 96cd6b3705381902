//! Do the controllers work where no node is?

use serde_json::json;
use tests::client::PATIENCE;
use tests::cluster::{Cluster, LOOK_INTERVAL, Options};

/// The story plays the kubelet: it patches the node and the pod as one would.
#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_becomes_a_ready_endpoint() {
    let cluster = Cluster::start_with(Options {
        controllers: true,
        ..Options::default()
    })
    .await;
    println!("started in {:?}", cluster.start_time);
    let api = cluster.api(&cluster.admin()).await;
    let node = json!({ "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node-a" } });
    api.apply(&node).await.unwrap();
    let ready = json!({
        "apiVersion": "v1", "kind": "Node", "metadata": { "name": "node-a" },
        "status": {
            "allocatable": { "cpu": "4", "memory": "4Gi", "pods": "110" },
            "conditions": [{ "type": "Ready", "status": "True", "reason": "Story", "message": "" }],
        },
    });
    api.apply_status(&ready).await.unwrap();
    cluster
        .apply(
            "apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web, namespace: default }\n\
             spec: { selector: { matchLabels: { app: web } }, template: { metadata: { labels: { app: web } }, \
             spec: { tolerations: [{ operator: Exists }], containers: [{ name: web, image: web }] } } }\n---\n\
             apiVersion: v1\nkind: Service\nmetadata: { name: web, namespace: default }\n\
             spec: { selector: { app: web }, ports: [{ port: 80 }] }\n",
        )
        .await;
    let name = until(
        &cluster,
        "a scheduled pod",
        "/api/v1/namespaces/default/pods",
        |item| {
            item["spec"]["nodeName"].as_str()?;
            item["metadata"]["name"].as_str()
        },
    )
    .await;
    let running = json!({
        "apiVersion": "v1", "kind": "Pod", "metadata": { "name": name },
        "status": {
            "phase": "Running", "podIP": "10.244.1.7", "podIPs": [{ "ip": "10.244.1.7" }],
            "conditions": [{ "type": "Ready", "status": "True" }],
        },
    });
    api.apply_status(&running).await.unwrap();
    let slices = "/apis/discovery.k8s.io/v1/namespaces/default/endpointslices";
    let address = until(&cluster, "a ready endpoint", slices, |item| {
        let endpoint = &item["endpoints"][0];
        let is_ready = endpoint["conditions"]["ready"] == json!(true);
        endpoint["addresses"][0].as_str().filter(|_| is_ready)
    })
    .await;
    assert_eq!(address, "10.244.1.7");
}

/// The first thing that `find` finds in an item of that list.
async fn until(
    cluster: &Cluster,
    what: &str,
    list: &str,
    find: impl Fn(&serde_json::Value) -> Option<&str>,
) -> String {
    let api = cluster.api(&cluster.admin()).await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let found = api.get(list).await;
        let items = found["items"].as_array().unwrap();
        if let Some(found) = items.iter().find_map(&find) {
            return found.to_owned();
        }
        let is_late = tokio::time::Instant::now() > deadline;
        assert!(!is_late, "no {what} in {found:#}");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}
