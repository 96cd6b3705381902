//! Does a stop lose anybody's request?

use super::support::{Edge, PATIENCE, eventually, is_closed, read_to_end, read_until};
use crate::shutdown::{StopMode, StopReport};
use config::limits::LINGER;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

fn cut(report: StopReport) -> (usize, usize) {
    (report.requests_cut, report.connections_cut)
}

async fn waiting(edge: &Edge) -> TcpStream {
    let mut stream = edge.connect().await;
    stream
        .write_all(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    eventually(|| edge.server.requests_in_flight() == 1)
        .await
        .unwrap();
    stream
}

#[tokio::test]
async fn while_lame_duck_nobody_is_turned_away() {
    let edge = Edge::start(|settings| settings.limits.lame_duck = PATIENCE);
    let stop = edge.server.stop(StopMode::AfterLameDuck);
    let client = async {
        let mut stream = edge.connect().await;
        stream.write_all(GET).await.unwrap();
        let answer = read_until(&mut stream, "- -").await;
        assert!(
            !answer.to_lowercase().contains("connection: close"),
            "{answer}"
        );
        // The client has its answer a moment before the edge is done with the request.
        eventually(|| edge.server.requests_in_flight() == 0)
            .await
            .unwrap();
    };
    // The stop begins before its client does.
    tokio::select! { biased; _ = stop => panic!("the lame duck was skipped"), () = client => {} }
    assert_eq!(cut(edge.server.stop(StopMode::AtOnce).await).0, 0);
}

#[tokio::test]
async fn a_request_in_flight_is_answered_and_told_to_close() {
    let edge = Edge::start(|_| {});
    let mut stream = waiting(&edge).await;
    let address = edge.http();
    let client = async {
        // The listeners are closed when a new connection is refused.
        let mut is_refused = false;
        while !is_refused {
            is_refused = TcpStream::connect(address).await.is_err();
        }
        edge.release.add_permits(1);
        read_to_end(&mut stream).await
    };
    let (report, answer) = tokio::join!(edge.server.stop(StopMode::Drain), client);
    assert!(answer.ends_with("GET /wait 0 127.0.0.1 - -"), "{answer}");
    assert_eq!(cut(report), (0, 0));
}

#[tokio::test]
async fn an_idle_connection_keeps_the_linger_for_a_request_on_its_way() {
    let edge = Edge::start(|_| {});
    let (mut idle, mut late) = (edge.connect().await, edge.connect().await);
    for stream in [&mut idle, &mut late] {
        stream.write_all(GET).await.unwrap();
        read_until(stream, "- -").await;
    }
    let (begun, address) = (Instant::now(), edge.http());
    let client = async {
        // A handshake that comes too late gets no answer for a second; longer than the linger may leave.
        let connect = || timeout(Duration::from_millis(50), TcpStream::connect(address));
        while matches!(connect().await, Ok(Ok(_))) {}
        // The listeners are closed a moment before answers say so.
        let mut answer = String::new();
        while !answer.contains("connection: close") {
            late.write_all(GET).await.unwrap();
            answer = read_until(&mut late, "- -").await.to_lowercase();
        }
        assert!(is_closed(&mut idle).await);
        assert!(begun.elapsed() >= LINGER);
    };
    let (report, ()) = tokio::join!(edge.server.stop(StopMode::Drain), client);
    assert_eq!(cut(report), (0, 0));
    assert!(report.took < LINGER + Duration::from_secs(2), "{report:?}");
}

#[tokio::test]
async fn what_does_not_end_is_cut_at_the_hard_deadline_and_counted() {
    let edge = Edge::start(|settings| settings.limits.drain = Duration::from_millis(100));
    let mut stream = waiting(&edge).await;
    let report = edge.server.stop(StopMode::Drain).await;
    assert_eq!(cut(report), (1, 1));
    assert!(is_closed(&mut stream).await);
}

#[tokio::test]
async fn a_second_stop_cuts_at_once() {
    let edge = Edge::start(|settings| settings.limits.lame_duck = PATIENCE);
    let mut stream = waiting(&edge).await;
    let begun = Instant::now();
    let slow = edge.server.stop(StopMode::AfterLameDuck);
    let report = tokio::select! {
        biased; // The slow one begins.
        report = slow => report,
        report = edge.server.stop(StopMode::AtOnce) => report,
    };
    assert_eq!(cut(report), (1, 1));
    assert!(begun.elapsed() < PATIENCE);
    assert!(is_closed(&mut stream).await);
}

/// Asks over and over, on a new connection where the last answer said so, until nobody listens. An error: a request without an answer.
async fn load(address: std::net::SocketAddr) -> Result<u32, String> {
    let mut answered = 0;
    loop {
        let Ok(mut stream) = TcpStream::connect(address).await else {
            return Ok(answered);
        };
        let mut is_open = true;
        while is_open {
            let sent = stream.write_all(GET).await;
            let mut answer = vec![0; 1024];
            let read = stream.read(&mut answer).await;
            let (Ok(()), Ok(read @ 1..)) = (sent, read) else {
                return Err(format!("request {answered} has no answer"));
            };
            answered += 1;
            let text = String::from_utf8_lossy(&answer[..read]).to_lowercase();
            is_open = !text.contains("connection: close");
        }
    }
}

#[tokio::test]
async fn under_load_every_request_that_was_sent_is_answered() {
    let edge = Arc::new(Edge::start(|_| {}));
    let clients: Vec<_> = (0..16).map(|_| tokio::spawn(load(edge.http()))).collect();
    // Every client has been served, so every one of them is in the middle when the stop comes.
    eventually(|| edge.metric(&["hedgerow_connections_accepted_total"]) >= 16)
        .await
        .unwrap();
    let report = edge.server.stop(StopMode::AfterLameDuck).await;
    assert_eq!(cut(report), (0, 0));
    for client in clients {
        let answered = client.await.unwrap();
        assert!(answered.is_ok_and(|answered| answered > 0));
    }
}
