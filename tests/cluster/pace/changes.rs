//! Which objects change, and when is each change served?

use super::figures::Times;
use super::watcher::Watcher;
use serde_json::{Value, json};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tests::client::{Connection, PATIENCE, Request};
use tests::cluster::Cluster;
use tests::cluster::api::Api;
use tokio::task::JoinSet;

/// Ingresses that take turns, so that no change waits for the one before it.
const MOVING: u64 = 64;
/// The edge is asked this often whether it serves a change.
const ASK_INTERVAL: Duration = Duration::from_millis(1);
/// Changes one by one come at most this often: each finds an edge at rest.
const REST: Duration = Duration::from_millis(20);

/// Changes the paths of a few Ingresses, each time to one that no other change had.
#[derive(Clone)]
pub struct Mover {
    api: Arc<Api>,
    watcher: Watcher,
    edge: SocketAddr,
}

impl Mover {
    pub async fn new(cluster: &Cluster, edge: SocketAddr) -> Mover {
        let api = Arc::new(cluster.api(&cluster.admin()).await);
        for number in 0..MOVING {
            api.apply(&ingress(number)).await.unwrap();
        }
        let mover = Mover {
            api,
            watcher: Watcher::start(cluster).await,
            edge,
        };
        mover.until_served(MOVING - 1).await;
        mover
    }

    pub async fn one_by_one(&self, changes: u64) -> Times {
        let mut times = Times::default();
        for number in MOVING..MOVING + changes {
            times.add(self.change(number).await);
            tokio::time::sleep(REST).await;
        }
        times
    }

    pub async fn at_a_rate(&self, changes: u64, per_second: u32) -> Times {
        let mut ticks = tokio::time::interval(Duration::from_secs(1) / per_second);
        let mut running = JoinSet::new();
        for number in MOVING..MOVING + changes {
            ticks.tick().await;
            let mover = self.clone();
            running.spawn(async move { mover.change(number).await });
        }
        let mut times = Times::default();
        while let Some(changed) = running.join_next().await {
            times.add(changed.unwrap());
        }
        times
    }

    /// How long until the watcher heard of the change, and until it was served.
    async fn change(&self, number: u64) -> (Duration, Duration) {
        let heard = self.watcher.expect(number);
        let object = ingress(number);
        let path = self.api.path(&object).await.unwrap();
        let begun = Instant::now();
        let sent = async {
            self.api
                .patch(&path, &json!({ "spec": object["spec"] }))
                .await
        };
        let (sent, served, heard) = tokio::join!(sent, self.until_served(number), heard);
        sent.unwrap();
        (heard.unwrap() - begun, served - begun)
    }

    /// Answers of the edge to the path of this number, until it is not 404.
    async fn until_served(&self, number: u64) -> Instant {
        let url = format!("http://{}/v{number}", host(number));
        let request = Request::new("GET", &url);
        let mut connection = Connection::open(self.edge).await.unwrap();
        let deadline = Instant::now() + PATIENCE;
        loop {
            let reply = request.send_on(&mut connection).await.unwrap();
            match reply.status {
                200 => return Instant::now(),
                404 => assert!(Instant::now() < deadline, "{url} is never served"),
                other => panic!("{url}: {other}"),
            }
            tokio::time::sleep(ASK_INTERVAL).await;
        }
    }
}

impl Times {
    fn add(&mut self, (heard, served): (Duration, Duration)) {
        self.heard.push(heard);
        self.served.push(served);
    }
}

fn host(number: u64) -> String {
    format!("moving-{}.pace.test", number % MOVING)
}

fn ingress(number: u64) -> Value {
    json!({
        "apiVersion": "networking.k8s.io/v1", "kind": "Ingress",
        "metadata": { "name": format!("moving-{}", number % MOVING), "namespace": "default" },
        "spec": {
            "ingressClassName": "hedgerow",
            "rules": [{ "host": host(number), "http": { "paths": [{
                "path": format!("/v{number}"), "pathType": "Exact",
                "backend": { "service": { "name": "steady", "port": { "number": 80 } } },
            }] } }],
        },
    })
}
