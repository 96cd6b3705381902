//! Does one edge of several write, and does another one take over when it is gone?

use super::report::{WEB, reporting, until_said, writes};
use super::source_edge::{classes, edge, ingress, service};
use serde_json::Value;
use std::path::PathBuf;
use std::time::{Duration, Instant};
use tests::client::until;
use tests::cluster::access::MASTERS;
use tests::cluster::faults::http::{Answer, HttpFaults, Which};
use tests::cluster::process::Process;
use tests::cluster::{Cluster, Options, audit};
use tests::manifest::join;

/// A lead that nobody renews is somebody else's after this time.
const HANDOVER: Duration = Duration::from_secs(20);
const LEASE: &str = "/apis/coordination.k8s.io/v1/namespaces/default/leases/hedgerow";

/// The program itself, as a user of this name, that says it is served at this address.
fn program(cluster: &Cluster, name: &str, address: &str, kubeconfig: PathBuf) -> Process {
    let deps = std::env::current_exe().unwrap();
    let program = deps.parent().unwrap().parent().unwrap().join("hedgerow");
    assert!(
        program.exists(),
        "{} is missing: cargo build --package hedgerow-proxy",
        program.display()
    );
    let settings = cluster.path(&format!("{name}.yaml"));
    let state = cluster.path(&format!("{name}-state"));
    let text = format!(
        "listeners: {{ http: ['127.0.0.1:0'], https: ['127.0.0.1:0'] }}\nadmin: 127.0.0.1:0\n\
         state: {{ directory: {} }}\nreport: true\npublish: {{ addresses: [{address}] }}\n",
        state.display()
    );
    std::fs::write(&settings, text).unwrap();
    let path = |path: PathBuf| path.to_str().unwrap().to_owned();
    let arguments = ["run".to_owned(), "--settings".to_owned(), path(settings)];
    let kubeconfig = ["--kubeconfig".to_owned(), path(kubeconfig)];
    let arguments = arguments.into_iter().chain(kubeconfig).collect();
    let directory = cluster.path("");
    let process = Process::new(name, program, arguments, &directory);
    process.start();
    process
}

async fn site() -> Cluster {
    let cluster = Cluster::start_with(Options {
        audit_policy: Some(audit::METADATA.to_owned()),
        ..Options::default()
    })
    .await;
    cluster
        .apply(&join(&[classes(), service("web"), ingress("web")]))
        .await;
    cluster
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stops_gives_the_lead_away_at_once() {
    let cluster = site().await;
    let api = cluster.api(&cluster.admin()).await;
    let kubeconfig = || cluster.kubeconfig(&cluster.admin());
    let first = edge(kubeconfig(), reporting(&["192.0.2.1"])).await;
    until_said(&api, WEB, &["192.0.2.1"]).await;
    let second = edge(kubeconfig(), reporting(&["192.0.2.2"])).await;
    first.stop().await;
    let stopped = Instant::now();
    assert_eq!(api.get(LEASE).await["spec"]["holderIdentity"], "");
    until_said(&api, WEB, &["192.0.2.2"]).await;
    let took = stopped.elapsed();
    assert!(took < Duration::from_secs(8), "{took:?}");
    second.until_metric("hedgerow_leader", &[], 1.0).await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_is_killed_is_followed_within_twenty_seconds() {
    let cluster = site().await;
    let api = cluster.api(&cluster.admin()).await;
    let kubeconfig = || cluster.kubeconfig(&cluster.admin());
    let first = program(&cluster, "edge-a", "192.0.2.1", kubeconfig());
    until_said(&api, WEB, &["192.0.2.1"]).await;
    let second = edge(kubeconfig(), reporting(&["192.0.2.2"])).await;
    first.kill();
    let killed = Instant::now();
    until_said(&api, WEB, &["192.0.2.2"]).await;
    let took = killed.elapsed();
    println!("handover after {took:?}");
    assert!(took < HANDOVER, "{took:?}");
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_leader_that_stood_still_for_a_minute_writes_nothing_any_more() {
    let cluster = site().await;
    let api = cluster.api(&cluster.admin()).await;
    let (a, b) = (
        cluster.user("edge-a", &[MASTERS]),
        cluster.user("edge-b", &[MASTERS]),
    );
    let faults = HttpFaults::start(&cluster).await;
    let first = program(
        &cluster,
        "edge-a",
        "192.0.2.1",
        cluster.kubeconfig_via(&a, faults.address),
    );
    until_said(&api, WEB, &["192.0.2.1"]).await;
    let _second = program(&cluster, "edge-b", "192.0.2.2", cluster.kubeconfig(&b));

    // A write of the leader is on its way when it stands still, and arrives long after somebody else leads.
    let path = WEB.replace("web", "web1");
    let late = Duration::from_secs(40);
    faults.answer_times(
        1,
        Which::Write,
        &format!("{path}/status"),
        Answer::Slow(late),
    );
    cluster.apply(&ingress("web1")).await;
    until(async || {
        let is_sent = faults
            .seen()
            .iter()
            .any(|line| line.contains("web1/status"));
        is_sent.then_some(()).ok_or("it never writes".to_owned())
    })
    .await;
    first.freeze().await;
    let frozen = Instant::now();
    until_said(&api, &path, &["192.0.2.2"]).await;
    assert!(frozen.elapsed() < HANDOVER, "{:?}", frozen.elapsed());
    until_said(&api, WEB, &["192.0.2.2"]).await;
    tokio::time::sleep_until((frozen + Duration::from_secs(60)).into()).await;
    let is_of_a = |line: &Value| line["user"]["username"] == "edge-a";
    let outcome = |line: &Value| line["responseStatus"]["code"].as_i64();
    let before: Vec<Value> = writes(&cluster).into_iter().filter(is_of_a).collect();
    let codes: Vec<_> = before.iter().map(outcome).collect();
    assert_eq!(
        codes,
        [Some(200), Some(409)],
        "its last write came too late"
    );

    first.thaw();
    // It looks at the Lease, finds somebody else's name there, and stays quiet.
    cluster.apply(&ingress("web2")).await;
    until_said(&api, &WEB.replace("web", "web2"), &["192.0.2.2"]).await;
    tokio::time::sleep(Duration::from_secs(10)).await;
    let after: Vec<Value> = writes(&cluster).into_iter().filter(is_of_a).collect();
    assert_eq!(after, before);
    for path in [WEB, &path] {
        until_said(&api, path, &["192.0.2.2"]).await;
    }
}
