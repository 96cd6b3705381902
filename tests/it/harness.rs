//! Do the story's own peers behave as they say, without an edge between them?

use std::time::Duration;
use tests::authority::{Authority, trusting_client};
use tests::client::h2::H2Connection;
use tests::client::websocket::WebSocket;
use tests::client::{Connection, Reply, Request};
use tests::origin::{Fault, Origin};
use tests::origin_h2::H2Origin;

async fn ask(origin: &Origin, request: Request) -> std::io::Result<Reply> {
    let mut connection = Connection::open(origin.address).await?;
    request.send_on(&mut connection).await
}

fn get(path: &str) -> Request {
    Request::new("GET", &format!("http://a.test{path}"))
}

#[tokio::test]
async fn an_origin_answers_by_path() {
    let origin = Origin::start("a").await;
    for (path, status, length) in [
        ("/", 200, 1),
        ("/bytes/100000", 200, 100_000),
        ("/chunks/3", 200, 3072),
        ("/until-close/5", 200, 5),
        ("/status/418", 418, 9),
        ("/sleep/1", 200, 1),
        ("/early-hints", 200, 1),
    ] {
        let reply = ask(&origin, get(path)).await.expect(path);
        assert_eq!((reply.status, reply.body.len()), (status, length), "{path}");
        assert_eq!(reply.served_by(), "a");
    }
    let upload = Request::new("POST", "http://a.test/").body("hello");
    let reply = ask(&origin, upload).await.expect("answers");
    assert_eq!(reply.field("x-body-bytes"), Some("5"));
    assert_eq!(reply.field("x-body-digest"), Some("a430d84680aabd0b"));
    assert_eq!(origin.received()[0].head.field("HOST"), Some("a.test"));
}

#[tokio::test]
async fn an_origin_fails_as_it_is_told() {
    let origin = Origin::start("a").await;
    for fault in [
        Fault::ResetOnAccept,
        Fault::ResetBeforeAnswer,
        Fault::CloseBeforeAnswer,
        Fault::ResetInBody(10),
        Fault::Garbage,
    ] {
        origin.fail(fault.clone());
        assert!(ask(&origin, get("/")).await.is_err(), "{fault:?}");
    }
    origin.fail(Fault::Status(503));
    assert_eq!(ask(&origin, get("/")).await.expect("answers").status, 503);
    origin.fail(Fault::SlowHead(Duration::from_millis(10)));
    assert_eq!(ask(&origin, get("/")).await.expect("answers").status, 200);
    origin.refuse().await;
    assert!(Connection::open(origin.address).await.is_err());
    origin.accept_again();
    origin.recover();
    assert_eq!(ask(&origin, get("/")).await.expect("answers").status, 200);
}

#[tokio::test]
async fn an_origin_upgrades_and_streams() {
    let origin = Origin::start("a").await;
    let connection = Connection::open(origin.address).await.expect("connects");
    let mut socket = WebSocket::open(connection, &get("/"))
        .await
        .expect("upgrades");
    socket.send_text("hello").await.expect("sends");
    assert_eq!(socket.read_text().await.expect("reads"), "hello");
    let mut events = Connection::open(origin.address).await.expect("connects");
    events.send(get("/events").to_bytes()).await.expect("sends");
    assert_eq!(events.read_head().await.expect("reads").status, 200);
    events.read_until("data: 1\n\n").await.expect("reads");
}

#[tokio::test]
async fn an_h2_origin_echoes_grpc_with_trailers() {
    let origin = H2Origin::start("g").await;
    let connection = Connection::open(origin.address).await.expect("connects");
    let connection = H2Connection::open(connection).await.expect("speaks h2");
    let call = Request::new("POST", "http://a.test/echo")
        .field("content-type", "application/grpc")
        .field("te", "trailers")
        .body("message");
    let reply = connection.send(&call).await.expect("answers");
    assert_eq!((reply.status, reply.text().as_str()), (200, "message"));
    assert_eq!(reply.trailer("grpc-status"), Some("0"));
    let reply = connection.send(&get("/")).await.expect("answers");
    assert_eq!(reply.text(), "g");
    assert_eq!(origin.requests(), 2);
}

#[tokio::test]
async fn a_client_trusts_its_own_authority_alone() {
    let (ours, other) = (Authority::default(), Authority::default());
    let pair = ours.sign(&["a.test"]);
    for (config, trusts) in [
        (ours.client(&["http/1.1"]), true),
        (other.client(&["http/1.1"]), false),
        (trusting_client(&["http/1.1"]), true),
    ] {
        let address = serve_tls_once(&pair).await;
        let opened = Connection::open_tls(address, "a.test", config).await;
        assert_eq!(opened.is_ok(), trusts);
        if let Ok(connection) = opened {
            assert_eq!(connection.chain.len(), 1);
        }
    }
}

/// Shakes one hand.
async fn serve_tls_once(pair: &tests::authority::Pair) -> std::net::SocketAddr {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer};
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes());
    let chain = chain.collect::<Result<_, _>>().expect("is PEM");
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).expect("is PEM");
    let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
    let config = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("has versions")
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .expect("fits");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("binds");
    let address = listener.local_addr().expect("has an address");
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.expect("accepts");
        let acceptor = tokio_rustls::TlsAcceptor::from(std::sync::Arc::new(config));
        let _ = acceptor.accept(stream).await;
    });
    address
}
