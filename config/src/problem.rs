//! What is wrong with whose object?

use crate::name::{Kind, ObjectRef, Origin};
use serde::Serialize;
use std::fmt;
use std::sync::Arc;

/// How bad a problem is. `check` exits 1 on errors; `--strict` adds warnings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Something does not work: a missing Service, port, Endpoints; an invalid field.
    Error,
    /// Something works otherwise than its author expects: a missing Secret, IngressClass, ConfigMap.
    Warning,
    /// Not needed, or not checked here.
    Info,
}

impl Severity {
    /// As in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        }
    }
}

/// The stable word for a sort of problem, for tools and for the documentation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ProblemCode {
    /// A file cannot be read or is not YAML.
    UnreadableManifest,
    /// A directory without a single manifest.
    NoManifests,
    /// The API server does not give us the objects of a kind.
    UnreadableKind,
    /// The same object stands in two files.
    DuplicateObject,
    /// A field that the kind does not have.
    UnknownField,
    /// A field whose value has the wrong type or form.
    InvalidField,
    /// An annotation under our prefix that does not exist, or is of a later version.
    UnknownAnnotation,
    /// A value of one of our annotations does not parse.
    InvalidAnnotation,
    /// `traefik.ingress.kubernetes.io/router.priority` and the like: read, never obeyed.
    IgnoredAnnotation,
    /// An Ingress that nobody serves.
    NoIngressClass,
    /// A class or Gateway that is not ours or does not exist.
    NoSuchGateway,
    NoSuchService,
    NoSuchPort,
    /// Service and endpoints name their ports differently.
    PortNameMismatch,
    /// A Service without endpoints of either kind.
    NoEndpoints,
    /// Endpoints whose name fits no Service.
    OrphanEndpoints,
    /// Endpoints v1 is deprecated; the same thing as an EndpointSlice is suggested.
    DeprecatedEndpoints,
    /// An address that endpoints may not have.
    RefusedEndpoint,
    /// ExternalName with an address, or with a name that is not allowed.
    ExternalName,
    NoSuchSecret,
    NoSuchConfigMap,
    /// A Secret of the wrong type, with a key that does not fit, expired, or for other names.
    InvalidCertificate,
    /// HTTPS for this host is answered with the default certificate.
    NoCertificate,
    /// A reference into another namespace without a ReferenceGrant.
    NotGranted,
    /// Two objects claim the same host and path; the older one wins.
    Conflict,
    /// A feature of the kind that this version does not have.
    Unsupported,
    /// A setting that is wrong.
    InvalidSetting,
}

/// One thing that is wrong with one object, for its author: what, where, and what would be right.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Problem {
    pub severity: Severity,
    pub code: ProblemCode,
    pub object: ObjectRef,
    /// The path of the field, as in `spec.rules[0].http.paths[1].backend.service.port.name`. Empty: the object as a whole.
    pub field: String,
    /// What stands there.
    pub found: String,
    /// What would be right, and what happens meanwhile.
    pub expected: String,
    pub origin: Option<Origin>,
}

/// Many problems, each shared: most of them stand unchanged from one configuration to the next.
pub type Problems = Vec<Arc<Problem>>;

impl Problem {
    /// The word that tools match on, such as `no-such-service`.
    pub fn code_str(&self) -> String {
        serde_json::to_value(self.code)
            .ok()
            .and_then(|value| value.as_str().map(str::to_owned))
            .unwrap_or_default()
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(origin) = &self.origin {
            write!(f, "{origin}: ")?;
        }
        // A settings file's origin names it already.
        let is_named = self.object.kind == Kind::Settings
            && (self.origin.as_ref()).is_some_and(|origin| origin.file == self.object.name.name);
        if !is_named {
            write!(f, "{}: ", self.object)?;
        }
        if !self.field.is_empty() {
            write!(f, "{}: ", self.field)?;
        }
        write!(f, "{}; {}", self.found, self.expected)
    }
}
