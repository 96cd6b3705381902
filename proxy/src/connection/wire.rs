//! How do bytes go to and from a client's socket?

use crate::observe::connection_metrics::ListenerMetrics;
use socket2::SockRef;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncWrite, BufReader, BufWriter, ReadBuf};
use tokio::net::TcpStream;

/// Without buffers HTTP/1 costs a quarter more CPU (measured): header and small body leave as one packet.
const READ_BUFFER_BYTES: usize = 16 * 1024;
/// One packet.
const WRITE_BUFFER_BYTES: usize = 1460;
/// Bytes are added to the listener's counters, which all cores share, in steps of this many.
const REPORT_BYTES: u64 = 64 * 1024;

/// A client's socket with its buffers, below TLS.
#[derive(Debug)]
pub struct Wire(BufReader<BufWriter<Metered>>);

impl Wire {
    pub fn new(tcp: TcpStream, metrics: Arc<ListenerMetrics>) -> Wire {
        let metered = Metered {
            tcp,
            metrics,
            bytes_in: Count::default(),
            bytes_out: Count::default(),
        };
        let writer = BufWriter::with_capacity(WRITE_BUFFER_BYTES, metered);
        Wire(BufReader::with_capacity(READ_BUFFER_BYTES, writer))
    }

    /// The first byte that was not read yet; it stays. `None`: the client closed.
    pub async fn peek_byte(&mut self) -> io::Result<Option<u8>> {
        Ok(self.0.fill_buf().await?.first().copied())
    }

    /// From and to the client, so far.
    pub fn bytes(&self) -> (u64, u64) {
        let metered = self.metered();
        (metered.bytes_in.total, metered.bytes_out.total)
    }

    pub fn raw_fd(&self) -> RawFd {
        self.metered().tcp.as_raw_fd()
    }

    /// The close will be a RST.
    pub fn reset_on_close(&self) {
        reset_on_close(&self.metered().tcp);
    }

    fn metered(&self) -> &Metered {
        self.0.get_ref().get_ref()
    }

    fn writer(self: Pin<&mut Self>) -> Pin<&mut BufWriter<Metered>> {
        Pin::new(self.get_mut().0.get_mut())
    }
}

/// The close of this socket will be a RST, which leaves nothing behind in the kernel.
pub fn reset_on_close(tcp: &TcpStream) {
    // If it fails, the connection is closed in the ordinary way.
    let _ = SockRef::from(tcp).set_linger(Some(Duration::ZERO));
}

impl AsyncRead for Wire {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(cx, out)
    }
}

impl AsyncWrite for Wire {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.writer().poll_write(cx, from)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_flush(cx)
    }

    fn poll_shutdown(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.writer().poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.writer().poll_write_vectored(cx, from)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}

/// Counts what passes.
#[derive(Debug)]
struct Metered {
    tcp: TcpStream,
    metrics: Arc<ListenerMetrics>,
    bytes_in: Count,
    bytes_out: Count,
}

#[derive(Debug, Default)]
struct Count {
    total: u64,
    reported: u64,
}

impl Count {
    fn add(&mut self, bytes: usize, counter: &prometheus::IntCounter) {
        self.total += u64::try_from(bytes).unwrap_or(u64::MAX);
        if self.total - self.reported >= REPORT_BYTES {
            self.report(counter);
        }
    }

    fn report(&mut self, counter: &prometheus::IntCounter) {
        counter.inc_by(self.total - self.reported);
        self.reported = self.total;
    }
}

impl Drop for Metered {
    fn drop(&mut self) {
        self.bytes_in.report(&self.metrics.bytes_in);
        self.bytes_out.report(&self.metrics.bytes_out);
    }
}

impl AsyncRead for Metered {
    fn poll_read(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        out: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let me = self.get_mut();
        let before = out.filled().len();
        ready!(Pin::new(&mut me.tcp).poll_read(cx, out))?;
        me.bytes_in
            .add(out.filled().len() - before, &me.metrics.bytes_in);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Metered {
    fn poll_write(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[u8],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let written = ready!(Pin::new(&mut me.tcp).poll_write(cx, from))?;
        me.bytes_out.add(written, &me.metrics.bytes_out);
        Poll::Ready(Ok(written))
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.tcp).poll_shutdown(cx)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        from: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let me = self.get_mut();
        let written = ready!(Pin::new(&mut me.tcp).poll_write_vectored(cx, from))?;
        me.bytes_out.add(written, &me.metrics.bytes_out);
        Poll::Ready(Ok(written))
    }

    fn is_write_vectored(&self) -> bool {
        true
    }
}
