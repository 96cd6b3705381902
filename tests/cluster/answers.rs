//! Does the proxy answer in the API server's place, and else stay out of the way?

use serde_json::Value;
use std::time::{Duration, Instant};
use tests::client::{Connection, Reply, Request};
use tests::cluster::Cluster;
use tests::cluster::access::Credentials;
use tests::cluster::faults::http::{Answer, HttpFaults, Which};

const MAPS: &str = "/api/v1/namespaces/default/configmaps";

async fn send(cluster: &Cluster, faults: &HttpFaults, who: &Credentials, target: &str) -> Reply {
    let mut connection = open(cluster, faults, who).await;
    request(who, "GET", target)
        .send_on(&mut connection)
        .await
        .unwrap()
}

async fn open(cluster: &Cluster, faults: &HttpFaults, who: &Credentials) -> Connection {
    let tls = cluster.access.client(who, &["http/1.1"]);
    Connection::open_tls(faults.address, "127.0.0.1", tls)
        .await
        .unwrap()
}

fn request(who: &Credentials, method: &str, target: &str) -> Request {
    let request = Request::new(method, &format!("https://127.0.0.1{target}"));
    match &who.token {
        Some(token) => request.field("authorization", &format!("Bearer {token}")),
        None => request,
    }
}

fn json(reply: &Reply) -> Value {
    serde_json::from_slice(&reply.body).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn chosen_requests_get_the_chosen_answer_and_all_others_pass() {
    let cluster = Cluster::shared().await;
    let faults = HttpFaults::start(cluster).await;
    let admin = cluster.admin();
    let watch = format!("{MAPS}?watch=true&timeoutSeconds=1");
    for (answer, status, reason) in [
        (Answer::Expired, 410, "Expired"),
        (Answer::TooMany(7), 429, "TooManyRequests"),
        (Answer::Status(503), 503, "InternalError"),
    ] {
        faults.answer(Which::Read, MAPS, answer);
        let reply = send(cluster, &faults, &admin, MAPS).await;
        assert_eq!(reply.status, status);
        assert_eq!(json(&reply)["reason"], reason);
        let retry_after = (status == 429).then_some("7");
        assert_eq!(reply.field("retry-after"), retry_after);
        // Another verb, another path.
        assert_eq!(send(cluster, &faults, &admin, &watch).await.status, 200);
        let others = send(cluster, &faults, &admin, "/api/v1/nodes").await;
        assert_eq!(others.status, 200);
        faults.clear();
        assert_eq!(send(cluster, &faults, &admin, MAPS).await.status, 200);
    }
    assert_eq!(faults.seen()[0], format!("GET {MAPS}"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_watch_is_told_that_its_version_expired_as_often_as_ordered() {
    let cluster = Cluster::shared().await;
    let faults = HttpFaults::start(cluster).await;
    let admin = cluster.admin();
    let watch = format!("{MAPS}?watch=true&timeoutSeconds=1");
    faults.answer_times(2, Which::Watch, MAPS, Answer::ExpiredEvent);
    for _ in 0..2 {
        let reply = send(cluster, &faults, &admin, &watch).await;
        let event = json(&reply);
        assert_eq!((reply.status, &event["type"]), (200, &"ERROR".into()));
        assert_eq!(event["object"]["code"], 410);
    }
    let reply = send(cluster, &faults, &admin, &watch).await;
    assert!(!reply.text().contains("ERROR"), "{}", reply.text());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_list_is_late_and_right() {
    let cluster = Cluster::shared().await;
    let faults = HttpFaults::start(cluster).await;
    let delay = Duration::from_millis(300);
    faults.answer(Which::Read, MAPS, Answer::Slow(delay));
    let start = Instant::now();
    let reply = send(cluster, &faults, &cluster.admin(), MAPS).await;
    assert!(start.elapsed() >= delay);
    assert_eq!(json(&reply)["kind"], "ConfigMapList");
}

#[tokio::test(flavor = "multi_thread")]
async fn everybody_stays_who_they_are() {
    let cluster = Cluster::shared().await;
    let faults = HttpFaults::start(cluster).await;
    let edge = cluster.service_account("kube-public", "through").await;
    let review = r#"{"apiVersion":"authentication.k8s.io/v1","kind":"SelfSubjectReview"}"#;
    let target = "/apis/authentication.k8s.io/v1/selfsubjectreviews";
    for (who, name, group) in [
        (cluster.user("anna", &["team"]), "anna", "team"),
        (
            edge,
            "system:serviceaccount:kube-public:through",
            "system:serviceaccounts",
        ),
    ] {
        let mut connection = open(cluster, &faults, &who).await;
        let request = request(&who, "POST", target)
            .field("content-type", "application/json")
            .body(review);
        let reply = request.send_on(&mut connection).await.unwrap();
        assert_eq!(reply.status, 201, "{}", reply.text());
        let user = &json(&reply)["status"]["userInfo"];
        assert_eq!(user["username"], name);
        let groups = user["groups"].as_array().unwrap();
        assert!(groups.contains(&group.into()), "{groups:?}");
    }
    let nobody = tests::cluster::access::Access::nobody();
    assert_eq!(send(cluster, &faults, &nobody, MAPS).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn events_of_a_watch_come_through_at_once() {
    let cluster = Cluster::shared().await;
    let faults = HttpFaults::start(cluster).await;
    let admin = cluster.admin();
    let mut connection = open(cluster, &faults, &admin).await;
    let watch = request(&admin, "GET", &format!("{MAPS}?watch=true"));
    connection.send(watch.to_bytes()).await.unwrap();
    let head = connection.read_head().await.unwrap();
    assert_eq!(head.status, 200);
    let object = serde_json::json!({
        "apiVersion": "v1", "kind": "ConfigMap", "metadata": { "name": "seen-through-a-watch" },
    });
    cluster.api(&admin).await.apply(&object).await.unwrap();
    connection.read_until("seen-through-a-watch").await.unwrap();
}
