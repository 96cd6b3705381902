//! Do listeners come and go with the settings, and is a port that is taken named?

use super::probe::probe;
use super::support::{Edge, Log, listener, read_until, shared};
use crate::listener::socket::BindError;
use crate::runtime::Layout;
use crate::server::{Caps, Options, Server, StartError};
use config::settings::{Listener, Settings};
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::Arc;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

const CAPS: Caps = Caps {
    connections_max: 100,
    per_client_max: 100,
};

fn at(address: SocketAddr) -> Listener {
    Listener {
        address,
        ..listener()
    }
}

/// A port that is free now. Nobody else binds ports by number here.
fn free_address() -> SocketAddr {
    std::net::TcpListener::bind("127.0.0.1:0")
        .unwrap()
        .local_addr()
        .unwrap()
}

fn settings_of(edge: &Edge) -> Settings {
    (*edge.server.shared().live.current().settings).clone()
}

async fn ask(address: SocketAddr) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut stream, "- -").await
}

#[tokio::test]
async fn a_listener_is_added_and_removed_and_its_neighbours_keep_their_connections() {
    let edge = Edge::start(|_| {});
    let mut settings = settings_of(&edge);
    let (first, mut kept) = (edge.http(), edge.connect().await);
    let second = free_address();
    settings.http.push(at(second));
    assert!(edge.server.apply(&settings, CAPS).await.is_empty());
    ask(second).await;
    assert_eq!(edge.http(), first, "an unchanged listener keeps its socket");

    settings.http.pop();
    assert!(edge.server.apply(&settings, CAPS).await.is_empty());
    assert!(TcpStream::connect(second).await.is_err());
    kept.write_all(b"GET /kept HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut kept, "/kept 0 127.0.0.1 - -").await;
    assert_eq!(edge.server.listeners().len(), 2);
}

#[tokio::test]
async fn a_connection_outlives_its_listener() {
    let edge = Edge::start(|_| {});
    let mut kept = edge.connect().await;
    kept.write_all(b"GET /1 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut kept, "- -").await;
    let mut settings = settings_of(&edge);
    settings.http.clear();
    edge.server.apply(&settings, CAPS).await;
    kept.write_all(b"GET /2 HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut kept, "/2 0 127.0.0.1 - -").await;
}

#[tokio::test]
async fn an_address_can_change_its_scheme() {
    let address = free_address();
    let edge = Edge::start(|settings| settings.http = vec![at(address)]);
    ask(address).await;
    let mut settings = settings_of(&edge);
    settings.https.append(&mut settings.http);
    let problems = edge.server.apply(&settings, CAPS).await;
    assert!(problems.is_empty(), "{problems:?}");
    let mut stream = TcpStream::connect(address).await.unwrap();
    stream
        .write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    read_until(&mut stream, "This port speaks HTTPS; use https:// here.\n").await;
}

#[tokio::test]
async fn a_new_listener_that_cannot_be_bound_is_reported_and_leaves_the_others() {
    let edge = Edge::start(|_| {});
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let mut settings = settings_of(&edge);
    settings.http.push(at(taken.local_addr().unwrap()));
    let problems = edge.server.apply(&settings, CAPS).await;
    let [problem] = problems.as_slice() else {
        panic!("{problems:?}");
    };
    assert!(
        matches!(problem.error, BindError::Taken { .. }),
        "{problem}"
    );
    ask(edge.http()).await;
    drop(taken);
    assert!(
        edge.server.apply(&settings, CAPS).await.is_empty(),
        "the next attempt succeeds"
    );
}

#[tokio::test]
async fn the_public_port_of_a_listener_changes_without_a_new_socket() {
    let edge = Edge::start(|_| {});
    let before = edge.http();
    let mut settings = settings_of(&edge);
    settings.http[0].public_port = Some(80);
    edge.server.apply(&settings, CAPS).await;
    let listeners = edge.server.listeners();
    let http = listeners
        .iter()
        .find(|listener| !listener.spec.is_https)
        .unwrap();
    assert_eq!((http.address, http.spec.public_port), (before, Some(80)));
}

#[test]
fn a_taken_port_at_the_start_is_an_error_that_names_field_and_address() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let edge = Edge::start(|_| {});
    let mut settings = settings_of(&edge);
    settings.https = vec![at(address)];
    let shared = Arc::new(shared(settings, Default::default(), Log::default()));
    let threads = NonZeroUsize::MIN;
    let options = Options {
        layout: Layout::ThreadPerCore { threads },
        caps: CAPS,
    };
    let error = Server::start(shared, options, probe).unwrap_err();
    assert!(matches!(error, StartError::Listener { .. }));
    let text = error.to_string();
    assert!(
        text.starts_with(&format!("listeners.https: {address} is taken")),
        "{text}"
    );
}

#[tokio::test]
async fn a_runtime_that_steals_work_serves_as_well() {
    let edge = Edge::start(|_| {});
    let shared = Arc::new(shared(
        settings_of(&edge),
        Default::default(),
        Log::default(),
    ));
    let threads = NonZeroUsize::new(2).unwrap();
    let options = Options {
        layout: Layout::WorkStealing { threads },
        caps: CAPS,
    };
    let server = Server::start(shared, options, probe).unwrap();
    let listeners = server.listeners();
    ask(listeners
        .iter()
        .find(|listener| !listener.spec.is_https)
        .unwrap()
        .address)
    .await;
}
