//! Does a stop cost anybody an answer, and does it end?

use crate::load::Patron;
use proxy::shutdown::StopMode;
use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tests::authority::Authority;
use tests::client::h2::H2Connection;
use tests::client::{Connection, Request, until};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

async fn start(drain: Duration) -> (Edge, Origin) {
    let origin = Origin::start("web").await;
    let authority = Authority::default();
    let shop = manifest::ingress_tls("shop", "shop.test", "shop-tls", &[("/", "web", 80)]);
    let site = manifest::join(&[
        // Served on HTTP too.
        shop.replace(
            "metadata:\n",
            "metadata:\n  annotations: { hedgerow.edwardstech.dev/ssl-redirect: \"false\" }\n",
        ),
        manifest::service("web", 80, &[origin.address]),
        authority.secret("shop-tls", &["shop.test"]),
    ]);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |settings| {
        settings.limits.drain = drain;
    })
    .await;
    (edge, origin)
}

fn requests(scheme: &str) -> Vec<Request> {
    let url = |path: &str| format!("{scheme}://shop.test{path}");
    vec![
        Request::new("GET", &url("/")),
        Request::new("GET", &url("/sleep/30")),
        Request::new("GET", &url("/bytes/50000")),
        Request::new("POST", &url("/upload")).body(vec![b'x'; 50_000]),
    ]
}

/// Asks until nobody listens any more. Whatever was begun must have its answer.
async fn ask_until_refused(
    mut patron: Patron,
    requests: Vec<Request>,
    answered: Arc<AtomicUsize>,
) -> Result<(), String> {
    for request in requests.iter().cycle() {
        match patron.open().await {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::ConnectionRefused => return Ok(()),
            Err(error) => return Err(format!("a connection was accepted and lost: {error}")),
        }
        match patron.ask(request).await {
            Ok(reply) if reply.status == 200 && reply.served_by() == "web" => {}
            Ok(reply) => return Err(format!("{} {reply:?}", request.target)),
            Err(error) => return Err(format!("{} {}: {error}", request.method, request.target)),
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// The same over one HTTP/2 connection, until its GOAWAY.
async fn ask_until_goaway(
    connection: H2Connection,
    requests: Vec<Request>,
    answered: Arc<AtomicUsize>,
) -> Result<(), String> {
    for request in requests.iter().cycle() {
        match connection.send(request).await {
            Ok(reply) if reply.status == 200 && reply.served_by() == "web" => {}
            Ok(reply) => return Err(format!("{} {reply:?}", request.target)),
            Err(error) if was_not_begun(&error) => return Ok(()),
            Err(error) => return Err(format!("{} {}: {error}", request.method, request.target)),
        }
        answered.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

/// "Requests on streams above the last one were not processed" (RFC 9113 section 6.8).
fn was_not_begun(error: &io::Error) -> bool {
    let cause = error.get_ref().and_then(|cause| cause.downcast_ref());
    cause.is_some_and(|cause: &h2::Error| {
        cause.is_go_away() && cause.reason() == Some(h2::Reason::NO_ERROR)
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn under_load_every_request_that_was_begun_is_answered() {
    let (edge, origin) = start(Duration::from_secs(15)).await;
    let answered = Arc::new(AtomicUsize::new(0));
    let config = edge.authority.client(&["http/1.1"]);
    let tls = || Patron::tls(edge.https(), "shop.test", config.clone());
    let mut clients = Vec::new();
    for patron in [
        Patron::plain(edge.http()),
        Patron::plain(edge.http()),
        Patron::plain(edge.http()).fickle(),
        Patron::plain(edge.http()).fickle(),
        tls(),
        tls().fickle(),
    ] {
        let work = ask_until_refused(patron, requests("https"), answered.clone());
        clients.push(tokio::spawn(work));
    }
    for _ in 0..2 {
        let connection = edge.connect_h2("shop.test").await;
        let work = ask_until_goaway(connection, requests("https"), answered.clone());
        clients.push(tokio::spawn(work));
    }
    until(async || match answered.load(Ordering::Relaxed) {
        few @ ..100 => Err(format!("{few} answers")),
        _ => Ok(()),
    })
    .await;
    // No request was cut: `stop` would say so.
    let report = edge.stop_as(StopMode::Drain).await;
    assert_eq!(report.data_path.connections_cut, 0, "{report:?}");
    for client in clients {
        let outcome = client.await.expect("ends");
        assert_eq!(outcome, Ok(()));
    }
    assert!(origin.received().len() >= 100);
}

/// Opens an event stream, and reads its first event.
async fn open_events(edge: &Edge) -> Connection {
    let request = Request::new("GET", "http://shop.test/events");
    let mut events = edge.connect(&request).await.expect("connects");
    events.send(request.to_bytes()).await.expect("sends");
    assert_eq!(events.read_head().await.expect("answers").status, 200);
    events.read_until("data: 0\n\n").await.expect("begins");
    events
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_stream_ends_at_the_deadline_and_a_request_before_it() {
    let drain = Duration::from_secs(2);
    let (edge, origin) = start(drain).await;
    let mut events = open_events(&edge).await;
    let slow = Request::new("GET", "http://shop.test/sleep/1000");
    let mut connection = edge.connect(&slow).await.expect("connects");
    connection.send(slow.to_bytes()).await.expect("sends");
    origin.until_received(2).await;
    let begun = Instant::now();
    let stop = tokio::spawn(edge.stop_whatever_is_cut(StopMode::Drain));
    let reply = connection.read_reply(false).await.expect("is answered");
    assert_eq!((reply.status, reply.served_by()), (200, "web"));
    let rest = String::from_utf8(events.read_to_end().await).expect("is text");
    assert!(
        rest.contains("data: 20\n"),
        "the stream went on meanwhile: {rest}"
    );
    assert!(begun.elapsed() >= drain, "{:?}", begun.elapsed());
    let report = stop.await.expect("ends");
    assert_eq!(report.data_path.requests_cut, 1, "{report:?}");
    assert!(report.is_log_flushed);
    assert!(
        report.data_path.took < drain + Duration::from_secs(5),
        "{report:?}"
    );
}

/// What a second signal asks for.
#[tokio::test(flavor = "multi_thread")]
async fn a_stop_at_once_waits_for_nobody() {
    let (edge, _origin) = start(Duration::from_secs(60)).await;
    let mut events = open_events(&edge).await;
    let log = edge.log.clone();
    let report = edge.stop_whatever_is_cut(StopMode::AtOnce).await;
    assert_eq!(report.data_path.requests_cut, 1, "{report:?}");
    assert!(report.data_path.took < Duration::from_secs(5), "{report:?}");
    assert!(report.is_log_flushed);
    let line = log.line_with("path", "/events").await;
    assert_eq!(line["reason"], "stopped", "{line}");
    events.read_to_end().await;
}
