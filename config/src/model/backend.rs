//! What is behind a Service: its ports, and the endpoints that serve them?

use super::policy::BackendPolicy;
use crate::name::{ObjectRef, Origin};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// A Kubernetes Service.
#[derive(Debug, Clone)]
pub struct Service {
    pub object: ObjectRef,
    pub origin: Option<Origin>,
    pub kind: ServiceKind,
    pub ports: Vec<ServicePort>,
    /// Annotations on the Service: they describe the backend.
    pub policy: BackendPolicy,
    pub digest: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ServiceKind {
    /// ClusterIP, headless, NodePort, LoadBalancer: all have the same endpoints.
    Cluster {
        /// Without one, somebody writes the endpoints by hand.
        has_selector: bool,
    },
    /// ExternalName, whatever it names; refused in this version, see the Problem.
    ExternalName(Arc<str>),
    /// `--endpoint NS/SERVICE[:PORT]=HOST:PORT`: the command line says where it is, for every port or for one.
    Override(Vec<(Option<u16>, SocketAddr)>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServicePort {
    /// Empty: unnamed. Endpoints are matched by this name, as kube-proxy does.
    pub name: Arc<str>,
    pub port: u16,
    pub protocol: Option<Protocol>,
}

/// What an endpoint speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Protocol {
    Http1,
    /// HTTP/2 with prior knowledge, in the clear.
    H2c,
    /// HTTP/1.1 or HTTP/2 over TLS, by ALPN.
    Https,
}

impl Protocol {
    pub const fn as_str(self) -> &'static str {
        match self {
            Protocol::Http1 => "http",
            Protocol::H2c => "h2c",
            Protocol::Https => "https",
        }
    }
}

/// One EndpointSlice, or one subset of an Endpoints object.
#[derive(Debug, Clone)]
pub struct EndpointSlice {
    pub object: ObjectRef,
    pub origin: Option<Origin>,
    pub source: SliceSource,
    pub ports: Vec<EndpointPort>,
    pub endpoints: Vec<Endpoint>,
}

/// Slices win: Endpoints count for a Service that no slice names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum SliceSource {
    Slice,
    Endpoints,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointPort {
    pub name: Arc<str>,
    pub port: u16,
    pub protocol: Option<Protocol>,
}

/// One address and its state (Kubernetes EndpointConditions).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Endpoint {
    pub address: IpAddr,
    pub ready: bool,
    pub serving: bool,
    pub terminating: bool,
    pub node: Option<Arc<str>>,
    pub zone: Option<Arc<str>>,
}
