//! Which certificate does a client get, and what becomes of a handshake that fails?

use super::support::{Edge, PATIENCE, is_closed, read_to_end, read_until};
use config::hostname::Hostname;
use config::model::Certificate;
use config::name::ObjectName;
use config::snapshot::{TlsEntry, TlsTable};
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::{ClientConfig, DigitallySignedStruct, SignatureScheme};
use rustls_pki_types::{CertificateDer, ServerName, UnixTime};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

const GET: &[u8] = b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

/// Takes any certificate: which one it was is what these stories look at.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls12_signature(message, certificate, signature, &algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = ring::default_provider().signature_verification_algorithms;
        rustls::crypto::verify_tls13_signature(message, certificate, signature, &algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        ring::default_provider()
            .signature_verification_algorithms
            .supported_schemes()
    }
}

pub fn client(
    alpn: &[&str],
    versions: &[&'static rustls::SupportedProtocolVersion],
) -> Arc<ClientConfig> {
    let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_protocol_versions(versions)
        .unwrap()
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(AnyCertificate))
        .with_no_client_auth();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    Arc::new(config)
}

pub async fn over(
    tcp: TcpStream,
    name: &str,
    alpn: &[&str],
) -> std::io::Result<TlsStream<TcpStream>> {
    with(client(alpn, rustls::ALL_VERSIONS), tcp, name).await
}

async fn with(
    config: Arc<ClientConfig>,
    tcp: TcpStream,
    name: &str,
) -> std::io::Result<TlsStream<TcpStream>> {
    let name = ServerName::try_from(name.to_owned()).unwrap();
    let connecting = TlsConnector::from(config).connect(name, tcp);
    tokio::time::timeout(PATIENCE, connecting).await.unwrap()
}

async fn connect(edge: &Edge, name: &str, alpn: &[&str]) -> std::io::Result<TlsStream<TcpStream>> {
    over(TcpStream::connect(edge.https()).await.unwrap(), name, alpn).await
}

fn shown(stream: &TlsStream<TcpStream>) -> CertificateDer<'static> {
    stream.get_ref().1.peer_certificates().unwrap()[0]
        .clone()
        .into_owned()
}

/// Entries for these hosts, each with a certificate of its own.
fn table(hosts: &[&str]) -> (TlsTable, Vec<CertificateDer<'static>>) {
    let (mut table, mut certificates) = (TlsTable::default(), Vec::new());
    for host in hosts {
        let made = rcgen::generate_simple_self_signed([(*host).to_owned()]).unwrap();
        let pem = (made.cert.pem(), made.signing_key.serialize_pem());
        let certificate = Certificate::parse(pem.0.as_bytes(), pem.1.as_bytes()).unwrap();
        certificates.push(made.cert.der().clone());
        table.insert(TlsEntry {
            host: Hostname::parse(host).unwrap(),
            secret: ObjectName::new("test", "secret"),
            certificate: Arc::new(certificate),
        });
    }
    (table, certificates)
}

#[tokio::test]
async fn the_server_name_chooses_exact_then_wildcard_then_default() {
    let edge = Edge::start(|_| {});
    let (tls, certificates) = table(&["shop.test", "*.shop.test", "api.shop.test"]);
    edge.publish(|_| {}, tls);
    let default = edge.server.shared().live.current().default_certificate.cert[0].clone();
    for (name, expected) in [
        ("shop.test", &certificates[0]),
        ("SHOP.Test", &certificates[0]),
        ("www.shop.test", &certificates[1]),
        ("api.shop.test", &certificates[2]),
        ("a.b.shop.test", &default),
        ("other.test", &default),
        ("127.0.0.1", &default),
    ] {
        let stream = connect(&edge, name, &[]).await.unwrap();
        assert_eq!(shown(&stream), *expected, "{name}");
    }
    edge.expect_metric(&["hedgerow_tls_handshakes_total", "TLSv1.3", "\"ok\""], 7)
        .await;
}

#[tokio::test]
async fn a_new_certificate_is_shown_from_the_next_handshake_on() {
    let edge = Edge::start(|_| {});
    let (before, old) = table(&["shop.test"]);
    edge.publish(|_| {}, before);
    let mut kept = connect(&edge, "shop.test", &[]).await.unwrap();
    let (after, new) = table(&["shop.test"]);
    edge.publish(|_| {}, after);
    let next = connect(&edge, "shop.test", &[]).await.unwrap();
    assert_eq!(
        (shown(&kept), shown(&next)),
        (old[0].clone(), new[0].clone())
    );
    kept.write_all(GET).await.unwrap();
    read_until(&mut kept, "shop.test TLSv1.3").await;
}

#[tokio::test]
async fn a_session_is_resumed_for_its_own_name_only_and_with_the_facts_of_this_handshake() {
    let edge = Edge::start(|_| {});
    for version in [&rustls::version::TLS12, &rustls::version::TLS13] {
        let config = client(&["http/1.1"], &[version]);
        let mut kinds = Vec::new();
        for _ in 0..2 {
            let tcp = TcpStream::connect(edge.https()).await.unwrap();
            let mut stream = with(Arc::clone(&config), tcp, "shop.test").await.unwrap();
            stream.write_all(GET).await.unwrap();
            let text = read_until(&mut stream, "shop.test TLSv1.").await;
            assert!(text.contains("200 OK"));
            kinds.push(stream.get_ref().1.handshake_kind().unwrap());
        }
        assert_eq!(kinds[1], rustls::HandshakeKind::Resumed, "{version:?}");
    }
}

#[tokio::test]
async fn http2_is_preferred_and_what_we_do_not_speak_is_refused() {
    let edge = Edge::start(|_| {});
    let stream = connect(&edge, "a.test", &["http/1.1", "h2"]).await.unwrap();
    assert_eq!(stream.get_ref().1.alpn_protocol(), Some(b"h2".as_slice()));
    assert!(connect(&edge, "a.test", &["spdy/3"]).await.is_err());
    edge.expect_metric(&["hedgerow_tls_handshakes_total", "no-protocol"], 1)
        .await;
}

#[tokio::test]
async fn plain_http_on_the_tls_port_is_told_so() {
    let edge = Edge::start(|_| {});
    let mut stream = TcpStream::connect(edge.https()).await.unwrap();
    stream.write_all(GET).await.unwrap();
    let answer = read_to_end(&mut stream).await;
    assert!(answer.starts_with("HTTP/1.1 400 "), "{answer}");
    drop(stream);
    edge.expect_metric(&["hedgerow_connections_refused_total", "plain-http"], 1)
        .await;
}

#[tokio::test]
async fn garbage_and_silence_end_in_time_and_are_counted() {
    let edge =
        Edge::start(|settings| settings.limits.handshake_timeout = Duration::from_millis(100));
    for (bytes, outcome) in [
        (b"".as_slice(), "timeout"),
        (b"\x16\x03\x01".as_slice(), "timeout"),
        (b"\0\0\0\0".as_slice(), "garbage"),
        (b"\x16\x03\x01\0\x05hello".as_slice(), "garbage"),
    ] {
        let counted = edge.metric(&["hedgerow_tls_handshakes_total", outcome]);
        let mut stream = TcpStream::connect(edge.https()).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        read_to_end(&mut stream).await;
        edge.expect_metric(&["hedgerow_tls_handshakes_total", outcome], counted + 1)
            .await;
    }
    drop(TcpStream::connect(edge.https()).await.unwrap());
    edge.expect_metric(&["hedgerow_tls_handshakes_total", "\"closed\""], 1)
        .await;
    assert!(is_closed(&mut TcpStream::connect(edge.https()).await.unwrap()).await);
}
