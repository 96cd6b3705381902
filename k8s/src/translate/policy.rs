//! Which policies do the annotations of an object give to its routes and its backends?

use super::annotations;
use super::findings::Findings;
use config::model::{BackendPolicy, RoutePolicy};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use std::sync::{Arc, LazyLock};

/// Shared by all rules of one object.
#[derive(Debug, Clone)]
pub(super) struct RoutePolicies {
    pub route: Arc<RoutePolicy>,
    /// None: the object says nothing of its backends.
    pub backend: Option<Arc<BackendPolicy>>,
}

impl Default for RoutePolicies {
    fn default() -> RoutePolicies {
        RoutePolicies {
            route: silent(),
            backend: None,
        }
    }
}

/// The policy of nearly all objects, in memory once.
fn silent() -> Arc<RoutePolicy> {
    static SILENT: LazyLock<Arc<RoutePolicy>> = LazyLock::new(Arc::default);
    SILENT.clone()
}

pub(super) fn of_route(metadata: &ObjectMeta, findings: &mut Findings<'_>) -> RoutePolicies {
    let Some(written) = metadata.annotations.as_ref() else {
        return RoutePolicies::default();
    };
    let (route, backend, problems) = annotations::route_policy(written, findings.place());
    findings.extend(problems);
    let is_silent = route == RoutePolicy::default();
    RoutePolicies {
        route: if is_silent { silent() } else { Arc::new(route) },
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::Object;
    use config::name::{Kind, ObjectName};
    use std::time::Duration;

    /// What an object with these annotations asks for, and the fields of its problems.
    fn check<T>(
        pairs: &[(&str, &str)],
        of: impl Fn(&ObjectMeta, &mut Findings<'_>) -> T,
    ) -> (T, Vec<String>) {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = format!("{}{name}", annotations::PREFIX);
            (name, (*value).to_owned())
        });
        let metadata = ObjectMeta {
            annotations: Some(pairs.collect()),
            ..ObjectMeta::default()
        };
        let object = Object {
            value: (),
            name: ObjectName::new("website", "site"),
            revision: 0,
            lines: None,
        };
        let mut findings = Findings::of(Kind::Ingress, &object);
        let policies = of(&metadata, &mut findings);
        let problems = findings.into_problems();
        (policies, problems.into_iter().map(|p| p.field).collect())
    }

    #[test]
    fn an_ingress_that_says_nothing_of_its_backends_leaves_them_to_the_services() {
        let (policies, problems) = check(&[("attempts", "5")], of_route);
        assert_eq!(policies.route.attempts, Some(5));
        assert_eq!((policies.backend, problems.len()), (None, 0));
        let (policies, _) = check(&[("hold", "8s")], of_route);
        let hold = policies.backend.and_then(|backend| backend.hold);
        assert_eq!(hold, Some(Duration::from_secs(8)));
    }

    #[test]
    fn problems_of_annotations_are_problems_of_their_object() {
        let wrong = [("hold", "x")];
        let field = ["metadata.annotations[hedgerow.edwardstech.dev/hold]"];
        assert_eq!(check(&wrong, of_route).1, field);
        assert_eq!(check(&[("hodl", "1s")], report_misplaced).1.len(), 1);
        assert_eq!(check(&[], of_service).1.len(), 0);
    }
}
