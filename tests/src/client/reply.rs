//! What did the edge answer?

use super::Connection;
use bytes::Bytes;
use std::io;

/// An answer, HTTP/1.1 or HTTP/2.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reply {
    pub status: u16,
    /// In order, names in lower case.
    pub fields: Vec<(String, String)>,
    pub body: Bytes,
    /// HTTP/2 only: pingora drops those of HTTP/1.
    pub trailers: Vec<(String, String)>,
    /// Statuses of 1xx answers before it (100, 103).
    pub interim: Vec<u16>,
}

impl Reply {
    /// The first value of a field (name in lower case).
    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    /// The value of a trailer (name in lower case).
    pub fn trailer(&self, name: &str) -> Option<&str> {
        let found = self.trailers.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// The name of the origin that answered; empty: the edge itself.
    pub fn served_by(&self) -> &str {
        self.field("x-origin").unwrap_or_default()
    }

    /// Did the edge answer, and no backend?
    pub fn is_ours(&self) -> bool {
        self.field("server") == Some("hedgerow")
    }
}

/// The head of the next final answer; interim ones are noted.
pub async fn read_head(connection: &mut Connection) -> io::Result<Reply> {
    let mut interim = Vec::new();
    loop {
        let raw = connection.read_until("\r\n\r\n").await?;
        let mut reply = parse(&String::from_utf8_lossy(&raw))?;
        if (100..200).contains(&reply.status) && reply.status != 101 {
            interim.push(reply.status);
            continue;
        }
        reply.interim = interim;
        return Ok(reply);
    }
}

/// Head and body, by its framing (RFC 9112 section 6.3).
pub async fn read(connection: &mut Connection, is_head: bool) -> io::Result<Reply> {
    let mut reply = read_head(connection).await?;
    if is_head || matches!(reply.status, 101 | 204 | 304) {
        return Ok(reply);
    }
    let body = if reply.field("transfer-encoding") == Some("chunked") {
        read_chunks(connection).await?
    } else if let Some(length) = reply.field("content-length") {
        let length = length.parse().map_err(io::Error::other)?;
        read_exactly(connection, length).await?
    } else {
        read_until_close(connection).await?
    };
    reply.body = body.into();
    Ok(reply)
}

fn parse(raw: &str) -> io::Result<Reply> {
    let mut lines = raw.trim_end().split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| io::Error::other(format!("{first:?} is no status line")))?;
    let fields = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Ok(Reply {
        status,
        fields,
        ..Reply::default()
    })
}

async fn read_exactly(connection: &mut Connection, length: usize) -> io::Result<Vec<u8>> {
    while connection.ahead.len() < length {
        if connection.read_more().await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
    let rest = connection.ahead.split_off(length);
    Ok(std::mem::replace(&mut connection.ahead, rest))
}

async fn read_chunks(connection: &mut Connection) -> io::Result<Vec<u8>> {
    let mut body = Vec::new();
    loop {
        let line = connection.read_until("\r\n").await?;
        let line = String::from_utf8_lossy(&line);
        let size = line.trim().split(';').next().unwrap_or_default();
        let size = usize::from_str_radix(size, 16).map_err(io::Error::other)?;
        body.extend(read_exactly(connection, size).await?);
        connection.read_until("\r\n").await?;
        if size == 0 {
            return Ok(body);
        }
    }
}

/// A TLS connection that ends without close_notify is an error: the body may be cut.
async fn read_until_close(connection: &mut Connection) -> io::Result<Vec<u8>> {
    while connection.read_more().await? > 0 {}
    Ok(std::mem::take(&mut connection.ahead))
}
