//! What does an origin answer on which path?
//!
//! | path | answer |
//! |---|---|
//! | `/bytes/N` | N bytes `x`, with Content-Length |
//! | `/chunks/N` | N chunks of 1,024 bytes, chunked |
//! | `/until-close/N` | N bytes, ended by the close |
//! | `/status/NNN` | that status |
//! | `/sleep/MS` | 200 after that many milliseconds |
//! | `/events` | an event stream: `data: 0` at once, then one event every 50 ms |
//! | `/early-hints` | 103, then 200 |
//! | any, with `Upgrade` | 101, then every byte comes back |
//! | any, with a body | 200, with `x-body-bytes` and `x-body-digest` (FNV-1a, 16 hex digits) |
//! | any other | 200, the origin's name as body |

use super::Shared;
use super::http1::{Head, Next, Wire};
use std::io;
use std::time::Duration;
use tokio::io::AsyncWriteExt;

const EVENT_INTERVAL: Duration = Duration::from_millis(50);
const CHUNK: usize = 1024;

/// FNV-1a, so that both ends of a long upload agree without keeping it.
pub fn digest(seed: u64, bytes: &[u8]) -> u64 {
    bytes.iter().fold(seed, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

/// Where `digest` starts.
pub const DIGEST_SEED: u64 = 0xcbf2_9ce4_8422_2325;

/// A whole answer with a body.
pub fn plain(shared: &Shared, status: u16, body: &str) -> String {
    format!(
        "HTTP/1.1 {status} Said\r\nx-origin: {}\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{body}",
        shared.name,
        body.len()
    )
}

pub async fn answer(wire: &mut Wire, head: &Head, shared: &Shared) -> io::Result<Next> {
    if head.field("upgrade").is_some() {
        return echo_bytes(wire, head, shared).await;
    }
    if head.field("expect").is_some() {
        wire.send("HTTP/1.1 100 Continue\r\n\r\n").await?;
    }
    let (mut bytes, mut hash) = (0, DIGEST_SEED);
    wire.read_body(head, |part| {
        bytes += part.len();
        hash = digest(hash, part);
    })
    .await?;
    let path = head.target.split('?').next().unwrap_or_default();
    let (word, number) = split(path);
    match word {
        "status" => {
            let status = u16::try_from(number).unwrap();
            wire.send(&plain(shared, status, "as asked\n")).await?;
        }
        "sleep" => {
            tokio::time::sleep(Duration::from_millis(number)).await;
            wire.send(&plain(shared, 200, &shared.name)).await?;
        }
        "bytes" => send_bytes(wire, shared, number, true).await?,
        "until-close" => {
            send_bytes(wire, shared, number, false).await?;
            return Ok(Next::Close);
        }
        "chunks" => send_chunks(wire, shared, number).await?,
        "events" => send_events(wire, shared).await?,
        "early-hints" => {
            wire.send("HTTP/1.1 103 Early Hints\r\nlink: </a.css>; rel=preload\r\n\r\n")
                .await?;
            wire.send(&plain(shared, 200, &shared.name)).await?;
        }
        _ if bytes > 0 => {
            let reply = format!(
                "HTTP/1.1 200 OK\r\nx-origin: {}\r\nx-body-bytes: {bytes}\r\nx-body-digest: {hash:016x}\r\ncontent-length: 0\r\n\r\n",
                shared.name
            );
            wire.send(&reply).await?;
        }
        _ if head.method == "HEAD" => {
            let whole = plain(shared, 200, &shared.name);
            let end = whole.find("\r\n\r\n").unwrap();
            wire.send(&whole[..end + 4]).await?;
        }
        _ => wire.send(&plain(shared, 200, &shared.name)).await?,
    }
    Ok(Next::Request)
}

/// `/bytes/17` is `("bytes", 17)`.
fn split(path: &str) -> (&str, u64) {
    let mut parts = path.trim_start_matches('/').split('/');
    let word = parts.next().unwrap_or_default();
    match parts.next().map(str::parse) {
        Some(Ok(number)) => (word, number),
        _ if word == "events" || word == "early-hints" => (word, 0),
        _ => ("", 0),
    }
}

async fn echo_bytes(wire: &mut Wire, head: &Head, shared: &Shared) -> io::Result<Next> {
    let reply = format!(
        "HTTP/1.1 101 Switching Protocols\r\nx-origin: {}\r\nconnection: upgrade\r\nupgrade: {}\r\n\r\n",
        shared.name,
        head.field("upgrade").unwrap_or_default()
    );
    wire.send(&reply).await?;
    loop {
        let bytes = std::mem::take(&mut wire.ahead);
        wire.stream.write_all(&bytes).await?;
        if wire.read_more().await? == 0 {
            return Ok(Next::Close);
        }
    }
}

async fn send_bytes(wire: &mut Wire, shared: &Shared, count: u64, framed: bool) -> io::Result<()> {
    let framing = if framed {
        format!("content-length: {count}\r\n")
    } else {
        "connection: close\r\n".to_owned()
    };
    wire.send(&format!(
        "HTTP/1.1 200 OK\r\nx-origin: {}\r\n{framing}\r\n",
        shared.name
    ))
    .await?;
    let block = [b'x'; 64 * 1024];
    let mut left = usize::try_from(count).unwrap();
    while left > 0 {
        let part = left.min(block.len());
        wire.stream.write_all(&block[..part]).await?;
        left -= part;
    }
    Ok(())
}

async fn send_chunks(wire: &mut Wire, shared: &Shared, count: u64) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nx-origin: {}\r\ntransfer-encoding: chunked\r\n\r\n",
        shared.name
    );
    wire.send(&head).await?;
    let chunk = format!("{CHUNK:x}\r\n{}\r\n", "c".repeat(CHUNK));
    for _ in 0..count {
        wire.send(&chunk).await?;
    }
    wire.send("0\r\n\r\n").await
}

/// Ends when the client leaves.
async fn send_events(wire: &mut Wire, shared: &Shared) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nx-origin: {}\r\ncontent-type: text/event-stream\r\ntransfer-encoding: chunked\r\n\r\n",
        shared.name
    );
    wire.send(&head).await?;
    for number in 0_u64.. {
        let event = format!("data: {number}\n\n");
        wire.send(&format!("{:x}\r\n{event}\r\n", event.len()))
            .await?;
        tokio::time::sleep(EVENT_INTERVAL).await;
    }
    Ok(())
}
