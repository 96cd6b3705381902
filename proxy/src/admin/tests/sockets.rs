//! Do the admin endpoints stay answerable, and stop?

use super::fixture::{Edge, PATIENCE, RULES_LARGE, Reply};
use crate::admin::serve::{CONNECTIONS_MAX, DUMPS_MAX};
use crate::admin::{AdminError, bind};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Instant;

#[test]
fn a_taken_port_is_an_error_that_names_it() {
    let edge = Edge::start();
    let address = edge.server.address();
    let error = bind(address).unwrap_err();
    assert!(matches!(error, AdminError::Taken { .. }));
    assert!(error.to_string().contains(&address.to_string()), "{error}");
}

#[test]
fn a_stop_frees_the_port_whatever_its_clients_do() {
    let edge = Edge::start();
    let mut idle = edge.connect();
    write!(idle, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    idle.read_exact(&mut [0; 12]).unwrap();
    let mut half = edge.connect();
    write!(half, "GET /livez HT").unwrap();
    let address = edge.server.address();

    let began = Instant::now();
    edge.server.stop();
    assert!(began.elapsed() < PATIENCE, "{:?}", began.elapsed());
    assert!(TcpStream::connect(address).is_err());
    drop(bind(address).unwrap());
}

#[test]
fn at_the_cap_the_next_one_is_answered_as_soon_as_another_one_ends() {
    let edge = Edge::start();
    let mut held: Vec<TcpStream> = (0..CONNECTIONS_MAX).map(|_| edge.connect()).collect();
    for stream in &mut held {
        write!(stream, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
        stream.read_exact(&mut [0; 12]).unwrap(); // It has been accepted.
    }
    let mut next = edge.connect();
    write!(
        next,
        "GET /livez HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    held.pop();
    assert_eq!(Reply::read(next).status, 200);
}

#[test]
fn a_connection_that_says_nothing_is_closed() {
    let edge = Edge::start();
    let silent = edge.connect();
    let mut half = edge.connect();
    write!(half, "GET /livez HTTP/1.1\r\nHos").unwrap();
    let mut done = edge.connect();
    write!(done, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    for mut stream in [silent, half, done] {
        let mut text = String::new();
        // An error would be the patience of `connect`.
        stream.read_to_string(&mut text).unwrap();
    }
}

#[test]
fn a_body_is_bounded() {
    let edge = Edge::start();
    let reply = edge.ask("PUT", "/loglevel", "", &"x".repeat(64 * 1024 + 1));
    assert_eq!(reply.status, 413);
    assert_eq!(edge.ask("PUT", "/loglevel", "", "debug").status, 200);
}

#[test]
fn one_connection_carries_many_questions() {
    let edge = Edge::start();
    let mut stream = edge.connect();
    for _ in 0..2 {
        write!(stream, "GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
    }
    write!(
        stream,
        "GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    let mut text = String::new();
    stream.read_to_string(&mut text).unwrap();
    assert_eq!(text.matches("HTTP/1.1 200 OK").count(), 3, "{text}");
}

#[test]
fn readers_that_stall_keep_nobody_from_probes_and_metrics() {
    let edge = Edge::start();
    edge.make_ready();
    edge.make_large();
    let stalled: Vec<TcpStream> = (0..DUMPS_MAX)
        .map(|_| {
            let mut stream = edge.connect();
            write!(stream, "GET /config HTTP/1.1\r\nHost: localhost\r\n\r\n").unwrap();
            stream.read_exact(&mut [0; 12]).unwrap(); // It is on its way.
            stream
        })
        .collect();
    assert_eq!(edge.get("/readyz").status, 200);
    assert_eq!(edge.get("/metrics").status, 200);
    assert_eq!(edge.get("/config").status, 503);
    drop(stalled);
    let reply = edge.get("/config");
    assert_eq!(reply.status, 200);
    assert_eq!(reply.json()["rules"].as_array().unwrap().len(), RULES_LARGE);
}
