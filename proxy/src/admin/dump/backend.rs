//! What does a backend look like to an operator?

use crate::upstream::state::{EndpointSet, Pool};
use config::model::{BackendPolicy, LoadBalance};
use config::snapshot::{Backend, EndpointAddress};
use serde::Serialize;
use std::time::Duration;

#[derive(Debug, Serialize)]
pub struct BackendJson<'a> {
    /// `namespace/service:port`.
    backend: &'a str,
    /// Tells backends of one Service port apart whose policies differ.
    policy_digest: String,
    protocol: &'static str,
    /// Its endpoints were written by hand.
    manual: bool,
    policy: PolicyJson,
    endpoints: Vec<EndpointJson>,
}

/// What its object says of an endpoint, and what this edge has to do with it.
#[derive(Debug, Serialize)]
struct EndpointJson {
    address: String,
    ready: bool,
    serving: bool,
    terminating: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    node: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<String>,
    /// `Endpoints website/backend-service`.
    object: String,
    /// `file:line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    /// Attempts under way.
    in_flight: u32,
    /// What the endpoint said in `Keep-Alive: timeout=`.
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive_ms: Option<u64>,
}

/// What annotations ask for; what is left out has its default. Times in milliseconds.
#[derive(Debug, Serialize)]
struct PolicyJson {
    #[serde(skip_serializing_if = "Option::is_none")]
    connect_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    response_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    idle_timeout_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hold_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    keep_alive_ms: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    load_balance: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ca: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    server_name: Option<String>,
}

impl<'a> BackendJson<'a> {
    pub fn new(backend: &'a Backend, pool: &Pool) -> BackendJson<'a> {
        let set = pool.current();
        let endpoints = set.published().iter();
        BackendJson {
            backend: &backend.label,
            policy_digest: format!("{:016x}", backend.key.policy),
            protocol: backend.protocol.as_str(),
            manual: backend.is_manual,
            policy: PolicyJson::new(&backend.policy),
            endpoints: endpoints.map(|one| EndpointJson::new(one, &set)).collect(),
        }
    }
}

impl PolicyJson {
    fn new(policy: &BackendPolicy) -> PolicyJson {
        PolicyJson {
            connect_timeout_ms: policy.connect_timeout.map(milliseconds),
            response_timeout_ms: policy.response_timeout.map(milliseconds),
            idle_timeout_ms: policy.idle_timeout.map(milliseconds),
            hold_ms: policy.hold.map(milliseconds),
            keep_alive_ms: policy.keep_alive.map(milliseconds),
            load_balance: policy.load_balance.map(|choice| match choice {
                LoadBalance::PowerOfTwoChoices => "p2c",
                LoadBalance::RoundRobin => "round-robin",
            }),
            ca: policy.ca.as_ref().map(ToString::to_string),
            server_name: policy.server_name.as_ref().map(ToString::to_string),
        }
    }
}

impl EndpointJson {
    fn new(endpoint: &EndpointAddress, set: &EndpointSet) -> EndpointJson {
        let state = set.find(endpoint.address);
        EndpointJson {
            address: endpoint.address.to_string(),
            ready: endpoint.ready,
            serving: endpoint.serving,
            terminating: endpoint.terminating,
            node: endpoint.node.as_deref().map(str::to_owned),
            zone: endpoint.zone.as_deref().map(str::to_owned),
            object: endpoint.object.to_string(),
            origin: endpoint.origin.as_ref().map(ToString::to_string),
            in_flight: state.map_or(0, |state| state.in_flight()),
            keep_alive_ms: state.and_then(|state| state.keep_alive()).map(milliseconds),
        }
    }
}

fn milliseconds(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
