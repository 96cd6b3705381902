//! How does a listener get its sockets?

use socket2::{Domain, Socket, Type};
use std::io;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

/// Connections that wait in the kernel for `accept`, per socket.
const BACKLOG: i32 = 1024;

/// Why there is no socket on an address.
#[derive(Debug, thiserror::Error)]
pub enum BindError {
    #[error(
        "{address} is taken by another socket; stop what listens there, or choose another port"
    )]
    Taken { address: SocketAddr },
    #[error(
        "{address} needs a privilege that this process does not have: CAP_NET_BIND_SERVICE, or a port from 1024 on"
    )]
    NotPermitted { address: SocketAddr },
    #[error("{address} is not an address of this machine")]
    NoSuchAddress { address: SocketAddr },
    #[error("{address} cannot be listened on: {cause}")]
    Other {
        address: SocketAddr,
        cause: io::Error,
    },
}

impl BindError {
    fn new(address: SocketAddr, cause: io::Error) -> BindError {
        match cause.kind() {
            io::ErrorKind::AddrInUse => BindError::Taken { address },
            io::ErrorKind::PermissionDenied => BindError::NotPermitted { address },
            io::ErrorKind::AddrNotAvailable => BindError::NoSuchAddress { address },
            _ => BindError::Other { address, cause },
        }
    }
}

/// Sockets that share one address: the kernel spreads connections over them.
#[derive(Debug)]
pub struct Bound {
    /// With the port that the kernel chose for port 0.
    pub address: SocketAddr,
    pub sockets: Vec<TcpListener>,
}

/// Binds `count` sockets. `[::]` takes IPv4 too, and is 0.0.0.0 where there is no IPv6.
///
/// Without `share_port` a port that somebody else listens on is an error, although SO_REUSEPORT would let a second process of the same
/// user in without a word, and half of the requests with it.
pub fn bind(address: SocketAddr, count: usize, share_port: bool) -> Result<Bound, BindError> {
    match bind_exactly(address, count, share_port) {
        Err(cause)
            if address.ip().is_unspecified() && address.is_ipv6() && is_without_ipv6(&cause) =>
        {
            let address = SocketAddr::new(Ipv4Addr::UNSPECIFIED.into(), address.port());
            bind_exactly(address, count, share_port).map_err(|cause| BindError::new(address, cause))
        }
        bound => bound.map_err(|cause| BindError::new(address, cause)),
    }
}

fn bind_exactly(address: SocketAddr, count: usize, share_port: bool) -> io::Result<Bound> {
    if !share_port && address.port() != 0 {
        open(address, false)?;
    }
    let first = open(address, true)?;
    let address = first.local_addr()?;
    let mut sockets = vec![first];
    for _ in 1..count {
        sockets.push(open(address, true)?);
    }
    Ok(Bound { address, sockets })
}

fn open(address: SocketAddr, is_shared: bool) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, None)?;
    socket.set_reuse_address(true)?; // Else connections of the last run block the port for a minute.
    socket.set_reuse_port(is_shared)?;
    if address.is_ipv6() {
        socket.set_only_v6(false)?;
    }
    socket.set_nonblocking(true)?;
    socket.bind(&address.into())?;
    if is_shared {
        socket.listen(BACKLOG)?;
    }
    Ok(socket.into())
}

fn is_without_ipv6(cause: &io::Error) -> bool {
    const EAFNOSUPPORT: i32 = 97; // Linux; `ErrorKind` has no word for it.
    cause.raw_os_error() == Some(EAFNOSUPPORT) || cause.kind() == io::ErrorKind::AddrNotAvailable
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOPBACK: &str = "127.0.0.1:0";

    fn bind_on(address: SocketAddr, share_port: bool) -> Result<Bound, BindError> {
        bind(address, 2, share_port)
    }

    #[test]
    fn all_sockets_of_a_listener_have_the_port_that_the_first_one_got() {
        let bound = bind(LOOPBACK.parse().unwrap(), 3, false).unwrap();
        assert_ne!(bound.address.port(), 0);
        assert_eq!(bound.sockets.len(), 3);
        for socket in &bound.sockets {
            assert_eq!(socket.local_addr().unwrap(), bound.address);
        }
    }

    #[test]
    fn a_taken_port_is_an_error_that_names_it_unless_it_is_to_be_shared() {
        let other = bind_on(LOOPBACK.parse().unwrap(), false).unwrap();
        let error = bind_on(other.address, false).unwrap_err();
        assert!(matches!(&error, BindError::Taken { address } if *address == other.address));
        assert!(
            error.to_string().contains(&other.address.to_string()),
            "{error}"
        );
        bind_on(other.address, true).unwrap();
        drop(other);
    }

    #[test]
    fn a_port_that_was_given_back_is_free_again() {
        let address = bind_on(LOOPBACK.parse().unwrap(), false).unwrap().address;
        bind_on(address, false).unwrap();
    }

    #[test]
    fn the_unspecified_ipv6_address_takes_ipv4_too() {
        let bound = bind_on("[::]:0".parse().unwrap(), false).unwrap();
        let address = SocketAddr::new(Ipv4Addr::LOCALHOST.into(), bound.address.port());
        std::net::TcpStream::connect(address).unwrap();
    }

    #[test]
    fn an_address_of_another_machine_is_an_error_that_says_so() {
        let error = bind_on("192.0.2.1:0".parse().unwrap(), false).unwrap_err();
        assert!(matches!(error, BindError::NoSuchAddress { .. }), "{error}");
    }
}
