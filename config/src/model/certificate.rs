//! Is this certificate chain with this key fit to be shown to clients?

use crate::hostname::{Hostname, WildcardLabels};
use rustls::sign::CertifiedKey;
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use std::fmt;
use std::sync::Arc;
use x509_parser::prelude::{FromDer, GeneralName, X509Certificate};
use zeroize::Zeroizing;

/// A chain and the key that fits it. The key itself lives in rustls; our copy of it is overwritten.
#[derive(Clone)]
pub struct Certificate {
    pub key: Arc<CertifiedKey>,
    /// DNS names of the leaf: its SANs, or its common name where it has none.
    pub names: Vec<Hostname>,
    /// Seconds since 1970.
    pub not_before: i64,
    pub not_after: i64,
    /// Tells one certificate from another; says nothing of the key.
    pub digest: u64,
}

/// Why a chain and a key are not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CertificateError {
    #[error("has no certificate in PEM form")]
    NoCertificate,
    #[error("has a certificate that does not parse: {0}")]
    BadCertificate(String),
    #[error("has no private key in PEM form (PKCS#8, PKCS#1 or SEC1)")]
    NoKey,
    #[error(
        "has a private key of a kind that is not supported; RSA, ECDSA (P-256, P-384) and Ed25519 are"
    )]
    UnsupportedKey,
    #[error("has a private key that does not belong to its certificate")]
    KeyMismatch,
}

impl Certificate {
    /// Parses the two values of a `kubernetes.io/tls` Secret.
    pub fn parse(chain_pem: &[u8], key_pem: &[u8]) -> Result<Certificate, CertificateError> {
        let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(chain_pem)
            .collect::<Result<_, _>>()
            .map_err(|error| CertificateError::BadCertificate(error.to_string()))?;
        let Some(leaf) = chain.first() else {
            return Err(CertificateError::NoCertificate);
        };
        let facts = LeafFacts::read(leaf)?;
        let digest = crate::digest::of(&chain.iter().map(|der| der.as_ref()).collect::<Vec<_>>());
        let key = PrivateKeyDer::from_pem_slice(key_pem).map_err(|_| CertificateError::NoKey)?;
        let key = Zeroizing::new(key);
        let key = rustls::crypto::ring::sign::any_supported_type(&key)
            .map_err(|_| CertificateError::UnsupportedKey)?;
        let key = CertifiedKey::new(chain, key);
        match key.keys_match() {
            Ok(()) | Err(rustls::Error::InconsistentKeys(rustls::InconsistentKeys::Unknown)) => {}
            Err(_) => return Err(CertificateError::KeyMismatch),
        }
        Ok(Certificate {
            key: Arc::new(key),
            names: facts.names,
            not_before: facts.not_before,
            not_after: facts.not_after,
            digest,
        })
    }

    /// Is the leaf for this host (RFC 6125: a wildcard stands for one label)?
    pub fn covers(&self, host: &str) -> bool {
        self.names
            .iter()
            .any(|name| name.covers(host, WildcardLabels::One))
    }
}

/// Never prints a key.
impl fmt::Debug for Certificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Certificate")
            .field("names", &self.names)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

struct LeafFacts {
    names: Vec<Hostname>,
    not_before: i64,
    not_after: i64,
}

impl LeafFacts {
    fn read(leaf: &CertificateDer<'_>) -> Result<LeafFacts, CertificateError> {
        let (_, x509) = X509Certificate::from_der(leaf)
            .map_err(|error| CertificateError::BadCertificate(error.to_string()))?;
        let alternative = x509
            .subject_alternative_name()
            .map_err(|error| CertificateError::BadCertificate(error.to_string()))?;
        let mut names: Vec<Hostname> = alternative
            .iter()
            .flat_map(|extension| &extension.value.general_names)
            .filter_map(|name| match name {
                GeneralName::DNSName(name) => Hostname::parse(name).ok(),
                _ => None,
            })
            .collect();
        if names.is_empty() {
            let common = x509
                .subject()
                .iter_common_name()
                .filter_map(|name| name.as_str().ok());
            names = common
                .filter_map(|name| Hostname::parse(name).ok())
                .collect();
        }
        Ok(LeafFacts {
            names,
            not_before: x509.validity().not_before.timestamp(),
            not_after: x509.validity().not_after.timestamp(),
        })
    }
}
