//! How was this process asked to run?

mod document;
mod flags;
mod form;
mod network;
mod raw;
mod relation;
mod report;
mod restart;
#[cfg(test)]
mod tests;
mod written;
mod yaml;

pub use document::settings_page;
pub use flags::{EndpointError, Flags};
pub use form::parse_socket_address;
pub use network::{Network, NetworkError};

use crate::limits::Limits;
use crate::name::ObjectName;
use crate::problem::Problem;
use report::Report;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
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
    /// What `status.loadBalancer` says, with the API server as the source.
    pub publish: Publish,
    /// Status, conditions and events are written. None: in a pod only.
    pub report: Option<bool>,
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
        /// A relative one begins at the working directory; `-` is standard input.
        path: PathBuf,
    },
    Cluster {
        /// Empty: all.
        namespaces: Vec<String>,
        /// Only namespaces with these labels, as `kubectl --selector` takes it.
        namespace_selector: Option<String>,
        kubeconfig: Option<PathBuf>,
    },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Publish {
    /// These; none are known if it is empty.
    Addresses(Vec<IpAddr>),
    /// Those of this Service.
    Service(ObjectName),
    /// Those of the nodes with a ready endpoint of this Service, which is our own.
    Nodes(ObjectName),
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

/// `--endpoint NAMESPACE/SERVICE[:PORT]=HOST:PORT`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointOverride {
    pub service: ObjectName,
    /// One port of the Service, or all of them.
    pub port: Option<u16>,
    pub address: SocketAddr,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            http: vec![Listener::everywhere(80)],
            https: vec![Listener::everywhere(443)],
            share_port: false,
            admin: SocketAddr::from((Ipv4Addr::LOCALHOST, 9180)),
            source: Source::Cluster {
                namespaces: Vec::new(),
                namespace_selector: None,
                kubeconfig: None,
            },
            ingress_classes: vec!["hedgerow".to_owned()],
            publish: Publish::Addresses(Vec::new()),
            report: None,
            trusted_proxies: Vec::new(),
            default_certificate: None,
            access_log: AccessLog {
                format: AccessLogFormat::Json,
                sampling: 1.0,
            },
            series_max: 600,
            external_names: Vec::new(),
            state_directory: PathBuf::from("/var/lib/hedgerow"),
            via: false,
            limits: Limits::default(),
            endpoints: Vec::new(),
        }
    }
}

impl Listener {
    /// On this address, which is also what clients dial.
    pub fn at(address: SocketAddr) -> Listener {
        Listener {
            address,
            public_port: None,
            proxy_protocol: false,
        }
    }

    /// The port that clients dial.
    pub fn dialled_port(&self) -> u16 {
        self.public_port.unwrap_or(self.address.port())
    }

    fn everywhere(port: u16) -> Listener {
        Listener::at(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port)))
    }
}

impl Settings {
    /// Reads a settings file; `file` is what its problems are called after. Everything that is wrong is reported at once, except that
    /// text which is not YAML ends the reading at its first error.
    pub fn parse(text: &str, file: &str) -> Result<Settings, Vec<Problem>> {
        Settings::parse_with_warnings(text, file).map(|(settings, _)| settings)
    }

    /// The same, with what is usable but probably not meant.
    pub fn parse_with_warnings(
        text: &str,
        file: &str,
    ) -> Result<(Settings, Vec<Problem>), Vec<Problem>> {
        let mut report = Report::new(file);
        let settings = raw::read(text, &mut report);
        if !report.has_errors() {
            for relation in settings.disagreements() {
                report.among(relation);
            }
        }
        if report.has_errors() {
            return Err(report.problems);
        }
        Ok((settings, report.problems))
    }
}
