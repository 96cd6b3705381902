//! How do well-behaved clients ask over and over, and what counts as a failure?

use rustls::ClientConfig;
use rustls::client::Resumption;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use tests::client::h2::H2Connection;
use tests::client::{Connection, Reply, Request};
use tokio::task::JoinHandle;

/// An HTTP/1.1 client that keeps its connection until it is told to close it.
pub struct Patron {
    address: SocketAddr,
    tls: Option<(String, Arc<ClientConfig>)>,
    connection: Option<Connection>,
    is_fickle: bool,
}

impl Patron {
    pub fn plain(address: SocketAddr) -> Patron {
        Patron {
            address,
            tls: None,
            connection: None,
            is_fickle: false,
        }
    }

    /// Over TLS, for that name.
    pub fn tls(address: SocketAddr, name: &str, config: Arc<ClientConfig>) -> Patron {
        Patron {
            tls: Some((name.to_owned(), config)),
            ..Patron::plain(address)
        }
    }

    /// Every handshake is a full one, and checks the certificate.
    #[must_use]
    pub fn forgetful(mut self) -> Patron {
        if let Some((_, config)) = &mut self.tls {
            let mut without = ClientConfig::clone(config);
            without.resumption = Resumption::disabled();
            *config = Arc::new(without);
        }
        self
    }

    /// Each request goes over a connection of its own.
    #[must_use]
    pub fn fickle(self) -> Patron {
        Patron {
            is_fickle: true,
            ..self
        }
    }

    /// Opens a connection where there is none.
    pub async fn open(&mut self) -> io::Result<()> {
        if self.connection.is_none() {
            self.connection = Some(match &self.tls {
                None => Connection::open(self.address).await?,
                Some((name, config)) => {
                    Connection::open_tls(self.address, name, config.clone()).await?
                }
            });
        }
        Ok(())
    }

    pub async fn ask(&mut self, request: &Request) -> io::Result<Reply> {
        self.open().await?;
        let mut connection = self.connection.take().expect("was opened");
        let reply = request.send_on(&mut connection).await?;
        let is_closed = reply.field("connection") == Some("close");
        if !self.is_fickle && !is_closed {
            self.connection = Some(connection);
        }
        Ok(reply)
    }
}

/// Clients that ask until they are told to stop. The first failure ends its client, and the story.
pub struct Load {
    is_over: Arc<AtomicBool>,
    clients: Vec<JoinHandle<Result<usize, String>>>,
}

impl Load {
    pub fn new() -> Load {
        Load {
            is_over: Arc::default(),
            clients: Vec::new(),
        }
    }

    /// A client that asks these in turn. Whatever is not 200 from an origin is a failure.
    pub fn add(&mut self, mut patron: Patron, requests: Vec<Request>) {
        let is_over = self.is_over.clone();
        self.clients.push(tokio::spawn(async move {
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) {
                let request = &requests[count % requests.len()];
                let reply = patron.ask(request).await;
                judge(request, reply)?;
                count += 1;
            }
            Ok(count)
        }));
    }

    /// The same over one HTTP/2 connection.
    pub fn add_h2(&mut self, connection: H2Connection, requests: Vec<Request>) {
        let is_over = self.is_over.clone();
        self.clients.push(tokio::spawn(async move {
            let mut count = 0;
            while !is_over.load(Ordering::Relaxed) {
                let request = &requests[count % requests.len()];
                judge(request, connection.send(request).await)?;
                count += 1;
            }
            Ok(count)
        }));
    }

    /// Ends them; the answers of each. Every client must have been served.
    pub async fn stop(self) -> Vec<usize> {
        self.is_over.store(true, Ordering::Relaxed);
        let mut counts = Vec::new();
        for client in self.clients {
            let count = client.await.expect("ends");
            counts.push(count.unwrap_or_else(|failure| panic!("{failure}")));
        }
        assert!(counts.iter().all(|count| *count > 0), "{counts:?}");
        counts
    }
}

fn judge(request: &Request, reply: io::Result<Reply>) -> Result<(), String> {
    let asked = format!("{} {}{}", request.method, request.host, request.target);
    match reply {
        Ok(reply) if reply.status == 200 && !reply.served_by().is_empty() => Ok(()),
        Ok(reply) => Err(format!("{asked}: {reply:?} {}", reply.text())),
        Err(error) => Err(format!("{asked}: {error}")),
    }
}
