//! How does the API server answer when it is in trouble?
//!
//! A proxy that ends TLS with the cluster's own authority and answers chosen requests in the API server's place: 410, 429, 5xx, late.
//! Everything else passes. Users with certificates stay who they are: the proxy names them in the headers of an authenticating proxy
//! (`--requestheader-client-ca-file`). It speaks HTTP/1.1, and opens a connection of its own for each request.

use crate::authority::Pair;
use crate::cluster::access::{self, Access};
use crate::cluster::{Cluster, ports};
use bytes::Bytes;
use http_body_util::{BodyExt, Either, Full};
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER};
use hyper::service::service_fn;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};
use tokio_rustls::{TlsAcceptor, TlsConnector};

type Body = Either<Incoming, Full<Bytes>>;

const USER: HeaderName = HeaderName::from_static("x-remote-user");
const GROUP: HeaderName = HeaderName::from_static("x-remote-group");

/// Which requests are answered in the API server's place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    Any,
    /// GET without `watch`.
    Read,
    Watch,
    /// Everything but GET.
    Write,
}

/// What they get.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answer {
    /// 410, `Expired`: the resource version or the continue token is too old.
    Expired,
    /// 200, and in the watch's stream an ERROR event that says so: how the API server tells a watch.
    ExpiredEvent,
    /// 429 with Retry-After in seconds.
    TooMany(u32),
    /// Any other status, with an object of kind Status.
    Status(u16),
    /// The API server's own answer, so much later.
    Slow(Duration),
    /// The API server's own answer without its last byte, as if it were whole.
    CutShort,
}

#[derive(Debug, Clone)]
struct Rule {
    path: String,
    which: Which,
    answer: Answer,
    /// None: until `clear`.
    times: Option<usize>,
}

/// The proxy. Dropping it closes its port and cuts its connections.
pub struct HttpFaults {
    pub address: SocketAddr,
    state: Arc<State>,
    task: AbortHandle,
}

struct State {
    upstream: SocketAddr,
    acceptor: Mutex<TlsAcceptor>,
    /// May speak for others.
    front: Arc<ClientConfig>,
    /// For a token, or nobody: an unknown user's certificate would be refused whatever else is said.
    plain: Arc<ClientConfig>,
    rules: Mutex<Vec<Rule>>,
    seen: Mutex<Vec<String>>,
}

impl HttpFaults {
    pub async fn start(cluster: &Cluster) -> HttpFaults {
        let acceptor = acceptor(&cluster.access, &cluster.access.sign_server());
        let listener = ports::listener();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(State {
            upstream: cluster.address(),
            acceptor: Mutex::new(acceptor),
            front: cluster.access.client(&cluster.access.front(), &[]),
            plain: cluster.access.client(&Access::nobody(), &[]),
            rules: Mutex::default(),
            seen: Mutex::default(),
        });
        let task = tokio::spawn(serve(listener, state.clone()));
        HttpFaults {
            address,
            state,
            task: task.abort_handle(),
        }
    }

    /// Until `clear`, for paths that begin so: `/api/v1/services`. The last that fits counts.
    pub fn answer(&self, which: Which, path: &str, answer: Answer) {
        self.add(which, path, answer, None);
    }

    /// The same for so many requests.
    pub fn answer_times(&self, times: usize, which: Which, path: &str, answer: Answer) {
        self.add(which, path, answer, Some(times));
    }

    fn add(&self, which: Which, path: &str, answer: Answer, times: Option<usize>) {
        self.state.rules.lock().unwrap().push(Rule {
            path: path.to_owned(),
            which,
            answer,
            times,
        });
    }

    /// Shows this certificate from now on, on new connections.
    pub fn show(&self, cluster: &Cluster, pair: &Pair) {
        *self.state.acceptor.lock().unwrap() = acceptor(&cluster.access, pair);
    }

    /// From now on everything passes. What is open stays open.
    pub fn clear(&self) {
        self.state.rules.lock().unwrap().clear();
    }

    /// `GET /api/v1/services?limit=500`, each request so far.
    pub fn seen(&self) -> Vec<String> {
        self.state.seen.lock().unwrap().clone()
    }
}

impl Drop for HttpFaults {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn serve(listener: TcpListener, state: Arc<State>) {
    let mut connections = JoinSet::new();
    loop {
        tokio::select! {
            accepted = listener.accept() => {
                let Ok((stream, _)) = accepted else { continue };
                let acceptor = state.acceptor.lock().unwrap().clone();
                connections.spawn(connection(acceptor, stream, state.clone()));
            }
            Some(_) = connections.join_next() => {}
        }
    }
}

async fn connection(acceptor: TlsAcceptor, stream: TcpStream, state: Arc<State>) {
    // A client that breaks off is what some stories are about.
    let Ok(stream) = acceptor.accept(stream).await else {
        return;
    };
    let (_, session) = stream.get_ref();
    let user = session
        .peer_certificates()
        .and_then(<[_]>::first)
        .map(User::read);
    let user = Arc::new(user);
    let service = service_fn(move |request| {
        let (state, user) = (state.clone(), user.clone());
        async move { state.respond(request, user.as_ref().as_ref()).await }
    });
    let server = hyper::server::conn::http1::Builder::new();
    let _ = server.serve_connection(TokioIo::new(stream), service).await;
}

impl State {
    async fn respond(
        &self,
        request: Request<Incoming>,
        user: Option<&User>,
    ) -> io::Result<Response<Body>> {
        let line = format!("{} {}", request.method(), request.uri());
        self.seen.lock().unwrap().push(line);
        match self.rule_for(&request) {
            None => {}
            Some(Answer::Slow(delay)) => tokio::time::sleep(delay).await,
            Some(Answer::CutShort) => return cut_short(self.pass(request, user).await?).await,
            Some(answer) => return Ok(answer.response()),
        }
        self.pass(request, user).await
    }

