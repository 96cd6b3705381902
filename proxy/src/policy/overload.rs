//! Is there memory for another request?

use super::Facts;
use config::reason::Reason;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The requests in flight of the whole process, and how many there may be.
#[derive(Debug)]
pub struct Requests {
    in_flight: AtomicUsize,
    max: AtomicUsize,
    gauge: prometheus::IntGauge,
}

/// One request, counted until it is dropped.
#[derive(Debug)]
pub struct InFlight {
    requests: Arc<Requests>,
    /// There was a place for it. If not, it is still counted until its 503 is sent.
    pub has_place: bool,
}

impl Requests {
    pub fn new(max: usize, gauge: prometheus::IntGauge) -> Requests {
        Requests {
            in_flight: AtomicUsize::new(0),
            max: AtomicUsize::new(max),
            gauge,
        }
    }

    /// Holds for requests that begin from now on.
    pub fn set_max(&self, max: usize) {
        self.max.store(max, Ordering::Relaxed);
    }

    pub fn in_flight(&self) -> usize {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub fn enter(self: &Arc<Requests>) -> InFlight {
        let before = self.in_flight.fetch_add(1, Ordering::Relaxed);
        self.gauge.inc();
        InFlight {
            requests: self.clone(),
            has_place: before < self.max.load(Ordering::Relaxed),
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.requests.in_flight.fetch_sub(1, Ordering::Relaxed);
        self.requests.gauge.dec();
    }
}

pub(super) fn decide(facts: &Facts<'_>) -> Result<(), Reason> {
    if facts.has_place {
        Ok(())
    } else {
        Err(Reason::Overloaded)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_more_than_fits_has_no_place_until_another_ends() {
        let gauge = prometheus::IntGauge::new("in_flight", "in flight").unwrap();
        let requests = Arc::new(Requests::new(2, gauge));
        let first = requests.enter();
        let (second, third) = (requests.enter(), requests.enter());
        assert_eq!(
            (first.has_place, second.has_place, third.has_place),
            (true, true, false)
        );
        drop((first, third));
        assert!(requests.enter().has_place);
        assert_eq!(requests.in_flight(), 1);
    }
}
