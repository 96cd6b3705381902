//! Does an HTTP/1 connection go from request to request as it should?

use super::support::{Edge, eventually, is_closed, read_to_end, read_until};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

const GET: &str = "GET /a HTTP/1.1\r\nHost: shop.test\r\n\r\n";

#[tokio::test]
async fn a_connection_serves_one_request_after_the_other() {
    let edge = Edge::start(|_| {});
    let mut stream = edge.connect().await;
    for _ in 0..3 {
        stream.write_all(GET.as_bytes()).await.unwrap();
        let answer = read_until(&mut stream, "GET /a 0 127.0.0.1 - -").await;
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    }
    drop(stream);
    edge.expect_metric(&["hedgerow_connections_closed_total", "client-closed"], 1)
        .await;
    assert_eq!(edge.metric(&["hedgerow_connections_accepted_total"]), 1);
    edge.expect_metric(&["hedgerow_connections_open"], 0).await;
    edge.expect_metric(&["hedgerow_connection_bytes_total", "\"in\""], 3 * 36)
        .await;
}

#[tokio::test]
async fn pipelined_requests_are_served_in_order_with_their_bodies() {
    let edge = Edge::start(|_| {});
    let answers = edge
        .exchange(
            b"POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc\
              POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2;x=y\r\nab\r\n5\r\ncdefg\r\n0\r\nt: v\r\n\r\n\
              GET /3 HTTP/1.1\r\nHost: a\r\n\r\n\
              GET /4 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n\
              GET /5 HTTP/1.1\r\nHost: a\r\n\r\n",
        )
        .await;
    let served: Vec<&str> = answers
        .lines()
        .filter(|line| line.contains("127.0.0.1"))
        .collect();
    let served = served
        .join(" ")
        .replace(" 127.0.0.1 - -", "")
        .replace("HTTP/1.1 200 OK", "");
    assert_eq!(
        served.trim(),
        "POST /1 3 POST /2 7 GET /3 0 GET /4 0",
        "{answers}"
    );
}

#[tokio::test]
async fn a_body_that_drips_in_behind_its_head_is_read_to_its_end() {
    let edge = Edge::start(|_| {});
    let mut stream = edge.connect().await;
    stream
        .write_all(b"POST /slow HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        .await
        .unwrap();
    for piece in [
        "3",
        "\r",
        "\nab",
        "c\r\n",
        "0\r\n\r",
        "\nGET /next HTTP/1.1\r\nHost: a\r\n\r\n",
    ] {
        stream.write_all(piece.as_bytes()).await.unwrap();
        stream.flush().await.unwrap();
        tokio::task::yield_now().await;
    }
    read_until(&mut stream, "POST /slow 3 127.0.0.1 - -").await;
    read_until(&mut stream, "GET /next 0 127.0.0.1 - -").await;
}

#[tokio::test]
async fn an_old_client_without_keep_alive_is_closed_after_its_answer() {
    let edge = Edge::start(|_| {});
    let answer = edge.exchange(b"GET /old HTTP/1.0\r\n\r\n").await;
    assert!(answer.ends_with("GET /old 0 127.0.0.1 - -"), "{answer}");
}

#[tokio::test]
async fn a_phase_can_close_the_connection_after_its_answer() {
    let edge = Edge::start(|_| {});
    for path in ["/closes", "/condemned"] {
        let answer = edge
            .exchange(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n{GET}").as_bytes())
            .await;
        assert!(
            answer.ends_with(&format!("GET {path} 0 127.0.0.1 - -")),
            "{answer}"
        );
    }
    edge.expect_metric(&["hedgerow_connections_closed_total", "condemned"], 1)
        .await;
}

#[tokio::test]
async fn the_clock_around_a_request_ends_what_nothing_else_would() {
    let edge = Edge::start(|_| {});
    let answer = edge
        .exchange(b"GET /clock HTTP/1.1\r\nHost: a\r\n\r\n")
        .await;
    assert_eq!(answer, "");
    edge.expect_metric(&["hedgerow_requests_clock_fired_total"], 1)
        .await;
    edge.expect_metric(&["hedgerow_connections_closed_total", "clock-fired"], 1)
        .await;
    assert_eq!(edge.server.requests_in_flight(), 0);
}

#[tokio::test]
async fn a_connection_without_a_request_is_closed_in_time() {
    let edge = Edge::start(|settings| {
        settings.limits.header_timeout = Duration::from_millis(60);
        settings.limits.keep_alive_idle = Duration::from_millis(120);
    });
    let begun = Instant::now();
    assert!(is_closed(&mut edge.connect().await).await);
    assert!(begun.elapsed() >= Duration::from_millis(60));
    edge.expect_metric(&["hedgerow_connections_closed_total", "no-request"], 1)
        .await;

    let mut stream = edge.connect().await;
    stream.write_all(GET.as_bytes()).await.unwrap();
    read_until(&mut stream, "- -").await;
    let answered = Instant::now();
    assert!(is_closed(&mut stream).await);
    assert!(answered.elapsed() >= Duration::from_millis(100));
    edge.expect_metric(&["hedgerow_connections_closed_total", "\"idle\""], 1)
        .await;
}

#[tokio::test]
async fn limits_hold_for_connections_that_begin_after_they_changed() {
    let edge = Edge::start(|_| {});
    edge.publish(
        |settings| settings.limits.header_fields_max = 1,
        Default::default(),
    );
    let answer = edge
        .exchange(b"GET / HTTP/1.1\r\nHost: a\r\nA: b\r\n\r\n")
        .await;
    assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
}

#[tokio::test]
async fn a_client_that_does_not_read_is_closed() {
    let edge =
        Edge::start(|settings| settings.limits.write_stall_timeout = Duration::from_millis(50));
    let mut stream = edge.connect().await;
    stream
        .write_all(b"GET /big HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    eventually(|| edge.server.requests_in_flight() == 1)
        .await
        .unwrap();
    edge.expect_metric(&["hedgerow_connections_open"], 0).await;
    assert_eq!(edge.server.requests_in_flight(), 0);
}

#[tokio::test]
async fn a_malformed_chunk_ends_the_connection_and_nothing_behind_it_is_served() {
    let edge = Edge::start(|_| {});
    let mut stream = edge.connect().await;
    stream
        .write_all(b"POST /x HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: a\r\n\r\n")
        .await
        .unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(!answer.contains("/evil"), "{answer}");
    assert!(!answer.contains("200 OK"), "{answer}");
}
