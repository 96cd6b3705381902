//! Do the less usual messages of HTTP pass as they are meant?

use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;
use tests::origin_scripted::Scripted;

async fn says(answer: &'static str) -> (Scripted, Edge) {
    let origin = Scripted::start(move |mut scene, _| async move {
        loop {
            scene.read_head().await?;
            scene.send(answer).await?;
            if answer.contains("connection: close") {
                return Ok(());
            }
        }
    })
    .await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    (origin, edge)
}

#[tokio::test(flavor = "multi_thread")]
async fn head_has_the_length_of_the_body_and_no_body() {
    let (_origin, edge) =
        says("HTTP/1.1 200 OK\r\ncontent-length: 1234\r\netag: \"e\"\r\n\r\n").await;
    let request = Request::new("HEAD", "http://shop.test/");
    let mut connection = edge.connect(&request).await.expect("connects");
    for _ in 0..3 {
        let reply = request.send_on(&mut connection).await.expect("answers");
        assert_eq!(
            (reply.status, reply.field("content-length")),
            (200, Some("1234"))
        );
        assert!(connection.ahead.is_empty());
    }
    let ours = Request::new("HEAD", "http://other.test/");
    let reply = ours.send_on(&mut connection).await.expect("answers");
    assert!(reply.is_ours() && reply.status == 404, "{reply:?}");
    let reply = request.send_on(&mut connection).await.expect("answers");
    assert_eq!(reply.status, 200, "no byte of a body was in between");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_without_a_body_keep_the_connection() {
    for (answer, status) in [
        ("HTTP/1.1 204 No Content\r\netag: \"e\"\r\n\r\n", 204),
        ("HTTP/1.1 304 Not Modified\r\netag: \"e\"\r\n\r\n", 304),
        // The length is that of the answer without the condition (RFC 9110 §8.6).
        (
            "HTTP/1.1 304 Not Modified\r\netag: \"e\"\r\ncontent-length: 99\r\n\r\n",
            304,
        ),
        (
            "HTTP/1.1 200 OK\r\netag: \"e\"\r\ncontent-length: 0\r\n\r\n",
            200,
        ),
    ] {
        let (origin, edge) = says(answer).await;
        let request = Request::new("GET", "http://shop.test/").field("if-none-match", "\"e\"");
        let mut connection = edge.connect(&request).await.expect("connects");
        for _ in 0..3 {
            let reply = request.send_on(&mut connection).await.expect("answers");
            assert_eq!((reply.status, reply.field("etag")), (status, Some("\"e\"")));
            assert!(connection.ahead.is_empty(), "{answer:?}");
            assert_eq!(reply.field("transfer-encoding"), None, "{answer:?}");
        }
        assert_eq!(
            origin.accepted(),
            1,
            "the backend's connection is kept: {answer:?}"
        );
        edge.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_range_is_the_backends_business() {
    let (_origin, edge) = says(
        "HTTP/1.1 206 Partial Content\r\ncontent-range: bytes 2-5/10\r\naccept-ranges: bytes\r\ncontent-length: 4\r\n\r\n2345",
    )
    .await;
    let request = Request::new("GET", "http://shop.test/film")
        .field("range", "bytes=2-5")
        .field("if-range", "\"e\"");
    let reply = edge.send(&request).await;
    assert_eq!((reply.status, reply.text().as_str()), (206, "2345"));
    assert_eq!(reply.field("content-range"), Some("bytes 2-5/10"));
    assert_eq!(reply.field("accept-ranges"), Some("bytes"));
    edge.stop().await;
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    edge.send(&request).await;
    let head = origin.received()[0].head.clone();
    assert_eq!(head.field("range"), Some("bytes=2-5"));
    assert_eq!(head.field("if-range"), Some("\"e\""));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn early_hints_come_before_the_answer() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let reply = edge.get("http://shop.test/early-hints").await;
    assert_eq!((reply.status, reply.interim), (200, vec![103]));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_of_http_1_0_gets_no_chunks_and_an_end() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    for (path, length) in [
        ("/chunks/4", 4096),
        ("/bytes/5000", 5000),
        ("/until-close/300", 300),
    ] {
        let mut connection = Connection::open(edge.http()).await.expect("connects");
        let text = format!("GET {path} HTTP/1.0\r\nhost: shop.test\r\n\r\n");
        connection.send(text).await.expect("sends");
        let answer = connection.read_to_end().await;
        let answer = String::from_utf8(answer).expect("is text");
        let (head, body) = answer.split_once("\r\n\r\n").expect("has a head");
        let head = head.to_ascii_lowercase();
        assert!(
            head.contains(" 200 ") && !head.contains("chunked"),
            "{head}"
        );
        assert_eq!(body.len(), length, "{path}: {head}");
    }
    // One that asks for it keeps its connection, where the length is known.
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    for _ in 0..2 {
        let text = "GET /bytes/3 HTTP/1.0\r\nhost: shop.test\r\nconnection: keep-alive\r\n\r\n";
        connection.send(text).await.expect("sends");
        let answer = connection.read_until("\r\n\r\nxxx").await.expect("goes on");
        let head = String::from_utf8_lossy(&answer).to_ascii_lowercase();
        assert!(head.contains("connection: keep-alive"), "{head}");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn pipelined_requests_are_answered_in_order() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let mut all = Vec::new();
    let lengths = [5, 50_000, 1, 0, 700];
    for length in lengths {
        let get = Request::new("GET", &format!("http://shop.test/bytes/{length}"));
        all.extend(get.to_bytes());
        let post = Request::new("POST", "http://shop.test/").body("b".repeat(length + 1));
        all.extend(post.to_bytes());
    }
    all.extend(Request::new("GET", "http://nowhere.test/").to_bytes());
    all.extend(Request::new("GET", "http://shop.test/bytes/9").to_bytes());
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    connection.send(all).await.expect("sends");
    for length in lengths {
        let reply = connection.read_reply(false).await.expect("answers");
        assert_eq!((reply.status, reply.body.len()), (200, length));
        let reply = connection.read_reply(false).await.expect("answers");
        let length = (length + 1).to_string();
        assert_eq!(reply.field("x-body-bytes"), Some(length.as_str()));
    }
    assert_eq!(
        connection.read_reply(false).await.expect("answers").status,
        404
    );
    let reply = connection.read_reply(false).await.expect("answers");
    assert_eq!((reply.status, reply.body.len()), (200, 9));
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_says_close_is_closed_after_its_answer() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    for host in ["shop.test", "nowhere.test"] {
        let request = Request::new("GET", &format!("http://{host}/")).field("connection", "close");
        let mut connection = edge.connect(&request).await.expect("connects");
        let reply = request.send_on(&mut connection).await.expect("answers");
        assert_eq!(reply.field("connection"), Some("close"), "{reply:?}");
        assert!(connection.read_to_end().await.is_empty());
    }
    // The backend never hears of it: its connection is another one.
    let seen = &origin.received()[0];
    assert_ne!(seen.head.field("connection"), Some("close"), "{}", seen.raw);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_ends_with_its_connection_is_whole_and_the_clients_connection_goes_on() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let request = Request::new("GET", "http://shop.test/until-close/70000");
    let mut connection = edge.connect(&request).await.expect("connects");
    for _ in 0..2 {
        let reply = request.send_on(&mut connection).await.expect("answers");
        assert_eq!((reply.status, reply.body.len()), (200, 70_000));
        assert_eq!(reply.field("transfer-encoding"), Some("chunked"));
    }
    edge.stop().await;
}
