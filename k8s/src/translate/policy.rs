//! What do the annotations of an object say of its routes and its backends?

use super::findings::Findings;
use config::model::{BackendPolicy, RoutePolicy};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::sync::Arc;

/// Shared by all rules of one object.
#[derive(Debug, Clone, Default)]
pub(super) struct RoutePolicies {
    pub route: Arc<RoutePolicy>,
    /// None: the object says nothing of its backends.
    pub backend: Option<Arc<BackendPolicy>>,
}

pub(super) fn of_route(_metadata: &ObjectMeta, _findings: &mut Findings<'_>) -> RoutePolicies {
    RoutePolicies::default()
}

pub(super) fn of_service(_metadata: &ObjectMeta, _findings: &mut Findings<'_>) -> BackendPolicy {
    BackendPolicy::default()
}
