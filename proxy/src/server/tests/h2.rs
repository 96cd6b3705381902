//! Does an HTTP/2 connection begin, serve its streams, and end as it should?

use super::support::{Edge, PATIENCE, eventually, read_to_end};
use super::tls;
use crate::shutdown::StopMode;
use bytes::Bytes;
use h2::client::SendRequest;
use http::{Request, StatusCode};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinHandle;
use tokio_rustls::client::TlsStream;

type Driver = JoinHandle<Result<(), h2::Error>>;

async fn raw(edge: &Edge) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(edge.https()).await.unwrap();
    tls::over(tcp, "shop.test", &["h2"]).await.unwrap()
}

async fn connect(edge: &Edge) -> (SendRequest<Bytes>, Driver) {
    let (client, connection) = h2::client::handshake(raw(edge).await).await.unwrap();
    (client, tokio::spawn(connection))
}

fn request(path: &str) -> Request<()> {
    Request::get(format!("https://shop.test{path}"))
        .body(())
        .unwrap()
}

async fn ask(client: &SendRequest<Bytes>, path: &str) -> Result<(StatusCode, String), h2::Error> {
    let mut client = client.clone().ready().await?;
    let (response, _) = client.send_request(request(path), true)?;
    let (head, mut body) = response.await?.into_parts();
    let mut text = Vec::new();
    while let Some(part) = body.data().await {
        text.extend_from_slice(&part?);
    }
    Ok((head.status, String::from_utf8(text).unwrap()))
}

async fn ended(driver: Driver) -> Result<(), h2::Error> {
    tokio::time::timeout(PATIENCE, driver)
        .await
        .unwrap()
        .unwrap()
}

#[tokio::test]
async fn streams_run_side_by_side_on_one_connection() {
    let edge = Edge::start(|_| {});
    let (client, _driver) = connect(&edge).await;
    let waiting = ask(&client, "/wait");
    let sibling = async {
        eventually(|| edge.server.requests_in_flight() == 1)
            .await
            .unwrap();
        let answer = ask(&client, "/sibling").await.unwrap();
        edge.release.add_permits(1);
        answer
    };
    let (waited, sibling) = tokio::join!(waiting, sibling);
    assert_eq!(sibling.1, "GET /sibling 0 127.0.0.1 shop.test TLSv1.3");
    assert_eq!(waited.unwrap().1, "GET /wait 0 127.0.0.1 shop.test TLSv1.3");
    eventually(|| edge.server.requests_in_flight() == 0)
        .await
        .unwrap();
}

#[tokio::test]
async fn the_clock_around_a_request_resets_its_stream_and_spares_its_siblings() {
    let edge = Edge::start(|_| {});
    let (client, _driver) = connect(&edge).await;
    let error = ask(&client, "/clock").await.unwrap_err();
    assert!(error.is_reset(), "{error}");
    assert_eq!(ask(&client, "/after").await.unwrap().0, StatusCode::OK);
    assert_eq!(edge.metric(&["hedgerow_requests_clock_fired_total"]), 1);
}

#[tokio::test]
async fn a_connection_without_preface_or_first_stream_is_closed_in_time() {
    let edge = Edge::start(|settings| settings.limits.header_timeout = Duration::from_millis(80));
    let begun = Instant::now();
    read_to_end(&mut raw(&edge).await).await;
    let mut stream = raw(&edge).await;
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0")
        .await
        .unwrap();
    stream.flush().await.unwrap();
    read_to_end(&mut stream).await;
    assert!(begun.elapsed() >= Duration::from_millis(160));
    edge.expect_metric(&["hedgerow_connections_closed_total", "no-request"], 2)
        .await;
}

#[tokio::test]
async fn an_idle_connection_is_told_to_go_away() {
    let edge = Edge::start(|settings| settings.limits.keep_alive_idle = Duration::from_millis(80));
    let (client, driver) = connect(&edge).await;
    let waiting = tokio::spawn({
        let client = client.clone();
        async move { ask(&client, "/wait").await }
    });
    // A request that takes longer than that is not idleness.
    tokio::time::sleep(Duration::from_millis(200)).await;
    edge.release.add_permits(1);
    assert_eq!(waiting.await.unwrap().unwrap().0, StatusCode::OK);
    ended(driver).await.unwrap();
    assert!(client.clone().ready().await.is_err());
    edge.expect_metric(&["hedgerow_connections_closed_total", "\"idle\""], 1)
        .await;
}

