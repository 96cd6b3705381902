//! What does a rule do with a request, once names have been resolved?

use super::BackendId;
use crate::model::{Filter, HostMatch, ListenerScope, Redirect, RequestMatch, RoutePolicy};
use crate::name::{ObjectRef, Origin};
use crate::reason::Reason;
use std::sync::Arc;

/// Index into `Snapshot::rules`. Belongs to one snapshot.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RuleId(pub u32);

impl RuleId {
    /// As an index.
    pub fn index(self) -> usize {
        usize::try_from(self.0).unwrap_or(usize::MAX)
    }
}

/// One rule of one object.
#[derive(Debug, Clone)]
pub struct Rule {
    pub object: ObjectRef,
    /// As in `spec.rules[0].http.paths[1]`.
    pub field: Arc<str>,
    pub origin: Option<Origin>,
    pub hosts: Arc<[HostMatch]>,
    pub matches: Arc<[RequestMatch]>,
    pub scope: ListenerScope,
    pub is_default_backend: bool,
    /// Filters but redirects.
    pub filters: Vec<Filter>,
    pub action: Action,
    pub policy: Arc<RoutePolicy>,
}

/// What a rule does.
#[derive(Debug, Clone)]
pub enum Action {
    /// Never empty. By weight; a single target has any weight but 0.
    Forward(Vec<WeightedTarget>),
    Redirect(Redirect),
    /// Every request ends like this: the rule keeps its path, whatever is wrong with its backend.
    Fail(Failure),
    /// No rule: the last rule of every snapshot.
    NotFound,
}

/// A share of a rule's requests.
#[derive(Debug, Clone)]
pub struct WeightedTarget {
    /// The sum of the weights up to and with this one; the last one's is the whole. A request with `r` in `0..whole` goes to the first above `r`.
    pub weight_until: u32,
    pub backend: Result<BackendId, Failure>,
    pub filters: Vec<Filter>,
}

/// An answer that the configuration has decided already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// 500 for an invalid reference of an HTTPRoute, else 503.
    pub status: u16,
    pub reason: Reason,
    /// For `why` and `/problems`, with names: `Service website/backend-service does not exist`.
    pub sentence: String,
}
