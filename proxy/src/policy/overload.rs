//! Is there memory for another request?

use super::Facts;
use config::reason::Reason;
use prometheus::IntGauge;

/// One request, counted until it is dropped. The gauge that tells of the requests in flight is the count itself: it is one for the whole process.
#[derive(Debug)]
pub struct InFlight {
    gauge: IntGauge,
    /// There was a place for it. If not, it is still counted until its 503 is sent.
    pub has_place: bool,
}

impl InFlight {
    /// `max`: requests in flight, see `Limits::requests_max`. None: nobody has settled a number.
    pub fn enter(gauge: &IntGauge, max: Option<usize>) -> InFlight {
        gauge.inc();
        let max = max.map_or(i64::MAX, |max| i64::try_from(max).unwrap_or(i64::MAX));
        InFlight {
            gauge: gauge.clone(),
            has_place: gauge.get() <= max,
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.gauge.dec();
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
        let gauge = IntGauge::new("in_flight", "in flight").unwrap();
        let enter = || InFlight::enter(&gauge, Some(2));
        let (first, second, third) = (enter(), enter(), enter());
        assert_eq!(
            (first.has_place, second.has_place, third.has_place),
            (true, true, false)
        );
        drop((first, third));
        assert!(enter().has_place);
        drop(second);
        assert_eq!(gauge.get(), 0);
    }
}
