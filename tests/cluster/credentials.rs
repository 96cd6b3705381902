//! What does it cost when who we are, or who the API server is, does not hold any more?

use super::outages::Site;
use super::source_edge::{grant, ingress};
use serde_json::json;
use std::path::Path;
use tests::authority::Authority;
use tests::client;
use tests::cluster::Cluster;
use tests::cluster::access::Credentials;
use tests::cluster::faults::http::HttpFaults;
use tests::cluster::faults::{Fault, Faults};

const READ: [&str; 5] = [
    "ingresses",
    "ingressclasses",
    "services",
    "endpointslices",
    "secrets",
];
const HOUR: i64 = 3600;

/// Replaces a kubeconfig as whoever rotates it does.
fn replace(path: &Path, text: &str) {
    let next = path.with_extension("next");
    std::fs::write(&next, text).unwrap();
    std::fs::rename(next, path).unwrap();
}

async fn until_failed(site: &Site, cause: &str, before: f64) {
    let label = format!("\"{cause}\"");
    client::until(async || {
        let labels = [label.as_str()];
        let count = site.edge.metric("hedgerow_source_failures_total", &labels);
        let count = count.await;
        let never = format!("{count} {cause}");
        (count > before).then_some(()).ok_or(never)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_token_that_does_not_hold_any_more_costs_no_request() {
    let cluster = Cluster::start().await;
    let account = cluster.service_account("default", "edge").await;
    cluster.apply(&grant(&READ)).await;
    let way = Faults::start(cluster.address()).await;
    let kubeconfig = cluster.kubeconfig_via(&account, way.address);
    let site = Site::start(cluster, kubeconfig.clone()).await;
    let api = site.cluster.api(&site.cluster.admin()).await;
    let with = |who: &Credentials| {
        let path = site.cluster.kubeconfig_via(who, way.address);
        std::fs::read_to_string(path).unwrap()
    };
    // Another account of the same name: tokens of the first are void.
    let object = json!({
        "apiVersion": "v1", "kind": "ServiceAccount", "metadata": { "name": "edge", "namespace": "default" },
    });
    api.delete(&object).await.unwrap();
    let right = site.cluster.service_account("default", "edge").await;
    way.set(Fault::Reset).await;
    way.set(Fault::Pass).await;
    until_failed(&site, "unauthorized", 0.0).await;
    site.cluster.apply(&ingress("web")).await;
    // What a clock that is an hour off makes of a token, one way and the other.
    for (what, times) in [
        ("expired an hour ago", (-2 * HOUR, -HOUR)),
        ("holds in an hour", (HOUR, 2 * HOUR)),
    ] {
        let off = site.cluster.token_between(("default", "edge"), times).await;
        replace(&kubeconfig, &with(&off));
        let labels = ["\"unauthorized\""];
        let before = site.edge.metric("hedgerow_source_failures_total", &labels);
        let before = before.await;
        until_failed(&site, "unauthorized", before).await;
        eprintln!("{what}: refused");
    }
    let now = site
        .cluster
        .token_between(("default", "edge"), (-60, HOUR))
        .await;
    replace(&kubeconfig, &with(&now));
    site.converges("a token of our own making", "web.test", true)
        .await;
    replace(&kubeconfig, &with(&right));
    site.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_trusted_for_a_while_costs_no_request() {
    let cluster = Cluster::start().await;
    let faults = HttpFaults::start(&cluster).await;
    let way = Faults::start(faults.address).await;
    let kubeconfig = cluster.kubeconfig_via(&cluster.admin(), way.address);
    let site = Site::start(cluster, kubeconfig.clone()).await;
    let access = &site.cluster.access;
    let new_authority = Authority::default();
    let text = std::fs::read_to_string(&kubeconfig).unwrap();
    let part = |pem: &str| tests::authority::base64(pem.as_bytes());
    let text = text.replace(
        &part(&access.authority()),
        &part(&new_authority.certificate()),
    );
    for (number, (what, shown)) in [
        (
            "valid in a hundred years",
            access.sign_server_for_years((2120, 2121)),
        ),
        ("expired", access.sign_server_for_years((2020, 2021))),
        ("of a new authority", new_authority.sign(&["127.0.0.1"])),
    ]
    .into_iter()
    .enumerate()
    {
        let before = site
            .edge
            .metric("hedgerow_source_failures_total", &["\"tls\""]);
        let before = before.await;
        faults.show(&site.cluster, &shown);
        way.set(Fault::Reset).await;
        way.set(Fault::Pass).await;
        until_failed(&site, "tls", before).await;
        let name = format!("web{number}");
        site.cluster.apply(&ingress(&name)).await;
        match number {
            2 => replace(&kubeconfig, &text),
            _ => faults.show(&site.cluster, &access.sign_server()),
        }
        site.converges(what, &format!("{name}.test"), true).await;
    }
    site.end().await;
}
