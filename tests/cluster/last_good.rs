//! What does the edge serve while the API server is away?

use super::source_edge::{classes, edge, ingress, names, service};
use config::settings::{EndpointOverride, Settings};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tests::client::Request;
use tests::cluster::Cluster;
use tests::edge::Edge;
use tests::origin::Origin;

/// The state directory of a node, and Service `NAME` on this machine.
pub fn node<'a>(state: &Path, name: &str, origin: &Origin) -> impl FnOnce(&mut Settings) + use<'a> {
    let (state, address) = (state.to_owned(), origin.address);
    let service = config::name::ObjectName::new("default", name);
    move |settings| {
        settings.state_directory = state;
        settings.endpoints = vec![EndpointOverride {
            service,
            port: None,
            address,
        }];
    }
}

pub async fn shop() -> (Cluster, Origin) {
    let cluster = Cluster::start().await;
    for part in [classes(), service("shop"), ingress("shop")] {
        cluster.apply(&part).await;
    }
    (cluster, Origin::start("shop").await)
}

pub async fn check_served(edge: &Edge) {
    let reply = edge.get("http://shop.test/").await;
    assert_eq!((reply.status, reply.served_by()), (200, "shop"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restart_without_the_api_server_serves_what_was_good_last() {
    let (cluster, origin) = shop().await;
    let kubeconfig = cluster.kubeconfig(&cluster.admin());
    let state = tempfile::tempdir().unwrap();
    let first = edge(kubeconfig.clone(), node(state.path(), "shop", &origin)).await;
    check_served(&first).await;
    first
        .until_metric("hedgerow_store_writes_total", &[], 1.0)
        .await;
    assert_eq!(first.metric("hedgerow_config_stale", &[]).await, 0.0);
    first.stop().await;
    cluster.api_server.kill();
    let begun = Instant::now();
    let second = edge(kubeconfig, node(state.path(), "shop", &origin)).await;
    check_served(&second).await;
    eprintln!("served {} ms after the start", begun.elapsed().as_millis());
    assert_eq!(second.metric("hedgerow_config_stale", &[]).await, 1.0);
    let ready = second.admin("/readyz?verbose").await;
    assert_eq!(ready.status, 200, "{}", ready.text());
    assert!(ready.text().contains("may be stale"), "{}", ready.text());
    cluster.start_api_server().await;
    cluster.apply(&service("later")).await;
    cluster.apply(&ingress("later")).await;
    second
        .until("it goes on from what the server holds now", |now| {
            names(now).contains("later.test")
        })
        .await;
    second.until_metric("hedgerow_config_stale", &[], 0.0).await;
    check_served(&second).await;
    second.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_store_is_as_good_as_none() {
    let (cluster, origin) = shop().await;
    let state = tempfile::tempdir().unwrap();
    std::fs::write(state.path().join("last-good-objects"), "half").unwrap();
    let kubeconfig = cluster.kubeconfig(&cluster.admin());
    let edge = edge(kubeconfig, node(state.path(), "shop", &origin)).await;
    check_served(&edge).await;
    edge.until_metric("hedgerow_store_writes_total", &[], 1.0)
        .await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_api_server_that_goes_away_costs_no_request() {
    let (cluster, origin) = shop().await;
    let state = tempfile::tempdir().unwrap();
    let kubeconfig = cluster.kubeconfig(&cluster.admin());
    let edge = Arc::new(edge(kubeconfig, node(state.path(), "shop", &origin)).await);
    let (is_over, served) = (
        Arc::new(AtomicBool::new(false)),
        Arc::new(AtomicUsize::new(0)),
    );
    let load = tokio::spawn({
        let (edge, is_over, served) = (edge.clone(), is_over.clone(), served.clone());
        async move {
            while !is_over.load(Ordering::Relaxed) {
                let reply = edge.send(&Request::new("GET", "http://shop.test/")).await;
                assert_eq!(reply.status, 200);
                served.fetch_add(1, Ordering::Relaxed);
            }
        }
    });
    cluster.api_server.kill();
    edge.until_metric("hedgerow_config_stale", &[], 1.0).await;
    assert_eq!(edge.admin("/readyz").await.status, 200);
    cluster.start_api_server().await;
    let back = Instant::now();
    edge.until_metric("hedgerow_config_stale", &[], 0.0).await;
    assert!(
        back.elapsed() < Duration::from_secs(35),
        "{:?}",
        back.elapsed()
    );
    is_over.store(true, Ordering::Relaxed);
    load.await.expect("no request failed");
    assert!(served.load(Ordering::Relaxed) > 100);
    Arc::into_inner(edge).expect("is alone").stop().await;
}
