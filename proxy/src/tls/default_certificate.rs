//! What is shown for a name without a certificate?

use rcgen::{CertificateParams, DistinguishedName, DnType, KeyPair};
use rustls::crypto::ring;
use rustls::sign::CertifiedKey;
use rustls_pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use std::sync::Arc;
use zeroize::Zeroizing;

/// `.invalid` can never be a real host (RFC 2606 §2): nobody mistakes this certificate for one of theirs.
const NAMES: [&str; 2] = ["hedgerow.invalid", "localhost"];

/// Why no certificate could be made.
#[derive(Debug, thiserror::Error)]
pub enum SelfSignedError {
    #[error("the self-signed certificate cannot be made: {0}")]
    Make(#[from] rcgen::Error),
    #[error("the key of the self-signed certificate is not usable: {0}")]
    Key(#[from] rustls::Error),
}

/// A certificate of our own, with a new ECDSA P-256 key, for names without a certificate and for settings without a default one. It lives as long as
/// the process.
pub fn self_signed() -> Result<Arc<CertifiedKey>, SelfSignedError> {
    let key_pair = Zeroizing::new(KeyPair::generate()?);
    let mut params = CertificateParams::new(NAMES.map(str::to_owned))?;
    params.distinguished_name = DistinguishedName::new();
    params
        .distinguished_name
        .push(DnType::CommonName, "Hedgerow default certificate");
    let certificate = params.self_signed(&*key_pair)?;
    let key = PrivatePkcs8KeyDer::from(key_pair.serialize_der());
    let key = Zeroizing::new(PrivateKeyDer::Pkcs8(key));
    let key = ring::sign::any_supported_type(&key)?;
    Ok(Arc::new(CertifiedKey::new(
        vec![certificate.der().clone()],
        key,
    )))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_start_makes_another_certificate_whose_key_fits() {
        let (first, second) = (self_signed().unwrap(), self_signed().unwrap());
        first.keys_match().unwrap();
        assert_ne!(first.cert, second.cert);
    }
}
