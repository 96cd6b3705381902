//! What is behind a Service, as its own object says it?

use super::findings::{Findings, quoted};
use super::{digest, policy};
use crate::objects::Object;
use config::model::{Protocol, Service, ServiceKind, ServicePort};
use config::name::Kind;
use config::problem::{Problem, ProblemCode};
use k8s_openapi::api::core::v1::{Service as Asked, ServicePort as AskedPort, ServiceSpec};
use std::net::SocketAddr;
use std::sync::Arc;

/// Where `--endpoint` says that a Service is: for every port or for one.
pub(super) type Overrides = Vec<(Option<u16>, SocketAddr)>;

pub(super) fn translate(
    object: &Object<Asked>,
    overrides: &Option<Overrides>,
) -> (Arc<Service>, Vec<Problem>) {
    let mut findings = Findings::of(Kind::Service, object);
    let empty = ServiceSpec::default();
    let spec = object.value.spec.as_ref().unwrap_or(&empty);
    let kind = match overrides {
        Some(overrides) => ServiceKind::Override(overrides.clone()),
        None => kind(spec),
    };
    let ports = spec.ports.iter().flatten().enumerate();
    let ports = ports
        .filter_map(|(index, port)| service_port(index, port, &mut findings))
        .collect();
    let policy = policy::of_service(&object.value.metadata, &mut findings);
    let overridden: Vec<(Option<u16>, String)> = overrides
        .iter()
        .flatten()
        .map(|(port, address)| (*port, address.to_string()))
        .collect();
    let asked = (
        &spec.ports,
        &spec.type_,
        &spec.external_name,
        has_selector(spec),
        overridden,
    );
    let service = Service {
        object: findings.object.clone(),
        origin: findings.origin(""),
        kind,
        ports,
        policy,
        digest: digest::of_route(&findings.object, &object.value.metadata, &asked),
    };
    (Arc::new(service), findings.into_problems())
}

fn kind(spec: &ServiceSpec) -> ServiceKind {
    if spec.type_.as_deref() == Some("ExternalName") {
        return ServiceKind::ExternalName(spec.external_name.as_deref().unwrap_or_default().into());
    }
    ServiceKind::Cluster {
        has_selector: has_selector(spec),
    }
}

fn has_selector(spec: &ServiceSpec) -> bool {
    spec.selector
        .as_ref()
        .is_some_and(|selector| !selector.is_empty())
}

/// None: no port for HTTP. UDP and SCTP are somebody else's.
fn service_port(
    index: usize,
    port: &AskedPort,
    findings: &mut Findings<'_>,
) -> Option<ServicePort> {
    if !is_tcp(port.protocol.as_deref()) {
        return None;
    }
    match u16::try_from(port.port) {
        Ok(number) if number > 0 => Some(ServicePort {
            name: port.name.as_deref().unwrap_or_default().into(),
            port: number,
            protocol: protocol(port.app_protocol.as_deref()),
        }),
        _ => {
            findings.error(
                ProblemCode::InvalidField,
                &format!("spec.ports[{index}].port"),
                quoted(&port.port.to_string()),
                "a number from 1 to 65535; this port is passed over",
            );
            None
        }
    }
}

/// No protocol is TCP.
pub(super) fn is_tcp(protocol: Option<&str>) -> bool {
    matches!(protocol, None | Some("" | "TCP"))
}

/// `appProtocol` of a port: <https://kubernetes.io/docs/concepts/services-networking/service/#application-protocol>, and the IANA names.
/// Neither the port's name nor its number says anything. A value that is not ours to know says nothing either.
pub(super) fn protocol(app_protocol: Option<&str>) -> Option<Protocol> {
    let value = app_protocol?;
    match &*value.to_ascii_lowercase() {
        "kubernetes.io/h2c" | "h2c" | "grpc" => Some(Protocol::H2c),
        "kubernetes.io/wss" | "https" | "wss" => Some(Protocol::Https),
        "kubernetes.io/ws" | "http" | "ws" => Some(Protocol::Http1),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
