//! May an endpoint have this address?

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

/// Which addresses endpoints may have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::translate) enum Allowed {
    /// A directory is its owner's own: it may name any address that one host can have.
    Everything,
    /// Whoever may write an EndpointSlice into some namespace must not reach this node's own services through us, as Kubernetes itself
    /// refuses it (CVE-2021-25740 and the validation of Endpoints). Neither may they reach our admin address or the API server.
    Remote {
        admin: SocketAddr,
        api_server: Arc<[SocketAddr]>,
    },
}

impl Allowed {
    /// The error says what the address is.
    pub fn check(&self, address: IpAddr, ports: &[u16]) -> Result<(), &'static str> {
        // An IPv4 address in IPv6 clothes reaches the same host.
        let address = address.to_canonical();
        // Nothing of anybody's can be there, so they are refused from everywhere, as Kubernetes does.
        if address.is_unspecified() {
            return Err("unspecified");
        }
        if address.is_multicast() {
            return Err("multicast");
        }
        if address == IpAddr::V4(Ipv4Addr::BROADCAST) {
            return Err("the broadcast address");
        }
        let Allowed::Remote { admin, api_server } = self else {
            return Ok(());
        };
        if address.is_loopback() {
            return Err("the edge's own (loopback)");
        }
        if is_link_local(address) {
            return Err("link-local, where nodes keep their metadata services");
        }
        if address == admin.ip().to_canonical() && ports.contains(&admin.port()) {
            return Err("the edge's own admin address");
        }
        let is_here =
            |one: &SocketAddr| one.ip().to_canonical() == address && ports.contains(&one.port());
        if api_server.iter().any(is_here) {
            return Err("the API server's");
        }
        Ok(())
    }
}

fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}
