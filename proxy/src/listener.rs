//! How does a client's connection come in?

pub mod accept;
pub mod closing;
pub mod permits;
pub mod proxy_protocol;
pub mod socket;

use crate::connection::context::ListenerFacts;
use crate::observe::connection_metrics::{ConnectionMetrics, ListenerMetrics};
use arc_swap::ArcSwap;
use config::settings::{self, Settings};
use http::HeaderValue;
use std::net::SocketAddr;
use std::sync::Arc;

/// A listener as asked for. Two of them on the same address with the same scheme are the same socket, whatever else differs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerSpec {
    pub address: SocketAddr,
    pub is_https: bool,
    pub proxy_protocol: bool,
    pub public_port: Option<u16>,
}

impl ListenerSpec {
    /// Every listener of the settings, HTTP first, each address once.
    pub fn all(settings: &Settings) -> Vec<ListenerSpec> {
        let http = settings
            .http
            .iter()
            .map(|listener| ListenerSpec::new(listener, false));
        let https = settings
            .https
            .iter()
            .map(|listener| ListenerSpec::new(listener, true));
        http.chain(https).collect()
    }

    fn new(listener: &settings::Listener, is_https: bool) -> ListenerSpec {
        ListenerSpec {
            address: listener.address,
            is_https,
            proxy_protocol: listener.proxy_protocol,
            public_port: listener.public_port,
        }
    }

    pub fn is_same_socket(&self, other: &ListenerSpec) -> bool {
        self.address == other.address && self.is_https == other.is_https
    }

    /// The path of the setting, for problems.
    pub fn field(&self) -> &'static str {
        if self.is_https {
            "listeners.https"
        } else {
            "listeners.http"
        }
    }
}

/// A listener that runs, as its connections see it.
#[derive(Debug)]
pub struct Listener {
    /// With the port in use.
    pub bound: SocketAddr,
    pub metrics: Arc<ListenerMetrics>,
    terms: ArcSwap<Terms>,
}

/// What a connection keeps of its listener: settings that change do not touch it.
#[derive(Debug)]
pub struct Terms {
    pub spec: ListenerSpec,
    pub facts: Arc<ListenerFacts>,
}

impl Listener {
    pub fn new(spec: ListenerSpec, bound: SocketAddr, metrics: &ConnectionMetrics) -> Listener {
        let metrics = Arc::new(metrics.listener(&spec.address.to_string()));
        Listener {
            bound,
            metrics,
            terms: ArcSwap::from_pointee(Terms::new(spec, bound)),
        }
    }

    pub fn terms(&self) -> Arc<Terms> {
        self.terms.load_full()
    }

    /// The same socket with other facts.
    pub fn change(&self, spec: ListenerSpec) {
        self.terms.store(Arc::new(Terms::new(spec, self.bound)));
    }
}

impl Terms {
    fn new(spec: ListenerSpec, bound: SocketAddr) -> Terms {
        let public_port = spec.public_port.unwrap_or(bound.port());
        let facts = Arc::new(ListenerFacts {
            label: spec.address.to_string().into(),
            is_https: spec.is_https,
            public_port,
            public_port_text: HeaderValue::from(public_port),
        });
        Terms { spec, facts }
    }
}
