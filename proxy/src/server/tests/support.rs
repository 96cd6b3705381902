//! Which edge do the stories run against, and how do they talk to it?

use crate::connection::{context_of, current_clock};
use crate::live::{InForce, Live};
use crate::observe::Metrics;
use crate::observe::access_log::AccessLog;
use crate::runtime::Layout;
use crate::server::{Caps, Options, Readiness, Server, Shared};
use crate::tls::default_certificate::self_signed;
use async_trait::async_trait;
use bytes::Bytes;
use config::limits::Limits;
use config::settings::{self, AccessLogFormat, Listener, Settings, Source};
use config::snapshot::{RouteTable, Snapshot, TlsTable};
use pingora_core::server::configuration::ServerConf;
use pingora_core::upstreams::peer::HttpPeer;
use pingora_http::ResponseHeader;
use pingora_proxy::{HttpProxy, ProxyHttp, Session, http_proxy};
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;

/// Longer than anything here takes; a test that waits for it has failed.
pub const PATIENCE: Duration = Duration::from_secs(10);

/// The data path with a small proxy behind it that tells what it saw.
pub struct Edge {
    pub server: Server,
    pub log: Log,
    /// Requests for `/wait` end one by one as permits come.
    pub release: Arc<Semaphore>,
}

/// Where the access log goes.
#[derive(Clone, Default)]
pub struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Log {
    pub fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

impl Edge {
    /// With one plain and one TLS listener on loopback, after the settings were changed as wished.
    pub fn start(change: impl FnOnce(&mut Settings)) -> Edge {
        Edge::start_before(None, change)
    }

    /// Paths under `/origin` are forwarded there.
    pub fn start_before(origin: Option<SocketAddr>, change: impl FnOnce(&mut Settings)) -> Edge {
        let mut settings = settings();
        change(&mut settings);
        let (log, release) = (Log::default(), Arc::new(Semaphore::new(0)));
        let caps = Caps::new(&settings, 1000);
        let shared = Arc::new(shared(settings, TlsTable::default(), log.clone()));
        let threads = NonZeroUsize::new(2).unwrap();
        let options = Options {
            layout: Layout::ThreadPerCore { threads },
            caps,
        };
        let proxy = Probe {
            origin,
            release: Arc::clone(&release),
        };
        let server = Server::start(shared, options, move || make_proxy(proxy.clone())).unwrap();
        Edge {
            server,
            log,
            release,
        }
    }

    pub fn http(&self) -> SocketAddr {
        self.address(false)
    }

    pub fn https(&self) -> SocketAddr {
        self.address(true)
    }

    fn address(&self, is_https: bool) -> SocketAddr {
        let listeners = self.server.listeners();
        listeners
            .iter()
            .find(|listener| listener.spec.is_https == is_https)
            .unwrap()
            .address
    }

    pub async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.http()).await.unwrap()
    }

    /// Sends all of it at once and reads until the edge closes.
    pub async fn exchange(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        read_to_end(&mut stream).await
    }

    /// The sum of a metric's series whose line has all of these words.
    pub fn metric(&self, words: &[&str]) -> u64 {
        let text = self
            .server
            .shared()
            .metrics
            .exposition(jiff::Timestamp::now())
            .unwrap();
        text.lines()
            .filter(|line| words.iter().all(|word| line.contains(word)))
            .filter_map(|line| line.rsplit(' ').next()?.parse::<u64>().ok())
            .sum()
    }

    /// Counters follow the last byte that a client sees by a moment.
    #[track_caller]
    pub fn expect_metric(&self, words: &[&str], expected: u64) -> impl Future<Output = ()> {
        let place = std::panic::Location::caller();
        async move {
            eventually(|| self.metric(words) == expected)
                .await
                .unwrap_or_else(|()| {
                    panic!(
                        "{words:?} is {}, not {expected}, at {place}",
                        self.metric(words)
                    )
                });
        }
    }

    /// Publishes other certificates or limits, as the control path does.
    pub fn publish(&self, change: impl FnOnce(&mut Settings), tls: TlsTable) {
        let live = &self.server.shared().live;
        let mut settings = (*live.current().settings).clone();
        change(&mut settings);
        live.publish(in_force(settings, tls));
    }
}

