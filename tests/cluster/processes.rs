//! Do etcd and the API server stop, freeze and come back as a story orders?

use serde_json::{Value, json};
use std::time::Duration;
use tests::client::PATIENCE;
use tests::cluster::api::Api;
use tests::cluster::{Cluster, LOOK_INTERVAL};

/// Nothing answers within this time, or it is not frozen.
const SILENCE: Duration = Duration::from_millis(300);
const DEFAULT: &str = "/api/v1/namespaces/default";

fn config_map(name: &str) -> Value {
    json!({ "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": name } })
}

#[tokio::test(flavor = "multi_thread")]
async fn two_clusters_live_side_by_side() {
    let (one, other) = tokio::join!(Cluster::start(), Cluster::start());
    println!("started in {:?} and {:?}", one.start_time, other.start_time);
    let (mine, theirs) = (one.api(&one.admin()).await, other.api(&other.admin()).await);
    mine.apply(&config_map("mine")).await.unwrap();
    let path = format!("{DEFAULT}/configmaps/mine");
    mine.get(&path).await;
    let missing = theirs.send("GET", &path, None).await;
    assert_eq!(missing.unwrap().status, 404);
    // Each trusts its own authority alone.
    let stranger = Api::open(&one.access, &one.admin(), other.address()).await;
    assert!(stranger.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_api_server_is_on_the_same_port_with_the_same_objects() {
    let cluster = Cluster::start().await;
    let (address, before) = (cluster.address(), cluster.api_server.pid());
    let api = cluster.api(&cluster.admin()).await;
    api.apply(&config_map("kept")).await.unwrap();
    cluster.restart_api_server().await;
    assert_eq!(cluster.address(), address);
    assert_ne!(cluster.api_server.pid(), before);
    assert!(
        api.apply(&config_map("late")).await.is_err(),
        "the old connection is gone"
    );
    let api = cluster.api(&cluster.admin()).await;
    api.get(&format!("{DEFAULT}/configmaps/kept")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_api_server_answers_when_it_thaws() {
    let cluster = Cluster::start().await;
    let api = cluster.api(&cluster.admin()).await;
    cluster.api_server.freeze().await;
    {
        let answer = api.send("GET", DEFAULT, None);
        tokio::pin!(answer);
        let early = tokio::time::timeout(SILENCE, &mut answer).await;
        assert!(early.is_err(), "an answer from a frozen API server");
        cluster.api_server.thaw();
        assert_eq!(answer.await.unwrap().status, 200, "on the same connection");
    }
    // A frozen one can be killed.
    cluster.api_server.freeze().await;
    cluster.api_server.kill();
    assert_eq!(cluster.api_server.pid(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_api_server_finds_a_restarted_etcd() {
    let cluster = Cluster::start().await;
    let api = cluster.api(&cluster.admin()).await;
    api.apply(&config_map("kept")).await.unwrap();
    cluster.etcd.kill();
    cluster.start_etcd().await;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    while let Err(words) = api.apply(&config_map("late")).await {
        assert!(tokio::time::Instant::now() < deadline, "{words}");
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
    api.get(&format!("{DEFAULT}/configmaps/kept")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_snapshot_is_an_older_revision() {
    let cluster = Cluster::start().await;
    let api = cluster.api(&cluster.admin()).await;
    api.apply(&config_map("old")).await.unwrap();
    let snapshot = cluster.snapshot("first").await;
    // More than the API server itself writes when it starts again.
    for number in 0..200 {
        api.apply(&config_map(&format!("more-{number}")))
            .await
            .unwrap();
    }
    let late = api.apply(&config_map("late")).await.unwrap();
    cluster.restore(&snapshot).await;
    let api = cluster.api(&cluster.admin()).await;
    let list = api.get(&format!("{DEFAULT}/configmaps")).await;
    let names: Vec<&str> = list["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|item| item["metadata"]["name"].as_str().unwrap())
        .collect();
    assert!(
        names.contains(&"old") && !names.contains(&"late"),
        "{names:?}"
    );
    assert!(version(&list) < version(&late));
}

fn version(object: &Value) -> u64 {
    let text = object["metadata"]["resourceVersion"].as_str().unwrap();
    text.parse().unwrap()
}
