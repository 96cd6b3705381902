//! What is a backend, once names have been resolved?

use crate::model::{BackendPolicy, Protocol};
use crate::name::{ObjectName, ObjectRef, Origin};
use std::net::SocketAddr;
use std::sync::Arc;

/// Index into `Snapshot::backends`. Belongs to one snapshot.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendId(pub u32);

impl BackendId {
    /// As an index.
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// What makes a backend the same one across snapshots: its run-time state is kept under this.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BackendKey {
    pub service: ObjectName,
    /// Port of the Service.
    pub port: u16,
    /// Digest of the policy in force: a route's annotations can make another backend of the same Service.
    pub policy: u64,
}

/// One port of one Service, with the policy that holds for it.
#[derive(Debug, Clone)]
pub struct Backend {
    pub key: BackendKey,
    /// `namespace/service:port`, for logs and labels.
    pub label: Arc<str>,
    pub protocol: Protocol,
    pub policy: BackendPolicy,
    /// Nobody probes these endpoints: the Service has no selector.
    pub is_manual: bool,
    /// Certificates of the authority that `policy.ca` names, DER.
    pub authority: Option<Arc<Vec<Vec<u8>>>>,
}

/// One address that serves a backend, and the object that says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointAddress {
    pub address: SocketAddr,
    pub ready: bool,
    pub serving: bool,
    pub terminating: bool,
    pub node: Option<Arc<str>>,
    pub zone: Option<Arc<str>>,
    pub object: ObjectRef,
    pub origin: Option<Origin>,
}
