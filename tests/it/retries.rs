//! Which failures of a backend does a client never see, and what does it see of the others?

mod hold;
mod keep_alive;

use std::time::Duration;
use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::{Fault, Origin};
use tests::origin_scripted::Scripted;
use tests::own_answer;
use tests::unreachable::Unreachable;

const GET: &str = "http://shop.test/";

/// One endpoint after the other, so that every second request meets the broken one first.
const IN_TURN: (&str, &str) = ("load-balance", "round-robin");

fn outcomes(line: &serde_json::Value) -> Vec<String> {
    let attempts = line["attempts"].as_array().cloned().unwrap_or_default();
    attempts
        .iter()
        .map(|attempt| attempt["outcome"].as_str().unwrap_or_default().to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_connection_is_tried_on_another_endpoint_whatever_the_method() {
    let (a, b) = (Origin::start("a").await, Origin::start("b").await);
    let edge = Edge::start(&manifest::shop_annotated(
        &[a.address, b.address],
        &[IN_TURN],
    ))
    .await;
    a.refuse().await;
    for number in 0..6 {
        for method in ["GET", "POST"] {
            let body = if method == "POST" { "order" } else { "" };
            let request = Request::new(method, GET)
                .body(body)
                .field("user-agent", &format!("{method} {number}"));
            let reply = edge.send(&request).await;
            assert_eq!((reply.status, reply.served_by()), (200, "b"), "{method}");
        }
    }
    let line = edge.log.line_with("attempt_count", 2).await;
    assert_eq!(outcomes(&line), ["connect-refused", "answered"]);
    let posts = b.received();
    let posts = posts.iter().filter(|one| one.head.method == "POST");
    assert_eq!(posts.count(), 6, "each exactly once");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_that_swallows_connections_costs_one_connect_timeout() {
    let (gone, b) = (Unreachable::start().await, Origin::start("b").await);
    let annotations = [IN_TURN, ("connect-timeout", "100ms")];
    let site = manifest::shop_annotated(&[gone.address, b.address], &annotations);
    let edge = Edge::start(&site).await;
    for _ in 0..3 {
        let reply = edge.send(&Request::new("POST", GET).body("x")).await;
        assert_eq!((reply.status, reply.served_by()), (200, "b"));
    }
    let line = edge.log.line_with("attempt_count", 2).await;
    assert_eq!(outcomes(&line), ["connect-timeout", "answered"]);
    edge.stop().await;
    let alone = [("connect-timeout", "100ms"), ("hold", "150ms")];
    let edge = Edge::start(&manifest::shop_annotated(&[gone.address], &alone)).await;
    let reply = edge.send(&own_answer::request("GET", GET)).await;
    let line = own_answer::check(&edge, &reply, 503, "connect-timeout").await;
    assert_eq!(outcomes(&line)[0], "connect-timeout");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reset_before_the_answer_is_tried_again_where_twice_is_the_same_as_once() {
    for fault in [
        Fault::ResetBeforeAnswer,
        Fault::CloseBeforeAnswer,
        Fault::ResetOnAccept,
    ] {
        let (a, b) = (Origin::start("a").await, Origin::start("b").await);
        let site = manifest::shop_annotated(&[a.address, b.address], &[IN_TURN]);
        let edge = Edge::start(&site).await;
        a.fail(fault.clone());
        // Twice each: every second one meets the broken endpoint first.
        for method in ["GET", "GET", "HEAD", "HEAD", "DELETE", "DELETE"] {
            let reply = edge.send(&Request::new(method, GET)).await;
            let found = (reply.status, reply.served_by());
            assert_eq!(found, (200, "b"), "{method} {fault:?}");
        }
        for _ in 0..2 {
            let reply = edge.send(&Request::new("PUT", GET).body("thing")).await;
            let found = (reply.status, reply.served_by());
            assert_eq!(found, (200, "b"), "PUT {fault:?}");
            let bytes = reply.field("x-body-bytes");
            assert_eq!(bytes, Some("5"), "the whole body again");
        }
        let line = edge.log.line_with("attempt_count", 2).await;
        // A reset that comes with the end of the connect is one of the connect.
        let is_early = fault == Fault::ResetOnAccept && outcomes(&line)[0] == "connect-failed";
        let first = if is_early {
            "connect-failed"
        } else {
            "upstream-reset"
        };
        assert_eq!(outcomes(&line), [first, "answered"]);
        edge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_post_that_a_backend_may_have_taken_is_never_sent_twice() {
    for fault in [Fault::ResetBeforeAnswer, Fault::CloseBeforeAnswer] {
        let (a, b) = (Origin::start("a").await, Origin::start("b").await);
        let site = manifest::shop_annotated(&[a.address, b.address], &[IN_TURN]);
        let edge = Edge::start(&site).await;
        a.fail(fault.clone());
        b.fail(fault);
        for sent in 1..=4 {
            let request = own_answer::request("POST", GET).body("order");
            let reply = edge.send(&request).await;
            let line = own_answer::check(&edge, &reply, 502, "upstream-reset").await;
            assert_eq!(outcomes(&line), ["upstream-reset"]);
            assert_eq!(a.received().len() + b.received().len(), sent);
        }
        edge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn attempts_are_counted_and_the_last_failure_is_told() {
    let a = Origin::start("a").await;
    a.fail(Fault::ResetBeforeAnswer);
    for (annotations, attempts) in [
        (vec![], 3),
        (vec![("attempts", "1")], 1),
        (vec![("attempts", "5")], 5),
    ] {
        let before = a.received().len();
        let edge = Edge::start(&manifest::shop_annotated(&[a.address], &annotations)).await;
        let reply = edge.send(&own_answer::request("GET", GET)).await;
        let line = own_answer::check(&edge, &reply, 502, "upstream-reset").await;
        assert_eq!(line["attempt_count"], attempts, "{line}");
        assert_eq!(a.received().len() - before, attempts);
        edge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_too_long_to_keep_is_not_sent_again_from_its_middle() {
    let a = Origin::start("a").await;
    a.fail(Fault::ResetBeforeAnswer);
    let edge = Edge::start(&manifest::shop(&[a.address])).await;
    let request = own_answer::request("PUT", GET).body(vec![b'u'; 3_000_000]);
    let mut connection = edge.connect(&request).await.expect("connects");
    let (mut from, mut to) = tokio::io::split(connection.stream);
    let bytes = request.to_bytes();
    let sending = tokio::spawn(async move {
        let _ = tokio::io::AsyncWriteExt::write_all(&mut to, &bytes).await;
        to
    });
    let mut answer = Vec::new();
    while !String::from_utf8_lossy(&answer).contains("upstream-reset") {
        let read = tokio::io::AsyncReadExt::read_buf(&mut from, &mut answer);
        let read = tests::client::within(read).await.expect("in time");
        assert!(read.expect("reads") > 0, "the answer is lost");
    }
    assert!(answer.starts_with(b"HTTP/1.1 502 "));
    connection = Connection::open(edge.http()).await.expect("connects");
    drop((connection, sending));
    let line = edge.log.line_with("reason", "upstream-reset").await;
    assert!(line["attempt_count"].as_u64() <= Some(3), "{line}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_is_cut_is_seen_to_be_cut() {
    // With a length, and in chunks.
    let counted = Origin::start("a").await;
    counted.fail(Fault::ResetInBody(300));
    let chunked = Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        let text = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n5\r\nhello\r\n";
        scene.send(text).await
    })
    .await;
    for address in [counted.address, chunked.address] {
        let edge = Edge::start(&manifest::shop(&[address])).await;
        let request = Request::new("GET", GET);
        let error = edge.try_send(&request).await.expect_err("is cut");
        assert_ne!(error.kind(), std::io::ErrorKind::TimedOut, "{error}");
        let config = tests::authority::trusting_client(&["h2"]);
        let connection = Connection::open_tls(edge.https(), "shop.test", config).await;
        let h2 = tests::client::h2::H2Connection::open(connection.expect("shakes hands"));
        let h2 = h2.await.expect("speaks HTTP/2");
        let request = Request::new("GET", "https://shop.test/over-h2");
        h2.send(&request).await.expect_err("the stream is reset");
        for path in ["/", "/over-h2"] {
            let line = edge.log.line_with("path", path).await;
            assert_eq!(line["reason"], "upstream-cut", "{line}");
            assert_eq!(
                (&line["status"], &line["attempt_count"]),
                (&200.into(), &1.into())
            );
        }
        drop(h2);
        edge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_http_is_a_502_and_asked_once() {
    let a = Origin::start("a").await;
    a.fail(Fault::Garbage);
    let edge = Edge::start(&manifest::shop(&[a.address])).await;
    let reply = edge.send(&own_answer::request("GET", GET)).await;
    own_answer::check(&edge, &reply, 502, "upstream-protocol").await;
    assert_eq!(a.received().len(), 1);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backends_own_failures_pass_untouched_unless_the_route_says_otherwise() {
    let (a, b) = (Origin::start("a").await, Origin::start("b").await);
    let addresses = [a.address, b.address];
    let edge = Edge::start(&manifest::shop_annotated(&addresses, &[IN_TURN])).await;
    for status in [500, 502, 503, 504, 508] {
        a.fail(Fault::Status(status));
        b.fail(Fault::Status(status));
        let before = a.received().len() + b.received().len();
        let reply = edge.get(GET).await;
        assert_eq!(
            (reply.status, reply.text().as_str()),
            (status, "a fault was asked for\n")
        );
        assert!(!reply.is_ours() && reply.field("retry-after").is_none());
        assert_eq!(a.received().len() + b.received().len() - before, 1);
        let line = edge.log.line_with("status", status).await;
        assert_eq!(line["reason"], "answered", "{line}");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_status_that_the_route_names_is_tried_again() {
    let (a, b) = (Origin::start("a").await, Origin::start("b").await);
    let annotations = [IN_TURN, ("retry-on", "503")];
    let site = manifest::shop_annotated(&[a.address, b.address], &annotations);
    let edge = Edge::start(&site).await;
    a.fail(Fault::Status(503));
    for _ in 0..4 {
        let reply = edge.get(GET).await;
        assert_eq!((reply.status, reply.served_by()), (200, "b"));
    }
    let posts: Vec<u16> = {
        let mut posts = Vec::new();
        for _ in 0..4 {
            posts.push(edge.send(&Request::new("POST", GET).body("x")).await.status);
        }
        posts.sort_unstable();
        posts
    };
    assert_eq!(posts, [200, 200, 503, 503], "a POST is not repeated");
    // Nobody has a better answer: the last one passes as the backend wrote it.
    b.fail(Fault::Status(503));
    let reply = edge.get(GET).await;
    assert_eq!(
        (reply.status, reply.text().as_str()),
        (503, "a fault was asked for\n")
    );
    assert!(!reply.is_ours());
    a.fail(Fault::Status(500));
    b.fail(Fault::Status(500));
    assert_eq!(edge.get(GET).await.status, 500, "not named");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_takes_too_long_is_tried_elsewhere() {
    let (a, b) = (Origin::start("a").await, Origin::start("b").await);
    let annotations = [IN_TURN, ("attempt-timeout", "150ms"), ("attempts", "2")];
    let site = manifest::shop_annotated(&[a.address, b.address], &annotations);
    let edge = Edge::start(&site).await;
    a.fail(Fault::Hang);
    for _ in 0..2 {
        let reply = edge.get(GET).await;
        assert_eq!((reply.status, reply.served_by()), (200, "b"));
    }
    let line = edge.log.line_with("attempt_count", 2).await;
    assert_eq!(outcomes(&line), ["response-timeout", "answered"]);
    b.fail(Fault::SlowHead(Duration::from_secs(60)));
    let reply = edge.send(&own_answer::request("GET", GET)).await;
    let line = own_answer::check(&edge, &reply, 504, "response-timeout").await;
    assert_eq!(outcomes(&line), ["response-timeout", "response-timeout"]);
    let request = own_answer::request("POST", GET).body("x");
    let reply = edge.send(&request).await;
    let line = own_answer::check(&edge, &reply, 504, "response-timeout").await;
    assert_eq!(
        outcomes(&line),
        ["response-timeout"],
        "a POST is not repeated"
    );
    edge.stop().await;
}
