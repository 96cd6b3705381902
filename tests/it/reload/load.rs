//! Do requests and streams survive a thousand edits?

use crate::load::{Load, Patron};
use tests::authority::Authority;
use tests::client::websocket::WebSocket;
use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

const EDITS: usize = 1_000;
/// Edits between two looks at what is in force; the edge sees them as one or as several.
const BATCH: usize = 20;
/// Files that edits write and remove.
const FILES: usize = 50;

/// What an edit leaves in the directory: a file with this text, or no file.
type Edit = (String, Option<String>);

/// The endpoint of `web`: the same slice with another address.
fn slice(origin: &Origin) -> String {
    manifest::slice("web", 1, origin.address)
}

/// The edit of that number: routes come, change and go; endpoints and Services of routes that are asked for change.
fn edit(number: usize, origins: &[Origin]) -> Edit {
    let turn = number / 5;
    let host = turn % FILES;
    let origin = &origins[turn % origins.len()];
    let paths = [("/", "web", 80), ("/deep/er", "other", 80)];
    match number % 5 {
        0 => (
            format!("route-{host}.yaml"),
            Some(manifest::ingress(
                &format!("r-{host}"),
                &format!("h{host}.test"),
                &paths,
            )),
        ),
        1 => ("endpoints.yaml".to_owned(), Some(slice(origin))),
        2 => {
            // The same host as the load asks for: its paths change around what is asked.
            let path = format!("/other-{turn}");
            let paths = [
                ("/", "web", 80),
                (&*path, "other", 80),
                ("/moving", ["web", "other"][turn % 2], 80),
            ];
            ("site.yaml".to_owned(), Some(site(&paths)))
        }
        3 => (
            format!("more-{host}.yaml"),
            Some(manifest::join(&[
                manifest::ingress(
                    &format!("m-{host}"),
                    "shop.test",
                    &[(&format!("/m-{turn}"), "other", 80)],
                ),
                manifest::service(&format!("s-{host}"), 80, &[origin.address]),
            ])),
        ),
        _ => {
            let old = (turn + FILES / 2) % FILES;
            let kind = ["route", "more"][turn % 2];
            (format!("{kind}-{old}.yaml"), None)
        }
    }
}

fn site(paths: &[manifest::Path<'_>]) -> String {
    // Served on HTTP too, although there is a certificate.
    manifest::ingress_tls("site", "shop.test", "shop-tls", paths).replace(
        "metadata:\n",
        "metadata:\n  annotations: { hedgerow.edwardstech.dev/ssl-redirect: \"false\" }\n",
    )
}

async fn start(origins: &[Origin]) -> Edge {
    let authority = Authority::default();
    let base = manifest::join(&[
        manifest::service("web", 80, &[]),
        manifest::service("other", 80, &[origins[0].address, origins[1].address]),
        authority.secret("shop-tls", &["shop.test"]),
    ]);
    let paths = [("/", "web", 80), ("/moving", "web", 80)];
    let files = [
        ("base.yaml", &*base),
        ("endpoints.yaml", &*slice(&origins[0])),
        ("site.yaml", &*site(&paths)),
    ];
    Edge::start_given(authority, &files, |_| {}).await
}

async fn begin_load(edge: &Edge) -> Load {
    let url = |path: &str| format!("http://shop.test{path}");
    let mut requests: Vec<Request> = ["/", "/moving/x?y", "/bytes/20000", "/chunks/3", "/sleep/20"]
        .iter()
        .map(|path| Request::new("GET", &url(path)))
        .collect();
    requests.push(Request::new("POST", &url("/upload")).body(vec![b'x'; 10_000]));
    let over_tls: Vec<Request> = requests
        .iter()
        .cloned()
        .map(|request| Request {
            is_https: true,
            ..request
        })
        .collect();
    let config = edge.authority.client(&["http/1.1"]);
    let mut load = Load::new();
    load.add(Patron::plain(edge.http()), requests.clone());
    load.add(Patron::plain(edge.http()).fickle(), requests);
    load.add(
        Patron::tls(edge.https(), "shop.test", config.clone()),
        over_tls.clone(),
    );
    load.add(
        Patron::tls(edge.https(), "shop.test", config).fickle(),
        over_tls.clone(),
    );
    load.add_h2(edge.connect_h2("shop.test").await, over_tls);
    load
}

/// A WebSocket and an event stream that were opened before everything else.
struct Streams {
    socket: WebSocket,
    events: Connection,
}

impl Streams {
    async fn open(edge: &Edge) -> Streams {
        let request = Request::new("GET", "http://shop.test/socket");
        let connection = edge.connect(&request).await.expect("connects");
        let socket = WebSocket::open(connection, &request).await;
        let request = Request::new("GET", "https://shop.test/events");
        let mut events = edge.connect(&request).await.expect("connects");
        events.send(request.to_bytes()).await.expect("sends");
        assert_eq!(events.read_head().await.expect("answers").status, 200);
        Streams {
            socket: socket.expect("upgrades"),
            events,
        }
    }

    /// Both are still alive.
    async fn use_once(&mut self, number: usize) {
        let text = format!("message {number}");
        self.socket.send_text(&text).await.expect("sends");
        assert_eq!(self.socket.read_text().await.expect("is echoed"), text);
        self.events.read_until("data: ").await.expect("goes on");
    }

    /// Ends both as a client does.
    fn close(self) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_edits_fail_no_request_and_end_no_stream() {
    let origins = [
        Origin::start("a").await,
        Origin::start("b").await,
        Origin::start("c").await,
    ];
    let edge = start(&origins).await;
    let mut streams = Streams::open(&edge).await;
    let load = begin_load(&edge).await;
    let before = edge.in_force().version;
    for batch in 0..EDITS / BATCH {
        let seen = edge.in_force().version;
        for number in batch * BATCH..(batch + 1) * BATCH {
            match edit(number, &origins) {
                (file, Some(text)) => edge.write_quietly(&file, &text),
                // The first ones were never written.
                (file, None) => drop(std::fs::remove_file(edge.manifests().join(file))),
            }
        }
        edge.follow(seen).await;
        streams.use_once(batch).await;
    }
    edge.settled().await;
    let counts = load.stop().await;
    let versions = edge.in_force().version - before;
    assert!(
        versions >= 50,
        "{versions} versions for {EDITS} edits, {counts:?} answers"
    );
    streams.use_once(EDITS).await;
    streams.close();
    // Everybody took part: endpoints did change under the load.
    assert!(origins.iter().all(|origin| origin.received().len() > 10));
    edge.stop().await;
}

/// An endpoint that goes away is not asked again, and what it was asked is answered.
#[tokio::test(flavor = "multi_thread")]
async fn a_request_on_its_way_ends_at_an_endpoint_that_is_gone_from_the_manifests() {
    let origins = [Origin::start("old").await, Origin::start("new").await];
    let edge = start(&origins).await;
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    let slow = Request::new("GET", "http://shop.test/sleep/700");
    connection.send(slow.to_bytes()).await.expect("sends");
    origins[0].until_received(1).await;
    edge.write("endpoints.yaml", &slice(&origins[1])).await;
    let reply = edge.get("http://shop.test/").await;
    assert_eq!(reply.served_by(), "new");
    let reply = connection.read_reply(false).await.expect("is answered");
    assert_eq!((reply.status, reply.served_by()), (200, "old"));
    for _ in 0..20 {
        let reply = edge.get("http://shop.test/").await;
        assert_eq!(reply.served_by(), "new");
    }
    assert_eq!(origins[0].received().len(), 1);
    edge.stop().await;
}
