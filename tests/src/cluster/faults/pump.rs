//! How do bytes get through a way that delays, narrows or swallows them?

use super::{Fault, Order};
use std::io;
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;

const CHUNK_BYTES: usize = 16 * 1024;
/// 1 MiB under way: what a delay holds back.
const CHUNKS_MAX: usize = 64;
/// A narrow way lets something through this often.
const SLICES_PER_SECOND: u32 = 50;

/// What was read, and when it may arrive. None: the end.
type Chunk = (Instant, io::Result<Vec<u8>>);

/// Until both directions ended in order, or one of them failed.
pub async fn both(
    client: &mut TcpStream,
    upstream: &mut TcpStream,
    orders: &watch::Receiver<Order>,
) {
    let (client_read, client_write) = client.split();
    let (upstream_read, upstream_write) = upstream.split();
    let _ = tokio::try_join!(
        pump(client_read, upstream_write, orders.clone()),
        pump(upstream_read, client_write, orders.clone()),
    );
}

async fn pump(
    from: impl AsyncRead + Unpin,
    to: impl AsyncWrite + Unpin,
    orders: watch::Receiver<Order>,
) -> io::Result<()> {
    let (chunks, arriving) = mpsc::channel(CHUNKS_MAX);
    let reader = read(from, chunks, orders.clone());
    let ((), written) = tokio::join!(reader, write(to, arriving, orders));
    written
}

/// Ends with the stream, or with the writer.
async fn read(
    mut from: impl AsyncRead + Unpin,
    chunks: mpsc::Sender<Chunk>,
    orders: watch::Receiver<Order>,
) {
    let mut is_open = true;
    while is_open {
        let mut bytes = vec![0; CHUNK_BYTES];
        let read = tokio::select! {
            read = from.read(&mut bytes) => read,
            () = chunks.closed() => return,
        };
        let delay = match orders.borrow().1 {
            Fault::Delay(delay) => delay,
            _ => Duration::ZERO,
        };
        let chunk = read.map(|length| {
            bytes.truncate(length);
            bytes
        });
        is_open = chunk.as_ref().is_ok_and(|bytes| !bytes.is_empty());
        if chunks.send((Instant::now() + delay, chunk)).await.is_err() {
            return;
        }
    }
}

async fn write(
    mut to: impl AsyncWrite + Unpin,
    mut chunks: mpsc::Receiver<Chunk>,
    mut orders: watch::Receiver<Order>,
) -> io::Result<()> {
    while let Some((due, chunk)) = chunks.recv().await {
        tokio::time::sleep_until(due).await;
        // An end does not get through a dead way either.
        moving(&mut orders).await;
        let mut rest = chunk?;
        if rest.is_empty() {
            return to.shutdown().await;
        }
        while !rest.is_empty() {
            moving(&mut orders).await;
            let width = width(orders.borrow().1).unwrap_or(rest.len());
            let later = rest.split_off(width.min(rest.len()));
            to.write_all(&rest).await?;
            if width < CHUNK_BYTES {
                tokio::time::sleep(Duration::from_secs(1) / SLICES_PER_SECOND).await;
            }
            rest = later;
        }
    }
    Ok(())
}

/// Waits while nothing moves.
async fn moving(orders: &mut watch::Receiver<Order>) {
    // An error: the proxy is being dropped, and this connection with it.
    let _ = orders.wait_for(|(_, fault)| *fault != Fault::Hang).await;
}

/// Bytes of one slice; None: any number.
fn width(fault: Fault) -> Option<usize> {
    match fault {
        Fault::Bandwidth(rate) => usize::try_from((rate / SLICES_PER_SECOND).max(1)).ok(),
        _ => None,
    }
}
