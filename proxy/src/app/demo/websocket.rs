//! How does the sample VM echo a WebSocket?
//!
//! RFC 6455, as much of it as an echo needs: the handshake, and data, ping and close frames of at most 64 KiB.
//! The handshake's SHA-1 comes from ring, which rustls brings along; a WebSocket crate would add six packages to the edge for its demo.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use std::io::{Error, ErrorKind, Result};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

/// RFC 6455 section 1.3.
const HANDSHAKE_GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// A longer message ends the connection.
const PAYLOAD_BYTES_MAX: usize = 64 * 1024;

const CONTINUATION: u8 = 0;
const CLOSE: u8 = 8;
const PING: u8 = 9;
const PONG: u8 = 10;

/// `Sec-WebSocket-Accept` for the client's key (RFC 6455 section 4.2.2).
pub fn accept_value(key: &str) -> String {
    let hash = digest(
        &SHA1_FOR_LEGACY_USE_ONLY,
        format!("{key}{HANDSHAKE_GUID}").as_bytes(),
    );
    STANDARD.encode(hash)
}

/// Sends every data frame back as it came, answers pings, and leaves with the client's close.
pub async fn echo<S: AsyncRead + AsyncWrite + Unpin>(mut stream: S) -> Result<()> {
    loop {
        let frame = read_frame(&mut stream).await?;
        match frame.opcode() {
            CLOSE => {
                write_frame(&mut stream, &frame).await?;
                return stream.shutdown().await;
            }
            PING => {
                let pong = Frame {
                    first: 0x80 | PONG,
                    payload: frame.payload,
                };
                write_frame(&mut stream, &pong).await?;
            }
            CONTINUATION..=2 => write_frame(&mut stream, &frame).await?,
            _ => {}
        }
    }
}

/// One frame: its first byte (FIN and opcode) and its payload, unmasked.
struct Frame {
    first: u8,
    payload: Vec<u8>,
}

impl Frame {
    fn opcode(&self) -> u8 {
        self.first & 0x0f
    }
}

/// RFC 6455 section 5.2. A client's frames are masked; one that is not ends the connection (section 5.1).
async fn read_frame<S: AsyncRead + Unpin>(stream: &mut S) -> Result<Frame> {
    let first = stream.read_u8().await?;
    let second = stream.read_u8().await?;
    if second & 0x80 == 0 {
        return Err(Error::new(ErrorKind::InvalidData, "an unmasked frame"));
    }
    let length = match second & 0x7f {
        126 => u64::from(stream.read_u16().await?),
        127 => stream.read_u64().await?,
        short => u64::from(short),
    };
    let length = usize::try_from(length)
        .ok()
        .filter(|length| *length <= PAYLOAD_BYTES_MAX)
        .ok_or_else(|| Error::new(ErrorKind::InvalidData, "a frame above 64 KiB"))?;
    let mut mask = [0; 4];
    stream.read_exact(&mut mask).await?;
    let mut payload = vec![0; length];
    stream.read_exact(&mut payload).await?;
    for (byte, key) in payload.iter_mut().zip(mask.iter().cycle()) {
        *byte ^= key;
    }
    Ok(Frame { first, payload })
}

/// A server's frames are not masked.
async fn write_frame<S: AsyncWrite + Unpin>(stream: &mut S, frame: &Frame) -> Result<()> {
    let mut bytes = vec![frame.first];
    match (
        u8::try_from(frame.payload.len()),
        u16::try_from(frame.payload.len()),
    ) {
        (Ok(short @ 0..=125), _) => bytes.push(short),
        (_, Ok(medium)) => {
            bytes.push(126);
            bytes.extend(medium.to_be_bytes());
        }
        _ => {
            bytes.push(127);
            let long = u64::try_from(frame.payload.len()).unwrap_or(u64::MAX);
            bytes.extend(long.to_be_bytes());
        }
    }
    bytes.extend(&frame.payload);
    stream.write_all(&bytes).await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_handshake_answers_the_example_of_the_rfc() {
        assert_eq!(
            accept_value("dGhlIHNhbXBsZSBub25jZQ=="),
            "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
        );
    }

    /// Plays `sent` to the echo and compares everything that comes back.
    async fn check(sent: &[u8], expected: &[u8]) {
        let (client, server) = tokio::io::duplex(256 * 1024);
        let echo = tokio::spawn(echo(server));
        let (mut reader, mut writer) = tokio::io::split(client);
        writer.write_all(sent).await.expect("the echo reads");
        writer.shutdown().await.expect("the echo reads");
        let mut found = Vec::new();
        reader
            .read_to_end(&mut found)
            .await
            .expect("the echo writes");
        drop(echo.await);
        assert_eq!(found, expected);
    }

    #[tokio::test]
    async fn a_message_comes_back_unmasked_and_a_ping_is_answered() {
        // "Hello" of RFC 6455 section 5.7, then a ping, then a close.
        let hello = [
            0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58,
        ];
        check(&hello, b"\x81\x05Hello").await;
        check(&[0x89, 0x81, 0, 0, 0, 0, b'x'], b"\x8a\x01x").await;
        check(
            &[0x88, 0x80, 1, 2, 3, 4, 0x81, 0x80, 0, 0, 0, 0],
            b"\x88\x00",
        )
        .await;
    }

    #[tokio::test]
    async fn long_messages_pass_and_too_long_ones_end_the_connection() {
        let mut long = vec![0x82, 0xfe, 0x01, 0x00, 0, 0, 0, 0];
        long.extend([7; 256]);
        let mut expected = vec![0x82, 126, 0x01, 0x00];
        expected.extend([7; 256]);
        check(&long, &expected).await;
        let mut huge = vec![0x82, 0xff];
        huge.extend(u64::MAX.to_be_bytes());
        check(&huge, b"").await;
        check(b"\x81\x01x", b"").await;
    }
}
