//! On which source do the stories run, and where do their endpoints listen?
//!
//! On a directory, with endpoints on loopback: that is `make test`. With `HEDGEROW_STORY_SOURCE=cluster` the same stories run on an API
//! server (`make e2e`, `tests/e2e/both_sources`): what a story writes into its directory is applied there, and its edge knows nothing of
//! the directory. Kubernetes refuses loopback endpoints, so they have an address of the documentation (RFC 5737), which the run puts on
//! `lo` of a network of its own.

mod age;
mod listed;
mod mirror;
mod plan;

pub use mirror::Mirror;

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

const VARIABLE: &str = "HEDGEROW_STORY_SOURCE";
const ENDPOINT_V4: Ipv4Addr = Ipv4Addr::new(198, 51, 100, 1);
const ENDPOINT_V6: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 1);

/// False: on a directory.
pub fn is_cluster() -> bool {
    match std::env::var(VARIABLE).as_deref() {
        Ok("cluster") => true,
        Ok("directory" | "") | Err(_) => false,
        Ok(other) => panic!("{VARIABLE} is {other:?}; it is `cluster` or `directory`"),
    }
}

/// The address of every endpoint of a story, with a free port.
pub fn endpoint() -> SocketAddr {
    let address = if is_cluster() {
        ENDPOINT_V4
    } else {
        Ipv4Addr::LOCALHOST
    };
    (IpAddr::V4(address), 0).into()
}

/// The same over IPv6.
pub fn endpoint_v6() -> SocketAddr {
    let address = if is_cluster() {
        ENDPOINT_V6
    } else {
        Ipv6Addr::LOCALHOST
    };
    (IpAddr::V6(address), 0).into()
}
