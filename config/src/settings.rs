//! How was this process asked to run?

use crate::limits::Limits;
use crate::name::ObjectName;
use std::net::SocketAddr;
use std::path::PathBuf;

/// Settings after defaults, file and flags. Everything in it is well-formed.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    pub http: Vec<Listener>,
    pub https: Vec<Listener>,
    /// Several processes share the listeners' ports (SO_REUSEPORT), for the chart's rollouts.
    pub share_port: bool,
    pub admin: SocketAddr,
    pub source: Source,
    /// Class names that count as ours when the source has no IngressClass of that name.
    pub ingress_classes: Vec<String>,
    pub trusted_proxies: Vec<Network>,
    pub default_certificate: Option<DefaultCertificate>,
    pub access_log: AccessLog,
    pub series_max: usize,
    /// Suffixes of ExternalName that are allowed.
    pub external_names: Vec<String>,
    pub state_directory: PathBuf,
    pub via: bool,
    pub limits: Limits,
    /// `--endpoint`: Services that are elsewhere.
    pub endpoints: Vec<EndpointOverride>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listener {
    pub address: SocketAddr,
    /// What clients dial: redirects and X-Forwarded-Port say it. None: the port of `address`.
    pub public_port: Option<u16>,
    /// PROXY protocol is required on every connection, or never looked for.
    pub proxy_protocol: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    Directory {
        path: PathBuf,
    },
    Cluster {
        namespaces: Vec<String>,
        kubeconfig: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DefaultCertificate {
    Secret(ObjectName),
    Files { certificate: PathBuf, key: PathBuf },
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub struct AccessLog {
    pub format: AccessLogFormat,
    /// 0.0 to 1.0; answers of 500 and above are always logged.
    pub sampling: f64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccessLogFormat {
    Json,
    /// Common Log Format.
    Common,
    Off,
}

/// A network in CIDR form, in its canonical family (an IPv4-mapped one is IPv4).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Network {
    pub address: std::net::IpAddr,
    pub prefix: u8,
}

/// `--endpoint NAMESPACE/SERVICE[:PORT]=HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointOverride {
    pub service: ObjectName,
    /// One port of the Service, or all of them.
    pub port: Option<u16>,
    pub address: SocketAddr,
}
