//! Which policies do the annotations of an object give to its routes and its backends?

use super::annotations;
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

pub(super) fn of_route(metadata: &ObjectMeta, findings: &mut Findings<'_>) -> RoutePolicies {
    let Some(written) = metadata.annotations.as_ref() else {
        return RoutePolicies::default();
    };
    let (route, backend, problems) = annotations::route_policy(written, findings.place());
    findings.extend(problems);
    RoutePolicies {
        route: Arc::new(route),
        backend: (backend != BackendPolicy::default()).then(|| Arc::new(backend)),
    }
}

pub(super) fn of_service(metadata: &ObjectMeta, findings: &mut Findings<'_>) -> BackendPolicy {
    let Some(written) = metadata.annotations.as_ref() else {
        return BackendPolicy::default();
    };
    let (policy, problems) = annotations::service_policy(written, findings.place());
    findings.extend(problems);
    policy
}

/// Our annotations mean nothing on objects of other kinds.
pub(super) fn report_misplaced(metadata: &ObjectMeta, findings: &mut Findings<'_>) {
    if let Some(written) = metadata.annotations.as_ref() {
        let problems = annotations::misplaced(written, findings.place());
        findings.extend(problems);
    }
}
