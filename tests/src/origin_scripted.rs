//! What stands behind the edge when a story writes every byte of it by itself?

use crate::client::{READ_BYTES, take_until};
use crate::origin::reset;
use crate::story_source::endpoint;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{AbortHandle, JoinSet};

/// A server of which only the accept loop is given. Dropping it closes its port and cuts its connections.
pub struct Scripted {
    pub address: SocketAddr,
    accepted: Arc<AtomicUsize>,
    task: AbortHandle,
}

impl Scripted {
    /// Every connection is served by `script`, which is told the connection's number (from 0). When it ends, the connection is closed.
    pub async fn start<F, W>(script: F) -> Scripted
    where
        F: Fn(Scene, usize) -> W + Send + Sync + 'static,
        W: Future<Output = io::Result<()>> + Send + 'static,
    {
        let listener = TcpListener::bind(endpoint()).await.unwrap();
        let address = listener.local_addr().unwrap();
        let accepted = Arc::new(AtomicUsize::new(0));
        let count = accepted.clone();
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            loop {
                tokio::select! {
                    stream = listener.accept() => {
                        let Ok((stream, _)) = stream else { continue };
                        stream.set_nodelay(true).unwrap();
                        let number = count.fetch_add(1, Ordering::Relaxed);
                        connections.spawn(script(Scene { stream, ahead: Vec::new() }, number));
                    }
                    Some(_) = connections.join_next() => {}
                }
            }
        });
        Scripted {
            address,
            accepted,
            task: task.abort_handle(),
        }
    }

    /// Connections accepted since the start.
    pub fn accepted(&self) -> usize {
        self.accepted.load(Ordering::Relaxed)
    }
}

impl Drop for Scripted {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// One connection of a scripted server.
pub struct Scene {
    pub stream: TcpStream,
    /// What was read beyond the last head.
    pub ahead: Vec<u8>,
}

impl Scene {
    /// A request's head, with its empty line. An error: the edge closed.
    pub async fn read_head(&mut self) -> io::Result<String> {
        let head = self.read_until("\r\n\r\n").await?;
        Ok(String::from_utf8_lossy(&head).into_owned())
    }

    /// Everything up to and with this text.
    pub async fn read_until(&mut self, text: &str) -> io::Result<Vec<u8>> {
        loop {
            if let Some(found) = take_until(&mut self.ahead, text) {
                return Ok(found);
            }
            self.ahead.reserve(READ_BYTES);
            if self.stream.read_buf(&mut self.ahead).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    pub async fn send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.write_all(bytes.as_ref()).await
    }

    /// Waits until the edge closes; what it sends meanwhile is thrown away.
    pub async fn wait_for_close(&mut self) {
        let mut sink = [0; 4096];
        while matches!(self.stream.read(&mut sink).await, Ok(1..)) {}
    }

    /// Closes with a reset.
    pub fn reset(self) {
        reset(self.stream);
    }
}
