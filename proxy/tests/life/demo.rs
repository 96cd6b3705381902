//! Does the demo do what its guide and its page promise?

use super::{PATIENCE, Running, Voice, get};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

const EDIT: (&str, &str) = (
    "name: backend-service\n                port:\n                  number: 3001",
    "name: frontend-service\n                port:\n                  number: 80",
);

/// A demo on free ports, and its HTTP address.
fn start() -> (Running, String) {
    let anywhere = "127.0.0.1:0";
    let arguments = [
        "demo", "--http", anywhere, "--https", anywhere, "--admin", anywhere,
    ];
    let demo = Running::start(&arguments, &Voice::Out, "Ctrl-C ends the demo");
    let url = demo.word("http://localhost:").trim_end_matches('/');
    let address = url.replace("http://localhost", "127.0.0.1");
    (demo, address)
}

/// Sends the head and returns the stream.
fn open(address: &str, head: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("is set");
    let head = format!("{head}\r\nHost: localhost\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sends");
    stream
}

/// Everything up to these words.
fn read_until(stream: &mut TcpStream, words: &str) -> String {
    let mut found = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&found).into_owned();
        if text.contains(words) {
            return text;
        }
        let mut part = [0; 1024];
        let count = stream.read(&mut part).expect("goes on");
        assert!(count > 0, "it ended without {words:?}:\n{text}");
        found.extend_from_slice(&part[..count]);
    }
}

/// Asks again and again, until an answer is as wanted; each is looked at.
fn ask_until(address: &str, path: &str, mut is_wanted: impl FnMut(&str) -> bool) {
    let begun = Instant::now();
    let mut last = String::new();
    while begun.elapsed() < PATIENCE {
        last = get(address, path);
        assert!(last.starts_with("HTTP/1.1 200"), "{last}");
        if is_wanted(&last) {
            return;
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    panic!("never as wanted:\n{last}");
}

#[test]
fn the_demo_echoes_a_websocket_and_streams_events() {
    let (_demo, address) = start();
    let upgrade = "GET /api/ws HTTP/1.1\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
                   Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==";
    let mut socket = open(&address, upgrade);
    let head = read_until(&mut socket, "\r\n\r\n");
    assert!(head.starts_with("HTTP/1.1 101"), "{head}");
    assert!(head.contains("s3pPLMBiTxaQ9kYGzzhZRbK+xOo="), "{head}");
    // "Hello" of RFC 6455 section 5.7.
    let hello = [
        0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
    ];
    socket.write_all(&hello).expect("sends");
    read_until(&mut socket, "\u{5}Hello");

    let mut events = open(&address, "GET /api/events HTTP/1.1");
    let text = read_until(&mut events, "data: event 2");
    assert!(text.contains("text/event-stream"), "{text}");
}

#[test]
fn a_pod_of_the_demo_stops_and_starts_and_nobody_notices() {
    let (_demo, address) = start();
    let throw = |way: &str, state: &str| {
        let head = format!("POST /switch/frontend-1/{way} HTTP/1.1\r\nContent-Length: 0");
        let words = format!("\"frontend-1\":\"{state}\"");
        read_until(&mut open(&address, &head), &words);
    };
    throw("stop", "stopped");
    let mut in_a_row = 0;
    ask_until(&address, "/", |page| {
        in_a_row = match page.contains("frontend-2") {
            true => in_a_row + 1,
            false => 0,
        };
        in_a_row == 10
    });
    throw("start", "running");
    ask_until(&address, "/", |page| page.contains("frontend-1"));
}

#[test]
fn the_edit_that_the_guide_proposes_is_served() {
    let (demo, address) = start();
    assert!(
        demo.said
            .contains("point /api at frontend-service, port 80")
    );
    let ingress = demo
        .said
        .lines()
        .find(|line| line.ends_with("ingress.yaml"));
    let ingress = Path::new(ingress.expect("is named").trim());
    let text = std::fs::read_to_string(ingress).expect("reads");
    let edited = text.replace(EDIT.0, EDIT.1);
    assert_ne!(text, edited);
    std::fs::write(ingress, edited).expect("writes");
    ask_until(&address, "/api/hello", |answer| {
        answer.contains("frontend-")
    });
}
