//! Does the beginning of an answer pass while its end is still missing?

use std::sync::Arc;
use tests::client::Request;
use tests::edge::Edge;
use tests::manifest;
use tests::origin_scripted::Scripted;
use tokio::sync::Notify;

/// An answer with a length, whose second half is sent only when it is told to.
async fn halves(told: Arc<Notify>) -> Scripted {
    Scripted::start(move |mut scene, _| {
        let told = told.clone();
        async move {
            scene.read_head().await?;
            scene
                .send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst")
                .await?;
            told.notified().await;
            scene.send("-rest").await?;
            scene.wait_for_close().await;
            Ok(())
        }
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_half_of_an_answer_with_a_length_comes_before_the_second_is_sent() {
    let told = Arc::new(Notify::new());
    let origin = halves(told.clone()).await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let request = Request::new("GET", "http://shop.test/slow");
    let mut connection = edge.connect(&request).await.expect("connects");
    connection.send(request.to_bytes()).await.expect("sends");
    let head = connection.read_head().await.expect("the head comes");
    assert_eq!(head.status, 200);
    connection.read_until("first").await.expect("comes at once");
    told.notify_one();
    connection.read_until("-rest").await.expect("comes");
    drop(connection);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_before_a_backend_died_is_not_lost() {
    let origin = Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        scene
            .send("HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nfirst")
            .await?;
        Ok(())
    })
    .await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let request = Request::new("GET", "http://shop.test/cut");
    let mut connection = edge.connect(&request).await.expect("connects");
    connection.send(request.to_bytes()).await.expect("sends");
    let head = connection.read_head().await.expect("the head comes");
    assert_eq!(head.status, 200);
    connection.read_until("first").await.expect("comes");
    drop(connection);
    edge.stop().await;
}
