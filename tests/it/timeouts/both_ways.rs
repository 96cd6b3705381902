//! While one side is slow and the other is not, is only silence punished, and only that of whom it is?

use std::time::Duration;
use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin_h2::H2Origin;
use tests::origin_scripted::Scripted;
use tests::own_answer;
use tokio::io::AsyncReadExt;

/// Much more than the sockets between client and backend hold.
const LONG: usize = 24 * 1024 * 1024;
/// Of a pace that is slow, but none of the silences that the stories bound.
const PAUSE: Duration = Duration::from_millis(100);
const PARTS: usize = 25;
/// Less than all parts take together, and so much more than a pause that a busy machine does not make one of it.
const IDLE: Duration = Duration::from_secs(2);

async fn edge(origin: &Scripted, idle: &str) -> Edge {
    let site = manifest::shop_annotated(&[origin.address], &[("idle-timeout", idle)]);
    Edge::start_with(&site, |settings| settings.limits.body_stall_timeout = IDLE).await
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_under_an_answer_that_has_begun_may_take_its_time() {
    let origin = Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        scene
            .send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n")
            .await?;
        scene.read_until("the end").await?;
        scene.send("done").await?;
        scene.wait_for_close().await;
        Ok(())
    })
    .await;
    let edge = edge(&origin, "2s").await;
    let mut client = Connection::open(edge.http()).await.expect("connects");
    let length = PARTS * 5 + "the end".len();
    let head = format!("POST /up HTTP/1.1\r\nhost: shop.test\r\ncontent-length: {length}\r\n\r\n");
    client.send(head).await.expect("sends");
    for _ in 0..PARTS {
        tokio::time::sleep(PAUSE).await; // The pace is the story.
        client.send("part,").await.expect("sends");
    }
    client.send("the end").await.expect("sends");
    let reply = client.read_reply(false).await.expect("answers");
    assert_eq!((reply.status, reply.text()), (200, "done".to_owned()));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_reads_slowly_is_no_idle_backend() {
    let origin = Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {LONG}\r\n\r\n");
        scene.send(head).await?;
        scene.send(vec![b'x'; LONG]).await?;
        scene.wait_for_close().await;
        Ok(())
    })
    .await;
    let edge = edge(&origin, "2s").await;
    let mut client = Connection::open(edge.http()).await.expect("connects");
    let request = Request::new("GET", "http://shop.test/down").to_bytes();
    client.send(request).await.expect("sends");
    client.read_until("\r\n\r\n").await.expect("a head");
    for _ in 0..PARTS {
        tokio::time::sleep(PAUSE).await; // The pace is the story.
        client.read_some().await.expect("a part");
    }
    let line = async { edge.log.line_with("path", "/down").await };
    let rest = async { client.read_to_end().await };
    let line = tokio::select! {
        line = line => line,
        _ = rest => edge.log.line_with("path", "/down").await,
    };
    assert_eq!(line["reason"], "answered", "{line}");
    assert_eq!(line["bytes_out"], LONG, "{line}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_pauses_is_not_the_clients_silence() {
    let origin = Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        tokio::time::sleep(IDLE * 3 / 2).await; // Longer than the client may be silent; the client is not.
        let mut left = LONG - scene.ahead.len();
        let mut sink = vec![0; 256 * 1024];
        while left > 0 {
            left -= scene.stream.read(&mut sink).await?.max(1);
        }
        scene.send("HTTP/1.1 204 No Content\r\n\r\n").await?;
        scene.wait_for_close().await;
        Ok(())
    })
    .await;
    let edge = edge(&origin, "60s").await;
    let request = Request::new("POST", "http://shop.test/up").body(vec![b'x'; LONG]);
    let reply = edge.send(&request).await;
    assert_eq!(reply.status, 204);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_to_http_2_may_take_longer_than_its_answer() {
    let origin = H2Origin::start("a").await;
    let annotations = [("backend-protocol", "h2c"), ("response-timeout", "500ms")];
    let edge = Edge::start(&manifest::shop_annotated(&[origin.address], &annotations)).await;
    let mut client = Connection::open(edge.http()).await.expect("connects");
    let length = PARTS * 4096;
    let head = format!("POST /up HTTP/1.1\r\nhost: shop.test\r\ncontent-length: {length}\r\n\r\n");
    client.send(head).await.expect("sends");
    for _ in 0..PARTS {
        tokio::time::sleep(PAUSE).await; // The pace is the story.
        client.send([b'x'; 4096]).await.expect("sends");
    }
    let reply = client.read_reply(false).await.expect("answers");
    assert_eq!((reply.status, reply.served_by()), (200, "a"), "{reply:?}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_an_upload_to_http_2_the_answer_is_not_waited_for_any_longer() {
    // It takes the connection and all that is sent, and says nothing.
    let origin = Scripted::start(|mut scene, _| async move {
        let mut sink = vec![0; 64 * 1024];
        while scene.stream.read(&mut sink).await? > 0 {}
        Ok(())
    })
    .await;
    let annotations = [("backend-protocol", "h2c"), ("response-timeout", "200ms")];
    let edge = Edge::start(&manifest::shop_annotated(&[origin.address], &annotations)).await;
    let request = own_answer::request("POST", "http://shop.test/up").body(vec![b'x'; 32 * 1024]);
    let reply = edge.send(&request).await;
    own_answer::check(&edge, &reply, 504, "response-timeout").await;
    edge.stop().await;
}
