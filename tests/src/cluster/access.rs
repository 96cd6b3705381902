//! Who may call the API server, and how does a kubeconfig say so?

use crate::authority::{Authority, Pair, base64};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The group that may do everything.
pub const MASTERS: &str = "system:masters";
/// The name with which `faults::http` may say on whose behalf it asks.
const FRONT: &str = "faults";

/// Keys and certificates of one cluster.
pub struct Access {
    authority: Authority,
    /// Signs the certificate of who may speak for others (`--requestheader-client-ca-file`).
    front: Authority,
    directory: PathBuf,
    /// So many were written.
    kubeconfigs: AtomicUsize,
}

/// Who asks: a user with a certificate, a bearer of a token, or nobody.
#[derive(Clone)]
pub struct Credentials {
    pub name: String,
    pub certificate: Option<Pair>,
    pub token: Option<String>,
}

impl Access {
    /// New ones for each cluster, in files of this directory.
    pub fn new(directory: &Path) -> Access {
        let access = Access {
            authority: Authority::default(),
            front: Authority::default(),
            directory: directory.to_owned(),
            kubeconfigs: AtomicUsize::new(0),
        };
        let server = access.sign_server();
        let etcd_client = access.authority.sign_client("etcd-client", &[]);
        let tokens = rcgen::KeyPair::generate().unwrap();
        for (name, text) in [
            ("ca.crt", access.authority.certificate()),
            ("front-ca.crt", access.front.certificate()),
            ("server.crt", server.certificate),
            ("server.key", server.key),
            ("etcd-client.crt", etcd_client.certificate),
            ("etcd-client.key", etcd_client.key),
            ("sa.key", tokens.serialize_pem()),
            ("sa.pub", tokens.public_key_pem()),
        ] {
            std::fs::write(access.file(name), text).unwrap();
        }
        access
    }

    /// Where a file of this name is.
    pub fn file(&self, name: &str) -> PathBuf {
        self.directory.join(name)
    }

    /// For whoever answers in this cluster: the API server, the proxies before it, etcd.
    pub fn sign_server(&self) -> Pair {
        self.authority.sign(&[
            "kubernetes",
            "kubernetes.default",
            "kubernetes.default.svc",
            "kubernetes.default.svc.cluster.local",
            "localhost",
            "127.0.0.1",
            "10.96.0.1",
        ])
    }

    /// The same for clocks that are off: valid from the first of January of one year to that of another.
    pub fn sign_server_for_years(&self, years: (i32, i32)) -> Pair {
        self.authority.sign_for_years(&["127.0.0.1"], years)
    }

    /// PEM of the authority that signs servers and users.
    pub fn authority(&self) -> String {
        self.authority.certificate()
    }

    /// A user in at most two groups.
    pub fn user(&self, name: &str, groups: &[&str]) -> Credentials {
        Credentials {
            name: name.to_owned(),
            certificate: Some(self.authority.sign_client(name, groups)),
            token: None,
        }
    }

    /// Who may name others as the asking user.
    pub fn front(&self) -> Credentials {
        Credentials {
            name: FRONT.to_owned(),
            certificate: Some(self.front.sign_client(FRONT, &[])),
            token: None,
        }
    }

    /// `system:anonymous`.
    pub fn nobody() -> Credentials {
        Credentials {
            name: "nobody".to_owned(),
            certificate: None,
            token: None,
        }
    }

    /// A kubeconfig for the API server at this address, which may be a proxy's. Everything is inside, so the file may be moved.
    pub fn kubeconfig(&self, credentials: &Credentials, server: SocketAddr) -> PathBuf {
        let mut user = String::new();
        if let Some(pair) = &credentials.certificate {
            user.push_str(&format!(
                "client-certificate-data: {}, client-key-data: {}",
                base64(pair.certificate.as_bytes()),
                base64(pair.key.as_bytes())
            ));
        }
        if let Some(token) = &credentials.token {
            user.push_str(&format!("token: {token}"));
        }
        let text = format!(
            "apiVersion: v1\nkind: Config\n\
             clusters: [{{ name: test, cluster: {{ server: \"https://{server}\", certificate-authority-data: {authority} }} }}]\n\
             users: [{{ name: test, user: {{ {user} }} }}]\n\
             contexts: [{{ name: test, context: {{ cluster: test, user: test }} }}]\n\
             current-context: test\n",
            authority = base64(self.authority().as_bytes()),
        );
        let name = credentials.name.replace([':', '/'], "-");
        // Never the same file twice: somebody may be reading it.
        let number = self.kubeconfigs.fetch_add(1, Ordering::Relaxed);
        let path = self.file(&format!("{name}-{number}.kubeconfig"));
        std::fs::write(&path, text).unwrap();
        path
    }

    /// TLS towards the API server as these credentials (a token goes into a header), with this ALPN.
    pub fn client(&self, credentials: &Credentials, alpn: &[&str]) -> Arc<ClientConfig> {
        let mut roots = RootCertStore::empty();
        for certificate in chain(&self.authority()) {
            roots.add(certificate).unwrap();
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let builder = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots);
        let mut config = match &credentials.certificate {
            Some(pair) => builder
                .with_client_auth_cert(chain(&pair.certificate), key(&pair.key))
                .unwrap(),
            None => builder.with_no_client_auth(),
        };
        config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
        Arc::new(config)
    }
}

/// Certificates of a PEM text.
pub fn chain(text: &str) -> Vec<CertificateDer<'static>> {
    CertificateDer::pem_slice_iter(text.as_bytes())
        .collect::<Result<_, _>>()
        .unwrap()
}

/// The key of a PEM text.
pub fn key(text: &str) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_slice(text.as_bytes()).unwrap()
}
