//! Which bytes of a connection may the proxy see now?
//!
//! The gate is the stream that pingora is given. On HTTP/1 it knows where the body of the request in flight ends and shows not one byte
//! past it, so that framing is decided once, by us, on raw bytes; the next head is read and judged by our own loop. On HTTP/2 it bounds
//! what an idle connection may send.

mod io;
mod remains;
mod stall;

use super::chunk::ChunkScan;
use super::context::ConnectionContext;
use super::head::Framing;
use super::transport::Transport;
use super::wire::Wire;
use bytes::{Buf, BytesMut};
use config::limits::Limits;
use pingora_core::protocols::raw_connect::ProxyDigest;
use pingora_core::protocols::tls::SslDigest;
use pingora_core::protocols::{Shutdown, SocketDigest};
use pingora_http::ResponseHeader;
use remains::Left;
pub use remains::Remains;
use stall::Stall;
use std::io::{Error, ErrorKind, Result};
use std::os::fd::RawFd;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, ready};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};

/// What an HTTP/2 client may send while it has no stream open. Above the connection window: DATA of a stream that was answered already
/// still arrives (64 KiB cut clients whose upload we had answered; measured). A flood of PINGs ends here.
const QUIET_BYTES_MAX: usize = 512 * 1024;
/// Room for an ordinary head.
const HEAD_READ_BYTES: usize = 4096;
/// What is read at once of the bytes that follow a request in flight.
const PROBE_BYTES: usize = 512;

/// The stream that pingora is given.
#[derive(Debug)]
pub struct Gate {
    transport: Transport,
    context: Arc<ConnectionContext>,
    proxy_digest: Arc<ProxyDigest>,
    socket_digest: Arc<SocketDigest>,
    ssl_digest: Option<Arc<SslDigest>>,
    /// Read from the transport, not yet shown.
    buffer: BytesMut,
    /// Bytes of next requests that are read while one is in flight.
    ahead_bytes_max: usize,
    body: Body,
    write_stall: Stall,
    quiet_bytes: QuietBytes,
    unflushed: Unflushed,
    /// FIN was sent: what comes now is read by nobody.
    is_shut: bool,
    remains: Remains,
}

impl Drop for Gate {
    fn drop(&mut self) {
        // A request that ends before its body leaves bytes unread, and its answer must not be lost with them.
        let is_cut = matches!(self.body, Body::Length(_) | Body::Chunked(_));
        let is_kept = self.context.keeps.swap(false, Ordering::Relaxed);
        let is_whole = is_kept && self.is_at_rest() && !self.is_shut;
        if self.is_shut || is_cut || is_whole {
            self.remains.leave(Left {
                transport: std::mem::replace(&mut self.transport, Transport::Gone),
                ahead: std::mem::take(&mut self.buffer),
                is_whole,
            });
        }
    }
}

/// Bytes that an HTTP/2 connection sent since it last had a stream open. Shared with its loop, which begins anew with each stream.
#[derive(Debug, Clone, Default)]
pub struct QuietBytes(Arc<AtomicUsize>);

impl QuietBytes {
    pub fn begin_anew(&self) {
        self.0.store(0, Ordering::Relaxed);
    }
}

/// What of an answer waits in the write buffer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unflushed {
    Nothing,
    Written,
    /// A read found nothing since, and asked for one more turn.
    Due,
}

/// What may still be shown of the request in flight.
#[derive(Debug)]
enum Body {
    /// Nothing: it has no body, or all of it was shown.
    AtRest,
    Length(u64),
    Chunked(ChunkScan),
    /// A body that RFC 9112 does not allow: nothing is shown ever again.
    Malformed,
    /// A 101 passed: everything.
    Upgraded,
    /// HTTP/2 delimits by itself.
    Http2,
}

