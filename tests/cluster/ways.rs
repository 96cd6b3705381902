//! Does the way to the API server fail as a story orders?

use std::time::{Duration, Instant};
use tests::cluster::Cluster;
use tests::cluster::api::Api;
use tests::cluster::faults::{Fault, Faults};

/// Nothing answers within this time, or the way is not dead.
const SILENCE: Duration = Duration::from_millis(300);
const PATH: &str = "/api/v1/namespaces/default";

async fn open(cluster: &Cluster, faults: &Faults) -> std::io::Result<Api> {
    Api::open(&cluster.access, &cluster.admin(), faults.address).await
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_does_to_the_api_server_what_it_says() {
    let cluster = Cluster::shared().await;
    let faults = Faults::start(cluster.address()).await;
    let api = open(cluster, &faults).await.unwrap();
    assert_eq!(api.send("GET", PATH, None).await.unwrap().status, 200);

    let delay = Duration::from_millis(150);
    faults.set(Fault::Delay(delay)).await;
    let start = Instant::now();
    assert_eq!(api.send("GET", PATH, None).await.unwrap().status, 200);
    assert!(start.elapsed() >= 2 * delay, "there and back");

    faults.set(Fault::Hang).await;
    {
        let answer = api.send("GET", PATH, None);
        tokio::pin!(answer);
        assert!(tokio::time::timeout(SILENCE, &mut answer).await.is_err());
        faults.set(Fault::Pass).await;
        assert_eq!(answer.await.unwrap().status, 200, "what hung arrives");
    }

    for fault in [Fault::Refuse, Fault::Reset, Fault::CutEvery(Duration::ZERO)] {
        let api = open(cluster, &faults).await.unwrap();
        faults.set(fault).await;
        assert!(
            api.send("GET", PATH, None).await.is_err(),
            "{fault:?}: open"
        );
        assert!(open(cluster, &faults).await.is_err(), "{fault:?}: new");
        faults.set(Fault::Pass).await;
    }
    open(cluster, &faults).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn kubectl_goes_through_the_way_of_its_kubeconfig() {
    let cluster = Cluster::shared().await;
    let faults = Faults::start(cluster.address()).await;
    let kubeconfig = cluster.kubeconfig_via(&cluster.admin(), faults.address);
    let kubeconfig = format!("--kubeconfig={}", kubeconfig.display());
    let arguments = [&*kubeconfig, "get", "namespace", "default", "-o=name"];
    assert_eq!(cluster.kubectl(&arguments).await, "namespace/default\n");
    assert!(faults.accepted() > 0);
    faults.set(Fault::Refuse).await;
    let words = cluster.try_kubectl(&arguments, "").await.unwrap_err();
    assert!(words.contains("refused"), "{words}");
}
