//! What is told of many measured times?

use std::time::Duration;

/// How long each change took to be heard by a plain watcher and to be served by the edge, both from before it was sent.
#[derive(Debug, Default)]
pub struct Times {
    pub heard: Vec<Duration>,
    pub served: Vec<Duration>,
}

impl Times {
    pub fn print(&self) {
        let beyond = self.served.iter().zip(&self.heard);
        let beyond: Vec<f64> = beyond
            .map(|(served, heard)| ms(*served) - ms(*heard))
            .collect();
        line("a plain watcher heard of it", in_ms(&self.heard));
        line("the edge served it", in_ms(&self.served));
        line("the edge beyond the watcher", beyond);
    }
}

pub fn ms(time: Duration) -> f64 {
    time.as_secs_f64() * 1000.0
}

fn in_ms(times: &[Duration]) -> Vec<f64> {
    times.iter().map(|time| ms(*time)).collect()
}

fn line(what: &str, mut times: Vec<f64>) {
    times.sort_by(f64::total_cmp);
    let at = |percent: usize| times[(times.len() - 1) * percent / 100];
    println!(
        "  {what}: p50 {:.1} ms, p99 {:.1} ms, at most {:.1} ms",
        at(50),
        at(99),
        at(100)
    );
}
