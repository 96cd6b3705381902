//! What does a backend learn of the client, and who may say it?

use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::{Head, Origin};
use tests::own_answer;

const LIES: [(&str, &str); 12] = [
    ("x-forwarded-for", "6.6.6.6"),
    ("x-forwarded-for", "7.7.7.7, 8.8.8.8"),
    ("x-forwarded-proto", "https"),
    ("x-forwarded-host", "evil.test"),
    ("x-forwarded-port", "4443"),
    ("x-forwarded-prefix", "/admin"),
    ("x-real-ip", "6.6.6.6"),
    ("forwarded", "for=6.6.6.6;proto=https"),
    ("x-request-id", "chosen-by-the-client"),
    ("x-original-url", "/admin"),
    ("x-rewrite-url", "/admin"),
    ("cdn-loop", "other-cdn"),
];

fn lying(url: &str) -> Request {
    let request = Request::new("GET", url);
    LIES.iter()
        .fold(request, |request, (name, value)| request.field(name, value))
}

/// All values of a field, in order.
fn all<'a>(head: &'a Head, name: &str) -> Vec<&'a str> {
    let fields = head.fields.iter();
    fields
        .filter(|(known, _)| known.eq_ignore_ascii_case(name))
        .map(|(_, value)| value.as_str())
        .collect()
}

