//! Which backend, and which of its endpoints?

pub mod choose;
pub mod fields;
pub mod history;
pub mod hold;
pub mod peer;
pub mod pick;
pub mod rewrite;
pub mod state;
pub mod terms;
pub mod timeouts;
pub mod watchdog;

use crate::observe::backend_metrics::BackendHandles;
use config::snapshot::{BackendKey, EndpointAddress};
use state::Pool;
use std::sync::Arc;
use std::time::Instant;
use terms::Terms;

/// What a backend keeps while requests run. The pool survives changes of configuration; the terms and metric handles are those of one.
#[derive(Debug)]
pub struct BackendState {
    pub key: BackendKey,
    /// `namespace/service:port`.
    pub label: Arc<str>,
    pub terms: Terms,
    pub pool: Arc<Pool>,
    pub metrics: BackendHandles,
}

impl BackendState {
    /// Replaces the endpoints. Requests that have chosen one keep it. On the control path.
    pub fn publish_endpoints(&self, endpoints: Arc<[EndpointAddress]>) {
        let before = self.pool.counts();
        self.pool.publish(endpoints, Instant::now());
        self.metrics.shift_endpoints(before, self.pool.counts());
    }

    /// No endpoint can be used, and there was none a moment ago: the answer is known, and the connection of the client stays open for it.
    pub fn is_without_hope(&self) -> bool {
        let set = self.pool.current();
        !set.is_usable() && !set.emptied_within(self.terms.empty_set_grace, Instant::now())
    }
}
