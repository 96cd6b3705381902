//! Does the edge follow when kinds and namespaces come and go?

use super::outages::Site;
use super::source_edge::{classes, edge, ingress, names, service};
use config::settings::Source;
use std::collections::BTreeSet;
use tests::cluster::Cluster;
use tests::manifest::join;

const DEFINITION: &str = "httproutes.gateway.networking.k8s.io";
const ROUTE: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: { name: hedgerow }\n\
    spec: { controllerName: edwardstech.dev/hedgerow }\n---\n\
    apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: edge }\n\
    spec: { gatewayClassName: hedgerow, listeners: [{ name: http, protocol: HTTP, port: 80 }] }\n---\n\
    apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: route }\n\
    spec: { parentRefs: [{ name: edge }], hostnames: [route.test], rules: [{ backendRefs: [{ name: shop, port: 80 }] }] }\n";

#[tokio::test(flavor = "multi_thread")]
async fn definitions_that_go_and_come_back_cost_no_request_of_others() {
    let cluster = Cluster::start().await;
    let kubeconfig = cluster.kubeconfig(&cluster.admin());
    let site = Site::start(cluster, kubeconfig).await;
    site.cluster.apply(ROUTE).await;
    site.converges("with its definition", "route.test", true)
        .await;
    site.cluster.kubectl(&["delete", "crd", DEFINITION]).await;
    site.converges("without its definition", "route.test", false)
        .await;
    site.edge
        .until_ready_says("HTTPRoute is not installed")
        .await;
    site.cluster.install_gateway_api().await;
    site.cluster.apply(ROUTE).await;
    site.converges("with its definition again", "route.test", true)
        .await;
    site.end().await;
}

fn in_namespace(name: &str) -> String {
    let text = join(&[ingress(name), service(name)]);
    text.replace("namespace: default", &format!("namespace: {name}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn namespaces_that_are_selected_come_and_go() {
    let cluster = Cluster::start().await;
    for name in ["one", "two"] {
        cluster
            .apply(&format!(
                "apiVersion: v1\nkind: Namespace\nmetadata: {{ name: {name} }}\n"
            ))
            .await;
        cluster.apply(&in_namespace(name)).await;
    }
    cluster.apply(&classes()).await;
    let label = async |name: &str, label: &str| {
        cluster.kubectl(&["label", "namespace", name, label]).await;
    };
    label("one", "edge=yes").await;
    let edge = edge(cluster.kubeconfig(&cluster.admin()), |settings| {
        if let Source::Cluster {
            namespace_selector, ..
        } = &mut settings.source
        {
            *namespace_selector = Some("edge=yes".to_owned());
        }
    })
    .await;
    let until = async |wanted: &[&str]| {
        let wanted: BTreeSet<String> = wanted.iter().map(|name| format!("{name}.test")).collect();
        edge.until("these are served", |now| names(now) == wanted)
            .await;
    };
    until(&["one"]).await;
    label("two", "edge=yes").await;
    until(&["one", "two"]).await;
    label("one", "edge-").await;
    until(&["two"]).await;
    cluster
        .kubectl(&["delete", "ingress", "two", "-n=two"])
        .await;
    until(&[]).await;
    label("one", "edge=yes").await;
    until(&["one"]).await;
    edge.stop().await;
}
