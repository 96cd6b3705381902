//! Do bodies of any size reach the backend whole, and answers to unread ones the client?

mod memory;

use std::sync::Arc;
use std::time::Duration;
use tests::authority::Authority;
use tests::client::h2::read;
use tests::client::{Connection, Request, within};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;
use tests::origin_scripted::Scripted;
use tests::own_answer;
use tokio::sync::Notify;

const TEN_MEGABYTES: usize = 10_000_000;

/// `shop.test`, over plain HTTP and over TLS.
async fn site(annotations: &[(&str, &str)], address: std::net::SocketAddr) -> Edge {
    let authority = Authority::default();
    let mut all = vec![("ssl-redirect", "false")];
    all.extend(annotations);
    let site = manifest::join(&[
        manifest::ingress_annotated("shop", "shop.test", &[("/shop", "web", 80)], &all),
        manifest::ingress_tls("tls", "shop.test", "shop-tls", &[("/tls", "web", 80)]),
        manifest::service("web", 80, &[address]),
        authority.secret("shop-tls", &["shop.test"]),
    ]);
    Edge::start_given(authority, &[("main.yaml", &site)], |_| {}).await
}

#[tokio::test(flavor = "multi_thread")]
async fn the_edges_own_answer_to_an_unread_body_is_not_lost_and_the_connection_goes_on() {
    let origin = Origin::start("a").await;
    let edge = site(&[], origin.address).await;
    let body = vec![b'u'; TEN_MEGABYTES];
    let nowhere = own_answer::request("POST", "https://shop.test/nowhere").body(body);
    let there = Request::new("GET", "https://shop.test/shop");
    for scheme in ["http", "https"] {
        let is_https = scheme == "https";
        let nowhere = Request {
            is_https,
            ..nowhere.clone()
        };
        let there = Request {
            is_https,
            ..there.clone()
        };
        let mut connection = edge.connect(&nowhere).await.expect("connects");
        for _ in 0..2 {
            let reply = nowhere.send_on(&mut connection).await.expect("answers");
            let line = own_answer::check(&edge, &reply, 404, "no-rule").await;
            assert_eq!(line["bytes_in"], TEN_MEGABYTES, "{line}");
            let reply = there.send_on(&mut connection).await.expect("goes on");
            assert_eq!((reply.status, reply.served_by()), (200, "a"));
        }
    }
    let h2 = edge.connect_h2("shop.test").await;
    for _ in 0..2 {
        let (answer, mut body) = h2.start(&nowhere, false).await.expect("starts");
        body.send_data(nowhere.body.clone().into(), true)
            .expect("sends");
        let reply = within(read(answer)).await.expect("in time");
        own_answer::check(&edge, &reply.expect("answers"), 404, "no-rule").await;
        let reply = h2.send(&there).await.expect("goes on");
        assert_eq!((reply.status, reply.served_by()), (200, "a"));
    }
    drop(h2);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backends_early_answer_to_an_unread_body_is_not_lost() {
    // It answers from the head alone and closes at once, as servers do with a body that they do not want.
    let origin = Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        let refusal =
            "HTTP/1.1 413 Content Too Large\r\ncontent-length: 3\r\nconnection: close\r\n\r\nno\n";
        scene.send(refusal).await
    })
    .await;
    let edge = site(&[], origin.address).await;
    for _ in 0..5 {
        let body = vec![b'u'; TEN_MEGABYTES];
        let request = Request::new("POST", "https://shop.test/shop").body(body);
        let plain = Request {
            is_https: false,
            ..request.clone()
        };
        let connection = edge.connect(&plain).await.expect("connects");
        // The client may see its connection end while it still sends; what counts is that the answer is there.
        let (mut from, mut to) = tokio::io::split(connection.stream);
        let bytes = plain.to_bytes();
        let sending = tokio::spawn(async move {
            let _ = tokio::io::AsyncWriteExt::write_all(&mut to, &bytes).await;
            to
        });
        let mut answer = Vec::new();
        while !String::from_utf8_lossy(&answer).ends_with("no\n") {
            let read = tokio::io::AsyncReadExt::read_buf(&mut from, &mut answer);
            let read = within(read).await.expect("in time").expect("reads");
            assert!(read > 0, "lost: {:?}", String::from_utf8_lossy(&answer));
        }
        assert!(answer.starts_with(b"HTTP/1.1 413 "));
        sending.abort();
        let h2 = edge.connect_h2("shop.test").await;
        let (answer, mut body) = h2.start(&request, false).await.expect("starts");
        let _ = body.send_data(request.body.clone().into(), true);
        let reply = within(read(answer)).await.expect("in time");
        assert_eq!(reply.expect("answers").status, 413);
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hundred_is_the_backends_and_the_body_waits_for_it() {
    let go = Arc::new(Notify::new());
    let told = go.clone();
    let origin = Scripted::start(move |mut scene, _| {
        let told = told.clone();
        async move {
            let head = scene.read_head().await?;
            assert!(head.to_ascii_lowercase().contains("expect: 100-continue"));
            assert!(scene.ahead.is_empty());
            told.notified().await;
            scene.send("HTTP/1.1 100 Continue\r\n\r\n").await?;
            scene.read_until("hello").await?;
            scene
                .send("HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nread")
                .await?;
            scene.wait_for_close().await;
            Ok(())
        }
    })
    .await;
    let edge = site(&[], origin.address).await;
    let request = Request::new("POST", "http://shop.test/shop");
    let mut connection = edge.connect(&request).await.expect("connects");
    connection
        .send("POST /shop HTTP/1.1\r\nhost: shop.test\r\ncontent-length: 5\r\nexpect: 100-continue\r\n\r\n")
        .await
        .expect("sends");
    // No 100 of the edge's own: only the backend knows whether it wants the body.
    assert!(connection.ahead.is_empty());
    go.notify_one();
    connection
        .read_until("HTTP/1.1 100 ")
        .await
        .expect("the backend's 100");
    connection.read_until("\r\n\r\n").await.expect("ends");
    connection.send("hello").await.expect("sends");
    let reply = connection.read_reply(false).await.expect("answers");
    assert_eq!((reply.status, reply.text().as_str()), (200, "read"));
    drop(connection);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_refuses_before_the_body_spares_the_upload() {
    let origin = Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        let refusal = "HTTP/1.1 401 Unauthorized\r\ncontent-length: 3\r\n\r\nno\n";
        scene.send(refusal).await?;
        scene.wait_for_close().await;
        Ok(())
    })
    .await;
    let edge = Edge::start_with(
        &manifest::shop(&[origin.address]).replace("path: \"/\"", "path: \"/shop\""),
        |settings| settings.limits.drain_body_timeout = Duration::from_millis(200),
    )
    .await;
    for (path, status) in [("/shop", 401), ("/nowhere", 404)] {
        let request = Request::new("POST", "http://shop.test/");
        let mut connection = edge.connect(&request).await.expect("connects");
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: shop.test\r\ncontent-length: 1000000\r\nexpect: 100-continue\r\n\r\n"
        );
        connection.send(head).await.expect("sends");
        let reply = connection.read_reply(false).await.expect("answers");
        assert_eq!((reply.status, reply.interim), (status, vec![]), "{path}");
        // Whether the body still comes nobody can know, so the connection ends.
        let rest = connection.read_some().await.expect("is closed in time");
        assert!(rest.is_empty(), "{path}");
        let line = edge.log.line_with("path", path).await;
        let reason = if status == 401 { "answered" } else { "no-rule" };
        assert_eq!(line["reason"], reason, "{line}");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_above_the_routes_bound_is_a_413_however_it_is_framed() {
    let origin = Origin::start("a").await;
    let edge = site(&[("body-size-max", "1Ki")], origin.address).await;
    for (bytes, is_too_large) in [(1024, false), (1025, true)] {
        let body = vec![b'u'; bytes];
        let request = own_answer::request("POST", "https://shop.test/shop").body(body.clone());
        let plain = Request {
            is_https: false,
            ..request.clone()
        };
        let mut replies = vec![edge.send(&plain).await];
        let mut connection = edge.connect(&plain).await.expect("connects");
        let head = "POST /shop HTTP/1.1\r\nhost: shop.test\r\naccept: application/json\r\ntransfer-encoding: chunked\r\n\r\n";
        connection.send(head).await.expect("sends");
        connection
            .send(format!("{bytes:x}\r\n{}\r\n0\r\n\r\n", "u".repeat(bytes)))
            .await
            .expect("sends");
        replies.push(connection.read_reply(false).await.expect("answers"));
        let h2 = edge.connect_h2("shop.test").await;
        replies.push(h2.send(&request).await.expect("answers"));
        for (number, reply) in replies.iter().enumerate() {
            if is_too_large {
                own_answer::check(&edge, reply, 413, "body-too-large").await;
            } else {
                let length = bytes.to_string();
                assert_eq!(
                    reply.field("x-body-bytes"),
                    Some(length.as_str()),
                    "{number}"
                );
            }
        }
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_stops_in_the_middle_of_its_body_never_completes_a_request() {
    let origin = Origin::start("a").await;
    let edge = site(&[], origin.address).await;
    for (path, framing, part) in [
        ("/shop/counted", "content-length: 10", "hello"),
        (
            "/shop/chunked",
            "transfer-encoding: chunked",
            "5\r\nhello\r\n",
        ),
    ] {
        let mut connection = Connection::open(edge.http()).await.expect("connects");
        let text = format!("POST {path} HTTP/1.1\r\nhost: shop.test\r\n{framing}\r\n\r\n{part}");
        connection.send(text).await.expect("sends");
        drop(connection);
    }
    for path in ["/shop/counted", "/shop/chunked"] {
        let line = edge.log.line_with("path", path).await;
        assert_eq!(line["reason"], "client-closed", "{line}");
        assert_eq!(line["status"], 0, "{line}");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_ends_with_an_empty_frame_ends_once() {
    // Every byte of the connection counts: what comes after the body would be the next request.
    let origin = Scripted::start(|mut scene, _| async move {
        loop {
            let head = scene.read_head().await?;
            assert!(head.starts_with("POST /"), "no request: {head:?}");
            scene.read_until("0\r\n\r\n").await?;
            let answer = "HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nread";
            scene.send(answer).await?;
        }
    })
    .await;
    let edge = site(&[], origin.address).await;
    let h2 = edge.connect_h2("shop.test").await;
    for number in 0..5 {
        let request = Request::new("POST", "https://shop.test/shop");
        let (answer, mut body) = h2.start(&request, false).await.expect("starts");
        body.send_data("part".into(), false).expect("sends");
        body.send_data(bytes::Bytes::new(), true).expect("ends");
        let reply = within(read(answer)).await.expect("in time");
        let reply = reply.unwrap_or_else(|error| panic!("request {number}: {error}"));
        assert_eq!((reply.status, reply.text().as_str()), (200, "read"));
    }
    assert_eq!(
        origin.accepted(),
        1,
        "the connection is as good as new each time"
    );
    drop(h2);
    edge.stop().await;
}
