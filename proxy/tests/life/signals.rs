//! Does each signal do what the documentation says?

use super::{PATIENCE, Running, get, run_the_site};
use std::io::{BufRead, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

/// The default of `limits.drain` is 25 s, and that of the lame duck 5 s.
const AT_ONCE: Duration = Duration::from_secs(4);

/// Reads on until a line has these words.
fn logged(edge: &mut Running, words: &str) -> String {
    let mut line = String::new();
    while !line.contains(words) {
        line.clear();
        assert!(
            edge.rest.read_line(&mut line).expect("is text") > 0,
            "it ended without {words:?}"
        );
    }
    line
}

#[test]
fn a_second_signal_in_the_lame_duck_stops_at_once() {
    let mut edge = run_the_site("127.0.0.1:1");
    let begun = Instant::now();
    edge.signal("TERM");
    // The first one has arrived when the log says so; two pending signals of a kind are one (signal(7)).
    logged(&mut edge, "stopping");
    assert_eq!(edge.end("TERM").0, Some(0));
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
}

#[test]
fn a_second_signal_in_the_drain_cuts_what_is_in_flight() {
    let backend = TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = backend.local_addr().expect("has an address").to_string();
    let mut edge = run_the_site(&address);
    let http = edge.word("127.0.0.1:").to_owned();
    let mut client = TcpStream::connect(&http).expect("connects");
    client.set_read_timeout(Some(PATIENCE)).expect("is set");
    let request = "GET /api/slow HTTP/1.1\r\nHost: edwardstech.dev\r\n\r\n";
    client.write_all(request.as_bytes()).expect("sends");
    // In flight: the backend has it, and says nothing.
    let (mut held, _) = backend.accept().expect("accepts");
    held.set_read_timeout(Some(PATIENCE)).expect("is set");
    assert!(held.read(&mut [0; 64]).expect("reads") > 0);
    let begun = Instant::now();
    edge.signal("INT");
    logged(&mut edge, "stopping");
    let (code, _) = edge.end("TERM");
    assert_eq!(code, Some(0));
    assert!(begun.elapsed() < AT_ONCE, "{:?}", begun.elapsed());
    let mut answer = Vec::new();
    // Cut: nothing, or a reset.
    let _ = client.read_to_end(&mut answer);
    assert!(!answer.starts_with(b"HTTP/1.1 200"));
}

#[test]
fn a_hangup_does_nothing_to_an_edge_without_a_settings_file() {
    let mut edge = run_the_site("127.0.0.1:1");
    edge.signal("HUP");
    let line = logged(&mut edge, "SIGHUP");
    assert!(line.contains("no settings file"), "{line}");
    let http = edge.word("127.0.0.1:").to_owned();
    assert!(get(&http, "/").starts_with("HTTP/1.1 "));
    assert_eq!(edge.end("INT").0, Some(0));
}
