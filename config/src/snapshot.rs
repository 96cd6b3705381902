//! What does a request read?
//!
//! A snapshot is immutable and shared by `Arc`; a request pins one and keeps it until its end.

mod backend;
mod rule;
mod table;
mod tls;

pub use backend::{Backend, BackendId, BackendKey, EndpointAddress};
pub use rule::{Action, Failure, Rule, RuleId, WeightedTarget};
pub(crate) use table::{Entry, Mismatch, SharedClaim, Visitor};
pub use table::{Precedence, RequestView, RouteTable};
pub use tls::{TlsEntry, TlsTable};

use crate::name::ObjectRef;
use crate::problem::Problems;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// What `compile` makes of a model.
#[derive(Debug, Clone)]
pub struct Compiled {
    pub snapshot: Arc<Snapshot>,
    /// The endpoints of each backend of the snapshot: they change without it.
    pub endpoints: HashMap<BackendKey, Arc<[EndpointAddress]>>,
    /// Of translation and compilation together, sorted, each once.
    pub problems: Arc<Problems>,
    /// Filled by whoever knows the objects that are not in the model.
    pub unused_hosts: Arc<UnusedHosts>,
}

/// The hosts that objects were meant for which are not used because they are wrong; `*` is every host. None: they cannot be read.
pub type UnusedHosts = BTreeMap<ObjectRef, Option<Vec<String>>>;

/// Routes, backends and certificates in force. The default is empty: not even a rule for 404.
#[derive(Debug, Default)]
pub struct Snapshot {
    pub table: RouteTable,
    /// By `RuleId`. The last one answers 404, so that `find` is total.
    pub rules: Vec<Rule>,
    /// By `BackendId`.
    pub backends: Vec<Backend>,
    pub tls: TlsTable,
    /// 48 bits over routes, backends and wanted certificates: the same on every node with the same objects.
    pub digest: u64,
    /// Every object with rules, and the digest of what it asks for, the oldest first.
    pub objects: Vec<(ObjectRef, u64)>,
    /// What is wrong with routes, references and certificates. They stay while only endpoints change; `Compiled` has all.
    pub problems: Problems,
}

impl Snapshot {
    /// Which rule takes this request? Total: the last rule answers 404.
    pub fn find(&self, request: &RequestView<'_>) -> RuleId {
        self.table.find(request)
    }

    pub fn rule(&self, id: RuleId) -> Option<&Rule> {
        self.rules.get(id.index())
    }

    pub fn backend(&self, id: BackendId) -> Option<&Backend> {
        self.backends.get(id.index())
    }
}
