//! On which terms does a backend's policy, with the limits behind it, let us talk to its endpoints?

use config::digest;
use config::limits::{HOLD_MAX, Limits};
use config::model::{LoadBalance, Protocol};
use config::snapshot::Backend;
use pingora_core::utils::tls::WrappedX509;
use pingora_core::utils::tls::parse_x509;
use std::sync::Arc;
use std::time::Duration;
use x509_parser::prelude::{FromDer, X509Certificate};

/// An idle connection is used for this much less than the endpoint keeps it: the request and the close must not cross.
const KEEP_ALIVE_MARGIN: Duration = Duration::from_secs(1);
/// No idle connection is kept longer, whatever an endpoint says: each one is a file descriptor on both sides.
const KEEP_ALIVE_MAX: Duration = Duration::from_secs(60);
/// Endpoints that keep idle connections for a second or less still serve bursts over one connection.
const KEEP_ALIVE_MIN: Duration = Duration::from_millis(250);

/// A backend's policy with every default filled in.
pub struct Terms {
    pub protocol: Protocol,
    pub connect_timeout: Duration,
    /// To the response header.
    pub response_timeout: Duration,
    /// Between two parts of a body.
    pub idle_timeout: Duration,
    /// The same for event streams, gRPC and upgraded connections.
    pub stream_idle_timeout: Duration,
    pub write_timeout: Duration,
    pub hold: Duration,
    pub held_requests_max: usize,
    pub empty_set_grace: Duration,
    pub load_balance: LoadBalance,
    /// The name to ask for and to find in the certificate; never empty, because an empty one would turn verification off.
    pub server_name: String,
    /// None: the platform's authorities.
    pub authority: Option<Arc<[WrappedX509]>>,
    /// Connections are shared among requests with an equal one, and the same generation of the endpoint.
    pub group: u64,
    /// What the operator says of the endpoints' keep-alive.
    keep_alive: Option<Duration>,
    keep_alive_default: Duration,
}

impl Terms {
    pub fn new(backend: &Backend, limits: &Limits) -> Terms {
        let policy = &backend.policy;
        let service = &backend.key.service;
        let server_name = match &policy.server_name {
            Some(name) => name.suffix().to_owned(),
            None => [&service.name, ".", &service.namespace, ".svc"].concat(),
        };
        Terms {
            protocol: backend.protocol,
            connect_timeout: policy.connect_timeout.unwrap_or(limits.connect_timeout),
            response_timeout: policy.response_timeout.unwrap_or(limits.response_timeout),
            idle_timeout: policy.idle_timeout.unwrap_or(limits.idle_timeout),
            stream_idle_timeout: policy.idle_timeout.unwrap_or(limits.stream_idle_timeout),
            write_timeout: policy.idle_timeout.unwrap_or(limits.idle_timeout),
            hold: policy.hold.unwrap_or(limits.hold).min(HOLD_MAX),
            held_requests_max: limits.held_requests_max,
            empty_set_grace: limits.empty_set_grace,
            load_balance: policy.load_balance.unwrap_or_default(),
            group: group(backend, &server_name),
            server_name,
            authority: backend.authority.as_deref().map(|ders| parse(ders)),
            keep_alive: policy.keep_alive,
            keep_alive_default: limits.upstream_keep_alive_idle,
        }
    }

    /// How long an idle connection to an endpoint may be used again: as the operator says, else as the endpoint says (`learned`), each less
    /// a second; else the default, which is below what common servers keep.
    pub fn keep_alive(&self, learned: Option<Duration>) -> Duration {
        match self.keep_alive.or(learned) {
            // RFC 2068 §19.7.1.1: no longer than its answer; the engine then closes it.
            Some(Duration::ZERO) => Duration::ZERO,
            Some(kept) => kept
                .saturating_sub(KEEP_ALIVE_MARGIN)
                .clamp(KEEP_ALIVE_MIN, KEEP_ALIVE_MAX),
            None => self.keep_alive_default,
        }
    }
}