async fn site(trusted: &[&str], public_port: Option<u16>) -> (Origin, Edge) {
    let origin = Origin::start("a").await;
    let edge = Edge::start_with(&manifest::shop(&[origin.address]), |settings| {
        settings.trusted_proxies = trusted
            .iter()
            .map(|network| network.parse().unwrap())
            .collect();
        settings.http[0].public_port = public_port;
        settings.https[0].public_port = public_port;
    })
    .await;
    (origin, edge)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_an_untrusted_client_says_of_itself_is_passed_on() {
    let (origin, edge) = site(&["10.0.0.0/8"], Some(8080)).await;
    let mut connections = [
        (
            "http",
            Connection::open(edge.http()).await.expect("connects"),
        ),
        (
            "https",
            edge.connect_trusting("shop.test").await.expect("connects"),
        ),
    ];
    for (scheme, connection) in &mut connections {
        let request = lying(&format!("{scheme}://Shop.Test:8080/"));
        let reply = request.send_on(connection).await.expect("answers");
        assert_eq!(reply.status, 200);
        let head = origin.received().pop().expect("came").head;
        assert_eq!(all(&head, "x-forwarded-for"), ["127.0.0.1"]);
        assert_eq!(all(&head, "x-real-ip"), ["127.0.0.1"]);
        assert_eq!(all(&head, "x-forwarded-proto"), [*scheme]);
        assert_eq!(all(&head, "x-forwarded-host"), ["Shop.Test:8080"]);
        assert_eq!(all(&head, "x-forwarded-port"), ["8080"]);
        assert_eq!(
            all(&head, "host"),
            ["Shop.Test:8080"],
            "as the client wrote it"
        );
        for gone in [
            "forwarded",
            "x-forwarded-prefix",
            "x-original-url",
            "x-rewrite-url",
        ] {
            assert!(all(&head, gone).is_empty(), "{gone}");
        }
        let loops = all(&head, "cdn-loop").join(", ");
        assert_eq!(loops, "other-cdn, hedgerow");
        let id = all(&head, "x-request-id");
        assert_eq!(id.len(), 1);
        assert_ne!(id[0], "chosen-by-the-client");
        let line = edge.log.line_with("request_id", id[0]).await;
        assert_eq!(line["client"], "127.0.0.1", "{line}");
        // UUIDv7 (RFC 9562 §5.7).
        assert_eq!((id[0].len(), id[0].as_bytes()[14]), (36, b'7'), "{id:?}");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_port_is_the_listeners_own_where_no_other_is_said() {
    let (origin, edge) = site(&[], None).await;
    edge.get("http://shop.test/").await;
    let head = origin.received().pop().expect("came").head;
    let port = edge.http().port().to_string();
    assert_eq!(all(&head, "x-forwarded-port"), [port.as_str()]);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_proxy_is_believed_and_the_chain_goes_on() {
    let (origin, edge) = site(&["127.0.0.0/8", "8.8.8.8/32"], Some(80)).await;
    let reply = edge.send(&lying("http://shop.test/")).await;
    assert_eq!(reply.status, 200);
    let head = origin.received().pop().expect("came").head;
    assert_eq!(
        all(&head, "x-forwarded-for"),
        ["6.6.6.6, 7.7.7.7, 8.8.8.8, 127.0.0.1"]
    );
    // From the right, the first one that is no trusted proxy; what stands left of it anybody may have written.
    assert_eq!(all(&head, "x-real-ip"), ["7.7.7.7"]);
    assert_eq!(all(&head, "x-forwarded-proto"), ["https"]);
    assert_eq!(all(&head, "x-forwarded-host"), ["evil.test"]);
    assert_eq!(all(&head, "x-forwarded-port"), ["4443"]);
    assert_eq!(all(&head, "x-request-id"), ["chosen-by-the-client"]);
    assert_eq!(all(&head, "host"), ["shop.test"]);
    assert!(all(&head, "forwarded").is_empty());
    let line = edge
        .log
        .line_with("request_id", "chosen-by-the-client")
        .await;
    assert_eq!(line["client"], "7.7.7.7", "{line}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_cannot_have_the_edges_fields_taken_away() {
    let (origin, edge) = site(&[], None).await;
    let request = Request::new("GET", "http://shop.test/").field(
        "connection",
        "x-forwarded-port, x-real-ip, x-request-id, cdn-loop",
    );
    assert_eq!(edge.send(&request).await.status, 200);
    let head = origin.received().pop().expect("came").head;
    for name in [
        "x-forwarded-for",
        "x-real-ip",
        "x-request-id",
        "x-forwarded-proto",
        "x-forwarded-port",
        "cdn-loop",
    ] {
        assert_eq!(all(&head, name).len(), 1, "{name}");
    }
    // Those that the engine protects by itself are refused.
    for name in ["x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"] {
        let request = own_answer::request("GET", "http://shop.test/").field("connection", name);
        let reply = edge.send(&request).await;
        own_answer::check(&edge, &reply, 400, "bad-request").await;
    }
    assert_eq!(origin.received().len(), 1);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_that_came_through_this_edge_too_often_is_a_508() {
    let (origin, edge) = site(&[], None).await;
    for (times, is_a_loop) in [(0, false), (1, false), (3, false), (4, true), (9, true)] {
        let mut names = vec!["hedgerow"; times];
        names.push("other-cdn; v=1");
        let request =
            own_answer::request("GET", "http://shop.test/").field("cdn-loop", &names.join(", "));
        let reply = edge.send(&request).await;
        if is_a_loop {
            own_answer::check(&edge, &reply, 508, "loop").await;
        } else {
            assert_eq!((reply.status, reply.served_by()), (200, "a"), "{times}");
        }
    }
    assert_eq!(origin.received().len(), 3);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backend_that_is_the_edge_itself_ends_in_a_508() {
    let edge = Edge::start(&manifest::shop(&[])).await;
    edge.write("main.yaml", &manifest::shop(&[edge.http()]))
        .await;
    let request = own_answer::request("GET", "http://shop.test/round");
    let reply = edge.send(&request).await;
    assert_eq!(reply.status, 508, "{reply:?}");
    assert!(reply.text().contains("\"loop\""), "{}", reply.text());
    edge.log.line_with("reason", "loop").await;
    // It took a few turns, not dozens.
    let turns = edge.log.lines().len();
    assert!(turns <= 5, "{turns}");
    edge.stop().await;
}
