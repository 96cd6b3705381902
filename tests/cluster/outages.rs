//! What does each way in which an API server fails cost?
//!
//! Under constant load: no request. Each story prints how long after the fault the edge serves what was written during it. With `FULL=1`
//! a fault lasts a minute.

use super::load::Load;
use super::source_edge::{classes, edge, ingress, names, service};
use config::settings::EndpointOverride;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tests::client::LOOK_INTERVAL;
use tests::cluster::Cluster;
use tests::cluster::api::{Change, objects};
use tests::cluster::faults::http::{Answer, HttpFaults, Which};
use tests::cluster::faults::{Fault, Faults};
use tests::edge::Edge;
use tests::origin::Origin;

/// The longest pause between two tries is 30 s.
const RECONNECT_MAX: Duration = Duration::from_secs(35);

/// An edge with a site, and requests to it all the time.
pub struct Site {
    pub cluster: Cluster,
    pub edge: Arc<Edge>,
    load: Load,
    _origin: Origin,
}

impl Site {
    /// The kubeconfig is made once the cluster is there.
    pub async fn start(cluster: Cluster, kubeconfig: PathBuf) -> Site {
        for part in [classes(), service("shop"), ingress("shop")] {
            cluster.apply(&part).await;
        }
        let origin = Origin::start("shop").await;
        let endpoint = EndpointOverride {
            service: config::name::ObjectName::new("default", "shop"),
            port: None,
            address: origin.address,
        };
        let edge = edge(kubeconfig, |settings| settings.endpoints = vec![endpoint]).await;
        let edge = Arc::new(edge);
        edge.until("it is served", |now| names(now).contains("shop.test"))
            .await;
        let load = Load::start(&edge, "http://shop.test/");
        Site {
            cluster,
            edge,
            load,
            _origin: origin,
        }
    }

