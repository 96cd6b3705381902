//! Which versions of TLS are spoken, and are sessions resumed?

use super::{Hosts, start};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, HandshakeKind, RootCertStore, SupportedProtocolVersion};
use std::sync::Arc;
use tests::client::{Connection, Request};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A client that speaks this version alone, and keeps its sessions.
fn client(hosts: &Hosts, version: &'static SupportedProtocolVersion) -> Arc<ClientConfig> {
    let authority = hosts.edge.authority.certificate();
    let mut roots = RootCertStore::empty();
    let authority = CertificateDer::from_pem_slice(authority.as_bytes()).expect("is PEM");
    roots.add(authority).expect("is a certificate");
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[version])
        .expect("has the version")
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// One request on a new connection; how its handshake went.
async fn visit(hosts: &Hosts, config: &Arc<ClientConfig>) -> (HandshakeKind, String) {
    let stream = TcpStream::connect(hosts.edge.https())
        .await
        .expect("connects");
    let local = stream.local_addr().expect("has an address");
    let name = ServerName::try_from("a.test").expect("is a name");
    let connector = TlsConnector::from(config.clone());
    let stream = connector.connect(name, stream).await.expect("shakes hands");
    let session = stream.get_ref().1;
    let kind = session.handshake_kind().expect("is done");
    let version = session.protocol_version().expect("is done");
    let mut connection = Connection {
        stream: Box::new(stream),
        ahead: Vec::new(),
        chain: Vec::new(),
        alpn: None,
        local,
    };
    let request = Request::new("GET", "https://a.test/");
    // The answer brings the ticket of TLS 1.3 with it.
    let reply = request.send_on(&mut connection).await.expect("answers");
    assert_eq!(reply.status, 200);
    (kind, format!("{version:?}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn both_versions_are_spoken_and_their_sessions_resumed() {
    let hosts = start(&["a.test"]).await;
    for (version, name, logged) in [
        (&TLS12, "TLSv1_2", "TLSv1.2"),
        (&TLS13, "TLSv1_3", "TLSv1.3"),
    ] {
        let config = client(&hosts, version);
        let (kind, spoken) = visit(&hosts, &config).await;
        assert_eq!((kind, &*spoken), (HandshakeKind::Full, name));
        for _ in 0..4 {
            let (kind, spoken) = visit(&hosts, &config).await;
            assert_eq!((kind, &*spoken), (HandshakeKind::Resumed, name));
        }
        hosts.edge.log.line_with("tls_version", logged).await;
    }
    hosts.edge.stop().await;
}

/// A ticket outlives the certificate under which it was given.
#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_resumed_after_a_rotation() {
    let hosts = start(&["a.test"]).await;
    for version in [&TLS12, &TLS13] {
        let config = client(&hosts, version);
        assert_eq!(visit(&hosts, &config).await.0, HandshakeKind::Full);
        let text =
            std::fs::read_to_string(hosts.edge.manifests().join("main.yaml")).expect("is there");
        let (rest, _) = text
            .split_once("---\napiVersion: v1\nkind: Secret")
            .expect("has a Secret");
        let rotated = hosts.edge.authority.secret("host-0", &["a.test"]);
        hosts
            .edge
            .write("main.yaml", &format!("{rest}---\n{rotated}"))
            .await;
        let kind = visit(&hosts, &config).await.0;
        assert_eq!(kind, HandshakeKind::Resumed, "{version:?}");
    }
    hosts.edge.stop().await;
}
