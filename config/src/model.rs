//! What was asked for, in our words, whichever kind of object and source it came from?
//!
//! The model speaks the language of Gateway API, the richer one; Ingress and annotations translate into it.
//! Every value in it is well-formed; whether names lead anywhere is for `compile` to say.

mod backend;
mod certificate;
mod policy;
mod route;

pub use backend::{
    Endpoint, EndpointPort, EndpointSlice, Protocol, Service, ServiceKind, ServicePort, SliceSource,
};
pub use certificate::{Certificate, CertificateError};
pub use policy::{BackendPolicy, LoadBalance, RoutePolicy, SslRedirect};
pub use route::{
    BackendReference, Filter, HeaderChange, HeaderMatch, HostMatch, ListenerScope, LostReference,
    PathMatch, PathRewrite, PortReference, QueryMatch, Redirect, RequestMatch, Route, RouteRule,
    TextMatch, TlsHosts, WeightedReference,
};

use crate::name::ObjectName;
use std::collections::HashMap;
use std::sync::Arc;

/// Everything that was asked for. Parts are shared by `Arc`, so that an unchanged object costs one pointer.
#[derive(Debug, Clone, Default)]
pub struct Model {
    /// One per Ingress, HTTPRoute that is ours. The order does not matter: precedence is the rules' own.
    pub routes: Vec<Arc<Route>>,
    pub services: HashMap<ObjectName, Arc<Service>>,
    /// EndpointSlices and Endpoints by the Service that they belong to. Slices count; Endpoints only where no slice names the Service.
    pub endpoints: HashMap<ObjectName, Vec<Arc<EndpointSlice>>>,
    /// Secrets of type kubernetes.io/tls that are right (a wrong one keeps its last good form here, or is missing).
    pub certificates: HashMap<ObjectName, Arc<Certificate>>,
    /// Certificates of authorities that `backend-ca` may name: DER, by ConfigMap.
    pub authorities: HashMap<ObjectName, Arc<Vec<Vec<u8>>>>,
}