/// Never prints certificates.
impl std::fmt::Debug for Terms {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Terms")
            .field("protocol", &self.protocol)
            .field("response_timeout", &self.response_timeout)
            .field("hold", &self.hold)
            .field("server_name", &self.server_name)
            .finish_non_exhaustive()
    }
}

/// pingora's pool key has neither the authority nor the protocol in it: a connection that another authority vouched for must not be used.
fn group(backend: &Backend, server_name: &str) -> u64 {
    let key = &backend.key;
    let authority = backend.authority.as_deref().map(|ders| {
        let parts: Vec<&[u8]> = ders.iter().map(Vec::as_slice).collect();
        digest::of(&parts)
    });
    digest::of(&[
        key.service.namespace.as_bytes(),
        key.service.name.as_bytes(),
        &key.port.to_le_bytes(),
        &key.policy.to_le_bytes(),
        backend.protocol.as_str().as_bytes(),
        server_name.as_bytes(),
        &authority.unwrap_or_default().to_le_bytes(),
    ])
}

/// What does not parse is left out (pingora would panic on it); with nothing left, no certificate is trusted, which is the safe side.
fn parse(ders: &[Vec<u8>]) -> Arc<[WrappedX509]> {
    ders.iter()
        .filter(|der| X509Certificate::from_der(der).is_ok())
        .map(|der| WrappedX509::new(der.clone(), parse_x509))
        .collect()
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use config::hostname::Hostname;
    use config::model::BackendPolicy;
    use config::name::ObjectName;
    use config::snapshot::BackendKey;

    pub fn backend(protocol: Protocol, policy: BackendPolicy) -> Backend {
        Backend {
            key: BackendKey {
                service: ObjectName::new("website", "api"),
                port: 3001,
                policy: 7,
            },
            label: "website/api:3001".into(),
            protocol,
            policy,
            is_manual: true,
            authority: None,
        }
    }

    fn terms(policy: BackendPolicy) -> Terms {
        Terms::new(&backend(Protocol::Https, policy), &Limits::default())
    }

    #[test]
    fn the_name_to_verify_is_the_operators_or_the_services_and_never_empty() {
        assert_eq!(
            terms(BackendPolicy::default()).server_name,
            "api.website.svc"
        );
        let named = BackendPolicy {
            server_name: Hostname::parse("pve.home.lan").ok(),
            ..BackendPolicy::default()
        };
        assert_eq!(terms(named).server_name, "pve.home.lan");
    }

    #[test]
    fn idle_connections_are_used_for_a_second_less_than_the_endpoint_keeps_them() {
        let seconds = Duration::from_secs;
        let plain = terms(BackendPolicy::default());
        assert_eq!(plain.keep_alive(None), seconds(4));
        assert_eq!(plain.keep_alive(Some(seconds(5))), seconds(4));
        assert_eq!(plain.keep_alive(Some(seconds(75))), seconds(60));
        assert_eq!(plain.keep_alive(Some(seconds(1))), KEEP_ALIVE_MIN);
        let told = terms(BackendPolicy {
            keep_alive: Some(seconds(2)),
            ..BackendPolicy::default()
        });
        assert_eq!(told.keep_alive(Some(seconds(75))), seconds(1));
    }

    #[test]
    fn connections_are_not_shared_across_authorities_protocols_or_names() {
        let plain = backend(Protocol::Https, BackendPolicy::default());
        let mut other_authority = plain.clone();
        other_authority.authority = Some(Arc::new(vec![vec![1, 2, 3]]));
        let groups = [
            group(&plain, "a"),
            group(&other_authority, "a"),
            group(&plain, "b"),
            group(&backend(Protocol::Http1, BackendPolicy::default()), "a"),
        ];
        for (at, one) in groups.iter().enumerate() {
            assert!(!groups[at + 1..].contains(one));
        }
    }

    #[test]
    fn a_certificate_that_does_not_parse_is_left_out_instead_of_a_panic() {
        let mut broken = backend(Protocol::Https, BackendPolicy::default());
        broken.authority = Some(Arc::new(vec![vec![0x30, 0x03, 1]]));
        let terms = Terms::new(&broken, &Limits::default());
        assert_eq!(terms.authority.unwrap().len(), 0);
    }
}
