//! Which certificates come out of the Secrets of a real API server, and of whose?

use super::source_edge::{classes, edge, ingress, service};
use tests::authority::{Authority, Pair, secret};
use tests::client::{self, Request};
use tests::cluster::Cluster;
use tests::cluster::access::chain;
use tests::edge::Edge;
use tests::manifest::join;

const GATEWAY: &str = "apiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata: { name: hedgerow }\n\
    spec: { controllerName: edwardstech.dev/hedgerow }\n---\n\
    apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: { name: edge, namespace: default }\n\
    spec: { gatewayClassName: hedgerow, listeners: [{ name: https, protocol: HTTPS, port: 443, hostname: shop.test,\n  \
    tls: { certificateRefs: [{ name: shop, namespace: vault }] } }] }\n---\n\
    apiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: { name: shop, namespace: default }\n\
    spec: { parentRefs: [{ name: edge }], hostnames: [shop.test], rules: [{ backendRefs: [{ name: shop, namespace: vault, port: 80 }] }] }\n";

/// Lets objects of this kind in `default` name those of that kind in `vault`.
fn grant(from: &str, to: &str) -> String {
    format!(
        "apiVersion: gateway.networking.k8s.io/v1\nkind: ReferenceGrant\n\
         metadata: {{ name: {name}, namespace: vault }}\nspec:\n  \
         from: [{{ group: gateway.networking.k8s.io, kind: {from}, namespace: default }}]\n  to: [{{ group: '', kind: {to} }}]\n",
        name = to.to_lowercase()
    )
}

fn with_tls(name: &str) -> String {
    let text = ingress(name);
    format!("{text}  tls: [{{ hosts: [{name}.test], secretName: {name} }}]\n")
}

fn in_vault(manifest: &str) -> String {
    manifest.replace("namespace: default", "namespace: vault")
}

async fn shows(edge: &Edge, pair: &Pair) -> bool {
    let shown = edge.connect_trusting("shop.test").await.unwrap();
    shown.chain[0] == chain(&pair.certificate)[0]
}

async fn until_shown(edge: &Edge, pair: &Pair, is_wanted: bool) {
    client::until(async || {
        let is_shown = shows(edge, pair).await;
        let never = format!("shown: {is_shown}");
        (is_shown == is_wanted).then_some(()).ok_or(never)
    })
    .await;
}

async fn until_told(edge: &Edge, words: &[&str]) {
    client::until(async || {
        let found = edge.admin("/problems").await.text();
        let is_told = words.iter().all(|word| found.contains(word));
        is_told
            .then_some(())
            .ok_or(format!("no {words:?}: {found}"))
    })
    .await;
}

