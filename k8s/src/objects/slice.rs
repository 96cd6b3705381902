//! What of an EndpointSlice stays in memory?
//!
//! There may be 20,000 endpoints, and the type that Kubernetes' own description gives takes 344 bytes for each before its texts. This one
//! has what is read of them.

use k8s_openapi::api::discovery::v1 as asked;
use k8s_openapi::api::discovery::v1::{EndpointConditions, EndpointPort};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::{Deserialize, Serialize};

/// The fields are called as in discovery.k8s.io/v1.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct EndpointSlice {
    pub metadata: ObjectMeta,
    pub address_type: String,
    pub endpoints: Option<Vec<Endpoint>>,
    pub ports: Option<Vec<EndpointPort>>,
}

/// One endpoint of a slice.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", from = "asked::Endpoint")]
pub struct Endpoint {
    pub addresses: Box<[Box<str>]>,
    pub conditions: Option<EndpointConditions>,
    pub node_name: Option<Box<str>>,
    pub zone: Option<Box<str>>,
}

impl From<asked::EndpointSlice> for EndpointSlice {
    fn from(slice: asked::EndpointSlice) -> EndpointSlice {
        let endpoints = slice.endpoints.map(IntoIterator::into_iter);
        EndpointSlice {
            metadata: slice.metadata,
            address_type: slice.address_type,
            endpoints: endpoints.map(|all| all.map(Endpoint::from).collect()),
            ports: slice.ports,
        }
    }
}

impl From<asked::Endpoint> for Endpoint {
    fn from(endpoint: asked::Endpoint) -> Endpoint {
        let addresses = endpoint.addresses.into_iter();
        Endpoint {
            addresses: addresses.map(String::into_boxed_str).collect(),
            conditions: endpoint.conditions,
            node_name: endpoint.node_name.map(String::into_boxed_str),
            zone: endpoint.zone.map(String::into_boxed_str),
        }
    }
}