impl Gate {
    /// `is_http2`: what the handshake negotiated. Fails never in practice: pingora's placeholder response is built from constants.
    pub fn new(
        transport: Transport,
        context: Arc<ConnectionContext>,
        is_http2: bool,
        limits: &Limits,
    ) -> pingora_error::Result<Gate> {
        // The type wants the answer to a CONNECT; all that we want of it is the way into every phase.
        let placeholder = Box::new(ResponseHeader::build(200, Some(0))?);
        let user = Box::new(Arc::clone(&context));
        let socket_digest = SocketDigest::from_raw_fd(raw_fd(&transport));
        // A fresh cell is empty, so this cannot fail.
        let _ = socket_digest.peer_addr.set(Some(context.client.into()));
        let ssl_digest = context.tls.as_ref().map(|tls| {
            Arc::new(SslDigest::new(
                tls.cipher,
                tls.version,
                None,
                None,
                Vec::new(),
            ))
        });
        Ok(Gate {
            transport,
            context,
            proxy_digest: Arc::new(ProxyDigest::new(placeholder, Some(user))),
            socket_digest: Arc::new(socket_digest),
            ssl_digest,
            buffer: BytesMut::new(),
            ahead_bytes_max: limits.header_bytes_max,
            body: if is_http2 { Body::Http2 } else { Body::AtRest },
            write_stall: Stall::new(limits.write_stall_timeout),
            quiet_bytes: QuietBytes::default(),
            unflushed: Unflushed::Nothing,
            is_shut: false,
            remains: Remains::default(),
        })
    }

    /// Goes on with a connection whose gate pingora has dropped after an answer of ours.
    pub fn again(
        left: Left,
        context: &Arc<ConnectionContext>,
        limits: &Limits,
        remains: &Remains,
    ) -> Option<Gate> {
        let mut gate = Gate::new(left.transport, Arc::clone(context), false, limits).ok()?;
        gate.buffer = left.ahead;
        gate.remains = remains.clone();
        Some(gate)
    }

    /// Everything read of the next head so far.
    pub fn head_bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Reads more of a head; between requests only. 0: the client closed.
    pub async fn read_head(&mut self) -> Result<usize> {
        self.buffer.reserve(HEAD_READ_BYTES);
        let read = self.transport.read_buf(&mut self.buffer).await;
        self.publish_bytes();
        read
    }

    /// Takes the head off and lets its body through from now on.
    pub fn begin(&mut self, head_bytes: usize, framing: Framing) -> BytesMut {
        self.context.is_upgraded.store(false, Ordering::Relaxed);
        self.body = match framing {
            Framing::None => Body::AtRest,
            Framing::Length(left) => Body::Length(left),
            Framing::Chunked => Body::Chunked(ChunkScan::start()),
        };
        if head_bytes >= self.buffer.len() {
            return std::mem::take(&mut self.buffer);
        }
        self.buffer.split_to(head_bytes)
    }

    /// False: pingora and we disagree about where the request ended. The connection must not serve another one.
    pub fn is_at_rest(&self) -> bool {
        matches!(self.body, Body::AtRest)
    }

    pub fn transport(&mut self) -> &mut Transport {
        &mut self.transport
    }

    pub fn quiet_bytes(&self) -> QuietBytes {
        self.quiet_bytes.clone()
    }

    /// Closes an idle connection: nothing is on its way that a RST could overtake, so nothing remains.
    pub async fn close(&mut self) {
        self.shutdown().await;
        self.is_shut = false;
    }

    pub fn remains(&self) -> Remains {
        self.remains.clone()
    }

    /// pingora flushes an answer with a Content-Length at its end only, so a slow one's last bytes would wait in the buffer, and be lost with a
    /// backend that dies. What nothing followed for one turn of the runtime is flushed; a turn later, because the rest of an ordinary
    /// answer is written in this one, and a flush between head and body would cost a packet.
    fn flush_soon(&mut self, cx: &mut Context<'_>) {
        match self.unflushed {
            Unflushed::Nothing => {}
            Unflushed::Written => {
                self.unflushed = Unflushed::Due;
                cx.waker().wake_by_ref();
            }
            Unflushed::Due => {
                // An error shows at the next write.
                if Pin::new(&mut self.transport).poll_flush(cx).is_ready() {
                    self.unflushed = Unflushed::Nothing;
                }
            }
        }
    }

    fn publish_bytes(&self) {
        let Some((bytes_in, bytes_out)) = self.transport.wire().map(Wire::bytes) else {
            return;
        };
        self.context.bytes_in.store(bytes_in, Ordering::Relaxed);
        self.context.bytes_out.store(bytes_out, Ordering::Relaxed);
    }