async fn until_nothing_is_told(edge: &Edge, word: &str) {
    client::until(async || {
        let found = edge.admin("/problems").await.text();
        (!found.contains(word)).then_some(()).ok_or(found)
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_secret_never_replaces_the_last_good_one() {
    let cluster = Cluster::start().await;
    cluster
        .apply(&join(&[classes(), with_tls("shop"), service("shop")]))
        .await;
    let edge = edge(cluster.kubeconfig(&cluster.admin()), |_| {}).await;
    let authority = Authority::default();
    let good = || authority.sign(&["shop.test"]);
    let mut last_good = good();
    cluster.apply(&secret("shop", &last_good)).await;
    until_shown(&edge, &last_good, true).await;
    let foreign_key = Pair {
        key: good().key,
        ..good()
    };
    let no_pem = Pair {
        certificate: "none".to_owned(),
        ..good()
    };
    for (wrong, words) in [
        (foreign_key, "does not belong to its certificate"),
        (no_pem, "no certificate in PEM form"),
        (
            authority.sign_for_years(&["shop.test"], (2020, 2021)),
            "expired at 2021-01-01",
        ),
        (
            authority.sign_for_years(&["shop.test"], (2120, 2121)),
            "valid only from 2120-01-01",
        ),
        (authority.sign(&["other.test"]), "is for other.test"),
    ] {
        cluster.apply(&secret("shop", &wrong)).await;
        let all = ["invalid-certificate", "Secret", "\"shop\"", words];
        until_told(&edge, &all).await;
        assert!(shows(&edge, &last_good).await, "{words}");
        last_good = good();
        cluster.apply(&secret("shop", &last_good)).await;
        until_shown(&edge, &last_good, true).await;
        until_nothing_is_told(&edge, "invalid-certificate").await;
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_changes_its_type_only_when_it_is_made_anew() {
    let cluster = Cluster::start().await;
    cluster
        .apply(&join(&[classes(), with_tls("shop"), service("shop")]))
        .await;
    let good = Authority::default().sign(&["shop.test"]);
    let right = secret("shop", &good);
    cluster.apply(&right).await;
    let edge = edge(cluster.kubeconfig(&cluster.admin()), |_| {}).await;
    until_shown(&edge, &good, true).await;
    let wrong = right.replace("kubernetes.io/tls", "Opaque");
    let arguments = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
    let refused = cluster.try_kubectl(&arguments, &wrong).await.unwrap_err();
    assert!(refused.contains("field is immutable"), "{refused}");
    // Who deletes a Secret wants it to be gone: what was right is forgotten with it.
    cluster.kubectl(&["delete", "secret", "shop"]).await;
    until_shown(&edge, &good, false).await;
    cluster.apply(&wrong).await;
    until_told(
        &edge,
        &["invalid-certificate", "Opaque", "kubernetes.io/tls"],
    )
    .await;
    assert!(!shows(&edge, &good).await);
    cluster.kubectl(&["delete", "secret", "shop"]).await;
    cluster.apply(&right).await;
    until_shown(&edge, &good, true).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_of_another_namespace_is_not_for_an_ingress() {
    let cluster = Cluster::start().await;
    cluster
        .apply("apiVersion: v1\nkind: Namespace\nmetadata: { name: vault }\n")
        .await;
    let theirs = Authority::default().sign(&["shop.test"]);
    cluster.apply(&in_vault(&secret("shop", &theirs))).await;
    cluster
        .apply(&join(&[classes(), with_tls("shop"), service("shop")]))
        .await;
    let edge = edge(cluster.kubeconfig(&cluster.admin()), |_| {}).await;
    until_told(&edge, &["no-such-secret", "no Secret default/shop"]).await;
    assert!(!shows(&edge, &theirs).await);
    // The API server takes no name with a namespace in it.
    let across = with_tls("shop").replace("secretName: shop", "secretName: vault/shop");
    let arguments = ["apply", "--server-side", "-f", "-"];
    let refused = cluster.try_kubectl(&arguments, &across).await.unwrap_err();
    assert!(refused.contains("secretName"), "{refused}");
    // A grant is for the Gateway API alone.
    cluster.apply(&grant("Gateway", "Secret")).await;
    let ours = Authority::default().sign(&["shop.test"]);
    cluster.apply(&secret("shop", &ours)).await;
    until_shown(&edge, &ours, true).await;
    cluster.kubectl(&["delete", "secret", "shop"]).await;
    until_shown(&edge, &ours, false).await;
    assert!(!shows(&edge, &theirs).await);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_namespace_is_open_to_a_gateway_as_long_as_it_grants_that() {
    let cluster = Cluster::start().await;
    cluster
        .apply("apiVersion: v1\nkind: Namespace\nmetadata: { name: vault }\n")
        .await;
    let theirs = Authority::default().sign(&["shop.test"]);
    cluster
        .apply(&join(&[
            in_vault(&secret("shop", &theirs)),
            in_vault(&service("shop")),
            GATEWAY.to_owned(),
        ]))
        .await;
    let edge = edge(cluster.kubeconfig(&cluster.admin()), |_| {}).await;
    until_told(&edge, &["not-granted"]).await;
    assert!(!shows(&edge, &theirs).await);
    assert_eq!(status(&edge).await, 500);
    for _ in 0..2 {
        cluster.apply(&grant("Gateway", "Secret")).await;
        until_shown(&edge, &theirs, true).await;
        assert_eq!(status(&edge).await, 500);
        cluster.apply(&grant("HTTPRoute", "Service")).await;
        // No endpoint is there, and that is all that is wrong now.
        until_status(&edge, 503).await;
        cluster
            .kubectl(&["delete", "referencegrant", "--all", "-n=vault"])
            .await;
        until_shown(&edge, &theirs, false).await;
        until_status(&edge, 500).await;
    }
    edge.stop().await;
}

async fn status(edge: &Edge) -> u16 {
    let mut connection = edge.connect_trusting("shop.test").await.unwrap();
    let request = Request::new("GET", "https://shop.test/");
    request.send_on(&mut connection).await.unwrap().status
}

async fn until_status(edge: &Edge, wanted: u16) {
    client::until(async || {
        let found = status(edge).await;
        let never = format!("{found}, not {wanted}");
        (found == wanted).then_some(()).ok_or(never)
    })
    .await;
}
