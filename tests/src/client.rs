//! How does a story ask the edge?
//!
//! `Request` is one request on a connection of its own. `Connection` is a raw connection, plain or TLS, for stories that care about
//! bytes, keep-alive or timing. HTTP/2 is in `client/h2.rs`, WebSocket in `client/websocket.rs`.

pub mod h2;
mod reply;
pub mod websocket;

pub use reply::Reply;

use rustls::ClientConfig;
use rustls::pki_types::{CertificateDer, ServerName};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

/// A story that waits longer than this for bytes is broken, and says so.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// What comes true some time after an answer (a line, a count, a configuration) is looked at this often.
pub const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// Room for one read: a record of TLS.
pub const READ_BYTES: usize = 16 * 1024;

/// A stream of bytes, plain or TLS.
pub trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}
impl<S: AsyncRead + AsyncWrite + Send + Unpin> Stream for S {}

/// A connection to the edge.
pub struct Connection {
    pub stream: Box<dyn Stream>,
    /// What was read beyond the last answer.
    pub ahead: Vec<u8>,
    /// The chain that the edge showed, leaf first; empty without TLS.
    pub chain: Vec<CertificateDer<'static>>,
    /// What ALPN settled.
    pub alpn: Option<Vec<u8>>,
    /// The client's end, as the edge sees it.
    pub local: SocketAddr,
}

impl Connection {
    pub async fn open(address: SocketAddr) -> io::Result<Connection> {
        let stream = TcpStream::connect(address).await?;
        stream.set_nodelay(true)?;
        Ok(Connection {
            local: stream.local_addr()?,
            stream: Box::new(stream),
            ahead: Vec::new(),
            chain: Vec::new(),
            alpn: None,
        })
    }

    /// With TLS for that name (SNI); an IP address as name sends no SNI.
    pub async fn open_tls(
        address: SocketAddr,
        name: &str,
        config: Arc<ClientConfig>,
    ) -> io::Result<Connection> {
        Connection::open(address)
            .await?
            .start_tls(name, config)
            .await
    }

    /// TLS on a connection on which something was sent before (a PROXY protocol header).
    pub async fn start_tls(self, name: &str, config: Arc<ClientConfig>) -> io::Result<Connection> {
        let name = ServerName::try_from(name.to_owned()).map_err(io::Error::other)?;
        let handshake = TlsConnector::from(config).connect(name, self.stream);
        let stream = within(handshake).await??;
        let (_, session) = stream.get_ref();
        Ok(Connection {
            chain: session.peer_certificates().unwrap_or_default().to_vec(),
            alpn: session.alpn_protocol().map(<[u8]>::to_vec),
            stream: Box::new(stream),
            ahead: Vec::new(),
            local: self.local,
        })
    }

    /// Writes these bytes, whatever they are.
    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await?;
        self.stream.flush().await
    }

    /// The next answer, whole. `is_head`: the request was HEAD, so no body follows.
    pub async fn read_reply(&mut self, is_head: bool) -> io::Result<Reply> {
        within(reply::read(self, is_head)).await?
    }

    /// The head of the next answer alone; its body is read with `read_some`.
    pub async fn read_head(&mut self) -> io::Result<Reply> {
        within(reply::read_head(self)).await?
    }

    /// Whatever arrives next; empty: the edge closed.
    pub async fn read_some(&mut self) -> io::Result<Vec<u8>> {
        if self.ahead.is_empty() {
            self.read_more().await?;
        }
        Ok(std::mem::take(&mut self.ahead))
    }

    /// Reads until this text arrived; returns everything up to and with it.
    pub async fn read_until(&mut self, text: &str) -> io::Result<Vec<u8>> {
        loop {
            if let Some(found) = take_until(&mut self.ahead, text) {
                return Ok(found);
            }
            if self.read_more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Everything until the edge closes (a reset ends it too).
    pub async fn read_to_end(&mut self) -> Vec<u8> {
        while matches!(self.read_more().await, Ok(1..)) {}
        std::mem::take(&mut self.ahead)
    }

    pub(crate) async fn read_more(&mut self) -> io::Result<usize> {
        self.ahead.reserve(READ_BYTES); // Or a read is as small as what the buffer happens to have room for.
        within(self.stream.read_buf(&mut self.ahead)).await?
    }
}

/// Everything up to and with this text, if it is there.
pub(crate) fn take_until(ahead: &mut Vec<u8>, text: &str) -> Option<Vec<u8>> {
    let mut windows = ahead.windows(text.len());
    let at = windows.position(|window| window == text.as_bytes())?;
    let rest = ahead.split_off(at + text.len());
    Some(std::mem::replace(ahead, rest))
}

/// Ends what would wait for ever.
pub async fn within<T>(work: impl Future<Output = T>) -> io::Result<T> {
    tokio::time::timeout(PATIENCE, work)
        .await
        .map_err(|_| io::Error::new(io::ErrorKind::TimedOut, "the story's patience ended"))
}

/// Looks until it finds something. A story that looks for too long fails with what it saw last.
pub async fn until<T>(mut look: impl AsyncFnMut() -> Result<T, String>) -> T {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        match look().await {
            Ok(found) => return found,
            Err(seen) => assert!(tokio::time::Instant::now() < deadline, "{seen}"),
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// One request on a connection of its own. The address is the edge's, whatever the URL's host says.
#[derive(Clone)]
pub struct Request {
    pub method: String,
    pub is_https: bool,
    /// As in the URL: host and port.
    pub host: String,
    /// Path and query, as written.
    pub target: String,
    pub fields: Vec<(String, String)>,
    pub body: Vec<u8>,
}

impl Request {
    /// `GET` or another method for `http://...` or `https://...`.
    pub fn new(method: &str, url: &str) -> Request {
        let (scheme, rest) = url.split_once("://").expect("a URL with a scheme");
        let cut = rest.find(['/', '?']).unwrap_or(rest.len());
        let (host, target) = rest.split_at(cut);
        let target = if target.starts_with('/') {
            target.to_owned()
        } else {
            format!("/{target}")
        };
        Request {
            method: method.to_owned(),
            is_https: scheme == "https",
            host: host.to_owned(),
            target,
            fields: Vec::new(),
            body: Vec::new(),
        }
    }

    #[must_use]
    pub fn field(mut self, name: &str, value: &str) -> Request {
        self.fields.push((name.to_owned(), value.to_owned()));
        self
    }

    #[must_use]
    pub fn body(mut self, body: impl Into<Vec<u8>>) -> Request {
        self.body = body.into();
        self
    }

    /// The host without its port, for SNI.
    pub fn name(&self) -> &str {
        match self.host.strip_prefix('[') {
            Some(rest) => rest.split(']').next().unwrap_or_default(),
            None => self.host.split(':').next().unwrap_or_default(),
        }
    }

    /// As HTTP/1.1 on the wire.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = format!(
            "{} {} HTTP/1.1\r\nhost: {}\r\n",
            self.method, self.target, self.host
        );
        for (name, value) in &self.fields {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let announces = ["POST", "PUT", "PATCH"].contains(&self.method.as_str());
        if announces || !self.body.is_empty() {
            text.push_str(&format!("content-length: {}\r\n", self.body.len()));
        }
        text.push_str("\r\n");
        let mut bytes = text.into_bytes();
        bytes.extend(&self.body);
        bytes
    }

    /// Sends it on an open connection and reads the whole answer.
    pub async fn send_on(&self, connection: &mut Connection) -> io::Result<Reply> {
        connection.send(self.to_bytes()).await?;
        connection.read_reply(self.method == "HEAD").await
    }
}
