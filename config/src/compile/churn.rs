//! What changes when only endpoints did?

use super::known::Known;
use super::{CompileOptions, Compiler, backends, endpoint_problems, in_order};
use crate::model::{Model, Service, ServicePort};
use crate::name::ObjectName;
use crate::problem::{Problem, ProblemCode, Problems};
use crate::snapshot::{Backend, BackendKey, Compiled, EndpointAddress};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

type Endpoints = HashMap<BackendKey, Arc<[EndpointAddress]>>;

impl Compiler {
    /// The same as `compile`, where nothing but the endpoints of the `changed` Services differs from the model of `previous`:
    /// the snapshot stays, and so do the endpoints that are equal. `problems` are those of the translation, as for `compile`.
    ///
    /// None where that is not enough: a Service is not what it was, or its endpoints now say that they speak another protocol.
    pub fn recompile_endpoints(
        &mut self,
        (previous, changed): (&Compiled, &[ObjectName]),
        model: &Model,
        problems: Problems,
        options: &CompileOptions,
    ) -> Option<Compiled> {
        let changed: HashSet<&ObjectName> = changed.iter().collect();
        let known = Known::new(model);
        let mut all = problems;
        let mut endpoints = previous.endpoints.clone();
        let mut looked_at: HashSet<&ObjectName> = changed.clone();
        for backend in &previous.snapshot.backends {
            let old = previous.endpoints.get(&backend.key)?;
            // An empty one is always looked at: what its problem suggests depends on the other objects.
            if !old.is_empty() && !changed.contains(&backend.key.service) {
                continue;
            }
            looked_at.insert(&backend.key.service);
            let (service, port) = unchanged(model, backend)?;
            let resolved = self.endpoints.resolve(model, service, port);
            if backends::protocol(&backend.policy, &resolved) != backend.protocol {
                return None;
            }
            let problem = endpoint_problems::of_backend(model, options, &known, &resolved);
            all.extend(problem.map(Arc::new));
            if *resolved.addresses != **old {
                endpoints.insert(backend.key.clone(), resolved.addresses);
            }
        }
        endpoint_problems::orphans(model, options, &known, &needy(&endpoints), &mut all);
        all.extend_from_slice(&previous.snapshot.problems);
        let is_kept = |problem: &&Arc<Problem>| {
            endpoint_problems::CODES.contains(&problem.code)
                && problem.code != ProblemCode::OrphanEndpoints
                && !looked_at.contains(&problem.object.name)
        };
        all.extend(previous.problems.iter().filter(is_kept).cloned());
        Some(Compiled {
            snapshot: previous.snapshot.clone(),
            endpoints,
            problems: in_order(all, &previous.problems),
            unused_hosts: previous.unused_hosts.clone(),
        })
    }
}

/// The namespaces of backends that have no endpoint.
pub fn needy(endpoints: &Endpoints) -> HashSet<&str> {
    let empty = endpoints
        .iter()
        .filter(|(_, addresses)| addresses.is_empty());
    empty.map(|(key, _)| &*key.service.namespace).collect()
}

/// The Service and port of a backend, as far as the snapshot can tell that they are what they were.
fn unchanged<'m>(
    model: &'m Model,
    backend: &Backend,
) -> Option<(&'m Arc<Service>, &'m ServicePort)> {
    let service = model.services.get(&backend.key.service)?;
    let port = service
        .ports
        .iter()
        .find(|port| port.port == backend.key.port)?;
    (backends::is_manual(service) == backend.is_manual).then_some((service, port))
}
