//! How does a story speak WebSocket, frame by frame?
//!
//! An origin of this crate echoes bytes after its 101, so a story sees its own frames come back; the demo's backend speaks RFC 6455.

use super::{Connection, Request};
use std::io;

/// A connection after its 101.
pub struct WebSocket(pub Connection);

impl WebSocket {
    /// Asks for the upgrade on an open connection. An answer other than 101 is an error that shows it.
    pub async fn open(mut connection: Connection, request: &Request) -> io::Result<WebSocket> {
        let request = request
            .clone()
            .field("connection", "Upgrade")
            .field("upgrade", "websocket")
            .field("sec-websocket-version", "13")
            .field("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==");
        connection.send(request.to_bytes()).await?;
        let reply = connection.read_head().await?;
        if reply.status != 101 {
            return Err(io::Error::other(format!("no upgrade: {reply:?}")));
        }
        Ok(WebSocket(connection))
    }

    /// A masked text frame, of at most 125 bytes.
    pub async fn send_text(&mut self, text: &str) -> io::Result<()> {
        self.0.send(masked_frame(0x81, text.as_bytes())).await
    }

    /// A masked close frame.
    pub async fn send_close(&mut self) -> io::Result<()> {
        self.0.send(masked_frame(0x88, b"")).await
    }

    /// The payload of the next frame, unmasked if it was masked; frames of at most 125 bytes.
    pub async fn read_text(&mut self) -> io::Result<String> {
        let head = self.take(2).await?;
        let is_masked = head[1] & 0x80 != 0;
        let mask = if is_masked {
            self.take(4).await?
        } else {
            vec![0; 4]
        };
        let mut payload = self.take(usize::from(head[1] & 0x7f)).await?;
        for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
            *byte ^= key;
        }
        String::from_utf8(payload).map_err(io::Error::other)
    }

    async fn take(&mut self, count: usize) -> io::Result<Vec<u8>> {
        while self.0.ahead.len() < count {
            if self.0.read_more().await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
        }
        let rest = self.0.ahead.split_off(count);
        Ok(std::mem::replace(&mut self.0.ahead, rest))
    }
}

fn masked_frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let length = u8::try_from(payload.len()).expect("a short frame");
    assert!(length <= 125, "a short frame");
    let mut frame = vec![first, 0x80 | length];
    frame.extend(mask);
    let masked = payload.iter().zip(mask.iter().cycle());
    frame.extend(masked.map(|(byte, key)| byte ^ key));
    frame
}
