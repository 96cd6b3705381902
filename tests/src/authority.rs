//! Who signs the certificates of a story, and whom does its client trust?

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType,
    ExtendedKeyUsagePurpose, IsCa, KeyPair,
};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme};
use std::sync::Arc;

/// An authority of one story.
pub struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

/// A certificate and its key, PEM.
#[derive(Debug, Clone)]
pub struct Pair {
    pub certificate: String,
    pub key: String,
}

impl Default for Authority {
    fn default() -> Authority {
        let mut params = CertificateParams::default();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let name = &mut params.distinguished_name;
        name.push(DnType::CommonName, "authority of a story");
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap());
        Authority {
            issuer: issuer.unwrap(),
        }
    }
}

impl Authority {
    /// A new certificate for these names (a wildcard as `*.shop.test`). Each call makes another key.
    pub fn sign(&self, names: &[&str]) -> Pair {
        self.sign_with(names, |_| {})
    }

    /// The same, valid from the first of January of one year to that of another.
    pub fn sign_for_years(&self, names: &[&str], (from, until): (i32, i32)) -> Pair {
        self.sign_with(names, |params| {
            params.not_before = rcgen::date_time_ymd(from, 1, 1);
            params.not_after = rcgen::date_time_ymd(until, 1, 1);
        })
    }

    fn sign_with(&self, names: &[&str], change: impl FnOnce(&mut CertificateParams)) -> Pair {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let mut params = CertificateParams::new(names).unwrap();
        change(&mut params);
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        Pair {
            certificate: leaf.pem(),
            key: key.serialize_pem(),
        }
    }

    /// A client certificate as Kubernetes reads it (user: CN, groups: O). rcgen keeps one value of a name's part and lets the part be
    /// given by number as well, hence at most two groups.
    pub fn sign_client(&self, user: &str, groups: &[&str]) -> Pair {
        const ORGANIZATION: [u64; 4] = [2, 5, 4, 10];
        let parts = [
            DnType::OrganizationName,
            DnType::CustomDnType(ORGANIZATION.to_vec()),
        ];
        assert!(groups.len() <= 2, "at most two groups");
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, user);
        for (part, group) in parts.into_iter().zip(groups) {
            params.distinguished_name.push(part, *group);
        }
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
        let key = KeyPair::generate().unwrap();
        let leaf = params.signed_by(&key, &self.issuer).unwrap();
        Pair {
            certificate: leaf.pem(),
            key: key.serialize_pem(),
        }
    }

    /// PEM of the authority itself, as a ConfigMap for `backend-ca` wants it.
    pub fn certificate(&self) -> String {
        self.issuer.pem()
    }

    /// The manifest of a Secret `default/NAME` of type kubernetes.io/tls with a new certificate for these names.
    pub fn secret(&self, name: &str, names: &[&str]) -> String {
        secret(name, &self.sign(names))
    }

    /// A client that trusts this authority alone, with this ALPN (empty: none is offered).
    pub fn client(&self, alpn: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        roots.add(self.issuer.der().clone()).unwrap();
        let config = builder()
            .with_root_certificates(roots)
            .with_no_client_auth();
        with_alpn(config, alpn)
    }
}

/// A client that takes whatever certificate it is shown; its signatures are checked all the same.
pub fn trusting_client(alpn: &[&str]) -> Arc<ClientConfig> {
    let verifier = WebPkiServerVerifier::builder_with_provider(
        Arc::new({
            // The inner verifier needs some root; its verdict on chains is never asked for.
            let mut roots = RootCertStore::empty();
            roots
                .add(Authority::default().issuer.der().clone())
                .unwrap();
            roots
        }),
        Arc::new(rustls::crypto::ring::default_provider()),
    );
    let config = builder()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyChain(verifier.build().unwrap())))
        .with_no_client_auth();
    with_alpn(config, alpn)
}

/// The manifest of a Secret `default/NAME` of type kubernetes.io/tls.
pub fn secret(name: &str, pair: &Pair) -> String {
    format!(
        "apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n  namespace: default\ntype: kubernetes.io/tls\ndata:\n  \
         tls.crt: {}\n  tls.key: {}\n",
        base64(pair.certificate.as_bytes()),
        base64(pair.key.as_bytes())
    )
}

fn builder() -> rustls::ConfigBuilder<ClientConfig, rustls::WantsVerifier> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
}

fn with_alpn(mut config: ClientConfig, alpn: &[&str]) -> Arc<ClientConfig> {
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

/// RFC 4648 section 4.
pub fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::new();
    for chunk in bytes.chunks(3) {
        let mut group = [0; 3];
        group[..chunk.len()].copy_from_slice(chunk);
        let bits = u32::from_be_bytes([0, group[0], group[1], group[2]]);
        for place in 0..4 {
            let index = (bits >> (18 - 6 * place)) & 63;
            let is_padding = place > chunk.len();
            text.push(if is_padding {
                '='
            } else {
                char::from(ALPHABET[usize::try_from(index).unwrap()])
            });
        }
    }
    text
}

#[derive(Debug)]
struct AnyChain(Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for AnyChain {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, certificate, signed)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, certificate, signed)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn base64_pads_as_the_rfc_says() {
        for (plain, coded) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
        ] {
            assert_eq!(super::base64(plain.as_bytes()), coded);
        }
    }
}
