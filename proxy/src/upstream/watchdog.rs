//! What ends an attempt whose response header does not come in time, so that the client still gets its answer?

use crate::connection::RequestClock;
use nix::sys::socket::{Shutdown, SockaddrStorage, getpeername, shutdown};
use std::net::{IpAddr, SocketAddr, SocketAddrV4, SocketAddrV6};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU16, AtomicU64, Ordering};
use std::time::Duration;

/// Watches one attempt over a connection that no other request uses. pingora has one read timeout for the header and for the parts of the body, so the deadline
/// of the header is ours: when it passes, the connection is shut down, pingora's read ends, and the request goes on to its retry or its 504.
/// (Dropping the whole request instead, as the clock does when it fires, would leave the client without an answer.)
///
/// The clock around the request bites, beside the request in one task. So the number of the file descriptor is valid when it does: pingora closes
/// it and reports the end of the attempt without giving way in between, and the watchdog is dropped at that report. Only the HTTP/2
/// connection of an event stream is closed by a task of its own, a moment before the attempt hears of it; on a work-stealing runtime another
/// thread could open a file of the same number in that moment, and the comparison of the peer's address keeps the damage to a connection to
/// the same endpoint.
#[derive(Debug)]
pub struct Watchdog(Arc<RequestClock>);

impl Watchdog {
    /// Watches the connection `fd` to `endpoint` for this long. A request has one watchdog at a time.
    pub fn watch(
        clock: Arc<RequestClock>,
        fd: RawFd,
        endpoint: SocketAddr,
        time: Duration,
    ) -> Watchdog {
        clock.watch(fd, endpoint, time);
        Watchdog(clock)
    }

    /// Did it end the attempt?
    pub fn has_bitten(&self) -> bool {
        self.0.has_bitten()
    }
}

impl Drop for Watchdog {
    fn drop(&mut self) {
        self.0.call_off();
    }
}

/// The connection that is watched. Of one task, which may move to another thread: atomics, and their order does not matter.
#[derive(Debug, Default)]
pub struct Target {
    fd: AtomicI32,
    /// In IPv6 form.
    address: [AtomicU64; 2],
    port: AtomicU16,
    is_bitten: AtomicBool,
}

impl Target {
    pub fn set(&self, fd: RawFd, endpoint: SocketAddr) {
        self.fd.store(fd, Ordering::Relaxed);
        for (to, from) in self.address.iter().zip(halves(endpoint.ip())) {
            to.store(from, Ordering::Relaxed);
        }
        self.port.store(endpoint.port(), Ordering::Relaxed);
        self.is_bitten.store(false, Ordering::Relaxed);
    }

    /// Shuts the connection down, if it still leads to the endpoint.
    pub fn bite(&self) {
        let fd = self.fd.load(Ordering::Relaxed);
        let peer = getpeername::<SockaddrStorage>(fd).ok();
        let peer = peer.and_then(|peer| socket_address(&peer));
        if peer.is_some_and(|peer| self.is(peer)) {
            // An error means that the connection is gone, which is what is wanted.
            let _ = shutdown(fd, Shutdown::Both);
        }
        self.is_bitten.store(true, Ordering::Relaxed);
    }

    pub fn is_bitten(&self) -> bool {
        self.is_bitten.load(Ordering::Relaxed)
    }

    fn is(&self, peer: SocketAddr) -> bool {
        let mut address = self.address.iter().zip(halves(peer.ip()));
        peer.port() == self.port.load(Ordering::Relaxed)
            && address.all(|(ours, half)| ours.load(Ordering::Relaxed) == half)
    }
}

fn halves(address: IpAddr) -> [u64; 2] {
    let bits = match address {
        IpAddr::V4(address) => address.to_ipv6_mapped().to_bits(),
        IpAddr::V6(address) => address.to_bits(),
    };
    [bits >> 64, bits & u128::from(u64::MAX)].map(|half| u64::try_from(half).unwrap_or_default())
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
    use crate::connection::clock::tests::expired;
    use std::os::fd::AsRawFd;
    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    async fn connection(address: &str) -> (TcpStream, TcpStream, SocketAddr) {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (client, server) = tokio::join!(TcpStream::connect(address), listener.accept());
        (client.unwrap(), server.unwrap().0, address)
    }

    #[tokio::test]
    async fn a_read_that_waits_ends_when_the_time_is_over() {
        let (mut client, _server, address) = connection("127.0.0.1:0").await;
        let clock = Arc::new(RequestClock::new());
        clock.arm(Duration::from_secs(60));
        let time = Duration::from_millis(5);
        let dog = Watchdog::watch(clock.clone(), client.as_raw_fd(), address, time);
        let mut bytes = [0; 8];
        tokio::select! {
            read = client.read(&mut bytes) => assert_eq!(read.unwrap(), 0),
            () = expired(&clock) => unreachable!("the request goes on"),
        }
        assert!(dog.has_bitten());
    }

    #[tokio::test]
    async fn a_watchdog_that_was_called_off_and_one_of_another_endpoint_do_no_harm() {
        let (client, _server, address) = connection("127.0.0.1:0").await;
        let clock = Arc::new(RequestClock::new());
        let fd = client.as_raw_fd();
        drop(Watchdog::watch(clock.clone(), fd, address, Duration::ZERO));
        clock.arm(Duration::from_millis(5));
        expired(&clock).await;
        assert!(!clock.has_bitten());
        let clock = Arc::new(RequestClock::new());
        let elsewhere = SocketAddr::from(([127, 0, 0, 9], address.port()));
        let dog = Watchdog::watch(clock.clone(), fd, elsewhere, Duration::ZERO);
        clock.arm(Duration::from_millis(5));
        expired(&clock).await;
        assert!(dog.has_bitten());
        assert!(client.try_write(b"still open").is_ok());
    }

    #[test]
    fn endpoints_are_told_apart_by_address_and_port() {
        let target = Target::default();
        for (set, peer, is_same) in [
            ("192.0.2.1:80", "192.0.2.1:80", true),
            ("192.0.2.1:80", "192.0.2.1:81", false),
            ("192.0.2.1:80", "192.0.2.2:80", false),
            ("[2001:db8::1]:80", "[2001:db8::1]:80", true),
            ("[2001:db8::1]:80", "[2001:db8:1::1]:80", false),
        ] {
            target.set(3, set.parse().unwrap());
            assert_eq!(target.is(peer.parse().unwrap()), is_same, "{set} {peer}");
        }
    }
}
