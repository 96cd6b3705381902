//! Which models could somebody write?

use super::site::{Site, name};
use crate::model::{Certificate, ServiceKind};
use proptest::prelude::*;
use proptest::sample::select;
use std::sync::{Arc, OnceLock};

/// One object of a model, before it is one.
#[derive(Debug, Clone)]
pub enum Piece {
    Service {
        at: String,
        port_name: &'static str,
        has_selector: bool,
    },
    External {
        at: String,
    },
    Slice {
        service: String,
        port_name: &'static str,
        addresses: Vec<&'static str>,
    },
    Endpoints {
        service: String,
        port_name: &'static str,
        addresses: Vec<&'static str>,
    },
    Ingress {
        at: String,
        created: i64,
        paths: Vec<(&'static str, &'static str, &'static str, &'static str)>,
        /// Hosts of one block; the certificate is for all of them.
        tls: Vec<&'static str>,
    },
    HttpRoute {
        at: String,
        paths: Vec<(&'static str, &'static str, &'static str, &'static str)>,
    },
}

pub const HOSTS: [&str; 5] = ["a.test", "b.test", "*.test", "x.a.test", ""];
const TLS_HOSTS: [&str; 5] = ["a.test", "b.test", "*.test", "x.a.test", "*.a.test"];
/// No other piece names it.
pub const STRANGER: &str = "stranger.org";
pub const PATHS: [&str; 6] = ["/", "/api", "/api/v1", "=/api", "/b", "=/"];

fn at(
    namespaces: &'static [&'static str],
    names: &'static [&'static str],
) -> impl Strategy<Value = String> {
    (select(namespaces), select(names)).prop_map(|(namespace, name)| format!("{namespace}/{name}"))
}

fn service(namespaces: &'static [&'static str]) -> impl Strategy<Value = String> {
    at(namespaces, &["app", "web", "apps"])
}

fn addresses() -> impl Strategy<Value = Vec<&'static str>> {
    let address = select(vec![
        "10.0.0.1",
        "!10.0.0.1",
        "10.0.0.2",
        "~10.0.0.3",
        "fd00::1",
    ]);
    proptest::collection::vec(address, 0..3)
}

fn paths() -> impl Strategy<Value = Vec<(&'static str, &'static str, &'static str, &'static str)>> {
    let service = select(vec!["app", "web", "apps", "gone"]);
    let path = (
        select(HOSTS.to_vec()),
        select(PATHS.to_vec()),
        service,
        select(vec!["80", "http"]),
    );
    proptest::collection::vec(path, 1..4)
}

/// An object in one of these namespaces.
pub fn piece(namespaces: &'static [&'static str]) -> impl Strategy<Value = Piece> {
    let port_name = || select(vec!["", "", "http"]);
    prop_oneof![
        3 => (service(namespaces), port_name(), any::<bool>())
            .prop_map(|(at, port_name, has_selector)| Piece::Service { at, port_name, has_selector }),
        1 => service(namespaces).prop_map(|at| Piece::External { at }),
        2 => (service(namespaces), port_name(), addresses())
            .prop_map(|(service, port_name, addresses)| Piece::Slice { service, port_name, addresses }),
        2 => (service(namespaces), port_name(), addresses())
            .prop_map(|(service, port_name, addresses)| Piece::Endpoints { service, port_name, addresses }),
        4 => (at(namespaces, &["i", "j", "k"]), 0..3_i64, paths(), proptest::collection::vec(select(TLS_HOSTS.to_vec()), 0..3))
            .prop_map(|(at, created, paths, tls)| Piece::Ingress { at, created, paths, tls }),
        2 => (at(namespaces, &["r", "s"]), paths())
            .prop_map(|(at, paths)| Piece::HttpRoute { at, paths }),
    ]
}

/// Adds an object; one of the same kind and name is replaced, as in a cluster.
pub fn add(mut site: Site, piece: &Piece) -> Site {
    match piece {
        Piece::Service {
            at,
            port_name,
            has_selector,
        } => site.service(at, &[(port_name, 80)], *has_selector),
        Piece::External { at } => site.service_of(
            at,
            &[("", 80)],
            ServiceKind::ExternalName("192.168.0.50".into()),
        ),
        Piece::Slice {
            service,
            port_name,
            addresses,
        } => site.slice(service, &[(port_name, 8080)], addresses),
        Piece::Endpoints {
            service,
            port_name,
            addresses,
        } => site.endpoints(service, &[(port_name, 3001)], addresses),
        Piece::Ingress {
            at,
            created,
            paths,
            tls,
        } => {
            site.forget(crate::name::Kind::Ingress, at);
            let site = site.ingress(at, *created, paths);
            if tls.is_empty() {
                return site;
            }
            let (namespace, _) = at.split_once('/').unwrap();
            let secret = format!("{namespace}/tls");
            with_certificate(site.tls(&secret, tls), &secret)
        }
        Piece::HttpRoute { at, paths } => {
            site.forget(crate::name::Kind::HttpRoute, at);
            site.http_route(at, paths)
        }
    }
}

/// One for all hosts, made once: a key takes its time.
fn with_certificate(mut site: Site, secret: &str) -> Site {
    static MADE: OnceLock<Arc<Certificate>> = OnceLock::new();
    let made = MADE.get_or_init(|| {
        let names = [&TLS_HOSTS[..], &[STRANGER]].concat();
        let site = Site::default().certificate("n/tls", &names, (0, i64::MAX));
        site.model.certificates[&name("n/tls")].clone()
    });
    let certificates = &mut site.model.certificates;
    certificates.insert(name(secret), made.clone());
    site
}

pub fn site(pieces: &[Piece]) -> Site {
    pieces.iter().fold(Site::default(), add)
}

/// Requests that could find any of the rules.
pub fn targets() -> Vec<String> {
    let hosts = [
        "a.test",
        "b.test",
        "c.test",
        "x.a.test",
        "y.x.a.test",
        "other",
    ];
    let paths = ["/", "/api", "/api/", "/api/v1/x", "/b/c", "/none"];
    let pairs = hosts
        .iter()
        .flat_map(|host| paths.iter().map(move |path| format!("{host}{path}")));
    pairs.collect()
}
