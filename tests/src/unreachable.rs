//! How does an address behave that swallows connections, without leaving this machine?

use crate::story_source::endpoint;
use std::net::SocketAddr;
use std::time::Duration;
use tokio::net::{TcpListener, TcpSocket, TcpStream};

/// A connection on loopback that does not come about within this time will not: its SYN was dropped.
const SILENCE: Duration = Duration::from_millis(100);
/// More than the kernel lets wait behind the shortest backlog.
const CONNECTIONS_MAX: usize = 16;

/// A port whose queue of connections is full and never emptied: each further SYN is dropped, as a firewall does (listen(2), tcp(7)).
pub struct Unreachable {
    pub address: SocketAddr,
    _listener: TcpListener,
    _waiting: Vec<TcpStream>,
}

impl Unreachable {
    pub async fn start() -> Unreachable {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind(endpoint()).unwrap();
        let listener = socket.listen(1).unwrap();
        let address = listener.local_addr().unwrap();
        let mut waiting = Vec::new();
        while let Ok(connected) = tokio::time::timeout(SILENCE, TcpStream::connect(address)).await {
            waiting.push(connected.unwrap());
            assert!(waiting.len() < CONNECTIONS_MAX, "the queue never fills");
        }
        Unreachable {
            address,
            _listener: listener,
            _waiting: waiting,
        }
    }
}
