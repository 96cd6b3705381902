//! What has the data path learned of an endpoint?

use crate::name::ObjectName;
use crate::reason::Reason;
use std::net::SocketAddr;

/// Sent from `proxy` to `k8s::report` when an endpoint goes up or down.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointChange {
    pub service: ObjectName,
    pub address: SocketAddr,
    /// None: it is well again.
    pub down: Option<Reason>,
}
