//! How does a handshake go, and how does it fail?

use super::Terminator;
use crate::connection::context::TlsFacts;
use crate::connection::wire::Wire;
use rustls::Error as TlsError;
use rustls::server::{Acceptor, ServerConnection};
use std::io::{self, ErrorKind};
use tokio::io::AsyncWriteExt;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;

/// First byte of a TLS record that carries a handshake (RFC 8446 §5.1).
const HANDSHAKE_RECORD: u8 = 0x16;
/// For a person who typed `http://` with this port; the client is no TLS client, so nothing but plain text reaches it.
const PLAIN_HTTP_ANSWER: &[u8] =
    b"HTTP/1.1 400 Bad Request\r\nserver: hedgerow\r\nconnection: close\r\n\
cache-control: no-store\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: 43\r\n\r\n\
This port speaks HTTPS; use https:// here.\n";

/// How a handshake failed; its word is the metric's label.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HandshakeError {
    /// Not complete at its deadline.
    Timeout,
    /// The client closed or reset the connection.
    Closed,
    /// The client does not like what we sent, usually the certificate.
    Alert,
    /// We speak none of the protocols that the client offers (ALPN).
    NoProtocol,
    /// No version, cipher or group in common.
    Incompatible,
    /// What came is not TLS.
    Garbage,
    /// What came is plain HTTP.
    PlainHttp,
    /// Anything else, also on our side.
    Other,
}

impl HandshakeError {
    /// The metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            HandshakeError::Timeout => "timeout",
            HandshakeError::Closed => "closed",
            HandshakeError::Alert => "alert",
            HandshakeError::NoProtocol => "no-protocol",
            HandshakeError::Incompatible => "incompatible",
            HandshakeError::Garbage => "garbage",
            HandshakeError::PlainHttp => "plain-http",
            HandshakeError::Other => "other",
        }
    }
}

impl From<io::Error> for HandshakeError {
    fn from(error: io::Error) -> HandshakeError {
        let Some(cause) = error.get_ref().and_then(|cause| cause.downcast_ref()) else {
            return match error.kind() {
                ErrorKind::InvalidData => HandshakeError::Garbage,
                ErrorKind::UnexpectedEof
                | ErrorKind::ConnectionReset
                | ErrorKind::ConnectionAborted
                | ErrorKind::BrokenPipe => HandshakeError::Closed,
                _ => HandshakeError::Other,
            };
        };
        match cause {
            TlsError::AlertReceived(_) => HandshakeError::Alert,
            TlsError::NoApplicationProtocol => HandshakeError::NoProtocol,
            TlsError::PeerIncompatible(_) => HandshakeError::Incompatible,
            TlsError::InvalidMessage(_)
            | TlsError::InappropriateMessage { .. }
            | TlsError::InappropriateHandshakeMessage { .. }
            | TlsError::PeerMisbehaved(_)
            | TlsError::DecryptError
            | TlsError::PeerSentOversizedRecord => HandshakeError::Garbage,
            _ => HandshakeError::Other,
        }
    }
}

/// Ends TLS, and tells what was settled.
pub async fn handshake(
    terminator: &Terminator,
    mut wire: Wire,
    deadline: Instant,
) -> Result<(Box<TlsStream<Wire>>, TlsFacts), HandshakeError> {
    let first = timeout_at(deadline, wire.peek_byte())
        .await
        .map_err(|_| HandshakeError::Timeout)??;
    match first {
        None => return Err(HandshakeError::Closed),
        Some(HANDSHAKE_RECORD) => {}
        Some(byte) if byte.is_ascii_uppercase() => {
            answer_plain_http(wire, deadline).await;
            return Err(HandshakeError::PlainHttp);
        }
        Some(_) => return Err(HandshakeError::Garbage),
    }
    let handshake = negotiate(terminator, wire);
    timeout_at(deadline, handshake)
        .await
        .map_err(|_| HandshakeError::Timeout)?
}

async fn negotiate(
    terminator: &Terminator,
    wire: Wire,
) -> Result<(Box<TlsStream<Wire>>, TlsFacts), HandshakeError> {
    let start = LazyConfigAcceptor::new(Acceptor::default(), wire).await?;
    let hello = start.client_hello();
    // Of this handshake, never of a session that it resumes.
    let server_name = hello.server_name().map(super::normal_name);
    let config = terminator.config_for(&hello);
    let in_force = terminator.live.current();
    let entry = server_name
        .as_deref()
        .and_then(|name| in_force.snapshot.tls.find(name))
        .cloned();
    let stream = Box::new(start.into_stream(config).await?);
    let (version, cipher) = settled(stream.get_ref().1);
    Ok((
        stream,
        TlsFacts {
            server_name,
            entry,
            version,
            cipher,
        },
    ))
}

fn settled(connection: &ServerConnection) -> (&'static str, &'static str) {
    let version = match connection.protocol_version() {
        Some(rustls::ProtocolVersion::TLSv1_3) => "TLSv1.3",
        _ => "TLSv1.2", // There are two.
    };
    let suite = connection.negotiated_cipher_suite();
    (
        version,
        suite
            .and_then(|suite| suite.suite().as_str())
            .unwrap_or_default(),
    )
}

async fn answer_plain_http(mut wire: Wire, deadline: Instant) {
    let answer = async {
        wire.write_all(PLAIN_HTTP_ANSWER).await?;
        wire.flush().await?;
        crate::connection::leave(&mut wire).await
    };
    // Whether it arrives or not, the connection ends.
    let _ = timeout_at(deadline, answer).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plain_answer_has_the_length_it_says() {
        let answer = std::str::from_utf8(PLAIN_HTTP_ANSWER).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("content-length: {}", body.len())),
            "{}",
            body.len()
        );
    }
}
