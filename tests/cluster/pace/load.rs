//! Does every request of a constant rate get its answer?

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;
use tests::client::{Connection, Request};
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// Connections that share the rate.
const CONNECTIONS: u32 = 4;

/// Asks for the site's steady route until it is stopped.
pub struct Load {
    is_over: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
    asking: Vec<JoinHandle<Vec<String>>>,
}

impl Load {
    pub fn start(edge: SocketAddr, per_second: u32) -> Load {
        let (is_over, served) = (Arc::<AtomicBool>::default(), Arc::<AtomicUsize>::default());
        let interval = Duration::from_secs(1) * CONNECTIONS / per_second;
        let asking = (0..CONNECTIONS).map(|_| {
            let (is_over, served) = (is_over.clone(), served.clone());
            tokio::spawn(ask(edge, interval, is_over, served))
        });
        Load {
            asking: asking.collect(),
            is_over,
            served,
        }
    }

    /// Requests that were answered with 200, and what became of the others.
    pub async fn stop(self) -> (usize, Vec<String>) {
        self.is_over.store(true, Ordering::Relaxed);
        let mut failed = Vec::new();
        for asking in self.asking {
            failed.extend(asking.await.unwrap());
        }
        (self.served.load(Ordering::Relaxed), failed)
    }
}

async fn ask(
    edge: SocketAddr,
    interval: Duration,
    is_over: Arc<AtomicBool>,
    served: Arc<AtomicUsize>,
) -> Vec<String> {
    let mut ticks = tokio::time::interval(interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let request = Request::new("GET", "http://steady.pace.test/");
    let mut connection = Connection::open(edge).await.unwrap();
    let mut failed = Vec::new();
    while !is_over.load(Ordering::Relaxed) {
        ticks.tick().await;
        match request.send_on(&mut connection).await {
            Ok(reply) if reply.status == 200 => drop(served.fetch_add(1, Ordering::Relaxed)),
            Ok(reply) => failed.push(format!("{} {}", reply.status, reply.text())),
            Err(error) => {
                failed.push(error.to_string());
                connection = Connection::open(edge).await.unwrap();
            }
        }
    }
    failed
}
