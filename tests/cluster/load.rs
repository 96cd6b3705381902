//! Does every request succeed while something goes wrong?

use std::sync::Arc;
use std::time::Duration;
use tests::client::Request;
use tests::edge::Edge;
use tokio::sync::oneshot;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::MissedTickBehavior;

const PER_SECOND: u32 = 50;

/// Requests at a constant rate, each on a connection of its own, whether the last one was answered or not.
pub struct Load {
    end: oneshot::Sender<()>,
    task: JoinHandle<Done>,
}

/// What became of them.
#[derive(Debug, Default)]
pub struct Done {
    pub succeeded: usize,
    /// What each of the others got.
    pub failed: Vec<String>,
}

impl Load {
    pub fn start(edge: &Arc<Edge>, url: &'static str) -> Load {
        let (end, ended) = oneshot::channel();
        let task = tokio::spawn(run(edge.clone(), url, ended));
        Load { end, task }
    }

    /// Waits for the last answer. None may have failed.
    pub async fn end(self) -> usize {
        self.end.send(()).unwrap();
        let done = self.task.await.unwrap();
        assert_eq!(done.failed, [""; 0], "of {}", done.succeeded);
        assert!(done.succeeded > 0);
        done.succeeded
    }
}

async fn run(edge: Arc<Edge>, url: &'static str, mut ended: oneshot::Receiver<()>) -> Done {
    let mut ticks = tokio::time::interval(Duration::from_secs(1) / PER_SECOND);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Burst);
    let mut done = Done::default();
    let mut in_flight = JoinSet::new();
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let edge = edge.clone();
                in_flight.spawn(async move { edge.try_send(&Request::new("GET", url)).await });
            }
            Some(answer) = in_flight.join_next() => done.add(answer.unwrap()),
            _ = &mut ended => break,
        }
    }
    while let Some(answer) = in_flight.join_next().await {
        done.add(answer.unwrap());
    }
    done
}

impl Done {
    fn add(&mut self, answer: std::io::Result<tests::client::Reply>) {
        match answer {
            Ok(reply) if reply.status == 200 => self.succeeded += 1,
            Ok(reply) => self
                .failed
                .push(format!("{}: {}", reply.status, reply.text())),
            Err(error) => self.failed.push(error.to_string()),
        }
    }
}
