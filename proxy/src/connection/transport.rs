//! Is a connection plain or inside TLS?

use super::wire::Wire;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::server::TlsStream;

/// The bytes of HTTP to and from a client, whatever carries them.
#[derive(Debug)]
pub enum Transport {
    Plain(Wire),
    Tls(Box<TlsStream<Wire>>),
    /// It was taken back by the loop that owns the connection.
    Gone,
}

impl Transport {
    pub fn wire(&self) -> Option<&Wire> {
        match self {
            Transport::Plain(wire) => Some(wire),
            Transport::Tls(tls) => Some(tls.get_ref().0),
            Transport::Gone => None,
        }
    }
}

impl AsyncRead for Transport {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Plain(wire) => Pin::new(wire).poll_read(cx, out),
            Transport::Tls(tls) => Pin::new(tls).poll_read(cx, out),
            Transport::Gone => Poll::Ready(Ok(())),
        }
    }
}

impl AsyncWrite for Transport {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Transport::Plain(wire) => Pin::new(wire).poll_write(cx, from),
            Transport::Tls(tls) => Pin::new(tls).poll_write(cx, from),
            Transport::Gone => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Plain(wire) => Pin::new(wire).poll_flush(cx),
            Transport::Tls(tls) => Pin::new(tls).poll_flush(cx),
            Transport::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Transport::Plain(wire) => Pin::new(wire).poll_shutdown(cx),
            Transport::Tls(tls) => Pin::new(tls).poll_shutdown(cx),
            Transport::Gone => Poll::Ready(Ok(())),
        }
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Transport::Plain(wire) => Pin::new(wire).poll_write_vectored(cx, from),
            Transport::Tls(tls) => Pin::new(tls).poll_write_vectored(cx, from),
            Transport::Gone => Poll::Ready(Err(io::ErrorKind::BrokenPipe.into())),
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
