//! Do Events tell the authors of objects what is wrong, and that it is solved?

use super::report::reporting;
use super::source_edge::{classes, edge, ingress, service};
use serde_json::Value;
use tests::client::until;
use tests::cluster::Cluster;
use tests::cluster::api::Api;
use tests::manifest::join;

const EVENTS: &str = "/apis/events.k8s.io/v1/namespaces/default/events";

/// Our Events about the missing Service of the Ingress of this name, as `Warning NoSuchService`, sorted.
async fn told(api: &Api, name: &str) -> Vec<String> {
    let list = api.get(EVENTS).await;
    let all = list["items"].as_array().into_iter().flatten();
    let ours = all.filter(|event| {
        let reason = event["reason"].as_str().unwrap_or_default();
        reason.starts_with("NoSuchService")
            && event["reportingController"] == "edwardstech.dev/hedgerow"
            && event["regarding"]["name"] == name
    });
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut words: Vec<String> = ours
        .map(|event| {
            assert!(event["regarding"]["uid"].is_string(), "{event}");
            let count = event["series"]["count"].as_i64();
            let count = count.map_or(String::new(), |count| format!(" x{count}"));
            format!("{} {}{count}", text(&event["type"]), text(&event["reason"]))
        })
        .collect();
    words.sort();
    words
}

async fn until_told(api: &Api, name: &str, expected: &[&str]) {
    until(async || {
        let found = told(api, name).await;
        let never = format!("{found:?}, never {expected:?}");
        (found == expected).then_some(()).ok_or(never)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_problem_is_told_when_it_comes_and_when_it_is_solved() {
    let cluster = Cluster::start().await;
    let api = cluster.api(&cluster.admin()).await;
    cluster.apply(&join(&[classes(), ingress("shop")])).await;
    let kubeconfig = || cluster.kubeconfig(&cluster.admin());
    let first = edge(kubeconfig(), reporting(&["192.0.2.1"])).await;
    until_told(&api, "shop", &["Warning NoSuchService"]).await;
    let described = cluster.kubectl(&["describe", "ingress", "shop"]).await;
    assert!(described.contains("NoSuchService"), "{described}");

    // Whoever leads next finds it told.
    let second = edge(kubeconfig(), reporting(&["192.0.2.1"])).await;
    first.stop().await;
    second
        .until_metric("hedgerow_report_events_total", &["known"], 1.0)
        .await;
    assert_eq!(told(&api, "shop").await, ["Warning NoSuchService"]);

    cluster.apply(&service("shop")).await;
    let solved = ["Normal NoSuchServiceSolved", "Warning NoSuchService"];
    until_told(&api, "shop", &solved).await;
    cluster.kubectl(&["delete", "service", "shop"]).await;
    let again = ["Normal NoSuchServiceSolved", "Warning NoSuchService x2"];
    until_told(&api, "shop", &again).await;
    second.stop().await;
}
