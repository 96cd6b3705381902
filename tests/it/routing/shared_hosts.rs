//! What happens when several Ingresses, in several namespaces, name one host?

use super::{check, ingress_in};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

const OLD: &str = ", creationTimestamp: \"2026-01-01T00:00:00Z\"";
const YOUNG: &str = ", creationTimestamp: \"2026-02-01T00:00:00Z\"";

/// A Service `web` in that namespace, with its origin.
fn service_in(namespace: &str, origin: &Origin) -> String {
    manifest::service("web", 80, &[origin.address])
        .replace("namespace: default", &format!("namespace: {namespace}"))
}

fn rows(path: &str) -> [super::Row<'_>; 1] {
    [("Prefix", path, "web")]
}

/// Every order of three.
const ORDERS: [[usize; 3]; 6] = [
    [0, 1, 2],
    [0, 2, 1],
    [1, 0, 2],
    [1, 2, 0],
    [2, 0, 1],
    [2, 1, 0],
];

/// R9, R17.
#[tokio::test(flavor = "multi_thread")]
async fn paths_of_several_namespaces_merge_in_whatever_order_they_come() {
    let mut origins = Vec::new();
    let mut services = Vec::new();
    for namespace in ["a", "b", "c"] {
        let origin = Origin::start(namespace).await;
        services.push(service_in(namespace, &origin));
        origins.push(origin);
    }
    let edge = Edge::start(&manifest::join(&services)).await;
    let parts = [
        ingress_in("a", "root", YOUNG, "shop.test", &rows("/")),
        ingress_in("b", "cart", "", "shop.test", &rows("/cart")),
        ingress_in("c", "pay", OLD, "shop.test", &rows("/cart/pay")),
    ];
    for order in ORDERS {
        let documents = order.map(|index| parts[index].clone());
        edge.write("shop.yaml", &manifest::join(&documents)).await;
        for (target, expected) in [
            ("/", "a"),
            ("/cartoon", "a"),
            ("/cart", "b"),
            ("/cart/payment", "b"),
            ("/cart/pay/now", "c"),
        ] {
            check(&edge, "shop.test", target, expected).await;
        }
        edge.remove("shop.yaml").await;
        check(&edge, "shop.test", "/", "").await;
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_claim_one_path_the_older_wins_and_the_younger_is_told() {
    let (a, b) = (Origin::start("a").await, Origin::start("b").await);
    let services = manifest::join(&[service_in("a", &a), service_in("b", &b)]);
    let edge = Edge::start(&services).await;
    for (age_of_a, age_of_b, winner, loser) in [
        (OLD, YOUNG, "a", "b"),
        (YOUNG, OLD, "b", "a"),
        // Equally old: by namespace and name.
        (OLD, OLD, "a", "b"),
        ("", "", "a", "b"),
    ] {
        let of_a = ingress_in("a", "site", age_of_a, "shop.test", &rows("/same"));
        let of_b = ingress_in("b", "site", age_of_b, "shop.test", &rows("/same"));
        for documents in [[of_a.clone(), of_b.clone()], [of_b, of_a]] {
            edge.write("shop.yaml", &manifest::join(&documents)).await;
            check(&edge, "shop.test", "/same/x", winner).await;
            let problems = edge.admin("/problems").await.text();
            let problems: serde_json::Value = serde_json::from_str(&problems).expect("is JSON");
            let all = problems["problems"].as_array().expect("is a list");
            let conflicts: Vec<&serde_json::Value> = all
                .iter()
                .filter(|problem| problem["code"] == "conflict")
                .collect();
            assert_eq!(conflicts.len(), 1, "{problems}");
            assert_eq!(conflicts[0]["namespace"], loser, "{problems}");
            edge.remove("shop.yaml").await;
        }
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_younger_takes_over_when_the_older_goes() {
    let (a, b) = (Origin::start("a").await, Origin::start("b").await);
    let services = manifest::join(&[service_in("a", &a), service_in("b", &b)]);
    let edge = Edge::start(&services).await;
    let young = ingress_in("b", "site", YOUNG, "shop.test", &rows("/"));
    edge.write("young.yaml", &young).await;
    check(&edge, "shop.test", "/", "b").await;
    let old = ingress_in("a", "site", OLD, "shop.test", &rows("/"));
    edge.write("old.yaml", &old).await;
    check(&edge, "shop.test", "/", "a").await;
    edge.remove("old.yaml").await;
    check(&edge, "shop.test", "/", "b").await;
    edge.stop().await;
}
