//! Can a story write thousands of objects, as fast as it wants?

use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tests::cluster::Cluster;
use tests::cluster::api::{Api, Change, objects};
use tests::manifest;

const COUNT: usize = 1000;

async fn namespace(api: &Api, name: &str) {
    let namespace =
        json!({ "apiVersion": "v1", "kind": "Namespace", "metadata": { "name": name } });
    api.apply(&namespace).await.unwrap();
}

fn config_map(namespace: &str, number: usize) -> Value {
    json!({
        "apiVersion": "v1", "kind": "ConfigMap",
        "metadata": { "name": format!("m-{number}"), "namespace": namespace },
        "data": { "number": number.to_string() },
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_objects_are_applied_changed_and_deleted() {
    let cluster = Cluster::shared().await;
    let api = Arc::new(cluster.api(&cluster.admin()).await);
    namespace(&api, "many").await;
    let all = || (0..COUNT).map(|number| config_map("many", number));
    let list = "/api/v1/namespaces/many/configmaps";
    let count = async || api.get(list).await["items"].as_array().unwrap().len();

    let applied = api.change_all(all().map(Change::Apply), None).await;
    assert_eq!((applied.count, applied.refused), (COUNT, vec![]));
    assert_eq!(count().await, COUNT);
    let change = json!({ "data": { "changed": "yes" } });
    let patches = all().map(|object| Change::Patch {
        object,
        change: change.clone(),
    });
    let patched = api.change_all(patches, None).await;
    assert_eq!(patched.refused, [""; 0]);
    let first = api.get(&format!("{list}/m-0")).await;
    assert_eq!(first["data"]["changed"], "yes");
    let deleted = api.change_all(all().map(Change::Delete), None).await;
    assert_eq!(deleted.refused, [""; 0]);
    assert_eq!(count().await, 0);
    println!(
        "{COUNT} applied in {:?}, patched in {:?}, deleted in {:?}",
        applied.took, patched.took, deleted.took
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_kept() {
    let cluster = Cluster::shared().await;
    let api = Arc::new(cluster.api(&cluster.admin()).await);
    namespace(&api, "rate").await;
    let changes = (0..50).map(|number| Change::Apply(config_map("rate", number)));
    let done = api.change_all(changes, Some(100)).await;
    assert_eq!(done.refused, [""; 0]);
    assert!(done.took >= Duration::from_millis(490), "{:?}", done.took);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_object_comes_with_the_api_servers_words() {
    let cluster = Cluster::shared().await;
    let api = Arc::new(cluster.api(&cluster.admin()).await);
    let wrong = json!({
        "apiVersion": "v1", "kind": "Service",
        "metadata": { "name": "web", "namespace": "kube-public" },
        "spec": { "ports": [{ "port": 0 }] },
    });
    let unknown = json!({ "apiVersion": "v1", "kind": "Teapot", "metadata": { "name": "pot" } });
    let changes = [Change::Apply(wrong), Change::Apply(unknown)];
    let done = api.change_all(changes, None).await;
    assert_eq!(done.count, 2);
    assert_eq!(done.refused.len(), 2, "{:?}", done.refused);
    let words = done.refused.join("\n");
    for part in ["spec.ports[0].port", "Teapot"] {
        assert!(words.contains(part), "{words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_manifests_of_the_other_stories_are_taken_as_they_are() {
    let cluster = Cluster::shared().await;
    let text = manifest::shop(&["192.0.2.10:3001".parse().unwrap()]);
    cluster.apply(&text).await;
    let api = Arc::new(cluster.api(&cluster.admin()).await);
    let again = objects(&text).into_iter().map(Change::Apply);
    let done = api.change_all(again, None).await;
    assert_eq!((done.count, done.refused), (3, vec![]));
}
