//! Does the state of backends and rules survive changes of configuration?

use super::*;
use crate::upstream::state::tests::endpoint;
use crate::upstream::terms::tests::backend;
use config::limits::Limits;
use config::model::{BackendPolicy, ListenerScope, Protocol, RoutePolicy};
use config::name::{Kind, ObjectRef};
use config::settings::{AccessLog, AccessLogFormat, Source};
use config::snapshot::{Action, BackendId, Rule, Snapshot, TlsTable, WeightedTarget};
use rustls::crypto::KeyProvider;
use rustls::sign::CertifiedKey;

pub fn settings() -> Arc<Settings> {
    Arc::new(Settings {
        http: Vec::new(),
        https: Vec::new(),
        share_port: false,
        admin: ([127, 0, 0, 1], 0).into(),
        source: Source::Directory {
            path: "manifests".into(),
        },
        ingress_classes: Vec::new(),
        trusted_proxies: Vec::new(),
        default_certificate: None,
        access_log: AccessLog {
            format: AccessLogFormat::Off,
            sampling: 0.0,
        },
        series_max: 600,
        external_names: Vec::new(),
        state_directory: "state".into(),
        via: false,
        limits: Limits::default(),
        ..Settings::default()
    })
}

pub fn certificate() -> Arc<CertifiedKey> {
    let made = rcgen::generate_simple_self_signed(["edge.test".to_owned()]).unwrap();
    let provider: &dyn KeyProvider = rustls::crypto::ring::default_provider().key_provider;
    let key = rustls_pki_types::PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let key = provider.load_private_key(key).unwrap();
    Arc::new(CertifiedKey::new(vec![made.cert.der().clone()], key))
}

pub fn rule(name: &str, action: Action) -> Rule {
    Rule {
        object: ObjectRef::new(Kind::Ingress, "website", name),
        field: Arc::from(""),
        origin: None,
        hosts: Arc::new([]),
        matches: Arc::new([]),
        scope: ListenerScope::ALL,
        is_default_backend: false,
        filters: Vec::new(),
        action,
        policy: Arc::new(RoutePolicy::default()),
    }
}

pub fn forward() -> Action {
    Action::Forward(vec![WeightedTarget {
        weight_until: 1,
        backend: Ok(BackendId(0)),
        filters: Vec::new(),
    }])
}

pub fn compiled(rules: Vec<Rule>, backends: Vec<Backend>, ports: &[u16]) -> Compiled {
    let endpoints: Arc<[_]> = ports.iter().map(|port| endpoint(*port, 'r')).collect();
    Compiled {
        endpoints: backends
            .iter()
            .map(|backend| (backend.key.clone(), endpoints.clone()))
            .collect(),
        snapshot: Arc::new(Snapshot {
            table: Default::default(),
            rules,
            backends,
            tls: TlsTable::default(),
            ..Snapshot::default()
        }),
        problems: Arc::default(),
        unused_hosts: Arc::default(),
    }
}

pub fn plain() -> Backend {
    backend(Protocol::Http1, BackendPolicy::default())
}

fn site() -> Vec<Rule> {
    vec![rule("site", forward()), rule("site", Action::NotFound)]
}

#[test]
fn a_backend_that_did_not_change_keeps_its_state() {
    let (settings, metrics) = (settings(), Metrics::new().unwrap());
    let nothing = InForce::nothing(settings.clone(), certificate());
    let first = assemble(
        &compiled(site(), vec![plain()], &[1, 2]),
        &settings,
        &nothing,
        &metrics,
    );
    let second = assemble(
        &compiled(site(), vec![plain()], &[1]),
        &settings,
        &first,
        &metrics,
    );
    assert_eq!((first.version, second.version), (1, 2));
    assert!(Arc::ptr_eq(&first.backends[0], &second.backends[0]));
    assert_eq!(second.backends[0].pool.counts(), [1, 0, 0]);
    assert_eq!(&*second.rules[0].label, "Ingress website/site");
    assert_eq!(&*second.rules[1].label, "none");
}

#[test]
fn a_backend_whose_terms_changed_keeps_its_endpoints_and_their_load() {
    let (settings, metrics) = (settings(), Metrics::new().unwrap());
    let nothing = InForce::nothing(settings.clone(), certificate());
    let first = assemble(
        &compiled(site(), vec![plain()], &[1]),
        &settings,
        &nothing,
        &metrics,
    );
    let busy = first.backends[0].pool.current().candidates()[0].enter();
    let mut changed = plain();
    changed.protocol = Protocol::H2c;
    let second = assemble(
        &compiled(site(), vec![changed], &[1]),
        &settings,
        &first,
        &metrics,
    );
    assert_eq!(second.backends[0].terms.protocol, Protocol::H2c);
    assert_eq!(
        second.backends[0].pool.current().candidates()[0].in_flight(),
        1
    );
    drop(busy);
}

#[test]
fn a_change_of_endpoints_alone_touches_neither_rules_nor_backends() {
    let (settings, metrics) = (settings(), Metrics::new().unwrap());
    let nothing = InForce::nothing(settings.clone(), certificate());
    let mut compiled = compiled(site(), vec![plain()], &[1]);
    let first = assemble(&compiled, &settings, &nothing, &metrics);
    for endpoints in compiled.endpoints.values_mut() {
        *endpoints = Arc::new([endpoint(7, 'r'), endpoint(8, 't')]);
    }
    let second = assemble(&compiled, &settings, &first, &metrics);
    assert!(Arc::ptr_eq(&first.rules[0], &second.rules[0]));
    assert_eq!(second.backends[0].pool.counts(), [1, 1, 0]);
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&metrics.registry.gather())
        .unwrap();
    let line = r#"hedgerow_backend_endpoints{backend="website/api:3001",state="terminating"} 1"#;
    assert!(text.contains(line), "{text}");
}

#[test]
fn five_thousand_routes_and_backends_stay_within_the_budget() {
    let (settings, metrics) = (settings(), Metrics::new().unwrap());
    let nothing = InForce::nothing(settings.clone(), certificate());
    let rules = (0..5000)
        .map(|at| rule(&at.to_string(), forward()))
        .collect();
    let backends = (0..5000u16).map(|at| {
        let mut one = plain();
        one.key.port = at;
        one.label = format!("website/api:{at}").into();
        one
    });
    let compiled = compiled(rules, backends.collect(), &[1]);
    let first = assemble(&compiled, &settings, &nothing, &metrics);
    assert_eq!((first.rules.len(), first.backends.len()), (5000, 5000));
    let text = prometheus::TextEncoder::new()
        .encode_to_string(&metrics.registry.gather())
        .unwrap();
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(series <= 600, "{series}");
}

#[test]
fn where_metrics_cannot_be_placed_the_new_configuration_is_served_and_counts_as_other() {
    let metrics = Metrics::new().unwrap();
    let refused = || prometheus::Error::Msg("no room".to_owned());
    let routes = or_others(Err(refused()), || metrics.requests.others(3));
    let backends = or_others(Err(refused()), || metrics.backends.others(2));
    assert_eq!((routes.len(), backends.len()), (3, 2));
    routes[2].count(200);
    let text = metrics.exposition(jiff::Timestamp::now()).unwrap();
    assert!(text.contains("route=\"other\""), "{text}");
}