#[tokio::test]
async fn a_drain_ends_idle_connections_at_once_and_others_with_their_streams() {
    let edge = Edge::start(|_| {});
    let (idle, idle_driver) = connect(&edge).await;
    ask(&idle, "/a").await.unwrap();
    let (busy, busy_driver) = connect(&edge).await;
    let client = async {
        let waiting = ask(&busy, "/wait");
        let release = async {
            eventually(|| edge.server.requests_in_flight() == 1)
                .await
                .unwrap();
            ended(idle_driver).await.unwrap();
            edge.release.add_permits(1);
        };
        let (waited, ()) = tokio::join!(waiting, release);
        waited.unwrap().0
    };
    let stop = async {
        eventually(|| edge.server.requests_in_flight() == 1)
            .await
            .unwrap();
        edge.server.stop(StopMode::Drain).await
    };
    let (status, report) = tokio::join!(client, stop);
    assert_eq!(status, StatusCode::OK);
    assert_eq!((report.requests_cut, report.connections_cut), (0, 0));
    ended(busy_driver).await.unwrap();
}

/// A frame: length, type, flags, stream, payload (RFC 9113 §4.1).
fn frame(kind: u8, flags: u8, stream: u8, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags, 0, 0, 0, stream], payload].concat()
}

async fn begun(edge: &Edge) -> TlsStream<TcpStream> {
    let mut stream = raw(edge).await;
    stream
        .write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
        .await
        .unwrap();
    stream.write_all(&frame(4, 0, 0, &[])).await.unwrap();
    stream
}

#[tokio::test]
async fn a_flood_of_pings_ends_the_connection() {
    let edge = Edge::start(|_| {});
    let (mut from, mut to) = tokio::io::split(begun(&edge).await);
    let pings = frame(6, 0, 0, &[0; 8]).repeat(1000);
    let flood = async { while to.write_all(&pings).await.is_ok() {} };
    let answers = async {
        let mut bytes = [0; 4096];
        while tokio::io::AsyncReadExt::read(&mut from, &mut bytes)
            .await
            .is_ok_and(|read| read > 0)
        {}
    };
    tokio::time::timeout(PATIENCE, async { tokio::join!(flood, answers) })
        .await
        .unwrap();
    edge.expect_metric(&["hedgerow_connections_closed_total", "http2-error"], 1)
        .await;
}

#[tokio::test]
async fn requests_one_after_the_other_are_no_flood() {
    let edge = Edge::start(|_| {});
    let (client, _driver) = connect(&edge).await;
    let mut long = request("/a");
    long.headers_mut()
        .insert("x-long", "y".repeat(8000).parse().unwrap());
    for _ in 0..100 {
        let mut ready = client.clone().ready().await.unwrap();
        let (response, _) = ready.send_request(long.clone(), true).unwrap();
        let (_, mut body) = response.await.unwrap().into_parts();
        while body.data().await.is_some() {}
    }
}

#[tokio::test]
async fn too_many_malformed_requests_end_the_connection() {
    let edge = Edge::start(|_| {});
    let mut stream = begun(&edge).await;
    // HPACK: GET, https, path `/`, two differing authorities (`:authority: a`, `host: b`).
    let fields = [
        0x82, 0x87, 0x84, 0x41, 1, b'a', 0x40, 4, b'h', b'o', b's', b't', 1, b'b',
    ];
    for number in 0..8 {
        let headers = frame(1, 0x5, number * 2 + 1, &fields);
        stream.write_all(&headers).await.unwrap();
    }
    stream.flush().await.unwrap();
    read_to_end(&mut stream).await;
    edge.expect_metric(&["hedgerow_connections_closed_total", "malformed"], 1)
        .await;
    assert_eq!(edge.server.requests_in_flight(), 0);
}
