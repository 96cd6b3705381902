//! What is wrong with the endpoints of the Services that routes lead to?

use super::CompileOptions;
use super::backends::describe_port;
use super::endpoints::{self, Outcome, Resolved};
use super::known::Known;
use super::manifest;
use crate::model::{EndpointSlice, Model, Service, ServiceKind, SliceSource};
use crate::name::{Kind, ObjectName};
use crate::problem::{Problem, ProblemCode, Problems, Severity};
use std::collections::HashSet;
use std::sync::Arc;

/// Nobody else reports these codes: `recompile_endpoints` replaces them.
pub const CODES: [ProblemCode; 4] = [
    ProblemCode::NoEndpoints,
    ProblemCode::PortNameMismatch,
    ProblemCode::DeprecatedEndpoints,
    ProblemCode::OrphanEndpoints,
];

/// What is wrong with the endpoints of one backend, if anything.
pub fn of_backend(
    model: &Model,
    options: &CompileOptions,
    known: &Known<'_>,
    resolved: &Resolved<'_>,
) -> Option<Problem> {
    let service = resolved.service;
    let name = &service.object.name;
    match resolved.outcome {
        Outcome::Found(SliceSource::Slice) => None,
        Outcome::Found(SliceSource::Endpoints) => deprecated(model, service),
        Outcome::OtherPorts => Some(other_ports(model, resolved)),
        Outcome::NoObject => Some(no_endpoints(
            service,
            options,
            format!("no EndpointSlice and no Endpoints for Service {name}"),
            format!(
                "Endpoints {name}, or an EndpointSlice with the label kubernetes.io/service-name: {}{}",
                name.name,
                known.endpoints_hint(name)
            ),
        )),
        Outcome::NoAddress => Some(no_endpoints(
            service,
            options,
            format!("the endpoints of Service {name} have no address"),
            "at least one address".to_owned(),
        )),
        Outcome::NotOverridden => Some(no_endpoints(
            service,
            options,
            format!(
                "--endpoint says nothing of port {} of Service {name}",
                resolved.port.port
            ),
            format!("--endpoint {name}:{}=HOST:PORT too", resolved.port.port),
        )),
    }
}

/// A Service with a selector gets its endpoints from the control plane: in a cluster they are late or gone, in a directory there are none.
fn no_endpoints(
    service: &Service,
    options: &CompileOptions,
    found: String,
    expected: String,
) -> Problem {
    let has_selector = matches!(service.kind, ServiceKind::Cluster { has_selector: true });
    let (severity, expected) = match (has_selector, options.is_cluster) {
        (true, true) => (
            Severity::Warning,
            "pods that its selector matches and that are ready; requests are answered with 503 meanwhile".to_owned(),
        ),
        (true, false) => (
            Severity::Info,
            "nothing here: pods make the endpoints of a Service with a selector, and a directory has none; --endpoint says where it is on this machine".to_owned(),
        ),
        (false, _) => (
            Severity::Error,
            format!("{expected}; requests are answered with 503 meanwhile"),
        ),
    };
    Problem {
        severity,
        code: ProblemCode::NoEndpoints,
        object: service.object.clone(),
        field: String::new(),
        found,
        expected,
        origin: service.origin.clone(),
    }
}

fn other_ports(model: &Model, resolved: &Resolved<'_>) -> Problem {
    let service = resolved.service;
    let slices = endpoints::counting(model, service);
    let mut theirs: Vec<(&str, u16)> = slices
        .flat_map(|slice| &slice.ports)
        .map(|port| (&*port.name, port.port))
        .collect();
    theirs.sort_unstable();
    theirs.dedup();
    let list = |names: Vec<String>| match names.is_empty() {
        true => "no port".to_owned(),
        false => names.join(", "),
    };
    let theirs = list(
        theirs
            .iter()
            .map(|(name, port)| named(name, *port))
            .collect(),
    );
    let wanted = named(&resolved.port.name, resolved.port.port);
    let ours = list(service.ports.iter().map(describe_port).collect());
    Problem {
        severity: Severity::Error,
        code: ProblemCode::PortNameMismatch,
        object: service.object.clone(),
        field: "spec.ports".to_owned(),
        found: format!(
            "port {wanted} of Service {}; its endpoints have {theirs}",
            service.object.name
        ),
        expected: format!(
            "the same port name in both, or none in both (the number does not matter): the Service has {ours}; requests are answered with 503 meanwhile"
        ),
        origin: service.origin.clone(),
    }
}

fn named(name: &str, port: u16) -> String {
    match name {
        "" => format!("{port} (unnamed)"),
        _ => format!("{port} ({name})"),
    }
}

fn deprecated(model: &Model, service: &Service) -> Option<Problem> {
    let first = endpoints::counting(model, service).next()?;
    let slices = endpoints::counting(model, service);
    Some(Problem {
        severity: Severity::Info,
        code: ProblemCode::DeprecatedEndpoints,
        object: first.object.clone(),
        field: String::new(),
        found: "Endpoints, which Kubernetes 1.33 and newer call deprecated".to_owned(),
        expected: format!(
            "nothing, they are served; the same as EndpointSlices:\n{}",
            manifest::endpoint_slices(service, slices)
        ),
        origin: first.origin.clone(),
    })
}

/// Endpoints that belong to no Service. In a cluster other programs have such objects for reasons of their own, so there they
/// count only beside a Service that lacks endpoints (`needy`: the namespaces of those).
pub fn orphans(
    model: &Model,
    options: &CompileOptions,
    known: &Known<'_>,
    needy: &HashSet<&str>,
    problems: &mut Problems,
) {
    let mut orphans: Vec<(&ObjectName, &EndpointSlice)> = model
        .endpoints
        .iter()
        .filter(|(service, _)| !model.services.contains_key(service))
        .filter(|(service, _)| !options.is_cluster || needy.contains(&*service.namespace))
        .flat_map(|(service, slices)| slices.iter().map(move |slice| (service, &**slice)))
        .collect();
    orphans.sort_unstable_by_key(|(service, slice)| (*service, &slice.object));
    orphans.dedup_by_key(|(_, slice)| &slice.object);
    for (service, slice) in orphans {
        problems.push(Arc::new(orphan(service, slice, known)));
    }
}

fn orphan(service: &ObjectName, slice: &EndpointSlice, known: &Known<'_>) -> Problem {
    let field = match slice.object.kind {
        Kind::EndpointSlice => "metadata.labels[kubernetes.io/service-name]",
        _ => "metadata.name",
    };
    Problem {
        severity: Severity::Error,
        code: ProblemCode::OrphanEndpoints,
        object: slice.object.clone(),
        field: field.to_owned(),
        found: format!("there is no Service {service}"),
        expected: format!(
            "the name of a Service in namespace {}{}; these endpoints get no request",
            service.namespace,
            known.service_hint(service)
        ),
        origin: slice.origin.clone(),
    }
}
