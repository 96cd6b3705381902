//! Do manifests become HTTPS, and does an edit of them take effect?

use config::problem::ProblemCode;
use tests::authority::Authority;
use tests::client::Request;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

#[tokio::test(flavor = "multi_thread")]
async fn manifests_in_https_out() {
    let origin = Origin::start("a").await;
    let authority = Authority::default();
    let site = manifest::join(&[
        manifest::ingress_tls("shop", "shop.test", "shop-tls", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
        authority.secret("shop-tls", &["shop.test"]),
    ]);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |_| {}).await;
    assert!(edge.app().is_ready());
    let reply = edge.get("https://shop.test/hello?x=1").await;
    assert_eq!((reply.status, reply.served_by()), (200, "a"));
    let seen = &origin.received()[0].head;
    assert_eq!(seen.target, "/hello?x=1");
    assert_eq!(seen.field("host"), Some("shop.test"));
    assert_eq!(seen.field("x-forwarded-proto"), Some("https"));
    let over_h2 = edge.connect_h2("shop.test").await;
    let reply = over_h2
        .send(&Request::new("GET", "https://shop.test/"))
        .await;
    assert_eq!(reply.expect("answers").text(), "a");
    drop(over_h2);
    let reply = edge.get("http://shop.test/hello").await;
    assert_eq!(reply.status, 308, "a host with a certificate is redirected");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edit_is_followed() {
    let (a, b) = (Origin::start("a").await, Origin::start("b").await);
    let ingress = manifest::ingress("shop", "shop.test", &[("/", "web", 80)]);
    let edge = Edge::start(&ingress).await;
    assert_eq!(edge.get("http://shop.test/").await.status, 503);
    edge.write("web.yaml", &manifest::service("web", 80, &[a.address]))
        .await;
    assert_eq!(edge.get("http://shop.test/").await.served_by(), "a");
    edge.write("web.yaml", &manifest::service("web", 80, &[b.address]))
        .await;
    assert_eq!(edge.get("http://shop.test/").await.served_by(), "b");
    edge.edit("main.yaml", "path: \"/\"", "path: \"/only\"")
        .await;
    assert_eq!(edge.get("http://shop.test/").await.status, 404);
    assert_eq!(edge.get("http://shop.test/only").await.served_by(), "b");
    edge.remove("main.yaml").await;
    assert_eq!(edge.get("http://shop.test/only").await.status, 404);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_edit_keeps_what_was_served() {
    let a = Origin::start("a").await;
    let site = manifest::join(&[
        manifest::ingress("shop", "shop.test", &[("/", "web", 80)]),
        manifest::service("web", 80, &[a.address]),
    ]);
    let edge = Edge::start(&site).await;
    edge.write_quietly("main.yaml", &format!("{site}\n  - : {{ half"));
    edge.until("the file is called broken", |in_force| {
        let mut problems = in_force.problems.iter();
        problems.any(|problem| problem.code == ProblemCode::UnreadableManifest)
    })
    .await;
    assert_eq!(edge.get("http://shop.test/").await.served_by(), "a");
    let problems = edge.admin("/problems").await.text();
    assert!(problems.contains("unreadable-manifest"), "{problems}");
    assert!(problems.contains("main.yaml"), "{problems}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_edges_live_in_one_process() {
    let (a, b) = (Origin::start("a").await, Origin::start("b").await);
    let site = |origin: &Origin| {
        manifest::join(&[
            manifest::ingress("shop", "shop.test", &[("/", "web", 80)]),
            manifest::service("web", 80, &[origin.address]),
        ])
    };
    let (first, second) = (Edge::start(&site(&a)).await, Edge::start(&site(&b)).await);
    assert_eq!(first.get("http://shop.test/").await.served_by(), "a");
    first.stop().await;
    assert_eq!(second.get("http://shop.test/").await.served_by(), "b");
    second.stop().await;
}
