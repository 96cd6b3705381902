//! When does somebody who only watches hear of a change?

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;
use tests::client::h2::{H2Connection, read_head};
use tests::client::{Connection, Request};
use tests::cluster::Cluster;
use tokio::sync::oneshot;

/// Every path of a mover's Ingress has this before its number.
pub const MARK: &str = "\"path\":\"/v";

type Waiting = HashMap<u64, oneshot::Sender<Instant>>;

/// A watch on all Ingresses, which looks for nothing but numbered paths.
#[derive(Clone, Default)]
pub struct Watcher(Arc<Mutex<Waiting>>);

impl Watcher {
    /// The watch is open when this returns.
    pub async fn start(cluster: &Cluster) -> Watcher {
        let config = cluster.access.client(&cluster.admin(), &["h2"]);
        let connection = Connection::open_tls(cluster.address(), "127.0.0.1", config).await;
        let connection = H2Connection::open(connection.unwrap()).await.unwrap();
        let url = format!(
            "https://{}/apis/networking.k8s.io/v1/ingresses?watch=1&timeoutSeconds=3600",
            cluster.address()
        );
        let (answer, _) = connection
            .start(&Request::new("GET", &url), true)
            .await
            .unwrap();
        let (head, mut stream) = read_head(answer).await.unwrap();
        assert_eq!(head.status, 200);
        let watcher = Watcher::default();
        let heard = watcher.clone();
        tokio::spawn(async move {
            let _connection = connection;
            let mut ahead = Vec::new();
            while let Some(Ok(part)) = stream.data().await {
                let _ = stream.flow_control().release_capacity(part.len());
                ahead.extend_from_slice(&part);
                heard.take(&mut ahead);
            }
        });
        watcher
    }

    /// Resolves when an Ingress with this number is heard of.
    pub fn expect(&self, number: u64) -> oneshot::Receiver<Instant> {
        let (tell, told) = oneshot::channel();
        self.0.lock().unwrap().insert(number, tell);
        told
    }

    /// One event is one line.
    fn take(&self, ahead: &mut Vec<u8>) {
        let now = Instant::now();
        while let Some(end) = ahead.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = ahead.drain(..=end).collect();
            let line = String::from_utf8_lossy(&line);
            for found in line.split(MARK).skip(1) {
                let digits = found.split('"').next().unwrap();
                let waiting = digits
                    .parse()
                    .ok()
                    .and_then(|number| self.0.lock().unwrap().remove(&number));
                if let Some(tell) = waiting {
                    let _ = tell.send(now);
                }
            }
        }
    }
}
