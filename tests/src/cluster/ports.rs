//! Which port of 127.0.0.1 is free, and stays so while its program is away?

use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::sync::atomic::{AtomicU16, Ordering};
use tokio::net::TcpSocket;

/// Below the range from which the kernel takes ports for outgoing connections (ip(7): from 32768 on). A port that is given up for a
/// restart would otherwise go to whoever connects next.
const FIRST: u16 = 20_000;
const COUNT: u16 = 12_000;

/// Waiting behind a listener.
const BACKLOG: u32 = 1024;

/// Counts within this process, so that two clusters of one test never look at the same port at the same time.
static NEXT: AtomicU16 = AtomicU16::new(0);

/// A port on which nobody listens. Another process may still take it first: whoever starts a program on it tries again.
pub fn free() -> u16 {
    let offset = u16::try_from(std::process::id() % u32::from(COUNT)).unwrap();
    for _ in 0..COUNT {
        // Far strides: processes that start together have neighbouring ids.
        let number = NEXT.fetch_add(1, Ordering::Relaxed) % COUNT;
        let place = (u32::from(offset) * 97 + u32::from(number)) % u32::from(COUNT);
        let port = FIRST + u16::try_from(place).unwrap();
        if TcpListener::bind((Ipv4Addr::LOCALHOST, port)).is_ok() {
            return port;
        }
    }
    panic!("no free port from {FIRST} on");
}

/// A listener of this process itself, on a port that can be opened again.
pub fn listener() -> tokio::net::TcpListener {
    loop {
        // Somebody may be faster.
        if let Ok(listener) = listen((Ipv4Addr::LOCALHOST, free()).into()) {
            return listener;
        }
    }
}

/// SO_REUSEADDR, so that the port can be opened again while old connections linger.
pub fn listen(address: SocketAddr) -> io::Result<tokio::net::TcpListener> {
    let socket = TcpSocket::new_v4()?;
    socket.set_reuseaddr(true)?;
    socket.bind(address)?;
    socket.listen(BACKLOG)
}
