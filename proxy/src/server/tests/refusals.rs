//! Is a bad head refused wherever it stands, and told to everybody whom it concerns?

use super::support::{Edge, eventually, read_to_end, read_until};
use std::time::{Duration, Instant};
use tokio::io::AsyncWriteExt;

const GOOD: &str = "GET /good HTTP/1.1\r\nHost: shop.test\r\n\r\n";
const GOOD_CHUNKED: &str =
    "POST /good HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n";

/// The head is refused as the first request of a connection, as the second one, as a pipelined one and behind a chunked body.
async fn check(edge: &Edge, head: &str, status: u16) {
    let expected = format!("HTTP/1.1 {status} ");
    let first = edge.exchange(head.as_bytes()).await;
    assert!(first.starts_with(&expected), "{head:?}: {first}");
    assert!(
        first.contains("\r\nserver: hedgerow\r\n"),
        "{head:?}: {first}"
    );
    assert!(
        first.contains("\r\nconnection: close\r\n"),
        "{head:?}: {first}"
    );

    let mut stream = edge.connect().await;
    stream.write_all(GOOD.as_bytes()).await.unwrap();
    read_until(&mut stream, "- -").await;
    stream.write_all(head.as_bytes()).await.unwrap();
    let second = read_to_end(&mut stream).await;
    assert!(second.starts_with(&expected), "{head:?}: {second}");

    for good in [GOOD, GOOD_CHUNKED] {
        let answers = edge
            .exchange(format!("{good}{head}{GOOD}").as_bytes())
            .await;
        assert_eq!(answers.matches("/good").count(), 1, "{head:?}: {answers}");
        assert_eq!(answers.matches(&expected).count(), 1, "{head:?}: {answers}");
    }
}

#[tokio::test]
async fn a_bad_head_is_refused_wherever_it_stands() {
    let edge = Edge::start(|_| {});
    let long = "x".repeat(17 * 1024);
    let cases: [(&str, u16); 14] = [
        ("GET  / HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\nHost: a\n\n", 400),
        ("GET /a b HTTP/1.1\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/3.0\r\nHost: a\r\n\r\n", 400),
        ("GET / HTTP/1.1\r\nHost: a\r\n folded\r\n\r\n", 400),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400,
        ),
        (
            "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n",
            501,
        ),
        ("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n", 405),
        ("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
        (&format!("GET /{long} HTTP/1.1\r\nHost: a\r\n\r\n"), 414),
        (
            &format!("GET / HTTP/1.1\r\nHost: a\r\nA: {long}\r\nB: {long}\r\n\r\n"),
            431,
        ),
    ];
    for (head, status) in cases {
        check(&edge, head, status).await;
    }
    assert_eq!(
        edge.metric(&["hedgerow_request_heads_refused_total"]),
        14 * 4
    );
    eventually(|| edge.log.text().lines().count() == 14 * 4)
        .await
        .unwrap();
    assert!(
        edge.log.text().contains("\"reason\":\"unknown-coding\""),
        "{}",
        edge.log.text()
    );
}

#[tokio::test]
async fn a_head_that_drips_gets_408_at_its_deadline_and_not_later() {
    let edge = Edge::start(|settings| settings.limits.header_timeout = Duration::from_millis(150));
    let mut stream = edge.connect().await;
    let begun = Instant::now();
    let (mut from, mut to) = stream.split();
    let dripping = async {
        for byte in b"GET / HTTP/1.1\r\nHost: a\r\nX: "
            .iter()
            .chain([b'y'; 1000].iter())
        {
            if to.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    let answer = tokio::select! {
        answer = read_until(&mut from, "arrive in time.\n") => answer,
        () = dripping => panic!("no answer came"),
    };
    assert!(answer.starts_with("HTTP/1.1 408 "), "{answer}");
    assert!(begun.elapsed() >= Duration::from_millis(150));
    assert!(
        begun.elapsed() < Duration::from_millis(1500),
        "{:?}",
        begun.elapsed()
    );
    edge.expect_metric(
        &["hedgerow_request_heads_refused_total", "header-timeout"],
        1,
    )
    .await;
}

#[tokio::test]
async fn a_refusal_arrives_although_the_client_goes_on_sending() {
    let edge = Edge::start(|_| {});
    let mut bytes = b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_vec();
    bytes.resize(200 * 1024, b'x');
    let answer = edge.exchange(&bytes).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    assert!(
        answer.contains("Host is missing, repeated or malformed.\nbad-host, request "),
        "{answer}"
    );
}
