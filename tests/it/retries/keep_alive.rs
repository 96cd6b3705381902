//! Does a request ever meet a connection that its backend is just closing?

use super::GET;
use std::time::Duration;
use tests::client::Request;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::{Fault, Origin};
use tests::origin_scripted::Scripted;
use tests::own_answer;
use tokio::task::JoinSet;

/// What the backends of these stories keep an idle connection for; whole seconds are all that can be announced.
const KEEPS: Duration = Duration::from_secs(2);
const CLIENTS: usize = 40;

/// POSTs, which cannot be repeated, then a pause that ends just before, at, or just after the backend's close, then POSTs again.
async fn check(edge: &Edge) {
    let mut clients = JoinSet::new();
    for number in 0..CLIENTS {
        let address = edge.http();
        let pause = KEEPS - Duration::from_millis(100)
            + Duration::from_millis(5) * u32::try_from(number).unwrap();
        clients.spawn(async move {
            let request = Request::new("POST", GET).body("order");
            let mut connection = tests::client::Connection::open(address).await.unwrap();
            let first = request.send_on(&mut connection).await.unwrap();
            tokio::time::sleep(pause).await;
            let second = request.send_on(&mut connection).await.unwrap();
            (first.status, second.status, pause)
        });
    }
    for (first, second, pause) in clients.join_all().await {
        assert_eq!((first, second), (200, 200), "after {pause:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_was_announced_is_never_met() {
    let origin = Scripted::start(|mut scene, _| async move {
        while let Ok(head) = tokio::time::timeout(KEEPS, scene.read_head()).await {
            head?;
            scene.read_until("order").await?;
            let answer = "HTTP/1.1 200 OK\r\nkeep-alive: timeout=2\r\ncontent-length: 2\r\n\r\nok";
            scene.send(answer).await?;
        }
        Ok(())
    })
    .await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    check(&edge).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_connection_from_before_the_announcement_is_not_kept_for_longer_than_it_says() {
    // It would be kept as long as before: the announcement came after the terms of its request were made.
    let origin = Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        let answer = "HTTP/1.1 200 OK\r\nkeep-alive: timeout=2\r\ncontent-length: 2\r\n\r\nok";
        scene.send(answer).await?;
        // A second request on this first connection would find nobody.
        scene.wait_for_close().await;
        Ok(())
    })
    .await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let mut connection = tests::client::Connection::open(edge.http())
        .await
        .expect("connects");
    for _ in 0..2 {
        let request = Request::new("GET", GET);
        let reply = request.send_on(&mut connection).await.expect("answers");
        assert_eq!(reply.status, 200);
        assert_eq!(reply.field("keep-alive"), None);
    }
    assert_eq!(origin.accepted(), 2);
    drop(connection);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_the_operator_knows_of_is_never_met() {
    let origin = Origin::start("gunicorn").await;
    origin.fail(Fault::IdleTimeout(KEEPS));
    let site = manifest::join(&[
        manifest::ingress("shop", "shop.test", &[("/", "web", 80)]),
        manifest::service_annotated("web", 80, &[origin.address], &[("keep-alive", "2s")]),
    ]);
    let edge = Edge::start(&site).await;
    check(&edge).await;
    edge.stop().await;
}

/// Whoever has not set the annotation yet reads its name in the answer.
#[tokio::test(flavor = "multi_thread")]
async fn a_close_that_nobody_knew_of_is_a_502_that_names_the_annotation() {
    // The second request on a connection is what makes this server close it: no timing can miss it.
    let origin = Scripted::start(|mut scene, _| async move {
        scene.read_until("order").await?;
        scene
            .send("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")
            .await?;
        scene.read_head().await?;
        Ok(())
    })
    .await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let request = own_answer::request("POST", GET).body("order");
    let mut connection = edge.connect(&request).await.expect("connects");
    let first = request.send_on(&mut connection).await.expect("answers");
    assert_eq!(first.status, 200);
    let second = request.send_on(&mut connection).await.expect("answers");
    own_answer::check(&edge, &second, 502, "upstream-reset").await;
    assert!(
        second.text().contains("annotation keep-alive"),
        "{}",
        second.text()
    );
    assert_eq!(origin.accepted(), 1, "not asked twice");
    drop(connection);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn connections_to_a_backend_are_used_again() {
    let origin = Origin::start("a").await;
    // Each worker has a pool of its own; one connection of a client stays on one worker.
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let request = Request::new("POST", GET).body("order");
    let mut connection = edge.connect(&request).await.expect("connects");
    for _ in 0..50 {
        let reply = request.send_on(&mut connection).await.expect("answers");
        assert_eq!(reply.status, 200);
    }
    assert_eq!(origin.accepted(), 1);
    drop(connection);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_closes_after_each_answer_serves_every_request() {
    let origin = Origin::start("a").await;
    origin.fail(Fault::CloseAfterAnswer);
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let request = Request::new("GET", GET);
    let mut connection = edge.connect(&request).await.expect("connects");
    for _ in 0..50 {
        let reply = request.send_on(&mut connection).await.expect("answers");
        assert_eq!(reply.status, 200);
    }
    drop(connection);
    edge.stop().await;
}
