//! Which Services are elsewhere, as the command line says it?

use super::service::Overrides;
use config::model::Service;
use config::name::{Kind, ObjectName, ObjectRef};
use config::nearest::nearest;
use config::problem::{Problem, ProblemCode, Severity};
use config::settings::{EndpointOverride, Settings};
use std::collections::HashMap;
use std::sync::Arc;

/// `--endpoint`, by Service, in the order of the command line.
pub(super) fn by_service(settings: &Settings) -> HashMap<ObjectName, Overrides> {
    let mut all: HashMap<ObjectName, Overrides> = HashMap::new();
    for one in &settings.endpoints {
        let overrides = all.entry(one.service.clone()).or_default();
        overrides.push((one.port, one.address));
    }
    all
}

/// What `--endpoint` names has to be there: a slip of the pen would send requests to the real thing.
pub(super) fn check(
    settings: &Settings,
    services: &HashMap<ObjectName, Arc<Service>>,
) -> Vec<Problem> {
    let wrong = |one: &EndpointOverride| match services.get(&one.service) {
        None => Some(no_service(one, services)),
        Some(service) => no_port(one, service),
    };
    settings.endpoints.iter().filter_map(wrong).collect()
}

fn no_service(one: &EndpointOverride, services: &HashMap<ObjectName, Arc<Service>>) -> Problem {
    let names: Vec<String> = services.keys().map(ObjectName::to_string).collect();
    let wanted = one.service.to_string();
    let hint = match nearest(&wanted, names.iter().map(String::as_str)) {
        Some(name) => format!("; the nearest is {name}"),
        None => String::new(),
    };
    problem(
        one,
        format!("there is no Service {wanted}"),
        format!("NAMESPACE/SERVICE of a Service that exists{hint}"),
    )
}

fn no_port(one: &EndpointOverride, service: &Service) -> Option<Problem> {
    let port = one.port?;
    if service.ports.iter().any(|other| other.port == port) {
        return None;
    }
    let ports: Vec<String> = service
        .ports
        .iter()
        .map(|port| port.port.to_string())
        .collect();
    Some(problem(
        one,
        format!("Service {} has no port {port}", one.service),
        format!("one of its ports: {}", ports.join(", ")),
    ))
}

fn problem(one: &EndpointOverride, found: String, expected: String) -> Problem {
    let port = one.port.map(|port| format!(":{port}")).unwrap_or_default();
    Problem {
        severity: Severity::Error,
        code: ProblemCode::InvalidSetting,
        object: ObjectRef::new(Kind::Settings, "", "--endpoint"),
        field: format!("{}{port}={}", one.service, one.address),
        found,
        expected,
        origin: None,
    }
}
