//! Does an edit of the settings file take effect while the edge runs, and a bad one none?

use std::net::{SocketAddr, TcpListener};
use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

const ANYWHERE: &str = "listeners: { http: [\"127.0.0.1:0\"], https: [\"127.0.0.1:0\"] }\n";

fn site(origin: &Origin) -> String {
    manifest::join(&[
        manifest::ingress("shop", "shop.test", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
    ])
}

#[tokio::test(flavor = "multi_thread")]
async fn a_good_edit_is_in_force_and_no_connection_notices() {
    let origin = Origin::start("a").await;
    let edge = Edge::start_following(&site(&origin), ANYWHERE).await;
    let request = Request::new("GET", "http://shop.test/");
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    let reply = request.send_on(&mut connection).await.expect("answers");
    assert_eq!(reply.status, 200);
    let seen = origin.received()[0].head.clone();
    assert_eq!(seen.field("via"), None);
    edge.write_settings(&format!("{ANYWHERE}via: true\n"));
    edge.until("via is on", |in_force| in_force.settings.via)
        .await;
    let reply = request.send_on(&mut connection).await.expect("answers");
    assert_eq!(reply.status, 200);
    assert!(origin.received()[1].head.field("via").is_some());
    drop(connection);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_edit_keeps_the_last_good_and_says_why() {
    let origin = Origin::start("a").await;
    let edge = Edge::start_following(&site(&origin), ANYWHERE).await;
    edge.write_settings(&format!("{ANYWHERE}vai: true\n"));
    edge.until_ready_says("vai").await;
    assert!(
        edge.app().is_ready(),
        "a bad edit is no reason to stop serving"
    );
    assert_eq!(edge.get("http://shop.test/").await.status, 200);
    let failed = edge
        .metric("hedgerow_settings_applied_total", &["failed"])
        .await;
    assert_eq!(failed, 1.0);
    edge.write_settings(&format!("{ANYWHERE}via: true\n"));
    edge.until("via is on", |in_force| in_force.settings.via)
        .await;
    let verbose = edge.admin("/readyz?verbose").await.text();
    assert!(!verbose.contains("vai"), "{verbose}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_comes_and_goes() {
    let origin = Origin::start("a").await;
    let edge = Edge::start_following(&site(&origin), ANYWHERE).await;
    let free = TcpListener::bind("127.0.0.1:0").expect("binds");
    let added: SocketAddr = free.local_addr().expect("has an address");
    drop(free);
    let both = format!("listeners: {{ http: [\"127.0.0.1:0\", \"{added}\"] }}\n");
    edge.write_settings(&both);
    edge.until("there are two listeners", |in_force| {
        in_force.settings.http.len() == 2
    })
    .await;
    let mut connection = Connection::open(added).await.expect("connects");
    let request = Request::new("GET", "http://shop.test/");
    let reply = request.send_on(&mut connection).await.expect("answers");
    assert_eq!(reply.served_by(), "a");
    edge.write_settings(ANYWHERE);
    edge.until("there is one listener", |in_force| {
        in_force.settings.http.len() == 1
    })
    .await;
    assert!(Connection::open(added).await.is_err(), "it still accepts");
    let reply = request
        .send_on(&mut connection)
        .await
        .expect("an open connection lives on");
    assert_eq!(reply.status, 200);
    drop(connection);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_listener_that_cannot_be_bound_is_a_problem_and_the_others_serve() {
    let origin = Origin::start("a").await;
    let edge = Edge::start_following(&site(&origin), ANYWHERE).await;
    let holder = TcpListener::bind("127.0.0.1:0").expect("binds");
    let taken = holder.local_addr().expect("has an address");
    edge.write_settings(&format!(
        "listeners: {{ http: [\"127.0.0.1:0\", \"{taken}\"] }}\n"
    ));
    edge.until("the taken port is a problem", |in_force| {
        let mut problems = in_force.problems.iter();
        problems.any(|problem| problem.found.contains(&taken.to_string()))
    })
    .await;
    assert_eq!(edge.get("http://shop.test/").await.status, 200);
    // A port that an edit asks for in vain takes nothing out, and is taken once it is free.
    edge.until_ready_says("[!] a listener of the settings has no address")
        .await;
    assert_eq!(edge.admin("/readyz").await.status, 200);
    drop(holder);
    edge.until("the port is no problem any more", |in_force| {
        let mut problems = in_force.problems.iter();
        !problems.any(|problem| problem.found.contains(&taken.to_string()))
    })
    .await;
    let mut connection = Connection::open(taken).await.expect("connects");
    let request = Request::new("GET", "http://shop.test/");
    let reply = request.send_on(&mut connection).await.expect("answers");
    assert_eq!(reply.served_by(), "a");
    let verbose = edge.admin("/readyz?verbose").await.text();
    assert!(!verbose.contains("[!]"), "{verbose}");
    drop(connection);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_needs_a_restart_is_told() {
    let origin = Origin::start("a").await;
    let edge = Edge::start_following(&site(&origin), ANYWHERE).await;
    edge.write_settings(&format!(
        "{ANYWHERE}metrics: {{ seriesMax: 500 }}\nvia: true\n"
    ));
    edge.until("the restart is a problem", |in_force| {
        let mut problems = in_force.problems.iter();
        problems.any(|problem| problem.field == "metrics.seriesMax")
    })
    .await;
    assert!(edge.in_force().settings.via);
    assert_eq!(edge.in_force().settings.series_max, 600);
    edge.stop().await;
}
