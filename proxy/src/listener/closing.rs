//! How does a listening socket close without losing a connection?
//!
//! Closing one resets what waits in its queue, and whoever completes a handshake between the last `accept` and the close is in that
//! queue. So first no new handshake may begin; then the queue is emptied until the ones that had begun are in it.

use socket2::{SockFilter, SockRef};
use tokio::net::TcpListener;

/// Classic BPF over the TCP header: drops a segment whose flags are SYN without ACK. Its sender asks again a second later, and by then is
/// refused, or is welcome at whoever listens there next. The last segments of handshakes that have begun pass.
/// (Opcodes: <https://www.kernel.org/doc/html/latest/networking/filter.html>.)
const DROP_SYN: [SockFilter; 5] = [
    SockFilter::new(LOAD_BYTE, 0, 0, FLAGS_OFFSET),
    SockFilter::new(AND, 0, 0, SYN_AND_ACK),
    SockFilter::new(JUMP_UNLESS_EQUAL_NEXT, 0, 1, SYN),
    SockFilter::new(RETURN, 0, 0, 0),
    SockFilter::new(RETURN, 0, 0, u32::MAX),
];
const LOAD_BYTE: u16 = 0x30;
const AND: u16 = 0x54;
const JUMP_UNLESS_EQUAL_NEXT: u16 = 0x15;
const RETURN: u16 = 0x06;
/// RFC 9293 section 3.1.
const FLAGS_OFFSET: u32 = 13;
const SYN: u32 = 0x02;
const SYN_AND_ACK: u32 = 0x12;

/// From now on no handshake begins. Where the kernel will not have it, connections of the last moment may be lost, as everywhere else.
pub fn refuse_handshakes(socket: &TcpListener) {
    if let Err(error) = SockRef::from(socket).attach_filter(&DROP_SYN) {
        tracing::debug!(%error, "a listener closes without a filter");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;
    use tokio::net::TcpStream;
    use tokio::time::timeout;

    #[tokio::test]
    async fn who_was_connected_is_accepted_and_nobody_connects_any_more() {
        for address in ["127.0.0.1:0", "[::1]:0"] {
            let Ok(socket) = TcpListener::bind(address).await else {
                assert_ne!(address, "127.0.0.1:0", "only IPv6 may be missing");
                continue;
            };
            let address = socket.local_addr().unwrap();
            let early = TcpStream::connect(address).await.unwrap();
            refuse_handshakes(&socket);
            // Not refused either: the kernel would have said so at once.
            let late = timeout(Duration::from_millis(100), TcpStream::connect(address));
            assert!(late.await.is_err(), "{address}");
            let (_, peer) = socket.accept().await.unwrap();
            assert_eq!(peer, early.local_addr().unwrap());
        }
    }
}
