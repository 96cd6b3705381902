//! Are exactly those requests served that the bytes say, wherever the network cuts them?

use super::support::{Edge, read_to_end};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tokio::io::AsyncWriteExt;

#[derive(Debug, Clone)]
enum Body {
    None,
    Length(Vec<u8>),
    Chunked {
        chunks: Vec<Vec<u8>>,
        has_trailer: bool,
    },
}

impl Body {
    fn bytes(&self) -> usize {
        match self {
            Body::None => 0,
            Body::Length(bytes) => bytes.len(),
            Body::Chunked { chunks, .. } => chunks.iter().map(Vec::len).sum(),
        }
    }

    fn write(&self, to: &mut Vec<u8>) {
        match self {
            Body::None => to.extend_from_slice(b"\r\n"),
            Body::Length(bytes) => {
                to.extend_from_slice(format!("Content-Length: {}\r\n\r\n", bytes.len()).as_bytes());
                to.extend_from_slice(bytes);
            }
            Body::Chunked {
                chunks,
                has_trailer,
            } => {
                to.extend_from_slice(b"transfer-encoding: chunked\r\n\r\n");
                for chunk in chunks {
                    to.extend_from_slice(format!("{:X};ext=1\r\n", chunk.len()).as_bytes());
                    to.extend_from_slice(chunk);
                    to.extend_from_slice(b"\r\n");
                }
                to.extend_from_slice(if *has_trailer {
                    b"0\r\nt: v\r\n\r\n"
                } else {
                    b"0\r\n\r\n"
                });
            }
        }
    }
}

/// Bytes that look like the framing of requests, wherever they stand.
fn payload() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(b"\r\n".to_vec()),
        Just(b"0\r\n\r\n".to_vec()),
        Just(b"GET /smuggled HTTP/1.1\r\nHost: a\r\n\r\n".to_vec()),
        proptest::collection::vec(any::<u8>(), 1..200),
    ];
    proptest::collection::vec(word, 1..4).prop_map(|words| words.concat())
}

fn body() -> impl Strategy<Value = Body> {
    prop_oneof![
        Just(Body::None),
        payload().prop_map(Body::Length),
        (proptest::collection::vec(payload(), 0..4), any::<bool>()).prop_map(
            |(chunks, has_trailer)| Body::Chunked {
                chunks,
                has_trailer
            }
        ),
    ]
}

/// The requests as bytes, and the lines with which the edge answers them.
fn pipeline(bodies: &[Body]) -> (Vec<u8>, Vec<String>) {
    let (mut bytes, mut answers) = (Vec::new(), Vec::new());
    for (number, body) in bodies.iter().enumerate() {
        let is_last = number + 1 == bodies.len();
        let close = if is_last { "Connection: close\r\n" } else { "" };
        bytes.extend_from_slice(format!("PUT /{number} HTTP/1.1\r\nHost: a\r\n{close}").as_bytes());
        body.write(&mut bytes);
        answers.push(format!("PUT /{number} {} 127.0.0.1 - -", body.bytes()));
    }
    (bytes, answers)
}

async fn served(edge: &Edge, bytes: &[u8], cuts: &[prop::sample::Index]) -> Vec<String> {
    let mut cuts: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len())).collect();
    cuts.sort_unstable();
    let mut stream = edge.connect().await;
    stream.set_nodelay(true).unwrap();
    let mut from = 0;
    for to in cuts.into_iter().chain([bytes.len()]) {
        stream.write_all(&bytes[from..to]).await.unwrap();
        from = to;
        // The edge runs on other threads; this gives each piece a chance to arrive alone.
        tokio::time::sleep(std::time::Duration::from_micros(300)).await;
    }
    let text = read_to_end(&mut stream).await;
    let is_answer = |part: &&str| part.starts_with("PUT /") || part.contains("smuggled");
    let parts = text
        .split("\r\n\r\n")
        .flat_map(|part| part.split("HTTP/1.1 "));
    parts.filter(is_answer).map(str::to_owned).collect()
}

#[test]
fn the_edge_serves_the_requests_that_the_bytes_say_and_no_other() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let edge = Edge::start(|_| {});
    let bodies = proptest::collection::vec(body(), 1..6);
    let cuts = proptest::collection::vec(any::<prop::sample::Index>(), 0..6);
    let config = Config {
        cases: 64,
        failure_persistence: None,
        ..Config::default()
    };
    TestRunner::new(config)
        .run(&(bodies, cuts), |(bodies, cuts)| {
            let (bytes, expected) = pipeline(&bodies);
            prop_assert_eq!(runtime.block_on(served(&edge, &bytes, &cuts)), expected);
            Ok(())
        })
        .unwrap();
}