/// Asks until it is so.
pub async fn eventually(mut is_so: impl FnMut() -> bool) -> Result<(), ()> {
    let asking = async {
        while !is_so() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(PATIENCE, asking).await.map_err(|_| ())
}

pub async fn read_to_end(stream: &mut (impl AsyncRead + Unpin)) -> String {
    let mut bytes = Vec::new();
    // A reset ends it as well; what came before is what counts.
    let _ = tokio::time::timeout(PATIENCE, stream.read_to_end(&mut bytes))
        .await
        .unwrap();
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Reads until the text ends like this.
pub async fn read_until(stream: &mut (impl AsyncRead + Unpin), end: &str) -> String {
    let mut bytes = Vec::new();
    let reading = async {
        while !bytes.ends_with(end.as_bytes()) {
            match stream.read_u8().await {
                Ok(byte) => bytes.push(byte),
                Err(error) => panic!("{error} after {:?}", String::from_utf8_lossy(&bytes)),
            }
        }
    };
    if tokio::time::timeout(PATIENCE, reading).await.is_err() {
        panic!("no {end:?} came");
    }
    String::from_utf8(bytes).unwrap()
}

/// Is the connection closed or reset, with nothing more in it?
pub async fn is_closed(stream: &mut TcpStream) -> bool {
    let read = tokio::time::timeout(PATIENCE, stream.read(&mut [0; 64]))
        .await
        .unwrap();
    matches!(read, Ok(0) | Err(_))
}

/// Is a new connection reset before it says anything?
pub async fn is_turned_away(address: SocketAddr) -> bool {
    match TcpStream::connect(address).await {
        Ok(mut stream) => is_closed(&mut stream).await,
        Err(_) => true,
    }
}

pub fn listener() -> Listener {
    Listener {
        address: "127.0.0.1:0".parse().unwrap(),
        public_port: None,
        proxy_protocol: false,
    }
}

fn settings() -> Settings {
    Settings {
        http: vec![listener()],
        https: vec![listener()],
        share_port: false,
        admin: "127.0.0.1:0".parse().unwrap(),
        source: Source::Directory {
            path: "manifests".into(),
        },
        ingress_classes: Vec::new(),
        trusted_proxies: Vec::new(),
        default_certificate: None,
        access_log: settings::AccessLog {
            format: AccessLogFormat::Json,
            sampling: 1.0,
        },
        series_max: 600,
        external_names: Vec::new(),
        state_directory: "state".into(),
        via: false,
        limits: Limits {
            lame_duck: Duration::from_millis(10),
            drain: PATIENCE,
            ..Limits::default()
        },
        ..Settings::default()
    }
}

fn in_force(settings: Settings, tls: TlsTable) -> InForce {
    let table = RouteTable::default();
    let snapshot = Snapshot {
        table,
        rules: Vec::new(),
        backends: Vec::new(),
        tls,
        ..Snapshot::default()
    };
    InForce {
        version: 1,
        published_at: jiff::Timestamp::now(),
        settings: Arc::new(settings),
        snapshot: Arc::new(snapshot),
        rules: Vec::new(),
        backends: Vec::new(),
        problems: Arc::default(),
        default_certificate: self_signed().unwrap(),
    }
}

pub fn shared(settings: Settings, tls: TlsTable, log: Log) -> Shared {
    let metrics = Metrics::new().unwrap();
    let access_log =
        AccessLog::start(settings.access_log, Box::new(log), &metrics.access_log).unwrap();
    Shared {
        live: Arc::new(Live::new(in_force(settings, tls))),
        metrics: Arc::new(metrics),
        access_log: Arc::new(access_log),
        readiness: Readiness::default(),
    }
}

/// More than all buffers between us and a client who does not read.
async fn big(session: &mut Session) -> pingora_error::Result<bool> {
    let part = Bytes::from(vec![b'x'; 1 << 20]);
    let mut header = ResponseHeader::build(200, None)?;
    header.insert_header("content-length", 64 * part.len())?;
    session
        .write_response_header(Box::new(header), false)
        .await?;
    for number in 1..=64 {
        session
            .write_response_body(Some(part.clone()), number == 64)
            .await?;
    }
    Ok(true)
}

/// What a runtime is started with where nobody waits.
pub fn probe(origin: Option<SocketAddr>) -> HttpProxy<impl ProxyHttp<CTX = ()> + Send + Sync> {
    make_proxy(Probe {
        origin,
        release: Arc::new(Semaphore::new(0)),
    })
}

fn make_proxy(probe: Probe) -> HttpProxy<Probe> {
    let conf = ServerConf {
        threads: 1,
        max_retries: 1,
        ..ServerConf::default()
    };
    http_proxy(&Arc::new(conf), probe)
}

/// Answers with what it saw: `METHOD path body-bytes client server-name tls-version`.
#[derive(Clone)]
struct Probe {
    origin: Option<SocketAddr>,
    release: Arc<Semaphore>,
}

#[async_trait]
impl ProxyHttp for Probe {
    type CTX = ();

    fn new_ctx(&self) {}

    async fn request_filter(
        &self,
        session: &mut Session,
        (): &mut (),
    ) -> pingora_error::Result<bool> {
        let context = Arc::clone(context_of(session.digest()).unwrap());
        let path = session.req_header().uri.path().to_owned();
        match path.as_str() {
            path if path.starts_with("/origin") => {
                // As the gateway does: an interim answer before the body is not the last one.
                session
                    .as_mut()
                    .set_close_on_response_before_downstream_finish(false);
                return Ok(false);
            }
            "/wait" => self.release.acquire().await.unwrap().forget(),
            "/clock" => {
                current_clock().unwrap().arm(Duration::from_millis(20));
                std::future::pending::<()>().await;
            }
            "/closes" => context.closes.store(true, Ordering::Relaxed),
            "/condemned" => context.is_condemned.store(true, Ordering::Relaxed),
            _ => {}
        }
        if path == "/big" {
            return big(session).await;
        }
        let mut body_bytes = 0;
        while let Some(part) = session.as_mut().read_request_body().await? {
            body_bytes += part.len();
        }
        let tls = context.tls.as_ref();
        let text = format!(
            "{} {path} {body_bytes} {} {} {}",
            session.req_header().method,
            context.client.ip(),
            tls.and_then(|tls| tls.server_name.as_deref())
                .unwrap_or("-"),
            tls.map_or("-", |tls| tls.version),
        );
        let mut header = ResponseHeader::build(200, None)?;
        header.insert_header("content-length", text.len())?;
        session
            .write_response_header(Box::new(header), false)
            .await?;
        session
            .write_response_body(Some(Bytes::from(text)), true)
            .await?;
        Ok(true)
    }

    async fn upstream_peer(
        &self,
        _: &mut Session,
        (): &mut (),
    ) -> pingora_error::Result<Box<HttpPeer>> {
        Ok(Box::new(HttpPeer::new(
            self.origin.unwrap(),
            false,
            String::new(),
        )))
    }

    async fn response_filter(
        &self,
        session: &mut Session,
        response: &mut ResponseHeader,
        (): &mut (),
    ) -> pingora_error::Result<()> {
        if response.status == 101 {
            let context = context_of(session.digest()).unwrap();
            context.is_upgraded.store(true, Ordering::Relaxed);
        }
        Ok(())
    }
}