    /// Counts it, if the rule holds for so many requests only.
    fn rule_for(&self, request: &Request<Incoming>) -> Option<Answer> {
        let mut rules = self.rules.lock().unwrap();
        let found = rules.iter().rposition(|rule| rule.fits(request))?;
        let answer = rules[found].answer;
        if let Some(times) = &mut rules[found].times {
            *times -= 1;
            if *times == 0 {
                rules.remove(found);
            }
        }
        Some(answer)
    }

    async fn pass(
        &self,
        mut request: Request<Incoming>,
        user: Option<&User>,
    ) -> io::Result<Response<Body>> {
        let tls = match user {
            Some(user) => {
                user.write(&mut request)?;
                &self.front
            }
            None => &self.plain,
        };
        let stream = TcpStream::connect(self.upstream).await?;
        let name = ServerName::try_from("127.0.0.1").map_err(io::Error::other)?;
        let stream = TlsConnector::from(tls.clone())
            .connect(name, stream)
            .await?;
        let handshake = hyper::client::conn::http1::handshake(TokioIo::new(stream));
        let (mut sender, driver) = handshake.await.map_err(io::Error::other)?;
        // Ends with the answer, or when the client leaves a watch.
        tokio::spawn(driver);
        let response = sender.send_request(request).await;
        Ok(response.map_err(io::Error::other)?.map(Either::Left))
    }
}

impl Rule {
    fn fits(&self, request: &Request<Incoming>) -> bool {
        let query = request.uri().query().unwrap_or_default();
        let is_watch = query
            .split('&')
            .any(|part| part == "watch=true" || part == "watch=1");
        let is_get = request.method() == hyper::Method::GET;
        let fits = match self.which {
            Which::Any => true,
            Which::Read => is_get && !is_watch,
            Which::Watch => is_get && is_watch,
            Which::Write => !is_get,
        };
        fits && request.uri().path().starts_with(&self.path)
    }
}

impl Answer {
    fn response(self) -> Response<Body> {
        let (status, text) = match self {
            Answer::ExpiredEvent => (200, event(&status_object(410, "Expired"))),
            Answer::Expired => (410, status_object(410, "Expired")),
            Answer::TooMany(_) => (429, status_object(429, "TooManyRequests")),
            Answer::Status(status) => (status, status_object(status, "InternalError")),
            Answer::Slow(_) | Answer::CutShort => (500, status_object(500, "InternalError")),
        };
        let mut response = Response::new(Either::Right(Full::from(text)));
        *response.status_mut() = StatusCode::from_u16(status).unwrap();
        let fields = response.headers_mut();
        fields.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Answer::TooMany(seconds) = self {
            fields.insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

async fn cut_short(answer: Response<Body>) -> io::Result<Response<Body>> {
    let (mut head, body) = answer.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    head.headers.remove(CONTENT_LENGTH);
    let body = body.slice(..body.len().saturating_sub(2));
    Ok(Response::from_parts(head, Either::Right(Full::from(body))))
}

fn status_object(code: u16, reason: &str) -> String {
    format!(
        r#"{{"kind":"Status","apiVersion":"v1","metadata":{{}},"status":"Failure","message":"a fault of the story","reason":"{reason}","code":{code}}}"#
    )
}

fn event(object: &str) -> String {
    format!("{{\"type\":\"ERROR\",\"object\":{object}}}\n")
}

/// Whom a client's certificate names.
struct User {
    name: String,
    groups: Vec<String>,
}

impl User {
    fn read(certificate: &CertificateDer<'static>) -> User {
        let (_, parsed) = x509_parser::parse_x509_certificate(certificate).unwrap();
        let subject = parsed.subject();
        let text = |value: &x509_parser::x509::AttributeTypeAndValue<'_>| {
            value.as_str().unwrap_or_default().to_owned()
        };
        User {
            name: subject.iter_common_name().map(text).collect(),
            groups: subject.iter_organization().map(text).collect(),
        }
    }

    fn write(&self, request: &mut Request<Incoming>) -> io::Result<()> {
        let fields = request.headers_mut();
        fields.insert(USER, self.name.parse().map_err(io::Error::other)?);
        fields.remove(GROUP);
        for group in &self.groups {
            fields.append(GROUP, group.parse().map_err(io::Error::other)?);
        }
        Ok(())
    }
}

/// Asks for a certificate of a user, and takes who has none: a token is the API server's business.
fn acceptor(access: &Access, pair: &Pair) -> TlsAcceptor {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let mut roots = RootCertStore::empty();
    for certificate in access::chain(&access.authority()) {
        roots.add(certificate).unwrap();
    }
    let users = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider.clone())
        .allow_unauthenticated()
        .build()
        .unwrap();
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(users)
        .with_single_cert(access::chain(&pair.certificate), access::key(&pair.key))
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    TlsAcceptor::from(Arc::new(config))
}
