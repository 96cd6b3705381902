//! Is a WebSocket a pipe for both sides, from the first byte on, however long it is silent?

use std::time::Duration;
use tests::authority::Authority;
use tests::client::Request;
use tests::client::websocket::WebSocket;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;
use tests::origin_scripted::Scripted;

const SWITCHED: &str =
    "HTTP/1.1 101 Switching Protocols\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n";
const ASKS: &str = "GET /ws HTTP/1.1\r\nhost: shop.test\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\
                    sec-websocket-version: 13\r\nsec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

async fn site(origin: &Origin) -> Edge {
    let authority = Authority::default();
    let site = manifest::join(&[
        manifest::ingress_tls("shop", "shop.test", "shop-tls", &[("/", "web", 80)]).replace(
            "spec:",
            "  annotations: { hedgerow.edwardstech.dev/ssl-redirect: \"false\" }\nspec:",
        ),
        manifest::service("web", 80, &[origin.address]),
        authority.secret("shop-tls", &["shop.test"]),
    ]);
    // A connection that is idle as HTTP may not be so for long: none of these bounds is one of a WebSocket.
    let short = Duration::from_millis(150);
    Edge::start_given(authority, &[("main.yaml", &site)], |settings| {
        settings.limits.keep_alive_idle = short;
        settings.limits.header_timeout = short;
        settings.limits.body_stall_timeout = short;
        settings.limits.idle_timeout = short;
        settings.limits.response_timeout = short;
        settings.limits.write_stall_timeout = short;
        settings.limits.upstream_keep_alive_idle = short;
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_pass_both_ways_and_silence_does_not_end_it() {
    let origin = Origin::start("a").await;
    let edge = site(&origin).await;
    for url in ["http://shop.test/ws", "https://shop.test/ws"] {
        let request = Request::new("GET", url);
        let connection = edge.connect(&request).await.expect("connects");
        let mut socket = WebSocket::open(connection, &request)
            .await
            .expect("upgrades");
        for text in ["hello", "", "again"] {
            socket.send_text(text).await.expect("sends");
            assert_eq!(socket.read_text().await.expect("reads"), text, "{url}");
        }
        // What is told here is silence itself.
        tokio::time::sleep(Duration::from_millis(600)).await;
        socket.send_text("awake").await.expect("sends");
        assert_eq!(socket.read_text().await.expect("reads"), "awake", "{url}");
    }
    let seen = &origin.received()[0].head;
    assert_eq!(seen.field("upgrade"), Some("websocket"));
    assert_eq!(seen.field("sec-websocket-version"), Some("13"));
    let line = edge.log.line_with("path", "/ws").await;
    assert_eq!(line["status"], 101, "{line}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn bytes_right_behind_the_switch_are_not_lost() {
    let origin = Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        scene
            .send(format!("{SWITCHED}the server speaks first;"))
            .await?;
        scene.read_until("the client's first bytes;").await?;
        scene.send("heard").await?;
        scene.wait_for_close().await;
        Ok(())
    })
    .await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    // A client that waits for the 101, and one that does not (as no browser does, but a program may).
    for eager in [false, true] {
        let request = Request::new("GET", "http://shop.test/ws");
        let mut connection = edge.connect(&request).await.expect("connects");
        let early = if eager {
            "the client's first bytes;"
        } else {
            ""
        };
        let bytes = format!("{ASKS}{early}");
        connection.send(bytes).await.expect("sends");
        assert_eq!(connection.read_head().await.expect("answers").status, 101);
        let first = connection.read_until("speaks first;").await;
        assert_eq!(first.expect("reads"), b"the server speaks first;");
        if !eager {
            let sent = connection.send("the client's first bytes;").await;
            sent.expect("sends");
        }
        connection.read_until("heard").await.expect("was heard");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_backends_close_is_the_clients_close_and_the_other_way_round() {
    let origin = Scripted::start(|mut scene, number| async move {
        scene.read_head().await?;
        scene.send(format!("{SWITCHED}bye")).await?;
        if number > 0 {
            scene.wait_for_close().await;
        }
        Ok(())
    })
    .await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let request = Request::new("GET", "http://shop.test/ws");
    let mut connection = edge.connect(&request).await.expect("connects");
    connection.send(ASKS).await.expect("sends");
    connection.read_until("\r\n\r\n").await.expect("upgrades");
    assert_eq!(connection.read_to_end().await, b"bye");
    let mut connection = edge.connect(&request).await.expect("connects");
    connection.send(ASKS).await.expect("sends");
    connection.read_until("bye").await.expect("upgrades");
    drop(connection);
    // The clean stop is the proof: a pipe that outlived its client would be cut by it.
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upgrade_that_is_not_valid_is_an_ordinary_request() {
    let origin = Origin::start("a").await;
    let edge = site(&origin).await;
    let cases: [&[(&str, &str)]; 4] = [
        // No key.
        &[
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
        ],
        // Another protocol.
        &[
            ("connection", "Upgrade"),
            ("upgrade", "h2c"),
            ("http2-settings", "AAMAAABkAAQAAP__"),
        ],
        // `Connection` does not say so.
        &[
            ("upgrade", "websocket"),
            ("sec-websocket-version", "13"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ],
        // An old version.
        &[
            ("connection", "Upgrade"),
            ("upgrade", "websocket"),
            ("sec-websocket-version", "8"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ],
    ];
    for fields in cases {
        let mut request = Request::new("GET", "http://shop.test/ws");
        for (name, value) in fields {
            request = request.field(name, value);
        }
        let mut connection = edge.connect(&request).await.expect("connects");
        for _ in 0..2 {
            let reply = request.send_on(&mut connection).await.expect("answers");
            assert_eq!((reply.status, reply.served_by()), (200, "a"), "{fields:?}");
        }
    }
    for received in origin.received() {
        assert_eq!(received.head.field("upgrade"), None, "{}", received.raw);
        assert_eq!(received.head.field("http2-settings"), None);
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_may_refuse_an_upgrade_and_the_connection_says_that_it_ends() {
    let origin = Scripted::start(|mut scene, _| async move {
        loop {
            scene.read_head().await?;
            let refusal = "HTTP/1.1 403 Forbidden\r\ncontent-length: 6\r\n\r\nno key";
            scene.send(refusal).await?;
        }
    })
    .await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let request = Request::new("GET", "http://shop.test/ws");
    for _ in 0..2 {
        let mut connection = edge.connect(&request).await.expect("connects");
        connection.send(ASKS).await.expect("sends");
        let reply = connection.read_reply(false).await.expect("answers");
        assert_eq!((reply.status, reply.text().as_str()), (403, "no key"));
        // A client that did not wait for the answer has sent bytes that are not HTTP: no request may come behind them.
        assert_eq!(reply.field("connection"), Some("close"));
        let end = connection.read_some().await.expect("is closed in time");
        assert!(end.is_empty());
    }
    edge.stop().await;
}
