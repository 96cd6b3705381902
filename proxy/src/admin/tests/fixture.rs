//! What does an edge look like whose admin endpoints are asked?

use crate::admin::conditions::Conditions;
use crate::admin::log_level::LogLevel;
use crate::admin::{AdminServer, AdminState, bind};
use crate::live::{InForce, Live};
use crate::observe::Metrics;
use config::hostname::Hostname;
use config::model::{
    BackendPolicy, Certificate, Filter, HeaderChange, HeaderMatch, ListenerScope, PathMatch,
    Protocol, RequestMatch, RoutePolicy, TextMatch,
};
use config::name::{Kind, ObjectName, ObjectRef, Origin};
use config::problem::{Problem, ProblemCode, Severity};
use config::settings::Settings;
use config::snapshot::{
    Action, Backend, BackendId, BackendKey, RouteTable, Rule, Snapshot, TlsEntry, TlsTable,
    WeightedTarget,
};
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::time::Duration;
use tracing_subscriber::{EnvFilter, Registry, reload};

/// Stands in every place where a credential may stand.
pub const SECRET: &str = "hunter2";
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
        let state = Arc::new(AdminState {
            live: Arc::new(Live::new(in_force(1))),
            metrics: Arc::new(Metrics::new().unwrap()),
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
        self.state.live.publish(in_force(50_000));
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

fn in_force(rules: usize) -> InForce {
    let pair = rcgen::generate_simple_self_signed(["edwardstech.dev".to_owned()]).unwrap();
    let (chain, key) = (pair.cert.pem(), pair.signing_key.serialize_pem());
    let certificate = Arc::new(Certificate::parse(chain.as_bytes(), key.as_bytes()).unwrap());
    let mut tls = TlsTable::default();
    tls.insert(TlsEntry {
        host: Hostname::parse("edwardstech.dev").unwrap(),
        secret: ObjectName::new("website", "edwardstech-tls"),
        certificate: certificate.clone(),
    });
    InForce {
        version: 3,
        published_at: "2026-11-03T09:30:00Z".parse().unwrap(),
        settings: Arc::new(settings()),
        snapshot: Arc::new(Snapshot {
            rules: vec![rule(); rules],
            backends: vec![backend()],
            tls,
            digest: 0x1234_5678_9abc,
            table: RouteTable::default(),
            ..Snapshot::default()
        }),
        rules: Vec::new(),
        backends: Vec::new(),
        problems: Arc::new(vec![problem()]),
        default_certificate: certificate.key.clone(),
    }
}

fn settings() -> Settings {
    Settings {
        http: Vec::new(),
        https: Vec::new(),
        admin: "127.0.0.1:0".parse().unwrap(),
        ..Settings::default()
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

fn rule() -> Rule {
    let credentials = HeaderChange {
        set: vec![(http::header::AUTHORIZATION, SECRET.parse().unwrap())],
        ..HeaderChange::default()
    };
    Rule {
        object: ingress(),
        field: "spec.rules[0].http.paths[0]".into(),
        origin: origin(),
        hosts: Vec::new(),
        matches: vec![RequestMatch {
            path: PathMatch::Prefix("/api".into()),
            method: None,
            headers: vec![HeaderMatch {
                name: http::header::COOKIE,
                value: TextMatch::Exact(SECRET.into()),
            }],
            query: Vec::new(),
        }],
        scope: ListenerScope::ALL,
        is_default_backend: false,
        filters: vec![Filter::RequestHeaders(credentials)],
        action: Action::Forward(vec![WeightedTarget {
            weight_until: 1,
            backend: Ok(BackendId(0)),
            filters: Vec::new(),
        }]),
        policy: Arc::new(RoutePolicy::default()),
    }
}

fn backend() -> Backend {
    Backend {
        key: BackendKey {
            service: ObjectName::new("website", "backend-service"),
            port: 3001,
            policy: 0,
        },
        label: "website/backend-service:3001".into(),
        protocol: Protocol::Http1,
        policy: BackendPolicy {
            hold: Some(Duration::from_secs(8)),
            ..BackendPolicy::default()
        },
        is_manual: true,
        authority: None,
    }
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
