//! Which edge do the stories run against, and how do they talk to it?

use super::probe::Probe;
use crate::live::{InForce, Live};
use crate::observe::Metrics;
use crate::observe::access_log::AccessLog;
use crate::runtime::Layout;
use crate::server::{Caps, Options, Server, Shared};
use crate::tls::default_certificate::self_signed;
use config::limits::Limits;
use config::settings::{Listener, Settings};
use config::snapshot::{RouteTable, Snapshot, TlsTable};
use std::io::Write;
use std::net::SocketAddr;
use std::num::NonZeroUsize;
use std::sync::atomic::AtomicBool;
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
        let server = Server::start(shared, options, move || proxy.clone().into_proxy()).unwrap();
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
    let limits = Limits {
        lame_duck: Duration::from_millis(10),
        drain: PATIENCE,
        ..Limits::default()
    };
    Settings {
        http: vec![listener()],
        https: vec![listener()],
        limits,
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
        unused_hosts: Arc::default(),
        default_certificate: self_signed().unwrap(),
        ports: Arc::default(),
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
        is_cutting: AtomicBool::new(false),
    }
}
