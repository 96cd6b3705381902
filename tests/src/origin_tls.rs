//! How does a backend of a story speak TLS?

use crate::authority::Pair;
use crate::story_source::endpoint;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::TlsAcceptor;

/// TLS in front of another origin: what comes in over TLS goes there in the clear. Dropping it closes its port and cuts its connections.
pub struct TlsFront {
    pub address: SocketAddr,
    handshakes: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl TlsFront {
    /// On a free port of this machine, with this certificate and ALPN (empty: none is chosen), before the origin at `inner`.
    pub async fn start(pair: &Pair, alpn: &[&str], inner: SocketAddr) -> TlsFront {
        let listener = TcpListener::bind(endpoint()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let acceptor = TlsAcceptor::from(Arc::new(server_config(pair, alpn)));
        let handshakes = Arc::new(AtomicUsize::new(0));
        let count = handshakes.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    accepted = listener.accept() => {
                        let Ok((stream, _)) = accepted else { continue };
                        connections.spawn(forward(acceptor.clone(), stream, inner, count.clone()));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        TlsFront {
            address,
            handshakes,
            task: task.abort_handle(),
        }
    }

    /// Handshakes that the edge completed.
    pub fn handshakes(&self) -> usize {
        self.handshakes.load(Ordering::Relaxed)
    }
}

impl Drop for TlsFront {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn forward(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    inner: SocketAddr,
    handshakes: Arc<AtomicUsize>,
) {
    // A handshake that the edge breaks off is what some stories are about.
    let Ok(mut outside) = acceptor.accept(stream).await else {
        return;
    };
    handshakes.fetch_add(1, Ordering::Relaxed);
    let mut inside = TcpStream::connect(inner).await.unwrap();
    let _ = tokio::io::copy_bidirectional(&mut outside, &mut inside).await;
}

fn server_config(pair: &Pair, alpn: &[&str]) -> ServerConfig {
    let chain = CertificateDer::pem_slice_iter(pair.certificate.as_bytes());
    let chain = chain.collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(pair.key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(chain, key)
        .unwrap();
    config.alpn_protocols = alpn.iter().map(|name| name.as_bytes().to_vec()).collect();
    config
}
