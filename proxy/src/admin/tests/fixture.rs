//! What does an edge look like whose admin endpoints are asked?

use crate::admin::conditions::Conditions;
use crate::admin::log_level::LogLevel;
use crate::admin::{AdminServer, AdminState, bind};
use crate::live::{InForce, Live, assemble};
use crate::observe::Metrics;
use config::compile::{CompileOptions, compile};
use config::hostname::{Hostname, WildcardLabels};
use config::model::*;
use config::name::{Kind, ObjectName, ObjectRef, Origin};
use config::problem::{Problem, ProblemCode, Severity};
use config::settings::Settings;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// Stands in every place where a credential may stand.
pub const SECRET: &str = "hunter2";
const HOST: &str = "edwardstech.dev";
/// With paths this long, their dump of 15 MB is larger than what two sockets buffer.
pub const RULES_LARGE: usize = 5_000;
const PATH_BYTES: usize = 3_000;
/// No answer takes this long; a test that waits longer has failed.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// Admin endpoints on a free port, and what they tell of.
pub struct Edge {
    pub state: Arc<AdminState>,
    pub server: AdminServer,
    /// The log's filter lives as long as its layer.
    _layer: reload::Layer<EnvFilter, Registry>,
}

impl Edge {
    pub fn start() -> Edge {
        let (layer, handle) = reload::Layer::new(EnvFilter::new("info"));
        let metrics = Arc::new(Metrics::new().unwrap());
        let state = Arc::new(AdminState {
            live: Arc::new(Live::new(in_force(1, &metrics))),
            metrics,
            conditions: Arc::new(Conditions::default()),
            log_level: LogLevel::new(handle),
        });
        let listener = bind("127.0.0.1:0".parse().unwrap()).unwrap();
        Edge {
            server: AdminServer::start(listener, state.clone()).unwrap(),
            state,
            _layer: layer,
        }
    }

    pub fn make_ready(&self) {
        self.state.conditions.set_synced();
        self.state.conditions.set_snapshot();
        self.state.conditions.set_certificates();
        self.state.conditions.set_listeners(true);
    }

    /// Puts a configuration in force whose dump fits into no socket's buffers.
    pub fn make_large(&self) {
        self.state
            .live
            .publish(in_force(RULES_LARGE, &self.state.metrics));
    }

    pub fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(self.server.address()).unwrap();
        stream.set_read_timeout(Some(PATIENCE)).unwrap();
        stream
    }

    /// One request on a connection of its own.
    pub fn ask(&self, method: &str, target: &str, more: &str, body: &str) -> Reply {
        let mut stream = self.connect();
        let length = body.len();
        let host = if more.contains("Host:") {
            ""
        } else {
            "Host: 127.0.0.1\r\n"
        };
        write!(
            stream,
            "{method} {target} HTTP/1.1\r\n{host}{more}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        )
        .unwrap();
        Reply::read(stream)
    }

    pub fn get(&self, target: &str) -> Reply {
        self.ask("GET", target, "", "")
    }
}

/// What came back until the connection was closed.
#[derive(Debug)]
pub struct Reply {
    pub status: u16,
    /// With lower-case names.
    head: String,
    pub body: String,
}

impl Reply {
    pub fn read(mut stream: TcpStream) -> Reply {
        let mut text = String::new();
        // A connection that is reset behind the answer keeps what came before.
        let _ = stream.read_to_string(&mut text);
        let (head, body) = text.split_once("\r\n\r\n").expect(&text);
        Reply {
            status: head[9..12].parse().unwrap(),
            head: head.to_ascii_lowercase(),
            body: body.to_owned(),
        }
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let prefix = format!("{name}: ");
        self.head
            .lines()
            .find_map(|line| line.strip_prefix(&*prefix))
    }

    pub fn json(&self) -> serde_json::Value {
        serde_json::from_str(&self.body).expect(&self.body)
    }
}

