//! How does an origin read a request and misbehave, byte by byte?

use super::{Fault, Shared, answer, reset};
use crate::client::READ_BYTES;
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A request head above this fails the origin: the edge sends none.
const HEAD_BYTES_MAX: usize = 128 * 1024;

/// The head of a request, as it stood on the wire.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    pub method: String,
    /// As sent: path and query.
    pub target: String,
    /// In order, names as sent.
    pub fields: Vec<(String, String)>,
}

/// A request that an origin got.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Received {
    pub head: Head,
    /// The bytes of the head, with its empty line.
    pub raw: String,
}

impl Head {
    /// The first value of a field, whatever the case of its name.
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self
            .fields
            .iter()
            .find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    fn parse(raw: &str) -> Head {
        let mut lines = raw.split("\r\n");
        let mut first = lines.next().unwrap_or_default().splitn(3, ' ');
        let method = first.next().unwrap_or_default().to_owned();
        let target = first.next().unwrap_or_default().to_owned();
        let fields = lines
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_owned(), value.trim().to_owned()))
            .collect();
        Head {
            method,
            target,
            fields,
        }
    }
}

/// A connection with what was read too far.
pub(super) struct Wire {
    pub stream: TcpStream,
    pub ahead: Vec<u8>,
}

/// Requests of one connection, until somebody closes it.
pub(super) async fn serve(stream: TcpStream, shared: Arc<Shared>) {
    if fault(&shared) == Fault::ResetOnAccept {
        return reset(stream);
    }
    let mut wire = Wire {
        stream,
        ahead: Vec::new(),
    };
    loop {
        let idle = match fault(&shared) {
            Fault::IdleTimeout(idle) => idle,
            _ => Duration::from_secs(3600),
        };
        let Ok(Ok(Some(raw))) = tokio::time::timeout(idle, wire.read_head()).await else {
            return;
        };
        let head = Head::parse(&raw);
        let received = Received {
            head: head.clone(),
            raw,
        };
        shared.received.lock().unwrap().push(received);
        match serve_one(&mut wire, &head, &shared).await {
            Ok(Next::Request) => {}
            Ok(Next::Close) | Err(_) => return,
            Ok(Next::Reset) => return reset(wire.stream),
        }
    }
}

/// What follows an answer.
pub(super) enum Next {
    Request,
    Close,
    Reset,
}

async fn serve_one(wire: &mut Wire, head: &Head, shared: &Shared) -> io::Result<Next> {
    match fault(shared) {
        Fault::ResetOnAccept | Fault::ResetBeforeAnswer => return Ok(Next::Reset),
        Fault::CloseBeforeAnswer => return Ok(Next::Close),
        Fault::Hang => std::future::pending().await,
        Fault::Garbage => {
            wire.send("I am no server of HTTP.\r\n\r\n").await?;
            return Ok(Next::Close);
        }
        Fault::ResetInBody(bytes) => {
            let body = "x".repeat(bytes);
            wire.send(&format!(
                "HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\n{body}"
            ))
            .await?;
            // What was sent must have left the machine's buffers: a reset throws the rest away.
            wire.wait_until_sent().await;
            return Ok(Next::Reset);
        }
        Fault::SlowHead(wait) => tokio::time::sleep(wait).await,
        Fault::Status(status) => {
            wire.drain(head).await?;
            let reply = answer::plain(shared, status, "a fault was asked for\n");
            wire.send(&reply).await?;
            return Ok(Next::Request);
        }
        Fault::None | Fault::CloseAfterAnswer | Fault::IdleTimeout(_) => {}
    }
    let next = answer::answer(wire, head, shared).await?;
    match fault(shared) {
        Fault::CloseAfterAnswer => Ok(Next::Close),
        _ => Ok(next),
    }
}

fn fault(shared: &Shared) -> Fault {
    shared.fault.lock().unwrap().clone()
}

impl Wire {
    pub async fn send(&mut self, text: &str) -> io::Result<()> {
        self.stream.write_all(text.as_bytes()).await
    }

    /// Up to and with the empty line. None: the client closed.
    async fn read_head(&mut self) -> io::Result<Option<String>> {
        loop {
            let end = self.ahead.windows(4).position(|four| four == b"\r\n\r\n");
            if let Some(end) = end {
                let rest = self.ahead.split_off(end + 4);
                let head = std::mem::replace(&mut self.ahead, rest);
                return Ok(Some(String::from_utf8_lossy(&head).into_owned()));
            }
            assert!(self.ahead.len() < HEAD_BYTES_MAX, "a head without an end");
            if self.read_more().await? == 0 {
                return Ok(None);
            }
        }
    }

    /// Bytes read; 0: the client closed.
    pub async fn read_more(&mut self) -> io::Result<usize> {
        self.ahead.reserve(READ_BYTES);
        self.stream.read_buf(&mut self.ahead).await
    }

    /// A line of a chunked body, without its end.
    async fn read_line(&mut self) -> io::Result<String> {
        loop {
            let end = self.ahead.windows(2).position(|two| two == b"\r\n");
            if let Some(end) = end {
                let line: Vec<u8> = self.ahead.drain(..end + 2).collect();
                return Ok(String::from_utf8_lossy(&line[..end]).into_owned());
            }
            if self.read_more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
    }

    /// Hands exactly this many bytes to `sink`, in parts as they come.
    async fn read_exactly(&mut self, count: u64, sink: &mut impl FnMut(&[u8])) -> io::Result<()> {
        let mut left = count;
        while left > 0 {
            if self.ahead.is_empty() && self.read_more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let part = self.ahead.len().min(usize::try_from(left).unwrap());
            sink(&self.ahead[..part]);
            self.ahead.drain(..part);
            left -= u64::try_from(part).unwrap();
        }
        Ok(())
    }

    /// The whole body, by its framing, to `sink`.
    pub async fn read_body(&mut self, head: &Head, mut sink: impl FnMut(&[u8])) -> io::Result<()> {
        if head.field("transfer-encoding").is_none() {
            let length = head.field("content-length").unwrap_or("0");
            return self.read_exactly(length.parse().unwrap(), &mut sink).await;
        }
        loop {
            let line = self.read_line().await?;
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = u64::from_str_radix(size, 16).unwrap();
            self.read_exactly(size, &mut sink).await?;
            // After a chunk its line end; after the last one the (empty) trailers' end.
            while !self.read_line().await?.is_empty() {}
            if size == 0 {
                return Ok(());
            }
        }
    }

    pub async fn drain(&mut self, head: &Head) -> io::Result<()> {
        self.read_body(head, |_| {}).await
    }

    /// Returns when the peer acknowledged everything (SIOCOUTQ is not at hand; a turn of the peer is).
    async fn wait_until_sent(&mut self) {
        let _ = self.stream.flush().await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
