//! What does a client of HTTPS see: which certificate, which version, which answer?

mod certificates;
mod misdirected;
mod redirect;
mod rotation;
mod versions;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use tests::authority::{Authority, Pair, secret, trusting_client};
use tests::client::Connection;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

/// What a client is shown if this pair is in force.
fn leaf(pair: &Pair) -> CertificateDer<'static> {
    CertificateDer::from_pem_slice(pair.certificate.as_bytes()).expect("is PEM")
}

/// What this edge shows for that name; no SNI is sent for an address.
async fn shown(edge: &Edge, name: &str) -> CertificateDer<'static> {
    let config = trusting_client(&["http/1.1"]);
    let connection = Connection::open_tls(edge.https(), name, config).await;
    connection.expect("shakes hands").chain[0].clone()
}

/// An Ingress for each host with a certificate of its own, all to one origin, and their pairs.
struct Hosts {
    edge: Edge,
    pairs: Vec<Pair>,
    _origin: Origin,
}

async fn start(hosts: &[&str]) -> Hosts {
    let origin = Origin::start("web").await;
    let authority = Authority::default();
    let mut documents = vec![manifest::service("web", 80, &[origin.address])];
    let mut pairs = Vec::new();
    for (number, host) in hosts.iter().enumerate() {
        let name = format!("host-{number}");
        let pair = authority.sign(&[host]);
        documents.push(manifest::ingress_tls(
            &name,
            host,
            &name,
            &[("/", "web", 80)],
        ));
        documents.push(secret(&name, &pair));
        pairs.push(pair);
    }
    let site = manifest::join(&documents);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |settings| {
        settings.https[0].public_port = Some(443);
    })
    .await;
    Hosts {
        edge,
        pairs,
        _origin: origin,
    }
}
