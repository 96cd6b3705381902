//! Does each fault do to plain bytes what it says?

use super::{Fault, Faults};
use crate::client::{PATIENCE, within};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

/// Nothing comes within this time, or the way is not dead.
const SILENCE: Duration = Duration::from_millis(200);

/// Sends back what it gets.
async fn echo() -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            tokio::spawn(async move {
                let (mut read, mut write) = stream.split();
                let _ = tokio::io::copy(&mut read, &mut write).await;
            });
        }
    });
    address
}

/// So many bytes there and back.
async fn round(stream: &mut TcpStream, length: usize) -> io::Result<Duration> {
    let start = Instant::now();
    let sent = vec![7; length];
    let mut got = vec![0; length];
    let (mut read, mut write) = stream.split();
    let exchange = async { tokio::try_join!(write.write_all(&sent), read.read_exact(&mut got)) };
    within(exchange).await??;
    assert_eq!(got, sent);
    Ok(start.elapsed())
}

async fn open(faults: &Faults) -> TcpStream {
    let mut stream = TcpStream::connect(faults.address).await.unwrap();
    round(&mut stream, 10).await.unwrap();
    stream
}

#[tokio::test]
async fn everything_passes_byte_for_byte_and_so_do_the_ends() {
    let faults = Faults::start(echo().await).await;
    let mut stream = open(&faults).await;
    round(&mut stream, 3_000_000).await.unwrap();
    assert_eq!((faults.accepted(), faults.open()), (1, 1));
    stream.shutdown().await.unwrap();
    assert_eq!(within(stream.read(&mut [0; 10])).await.unwrap().unwrap(), 0);
}

#[tokio::test]
async fn refuse_closes_open_connections_and_refuses_new_ones_until_pass() {
    let faults = Faults::start(echo().await).await;
    let mut stream = open(&faults).await;
    faults.set(Fault::Refuse).await;
    let end = within(stream.read(&mut [0; 10])).await.unwrap();
    assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
    let refused = TcpStream::connect(faults.address).await.unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    assert_eq!(faults.open(), 0);
    faults.set(Fault::Pass).await;
    open(&faults).await;
}

#[tokio::test]
async fn hang_moves_nothing_and_loses_nothing() {
    let faults = Faults::start(echo().await).await;
    let mut stream = open(&faults).await;
    faults.set(Fault::Hang).await;
    let mut late = TcpStream::connect(faults.address).await.unwrap();
    late.write_all(b"late").await.unwrap();
    stream.write_all(b"open").await.unwrap();
    let mut bytes = [0; 4];
    for stream in [&mut stream, &mut late] {
        let early = tokio::time::timeout(SILENCE, stream.read(&mut bytes)).await;
        assert!(early.is_err(), "{early:?}");
    }
    faults.set(Fault::Pass).await;
    within(stream.read_exact(&mut bytes))
        .await
        .unwrap()
        .unwrap();
    assert_eq!(&bytes, b"open");
    within(late.read_exact(&mut bytes)).await.unwrap().unwrap();
    assert_eq!(&bytes, b"late");
}

#[tokio::test]
async fn reset_ends_open_and_new_connections_with_a_reset() {
    let faults = Faults::start(echo().await).await;
    let mut stream = open(&faults).await;
    faults.set(Fault::Reset).await;
    let mut late = TcpStream::connect(faults.address).await.unwrap();
    for stream in [&mut stream, &mut late] {
        let end = within(stream.read(&mut [0; 10])).await.unwrap();
        assert_eq!(end.unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }
}

#[tokio::test]
async fn a_delay_holds_each_direction_and_lets_bytes_overlap() {
    let faults = Faults::start(echo().await).await;
    let mut stream = open(&faults).await;
    let delay = Duration::from_millis(100);
    faults.set(Fault::Delay(delay)).await;
    assert!(round(&mut stream, 10).await.unwrap() >= 2 * delay);
    // Sixty chunks one after the other would take 60 times as long.
    let took = round(&mut stream, 500_000).await.unwrap();
    assert!(took < PATIENCE / 4, "{took:?}");
}

#[tokio::test]
async fn each_connection_is_cut_at_its_age() {
    let faults = Faults::start(echo().await).await;
    let mut stream = open(&faults).await;
    let age = Duration::from_millis(200);
    faults.set(Fault::CutEvery(age)).await;
    for _ in 0..2 {
        let start = Instant::now();
        let end = within(stream.read(&mut [0; 10])).await.unwrap();
        assert!(matches!(end, Ok(0) | Err(_)), "{end:?}");
        // The new one's age began before this test looked at its clock.
        assert!(start.elapsed() >= age / 2, "{:?}", start.elapsed());
        stream = TcpStream::connect(faults.address).await.unwrap();
    }
}

#[tokio::test]
async fn a_narrow_way_takes_its_time() {
    let faults = Faults::start(echo().await).await;
    let mut stream = open(&faults).await;
    faults.set(Fault::Bandwidth(100_000)).await;
    let took = round(&mut stream, 50_000).await.unwrap();
    assert!(took >= Duration::from_millis(450), "{took:?}");
    faults.set(Fault::Pass).await;
    round(&mut stream, 1_000_000).await.unwrap();
}
