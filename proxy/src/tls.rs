//! Which certificate, which protocol, which version: what does a handshake settle?

pub mod default_certificate;
mod handshake;
mod resolver;

pub use handshake::{HandshakeError, handshake};

use crate::live::Live;
use resolver::Resolver;
use rustls::ServerConfig;
use rustls::crypto::{CryptoProvider, ring};
use rustls::server::{ClientHello, ServerSessionMemoryCache};
use rustls::version::{TLS12, TLS13};
use std::sync::Arc;

/// TLS 1.2 sessions that can be resumed; TLS 1.3 and newer clients carry tickets instead.
const SESSIONS_MAX: usize = 1024;
/// Each ticket costs the first answer of a new connection its bytes; browsers use one.
const TICKETS_SENT: usize = 1;
/// In the order of preference. A handshake for ACME's `acme-tls/1` has its own configuration, see `Terminator::config_for`.
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// Ends TLS for every listener of the process.
#[derive(Debug)]
pub struct Terminator {
    live: Arc<Live>,
    config: Arc<ServerConfig>,
}

impl Terminator {
    /// Fails if the random source of the machine does.
    pub fn new(live: Arc<Live>) -> Result<Terminator, rustls::Error> {
        let resolver = Arc::new(Resolver::new(Arc::clone(&live)));
        let mut config = ServerConfig::builder_with_provider(Arc::new(provider(is_without_aes())))
            .with_protocol_versions(&[&TLS13, &TLS12])?
            .with_no_client_auth()
            .with_cert_resolver(resolver);
        config.alpn_protocols = PROTOCOLS.iter().map(|name| name.to_vec()).collect();
        config.session_storage = ServerSessionMemoryCache::new(SESSIONS_MAX);
        config.ticketer = ring::Ticketer::new()?;
        config.send_tls13_tickets = TICKETS_SENT;
        config.ignore_client_order = is_without_aes();
        Ok(Terminator {
            live,
            config: Arc::new(config),
        })
    }

    /// The configuration for this client. One for all today: certificates vary in the resolver. What varies by name beyond that (client
    /// certificates, versions, the challenge of `acme-tls/1`) is chosen here, after the ClientHello was read and before anything is sent.
    fn config_for(&self, _hello: &ClientHello<'_>) -> Arc<ServerConfig> {
        Arc::clone(&self.config)
    }
}

/// ring, with ChaCha20 first where AES has no instructions: it is three times faster there (Raspberry Pi 4).
fn provider(is_without_aes: bool) -> CryptoProvider {
    let mut provider = ring::default_provider();
    if is_without_aes {
        provider.cipher_suites.sort_by_key(|suite| {
            let name = suite.suite().as_str().unwrap_or_default();
            !name.contains("CHACHA20")
        });
    }
    provider
}

#[cfg(target_arch = "aarch64")]
fn is_without_aes() -> bool {
    !std::arch::is_aarch64_feature_detected!("aes")
}

#[cfg(target_arch = "x86_64")]
fn is_without_aes() -> bool {
    !std::arch::is_x86_feature_detected!("aes")
}

#[cfg(not(any(target_arch = "aarch64", target_arch = "x86_64")))]
fn is_without_aes() -> bool {
    false
}

/// The normal form of a server name: lower-case, without a trailing dot. Allocates only what the connection keeps anyway.
fn normal_name(name: &str) -> Box<str> {
    let name = name.strip_suffix('.').unwrap_or(name);
    name.to_ascii_lowercase().into_boxed_str()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_aes_instructions_every_suite_of_chacha20_comes_first() {
        let are_chacha = |is_without_aes| {
            let suites = provider(is_without_aes).cipher_suites;
            let names = suites.iter().map(|suite| format!("{:?}", suite.suite()));
            names
                .map(|name| name.contains("CHACHA20"))
                .collect::<Vec<_>>()
        };
        let sorted = are_chacha(true);
        assert!(sorted.is_sorted_by(|a, b| a >= b), "{sorted:?}");
        assert_eq!(sorted.first(), Some(&true));
        assert_eq!(are_chacha(false).first(), Some(&false));
        assert_eq!(are_chacha(false).len(), sorted.len());
    }
}
