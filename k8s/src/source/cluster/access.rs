//! How do we reach the API server?
//!
//! In a pod with its service account, elsewhere with a kubeconfig, as kubectl does. One HTTP/2 connection carries many watches, and its
//! pings tell a server that is gone from one that has nothing to say. Credentials are read again whenever they are refused.

use super::fault::{Cause, Fault, sentence};
use http::Response;
use hyper_rustls::{FixedServerNameResolver, HttpsConnectorBuilder};
use hyper_util::client::legacy;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use kube::client::{Body, ClientBuilder, ConfigExt};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Client, Config};
use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tower::ServiceBuilder;
use tower::util::{MapFutureLayer, MapResponseLayer};

/// Name, connection and TLS together.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A server that is stopped keeps its connections open: it is asked this often whether it is there ...
const PING_INTERVAL: Duration = Duration::from_secs(20);
/// ... and has this long to say so.
const PING_TIMEOUT: Duration = Duration::from_secs(10);
/// The API server allows 100 streams on a connection; those beyond wait for ever, because watches do not end.
const WATCHES_PER_CONNECTION: usize = 64;
/// Different warnings of the API server that are told.
const WARNINGS_MAX: usize = 32;
const TOKEN_FILE: &str = "/var/run/secrets/kubernetes.io/serviceaccount/token";

/// Hands out connections.
pub(crate) struct Access {
    kubeconfig: Option<PathBuf>,
    state: Mutex<State>,
    warnings: Arc<Warnings>,
}

#[derive(Default)]
struct State {
    /// Counts the times that credentials were read.
    generation: u64,
    config: Option<Config>,
    connections: Vec<Connection>,
    addresses: Vec<SocketAddr>,
}

struct Connection {
    client: Client,
    /// One for each watch that uses it, and one here.
    users: Arc<()>,
}

/// A connection, for as long as one watch, or one writer, needs it.
pub(crate) struct Lease {
    pub client: Client,
    generation: u64,
    _user: Arc<()>,
}

impl Access {
    pub fn new(kubeconfig: Option<PathBuf>) -> Access {
        Access {
            kubeconfig,
            state: Mutex::default(),
            warnings: Arc::default(),
        }
    }

    /// A connection with room for one more watch.
    pub async fn lease(&self) -> Result<Lease, Fault> {
        if let Some(lease) = self.lease_now()? {
            return Ok(lease);
        }
        let kubeconfig = self.kubeconfig.clone();
        // Files, and perhaps a program of the kubeconfig that fetches a token: it may take its time.
        let read = tokio::task::spawn_blocking(move || read(kubeconfig.as_deref())).await;
        let mut config = read.map_err(|error| Fault::new(Cause::Access, error.to_string()))??;
        // Who asks, in the API server's audit log.
        let name = http::HeaderValue::from_static(concat!("hedgerow/", env!("CARGO_PKG_VERSION")));
        config.headers.push((http::header::USER_AGENT, name));
        let addresses = addresses(&config).await;
        {
            let mut state = self.lock();
            if state.config.is_none() {
                state.config = Some(config);
                state.generation += 1;
                state.addresses = addresses;
            }
        }
        let lease = self.lease_now()?;
        lease.ok_or_else(|| Fault::new(Cause::Access, "credentials were just refused".to_owned()))
    }