/// One Ingress with this many rules, one manual backend, one certificate, one problem from the source.
fn in_force(rules: usize, metrics: &Metrics) -> InForce {
    let pair = rcgen::generate_simple_self_signed([HOST.to_owned()]).unwrap();
    let (chain, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    let certificate = Arc::new(Certificate::parse(chain.as_bytes(), key.as_bytes()).unwrap());
    let mut model = Model::default();
    let secret = ObjectName::new("website", "edwardstech-tls");
    model.certificates.insert(secret, certificate.clone());
    let name = ObjectName::new("website", "backend-service");
    model
        .services
        .insert(name.clone(), Arc::new(service(&name)));
    model
        .endpoints
        .insert(name.clone(), vec![Arc::new(endpoints())]);
    model.routes.push(Arc::new(route(&name, rules)));
    let compiled = compile(&model, vec![problem().into()], &CompileOptions::default());
    let settings = Arc::new(Settings::default());
    let nothing = InForce::nothing(settings.clone(), certificate.key.clone());
    assemble(&compiled, &settings, &nothing, metrics)
}

fn route(service: &ObjectName, rules: usize) -> Route {
    let host = Hostname::parse(HOST).unwrap();
    let first = rule(0, "/api", credentials(), service);
    let other = (1..rules).map(|n| rule(n, &format!("/{n:0PATH_BYTES$}"), Vec::new(), service));
    Route {
        object: ingress(),
        created: None,
        origin: origin(),
        rules: [first].into_iter().chain(other).collect(),
        lost: Vec::new(),
        tls: vec![TlsHosts {
            field: "spec.tls[0]".into(),
            origin: origin(),
            hosts: vec![host],
            secret: Some(ObjectName::new("website", "edwardstech-tls")),
        }],
        digest: 1,
    }
}

fn credentials() -> Vec<Filter> {
    vec![Filter::RequestHeaders(HeaderChange {
        set: vec![(http::header::AUTHORIZATION, SECRET.parse().unwrap())],
        ..HeaderChange::default()
    })]
}

fn rule(number: usize, path: &str, filters: Vec<Filter>, service: &ObjectName) -> RouteRule {
    let cookie = HeaderMatch {
        name: http::header::COOKIE,
        value: TextMatch::Exact(SECRET.into()),
    };
    RouteRule {
        field: format!("spec.rules[0].http.paths[{number}]").into(),
        origin: origin(),
        hosts: Arc::new([HostMatch {
            name: Hostname::parse(HOST).unwrap(),
            labels: WildcardLabels::One,
        }]),
        matches: Arc::new([RequestMatch {
            path: PathMatch::Prefix(path.into()),
            method: None,
            headers: if filters.is_empty() {
                Vec::new()
            } else {
                vec![cookie]
            },
            query: Vec::new(),
        }]),
        scope: ListenerScope::ALL,
        is_default_backend: false,
        filters,
        backends: vec![WeightedReference {
            weight: 1,
            field: "backend.service".into(),
            origin: origin(),
            reference: BackendReference::Service {
                service: service.clone(),
                port: PortReference::Number(3001),
            },
            filters: Vec::new(),
            policy: None,
        }],
        policy: Arc::new(RoutePolicy::default()),
    }
}

fn service(name: &ObjectName) -> Service {
    Service {
        object: ObjectRef {
            kind: Kind::Service,
            name: name.clone(),
        },
        origin: origin(),
        kind: ServiceKind::Cluster {
            has_selector: false,
        },
        ports: vec![ServicePort {
            name: "".into(),
            port: 3001,
            protocol: None,
        }],
        policy: BackendPolicy {
            hold: Some(Duration::from_secs(8)),
            ..BackendPolicy::default()
        },
        digest: 2,
    }
}

fn endpoints() -> EndpointSlice {
    EndpointSlice {
        object: ObjectRef::new(Kind::Endpoints, "website", "backend-service"),
        origin: origin(),
        source: SliceSource::Endpoints,
        ports: vec![EndpointPort {
            name: "".into(),
            port: 3001,
            protocol: None,
        }],
        endpoints: vec![Endpoint {
            address: "192.168.0.50".parse().unwrap(),
            ready: true,
            serving: true,
            terminating: false,
            node: None,
            zone: None,
        }],
    }
}

fn ingress() -> ObjectRef {
    ObjectRef::new(Kind::Ingress, "website", "site")
}

fn origin() -> Option<Origin> {
    Some(Origin {
        file: "ingress.yaml".into(),
        line: 12,
    })
}

fn problem() -> Problem {
    Problem {
        severity: Severity::Error,
        code: ProblemCode::NoSuchService,
        object: ingress(),
        field: "spec.rules[0]".into(),
        found: "Service website/frontend".into(),
        expected: "frontend-service".into(),
        origin: origin(),
    }
}
