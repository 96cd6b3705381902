//! Which Service does a backend of an Ingress name?

use crate::translate::findings::quoted;
use config::model::{BackendReference, PortReference};
use config::name::ObjectName;
use config::problem::ProblemCode;
use k8s_openapi::api::networking::v1::{IngressBackend, IngressServiceBackend};

/// What is wrong with a backend.
pub(super) struct WrongBackend {
    pub code: ProblemCode,
    /// Below the backend's own; empty: the backend as a whole.
    pub field: &'static str,
    pub found: String,
    pub expected: &'static str,
}

/// The Service that a backend names. It is of the Ingress's own namespace.
pub(super) fn read(
    namespace: &str,
    backend: &IngressBackend,
) -> Result<BackendReference, WrongBackend> {
    match (&backend.service, &backend.resource) {
        (Some(service), None) => read_service(namespace, service),
        (Some(_), Some(_)) => Err(WrongBackend {
            code: ProblemCode::InvalidField,
            field: "",
            found: "names both a service and a resource".to_owned(),
            expected: "one of them",
        }),
        (None, Some(resource)) => Err(WrongBackend {
            code: ProblemCode::Unsupported,
            field: "resource",
            found: format!(
                "names a {} {}",
                resource.kind.escape_debug(),
                quoted(&resource.name)
            ),
            expected: "a service: no kind of resource is a backend in this version",
        }),
        (None, None) => Err(WrongBackend {
            code: ProblemCode::InvalidField,
            field: "",
            found: "names no service".to_owned(),
            expected: "service.name and service.port",
        }),
    }
}

fn read_service(
    namespace: &str,
    service: &IngressServiceBackend,
) -> Result<BackendReference, WrongBackend> {
    let wrong = |field, found: &str| WrongBackend {
        code: ProblemCode::InvalidField,
        field,
        found: found.to_owned(),
        expected: "service.name, and either service.port.number (1 to 65535) or service.port.name",
    };
    if service.name.is_empty() {
        return Err(wrong("service.name", "is missing"));
    }
    let port = service.port.as_ref();
    let name = port
        .and_then(|port| port.name.as_deref())
        .filter(|name| !name.is_empty());
    let port = match (name, port.and_then(|port| port.number)) {
        (Some(name), None | Some(0)) => PortReference::Name(name.into()),
        (None, Some(number)) => match u16::try_from(number) {
            Ok(number) if number > 0 => PortReference::Number(number),
            _ => return Err(wrong("service.port.number", &quoted(&number.to_string()))),
        },
        (Some(_), Some(_)) => return Err(wrong("service.port", "has both a name and a number")),
        (None, None) => return Err(wrong("service.port", "is missing")),
    };
    Ok(BackendReference::Service {
        service: ObjectName::new(namespace, &service.name),
        port,
    })
}

/// A wrong backend keeps its path.
pub(super) fn invalid(wrong: WrongBackend) -> BackendReference {
    let sentence = format!(
        "the backend {}; right would be {}",
        wrong.found, wrong.expected
    );
    BackendReference::Invalid { sentence }
}
