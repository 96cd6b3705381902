//! Which certificate is shown to this client?

use crate::live::Live;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use std::sync::Arc;

/// Reads what is in force at each handshake, so that a new certificate is shown without a restart and without a new socket.
#[derive(Debug)]
pub struct Resolver {
    live: Arc<Live>,
}

impl Resolver {
    pub fn new(live: Arc<Live>) -> Resolver {
        Resolver { live }
    }
}

impl ResolvesServerCert for Resolver {
    /// The exact name, then a wildcard, then the default certificate; never none, which would be an alert that no browser explains.
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let in_force = self.live.current();
        let name = hello.server_name().map(super::normal_name);
        let entry = name.and_then(|name| in_force.snapshot.tls.find(&name).cloned());
        Some(match entry {
            Some(entry) => Arc::clone(&entry.certificate.key),
            None => Arc::clone(&in_force.default_certificate),
        })
    }
}