    /// Where the API server is, as far as that is known.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.lock().addresses.clone()
    }

    /// These credentials did not do: the next lease has new ones.
    pub fn renew(&self, lease: &Lease) {
        let mut state = self.lock();
        if state.generation == lease.generation {
            state.config = None;
            state.connections.clear();
        }
    }

    /// None: credentials have to be read first.
    fn lease_now(&self) -> Result<Option<Lease>, Fault> {
        let mut state = self.lock();
        let Some(config) = state.config.clone() else {
            return Ok(None);
        };
        let has_room = |one: &&Connection| Arc::strong_count(&one.users) <= WATCHES_PER_CONNECTION;
        let generation = state.generation;
        let lease = |one: &Connection| Lease {
            client: one.client.clone(),
            generation,
            _user: one.users.clone(),
        };
        if let Some(connection) = state.connections.iter().find(has_room) {
            return Ok(Some(lease(connection)));
        }
        let made = client(config, self.warnings.clone());
        if made.is_err() {
            // Perhaps what is wrong with it is mended in the meantime.
            state.config = None;
        }
        let connection = Connection {
            client: made?,
            users: Arc::default(),
        };
        let first = lease(&connection);
        state.connections.push(connection);
        Ok(Some(first))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether anything names an API server: a pod's service account, KUBECONFIG, or the file that kubectl takes.
pub fn is_anywhere() -> bool {
    let home = std::env::var_os("HOME").map(PathBuf::from);
    let file = home.map(|home| home.join(".kube").join("config"));
    std::env::var_os("KUBECONFIG").is_some()
        || std::env::var_os("KUBERNETES_SERVICE_HOST").is_some()
        || file.is_some_and(|file| file.exists())
}

/// Whether a pod's service account is what we go by.
pub fn is_in_pod(kubeconfig: Option<&Path>) -> bool {
    let is_named = kubeconfig.is_some() || std::env::var_os("KUBECONFIG").is_some();
    let is_in_pod = std::env::var_os("KUBERNETES_SERVICE_HOST").is_some();
    !is_named && is_in_pod && Path::new(TOKEN_FILE).exists()
}

/// In a pod the service account, unless a kubeconfig is named. Blocks.
fn read(kubeconfig: Option<&Path>) -> Result<Config, Fault> {
    if is_in_pod(kubeconfig) {
        let config = Config::incluster();
        return config.map_err(|error| Fault::new(Cause::Access, sentence(&error)));
    }
    let read = match kubeconfig {
        Some(path) => Kubeconfig::read_from(path),
        None => Kubeconfig::read(),
    };
    let kubeconfig = read.map_err(|error| Fault::new(Cause::Access, sentence(&error)))?;
    if has_proxy(&kubeconfig) {
        let message = "the kubeconfig asks for a proxy (proxy-url), which is not in this version";
        return Err(Fault::new(Cause::Access, message.to_owned()));
    }
    let options = KubeConfigOptions::default();
    // The function waits for nothing.
    let config = Config::from_custom_kubeconfig(kubeconfig, &options);
    let config = tokio::runtime::Handle::current().block_on(config);
    config.map_err(|error| Fault::new(Cause::Access, sentence(&error)))
}

fn has_proxy(kubeconfig: &Kubeconfig) -> bool {
    let name = kubeconfig.current_context.as_ref();
    let context = kubeconfig
        .contexts
        .iter()
        .find(|one| Some(&one.name) == name);
    let context = context.and_then(|one| one.context.as_ref());
    let name = context.map(|context| &context.cluster);
    let cluster = kubeconfig
        .clusters
        .iter()
        .find(|one| Some(&one.name) == name);
    let cluster = cluster.and_then(|one| one.cluster.as_ref());
    cluster.is_some_and(|cluster| cluster.proxy_url.is_some())
}

fn client(config: Config, warnings: Arc<Warnings>) -> Result<Client, Fault> {
    let wrong = |error: kube::Error| Fault::new(Cause::Access, sentence(&error));
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_nodelay(true);
    let tls = config.rustls_client_config().map_err(wrong)?;
    let https = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http();
    let https = match &config.tls_server_name {
        Some(name) => {
            let name = rustls::pki_types::ServerName::try_from(name.clone());
            let name = name.map_err(|error| Fault::new(Cause::Access, error.to_string()))?;
            https.with_server_name_resolver(FixedServerNameResolver::new(name))
        }
        None => https,
    };
    let connector = ServiceBuilder::new()
        .layer(MapFutureLayer::new(Box::pin))
        .timeout(CONNECT_TIMEOUT)
        .service(https.enable_all_versions().wrap_connector(http));
    let mut builder = legacy::Client::builder(TokioExecutor::new());
    let client = builder
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .http2_keep_alive_interval(PING_INTERVAL)
        .http2_keep_alive_timeout(PING_TIMEOUT)
        .http2_keep_alive_while_idle(true)
        .build::<_, Body>(connector);
    let heard = MapResponseLayer::new(move |response: Response<_>| {
        warnings.note(&response);
        response
    });
    let service = ServiceBuilder::new()
        .layer(config.base_uri_layer())
        .option_layer(config.auth_layer().map_err(wrong)?)
        .layer(config.extra_headers_layer().map_err(wrong)?)
        .layer(heard)
        .map_err(tower::BoxError::from)
        .service(client);
    Ok(ClientBuilder::new(service, config.default_namespace).build())
}

/// Where the URL leads. What cannot be resolved cannot be reached by an endpoint's address either.
async fn addresses(config: &Config) -> Vec<SocketAddr> {
    let url = &config.cluster_url;
    let port = url.port_u16().unwrap_or(match url.scheme_str() {
        Some("http") => 80,
        _ => 443,
    });
    let host = url.host().unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    if let Ok(address) = host.parse::<IpAddr>() {
        return vec![SocketAddr::new(address, port)];
    }
    let found = tokio::time::timeout(CONNECT_TIMEOUT, tokio::net::lookup_host((host, port))).await;
    found
        .ok()
        .and_then(Result::ok)
        .map_or_else(Vec::new, Iterator::collect)
}

/// What the API server warns of, such as Endpoints v1 being deprecated. Each is told once.
#[derive(Default)]
struct Warnings {
    told: Mutex<BTreeSet<String>>,
}

impl Warnings {
    fn note<B>(&self, response: &Response<B>) {
        for warning in response.headers().get_all(http::header::WARNING) {
            let Ok(warning) = warning.to_str() else {
                continue;
            };
            let mut told = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.len() < WARNINGS_MAX && told.insert(warning.to_owned()) {
                tracing::info!(warning, "the API server warns");
            }
        }
    }
}