    fn poll_show(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        if self.context.is_condemned.load(Ordering::Relaxed) {
            return Poll::Ready(Err(ErrorKind::ConnectionAborted.into()));
        }
        let before = out.filled().len();
        match &mut self.body {
            Body::Http2 => self.poll_http2(cx, out),
            Body::Upgraded => self.poll_raw(cx, out),
            Body::AtRest => self.poll_at_rest(cx, out),
            Body::Malformed => Poll::Ready(Err(malformed())),
            Body::Length(_) | Body::Chunked(_) => {
                ready!(self.poll_raw(cx, out))?;
                self.advance(out, before)
            }
        }
    }

    /// Judges what was just read of a body, and keeps back what lies behind its end.
    fn advance(&mut self, out: &mut ReadBuf<'_>, before: usize) -> Poll<Result<()>> {
        let shown = out.filled().get(before..).unwrap_or_default();
        let end = match &mut self.body {
            Body::Length(left) => {
                let here = u64::try_from(shown.len()).unwrap_or(u64::MAX);
                let is_end = here >= *left;
                let end = usize::try_from(*left).unwrap_or(usize::MAX);
                *left = left.saturating_sub(here);
                Ok(is_end.then_some(end))
            }
            Body::Chunked(scan) => scan.feed(shown),
            _ => Ok(None),
        };
        match end {
            Ok(None) => Poll::Ready(Ok(())),
            Ok(Some(end)) => {
                self.body = Body::AtRest;
                self.push_back(out, before + end);
                Poll::Ready(Ok(()))
            }
            Err(_) => {
                self.body = Body::Malformed;
                out.set_filled(before);
                Poll::Ready(Err(malformed()))
            }
        }
    }

    fn push_back(&mut self, out: &mut ReadBuf<'_>, keep: usize) {
        let behind = out.filled().get(keep..).unwrap_or_default();
        if behind.is_empty() {
            return;
        }
        let mut buffer = BytesMut::from(behind);
        buffer.extend_from_slice(&self.buffer);
        self.buffer = buffer;
        out.set_filled(keep);
    }

    fn poll_raw(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        if self.buffer.is_empty() {
            return Pin::new(&mut self.transport).poll_read(cx, out);
        }
        let shown = self.buffer.len().min(out.remaining());
        out.put_slice(self.buffer.get(..shown).unwrap_or_default());
        self.buffer.advance(shown);
        Poll::Ready(Ok(()))
    }

    /// Behind a request: only whether the client leaves is told. Bytes of the next requests wait for our loop, up to a bound; a client that
    /// sends more than that is no longer listened to, and its leaving is found out by the next write.
    fn poll_at_rest(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        if self.context.is_upgraded.load(Ordering::Relaxed) {
            self.body = Body::Upgraded;
            return self.poll_raw(cx, out);
        }
        let mut bytes = [0; PROBE_BYTES];
        while self.buffer.len() < self.ahead_bytes_max {
            let mut probe = ReadBuf::new(&mut bytes);
            ready!(Pin::new(&mut self.transport).poll_read(cx, &mut probe))?;
            if probe.filled().is_empty() {
                return Poll::Ready(Ok(()));
            }
            self.buffer.extend_from_slice(probe.filled());
        }
        Poll::Pending
    }

    fn poll_http2(&mut self, cx: &mut Context<'_>, out: &mut ReadBuf<'_>) -> Poll<Result<()>> {
        let before = out.filled().len();
        ready!(Pin::new(&mut self.transport).poll_read(cx, out))?;
        let read = out.filled().len() - before;
        if self.context.active.load(Ordering::Relaxed) > 0 {
            self.quiet_bytes.begin_anew();
            return Poll::Ready(Ok(()));
        }
        let quiet = self.quiet_bytes.0.fetch_add(read, Ordering::Relaxed) + read;
        if quiet > QUIET_BYTES_MAX {
            let cause = Error::new(ErrorKind::InvalidData, "too many bytes without a request");
            return Poll::Ready(Err(cause));
        }
        Poll::Ready(Ok(()))
    }
}

/// -1, which no call accepts, for a transport that is gone.
fn raw_fd(transport: &Transport) -> RawFd {
    transport.wire().map_or(-1, Wire::raw_fd)
}

/// The body of the request in flight is not one (RFC 9112 §7.1). What the error of such a read carries.
#[derive(Debug)]
pub struct MalformedBody;

impl std::fmt::Display for MalformedBody {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("chunked body is malformed")
    }
}

impl std::error::Error for MalformedBody {}

fn malformed() -> Error {
    Error::new(ErrorKind::InvalidData, MalformedBody)
}