    /// Prints how long it takes from now on until there is a rule for this host, or none.
    pub async fn converges(&self, fault: &str, host: &str, is_there: bool) {
        let begun = Instant::now();
        loop {
            let found = names(&self.edge.in_force());
            // What was there before never goes.
            assert!(found.contains("shop.test"), "{fault}");
            if found.contains(host) == is_there {
                break;
            }
            let is_late = begun.elapsed() > RECONNECT_MAX;
            assert!(!is_late, "{fault}: never {host} {is_there}");
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
        let ready = self.edge.admin("/readyz").await;
        assert_eq!(ready.status, 200, "{fault}: {}", ready.text());
        eprintln!(
            "{fault}: converged {} ms later",
            begun.elapsed().as_millis()
        );
    }

    pub async fn end(self) {
        let served = self.load.end().await;
        eprintln!("{served} requests, 0 failed");
        let edge = Arc::into_inner(self.edge).expect("is alone");
        edge.stop().await;
    }
}

/// How long a fault lasts.
fn span(short: Duration) -> Duration {
    match std::env::var_os("FULL") {
        Some(_) => Duration::from_mins(1),
        None => short,
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_way_that_fails_costs_no_request() {
    let cluster = Cluster::start().await;
    let way = Faults::start(cluster.address()).await;
    let kubeconfig = cluster.kubeconfig_via(&cluster.admin(), way.address);
    let site = Site::start(cluster, kubeconfig).await;
    for (number, fault) in [
        Fault::Refuse,
        Fault::Reset,
        Fault::Hang,
        Fault::Delay(Duration::from_millis(500)),
        Fault::CutEvery(Duration::from_millis(100)),
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("web{number}");
        let before = way.accepted();
        way.set(fault).await;
        site.cluster.apply(&ingress(&name)).await;
        // The fault lasts: that is what it is about.
        tokio::time::sleep(span(Duration::from_secs(2))).await;
        let tries = way.accepted() - before;
        way.set(Fault::Pass).await;
        site.converges(&format!("{fault:?}"), &format!("{name}.test"), true)
            .await;
        // Ten watches, each a few times with a pause that grows; a loop without one makes thousands.
        assert!(tries < 200, "{fault:?}: {tries} connections");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_none_cost_no_request() {
    let cluster = Cluster::start().await;
    let faults = HttpFaults::start(&cluster).await;
    let way = Faults::start(faults.address).await;
    let kubeconfig = cluster.kubeconfig_via(&cluster.admin(), way.address);
    let site = Site::start(cluster, kubeconfig).await;
    let slow = match std::env::var_os("FULL") {
        Some(_) => Duration::from_secs(10),
        None => Duration::from_secs(1),
    };
    for (number, rules) in [
        vec![(Which::Watch, Answer::ExpiredEvent)],
        vec![
            (Which::Watch, Answer::ExpiredEvent),
            (Which::Read, Answer::Expired),
        ],
        vec![(Which::Any, Answer::TooMany(1))],
        vec![(Which::Any, Answer::Status(503))],
        vec![(Which::Any, Answer::Status(401))],
        vec![(Which::Any, Answer::Slow(slow))],
    ]
    .into_iter()
    .enumerate()
    {
        let name = format!("web{number}");
        let before = faults.seen().len();
        for (which, answer) in &rules {
            faults.answer(*which, "/", *answer);
        }
        // Watches that are open would not notice.
        way.set(Fault::Reset).await;
        way.set(Fault::Pass).await;
        site.cluster.apply(&ingress(&name)).await;
        // The fault lasts: that is what it is about.
        tokio::time::sleep(span(Duration::from_secs(3))).await;
        let tries = faults.seen().len() - before;
        faults.clear();
        site.converges(&format!("{rules:?}"), &format!("{name}.test"), true)
            .await;
        assert!(tries < 300, "{rules:?}: {tries} requests");
    }
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_is_stopped_or_frozen_costs_no_request() {
    let cluster = Cluster::start().await;
    let kubeconfig = cluster.kubeconfig(&cluster.admin());
    let site = Site::start(cluster, kubeconfig).await;
    site.cluster.api_server.freeze().await;
    tokio::time::sleep(span(Duration::from_secs(2))).await;
    site.cluster.api_server.thaw();
    site.cluster.apply(&ingress("web1")).await;
    site.converges("frozen", "web1.test", true).await;
    site.cluster.api_server.kill();
    tokio::time::sleep(span(Duration::from_secs(2))).await;
    site.cluster.start_api_server().await;
    site.cluster.apply(&ingress("web2")).await;
    site.converges("stopped", "web2.test", true).await;
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_older_state_that_is_restored_is_served_and_costs_no_request() {
    let cluster = Cluster::start().await;
    let kubeconfig = cluster.kubeconfig(&cluster.admin());
    let site = Site::start(cluster, kubeconfig).await;
    let older = site.cluster.snapshot("older").await;
    // With few writes the versions that we know come again and mean something else; with many they are in the future.
    for (number, writes) in [0, 300].into_iter().enumerate() {
        let (gone, new) = (format!("web-gone{number}"), format!("web-new{number}"));
        site.cluster.apply(&ingress(&gone)).await;
        let what = format!("restored after {writes} writes");
        let (gone, new_host) = (format!("{gone}.test"), format!("{new}.test"));
        site.converges(&format!("not {what}"), &gone, true).await;
        let api = Arc::new(site.cluster.api(&site.cluster.admin()).await);
        let map = |number| {
            let text =
                format!("apiVersion: v1\nkind: ConfigMap\nmetadata: {{ name: m{number} }}\n");
            Change::Apply(objects(&text).remove(0))
        };
        let done = api.change_all((0..writes).map(map), None).await;
        assert_eq!(done.refused, [""; 0]);
        site.cluster.restore(&older).await;
        site.converges(&what, &gone, false).await;
        site.cluster.apply(&ingress(&new)).await;
        site.converges(&what, &new_host, true).await;
    }
    site.end().await;
}
