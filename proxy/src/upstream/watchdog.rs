//! What ends an attempt whose response header does not come in time, so that the client still gets its answer?

use nix::sys::socket::{Shutdown, SockaddrStorage, getpeername, shutdown};
use std::net::{SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;
use tokio::task::AbortHandle;

const WATCHING: u8 = 0;
const BITING: u8 = 1;
const BITTEN: u8 = 2;
const CALLED_OFF: u8 = 3;

/// Watches one attempt over a connection that no other request uses. pingora has one read timeout for the header and for the parts of the body, so the deadline
/// of the header is ours: when it passes, the connection is shut down, pingora's read ends, and the request goes on to its retry or its 504.
/// (Dropping the whole request instead, as the clock does, would leave the client without an answer.)
///
/// The number of the file descriptor stays valid while the attempt runs: pingora closes it and reports the end of the attempt without giving
/// way in between, and the watchdog is dropped at that report. On a work-stealing runtime another thread could open a file of the same number
/// in those few instructions; the comparison of the peer's address keeps the damage to a connection to the same endpoint. An HTTP/2 connection
/// of an event stream is closed by its own task, a moment before the attempt hears of it: the same holds.
#[derive(Debug)]
pub struct Watchdog {
    state: Arc<AtomicU8>,
    task: AbortHandle,
}

impl Watchdog {
    /// Watches the connection `fd` to `endpoint` for this long.
    pub fn watch(fd: RawFd, endpoint: SocketAddr, time: Duration) -> Watchdog {
        let state = Arc::new(AtomicU8::new(WATCHING));
        let watched = state.clone();
        let task = tokio::spawn(async move {
            tokio::time::sleep(time).await;
            bite(&watched, fd, endpoint);
        });
        Watchdog {
            state,
            task: task.abort_handle(),
        }
    }

    /// Did it end the attempt?
    pub fn has_bitten(&self) -> bool {
        self.state.load(Ordering::Acquire) == BITTEN
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.task.abort();
        while let Err(BITING) =
            self.state
                .compare_exchange(WATCHING, CALLED_OFF, Ordering::AcqRel, Ordering::Acquire)
        {
            std::hint::spin_loop();
        }
    }
}

fn bite(state: &AtomicU8, fd: RawFd, endpoint: SocketAddr) {
    let begun = state.compare_exchange(WATCHING, BITING, Ordering::AcqRel, Ordering::Acquire);
    if begun.is_err() {
        return;
    }
    let peer = getpeername::<SockaddrStorage>(fd).ok();
    let peer = peer.and_then(|peer| socket_address(&peer));
    if peer.is_some_and(|peer| (peer.ip(), peer.port()) == (endpoint.ip(), endpoint.port())) {
        // An error means that the connection is gone, which is what is wanted.
        let _ = shutdown(fd, Shutdown::Both);
    }
    state.store(BITTEN, Ordering::Release);
}

fn socket_address(storage: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = storage.as_sockaddr_in() {
        return Some(SocketAddrV4::from(*v4).into());
    }
    storage
        .as_sockaddr_in6()
        .map(|v6| SocketAddrV6::from(*v6).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::fd::AsRawFd;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    async fn connection() -> (TcpStream, TcpStream, SocketAddr) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        (client.unwrap(), server.unwrap().0, address)
    }

    #[tokio::test]
    async fn a_read_that_waits_ends_when_the_time_is_over() {
        let (mut client, _server, address) = connection().await;
        let dog = Watchdog::watch(client.as_raw_fd(), address, Duration::from_millis(5));
        assert_eq!(client.read(&mut [0; 8]).await.unwrap(), 0);
        assert!(dog.has_bitten());
    }

    #[tokio::test]
    async fn a_watchdog_that_was_called_off_and_one_of_another_endpoint_do_no_harm() {
        let (client, _server, address) = connection().await;
        drop(Watchdog::watch(client.as_raw_fd(), address, Duration::ZERO));
        let elsewhere = SocketAddr::from(([127, 0, 0, 9], address.port()));
        let dog = Watchdog::watch(client.as_raw_fd(), elsewhere, Duration::ZERO);
        while !dog.has_bitten() {
            tokio::task::yield_now().await;
        }
        assert!(client.try_write(b"still open").is_ok());
    }
}
