//! Does an address that stands in Endpoints and in their mirror count once?
//!
//! A Service without a selector and Endpoints written by hand: the VM of edwardstech.dev. The controller manager mirrors such Endpoints as
//! an EndpointSlice a moment later, so that the same address stands in two objects.

use super::source::site;
use super::source_edge::edge;
use proxy::live::{InForce, Live};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tests::client::until;
use tests::cluster::{Cluster, Options};
use tests::edge::Edge;
use tokio::task::JoinHandle;

const SLICES: &str = "/apis/discovery.k8s.io/v1/namespaces/website/endpointslices";
const VM: &str = "192.168.0.50:3001";
const OTHER_VM: &str = "192.168.0.51:3001";
/// More often than anything changes.
const SAMPLING: Duration = Duration::from_millis(1);

/// The addresses of the VM's backend, sorted.
fn addresses(in_force: &InForce) -> Vec<String> {
    let mut backends = in_force.backends.iter();
    let of_vm = backends.find(|backend| backend.label.starts_with("website/backend-service:"));
    let Some(of_vm) = of_vm else {
        return Vec::new();
    };
    let set = of_vm.pool.current();
    let mut all: Vec<String> = set
        .published()
        .iter()
        .map(|endpoint| endpoint.address.to_string())
        .collect();
    all.sort();
    all
}

async fn until_addresses(edge: &Edge, wanted: &[&str]) {
    let what = format!("the VM's backend has {wanted:?}");
    edge.until(&what, |now| addresses(now) == wanted).await;
}

/// Looks all the time.
struct Watcher {
    is_over: Arc<AtomicBool>,
    looks: JoinHandle<usize>,
}

impl Watcher {
    fn start(live: Arc<Live>) -> Watcher {
        let is_over = Arc::new(AtomicBool::new(false));
        let ends = is_over.clone();
        let looks = tokio::spawn(async move {
            let mut looks = 0;
            while !ends.load(Ordering::Relaxed) {
                let found = addresses(&live.current());
                let mut once = found.clone();
                once.dedup();
                assert_eq!(found, once, "an address is there twice");
                looks += 1;
                tokio::time::sleep(SAMPLING).await;
            }
            looks
        });
        Watcher { is_over, looks }
    }

    async fn stop(self) {
        self.is_over.store(true, Ordering::Relaxed);
        let looks = self.looks.await.expect("no address was there twice");
        assert!(looks > 10, "{looks} looks");
    }
}

/// The manual Endpoints of the site, with these addresses.
fn endpoints(addresses: &[&str]) -> String {
    let addresses = addresses.iter().map(|address| {
        let (ip, _) = address.split_once(':').expect("has a port");
        format!("{{ ip: {ip} }}")
    });
    let addresses: Vec<String> = addresses.collect();
    format!(
        "apiVersion: v1\nkind: Endpoints\nmetadata: {{ name: backend-service, namespace: website }}\n\
         subsets: [{{ addresses: [{}], ports: [{{ port: 3001 }}] }}]\n",
        addresses.join(", ")
    )
}

async fn deploy(cluster: &Cluster) {
    let namespace = "apiVersion: v1\nkind: Namespace\nmetadata: { name: website }\n";
    cluster.apply(namespace).await;
    cluster.apply(&site("edwardstech")).await;
}

/// The addresses that the mirror of the Endpoints holds, sorted; none: there is no mirror.
async fn mirrored(cluster: &Cluster) -> Vec<String> {
    let list = cluster.api(&cluster.admin()).await.get(SLICES).await;
    let slices = list["items"].as_array().expect("is a list").iter();
    let mirrors = slices.filter(|slice| {
        slice["metadata"]["labels"]["endpointslice.kubernetes.io/managed-by"]
            == "endpointslicemirroring-controller.k8s.io"
    });
    let endpoints = mirrors.flat_map(|slice| slice["endpoints"].as_array().into_iter().flatten());
    let addresses = endpoints.flat_map(|one| one["addresses"].as_array().into_iter().flatten());
    let mut all: Vec<String> = addresses
        .map(|address| format!("{}:3001", address.as_str().expect("is text")))
        .collect();
    all.sort();
    all
}

async fn until_mirrored(cluster: &Cluster, wanted: &[&str]) {
    until(async || {
        let found = mirrored(cluster).await;
        let never = format!("the mirror has {found:?} and never {wanted:?}");
        (found == wanted).then_some(()).ok_or(never)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn manual_endpoints_and_their_mirror_are_one_address() {
    let cluster = Cluster::start_with(Options {
        controllers: true,
        ..Options::default()
    })
    .await;
    let edge = edge(cluster.kubeconfig(&cluster.admin()), |_| {}).await;
    let watcher = Watcher::start(edge.app().live().clone());
    deploy(&cluster).await;
    // Before the mirror is there, and behind it.
    until_addresses(&edge, &[VM]).await;
    until_mirrored(&cluster, &[VM]).await;
    for wanted in [&[OTHER_VM][..], &[VM, OTHER_VM], &[VM]] {
        cluster.apply(&endpoints(wanted)).await;
        until_mirrored(&cluster, wanted).await;
        until_addresses(&edge, wanted).await;
    }
    // The mirror goes with its Endpoints, and comes back with them.
    cluster
        .kubectl(&["delete", "endpoints", "backend-service", "-n=website"])
        .await;
    until_mirrored(&cluster, &[]).await;
    until_addresses(&edge, &[]).await;
    cluster.apply(&endpoints(&[VM])).await;
    until_mirrored(&cluster, &[VM]).await;
    until_addresses(&edge, &[VM]).await;
    watcher.stop().await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn manual_endpoints_without_a_mirror_are_one_address_too() {
    let cluster = Cluster::start().await;
    deploy(&cluster).await;
    let edge = edge(cluster.kubeconfig(&cluster.admin()), |_| {}).await;
    let watcher = Watcher::start(edge.app().live().clone());
    assert_eq!(addresses(&edge.in_force()), [VM]);
    for wanted in [&[OTHER_VM][..], &[VM, OTHER_VM], &[VM]] {
        cluster.apply(&endpoints(wanted)).await;
        until_addresses(&edge, wanted).await;
    }
    assert_eq!(mirrored(&cluster).await, [""; 0]);
    // A slice by hand in place of the controller's: it counts alone, and what it leaves the Endpoints have.
    let slice = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata: { name: by-hand, namespace: website, \
        labels: { kubernetes.io/service-name: backend-service } }\naddressType: IPv4\nports: [{ name: '', port: 3001 }]\n\
        endpoints: [{ addresses: [192.168.0.50] }, { addresses: [192.168.0.51] }]\n";
    for _ in 0..3 {
        cluster.apply(slice).await;
        until_addresses(&edge, &[VM, OTHER_VM]).await;
        cluster
            .kubectl(&["delete", "endpointslice", "by-hand", "-n=website"])
            .await;
        until_addresses(&edge, &[VM]).await;
    }
    watcher.stop().await;
    edge.stop().await;
}
