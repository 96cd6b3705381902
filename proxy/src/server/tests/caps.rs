//! Who gives way when connections are many?

use super::support::{Edge, is_closed, is_turned_away, read_until};
use config::settings::Network;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;

async fn ask(edge: &Edge, path: &str) -> TcpStream {
    let mut stream = edge.connect().await;
    let request = format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream
}

async fn served(edge: &Edge, path: &str) -> TcpStream {
    let mut stream = ask(edge, path).await;
    read_until(&mut stream, "- -").await;
    stream
}

async fn waiting(edge: &Edge, in_flight: usize) -> TcpStream {
    let stream = ask(edge, "/wait").await;
    super::support::eventually(|| edge.server.requests_in_flight() == in_flight)
        .await
        .unwrap();
    stream
}

#[tokio::test]
async fn at_the_cap_the_longest_idle_connection_is_closed() {
    let edge = Edge::start(|settings| {
        settings.limits.connections_max = Some(3);
        settings.limits.connections_per_client_max = Some(100);
    });
    let mut busy = waiting(&edge, 1).await;
    let mut longest_idle = served(&edge, "/first").await;
    // The client has its answer a moment before the edge calls the connection idle.
    super::support::eventually(|| edge.server.requests_in_flight() == 1)
        .await
        .unwrap();
    tokio::time::sleep(std::time::Duration::from_millis(5)).await; // Times of idleness have milliseconds.
    let mut idle = served(&edge, "/second").await;
    let mut newest = served(&edge, "/third").await;
    assert!(is_closed(&mut longest_idle).await);
    for stream in [&mut idle, &mut newest] {
        stream
            .write_all(b"GET /again HTTP/1.1\r\nHost: a\r\n\r\n")
            .await
            .unwrap();
        read_until(stream, "/again 0 127.0.0.1 - -").await;
    }
    edge.release.add_permits(1);
    read_until(&mut busy, "/wait 0 127.0.0.1 - -").await;
    edge.expect_metric(&["hedgerow_connections_evicted_total"], 1)
        .await;
}

#[tokio::test]
async fn where_no_connection_is_idle_the_newest_is_reset() {
    let edge = Edge::start(|settings| {
        settings.limits.connections_max = Some(2);
        settings.limits.connections_per_client_max = Some(100);
    });
    let mut busy = [waiting(&edge, 1).await, waiting(&edge, 2).await];
    assert!(is_turned_away(edge.http()).await);
    edge.expect_metric(
        &["hedgerow_connections_refused_total", "\"connections-max\""],
        1,
    )
    .await;
    edge.release.add_permits(2);
    for stream in &mut busy {
        read_until(stream, "/wait 0 127.0.0.1 - -").await;
    }
    served(&edge, "/after").await;
}

#[tokio::test]
async fn a_client_has_its_share_and_a_trusted_proxy_has_no_bound() {
    let edge = Edge::start(|settings| settings.limits.connections_per_client_max = Some(2));
    let held = [served(&edge, "/1").await, served(&edge, "/2").await];
    assert!(is_turned_away(edge.http()).await);
    edge.expect_metric(
        &[
            "hedgerow_connections_refused_total",
            "client-connections-max",
        ],
        1,
    )
    .await;
    edge.publish(
        |settings| {
            let address = "127.0.0.0".parse().unwrap();
            settings.trusted_proxies = vec![Network { address, prefix: 8 }];
        },
        Default::default(),
    );
    served(&edge, "/3").await;
    drop(held);
}
