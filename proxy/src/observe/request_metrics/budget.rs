//! How many routes and backends can have series of their own?

use super::codes::CODES;
use super::placement::CLASSES;
use super::{DURATION_BUCKETS, METHODS};
use crate::observe::backend_metrics::{ENDPOINT_STATES, FIRST_BYTE_BUCKETS, OUTCOMES};
use crate::observe::connection_metrics::REFUSED;
use config::reason::Reason;

/// Listeners with series of their own; the others share those of `other`.
pub const LISTENERS_MAX: usize = 8;
/// Every histogram has `+Inf`, `_sum` and `_count` beside its buckets.
const HISTOGRAM_EXTRA: usize = 3;
/// What configuration, certificates, access log and process take at most (`observe::tests` holds it).
const ELSEWHERE: usize = 50;
/// What connections take whatever their listener: 15 endings, 2 versions and 8 failures of the handshake, 8 refusals of a head, 1 clock.
const CONNECTIONS: usize = 34;
/// Per listener: open, accepted, evicted, accept errors, 2 directions of bytes; refused by each reason.
const CONNECTIONS_PER_LISTENER: usize = 6 + REFUSED.len();

const PER_ROUTE: usize = CLASSES.len();
const PER_BACKEND: usize = ENDPOINT_STATES.len();
const PER_LISTENER: usize = DURATION_BUCKETS.len() + HISTOGRAM_EXTRA;
const PER_HISTOGRAM: usize = FIRST_BYTE_BUCKETS.len() + HISTOGRAM_EXTRA;
/// `other` and `none` of the codes, `other` of the methods, two directions, in flight, held; attempts and retries.
const GLOBAL: usize =
    CODES.len() + 2 + METHODS.len() + 1 + Reason::ALL.len() + 2 + 2 + 2 * OUTCOMES.len();
/// `other` always exists.
const OTHERS: usize = PER_ROUTE + PER_BACKEND + PER_LISTENER + PER_HISTOGRAM;

/// How much there is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wanted {
    pub listeners: usize,
    pub routes: usize,
    pub backends: usize,
}

/// How much of it has series of its own. The rest counts into `other`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Budget {
    pub routes: usize,
    pub backends: usize,
    /// First-byte histograms.
    pub histograms: usize,
}

impl Budget {
    /// Divides `series_max` by a fixed rule: routes and backends first, then histograms of backends with what is left. Where not even the
    /// routes and backends fit, backends get at least a third of the room, and routes the rest.
    pub fn divide(series_max: usize, wanted: Wanted) -> Budget {
        let room = series_max.saturating_sub(fixed(wanted.listeners));
        let backends_first = wanted.backends.min(room / 3 / PER_BACKEND);
        let routes = wanted
            .routes
            .min((room - backends_first * PER_BACKEND) / PER_ROUTE);
        let room = room - routes * PER_ROUTE;
        let backends = wanted.backends.min(room / PER_BACKEND);
        let room = room - backends * PER_BACKEND;
        Budget {
            routes,
            backends,
            histograms: backends.min(room / PER_HISTOGRAM),
        }
    }
}

/// What there is whatever the routes and backends.
fn fixed(listeners: usize) -> usize {
    let histograms = listeners.min(LISTENERS_MAX) * PER_LISTENER;
    let connections = CONNECTIONS + listeners.min(LISTENERS_MAX + 1) * CONNECTIONS_PER_LISTENER;
    ELSEWHERE + GLOBAL + OTHERS + histograms + connections
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn wanted(listeners: usize, routes: usize, backends: usize) -> Wanted {
        Wanted {
            listeners,
            routes,
            backends,
        }
    }

    #[test]
    fn a_small_site_has_everything() {
        let budget = Budget::divide(600, wanted(2, 4, 4));
        assert_eq!(
            budget,
            Budget {
                routes: 4,
                backends: 4,
                histograms: 4
            }
        );
    }

    #[test]
    fn histograms_go_first_and_then_routes_and_backends_fold() {
        let middle = Budget::divide(600, wanted(2, 15, 15));
        assert_eq!((middle.routes, middle.backends), (15, 15));
        assert!(middle.histograms < 15);
        let large = Budget::divide(600, wanted(2, 5000, 5000));
        assert!(large.routes < 5000 && large.backends < 5000 && large.histograms == 0);
        assert!(large.routes > 10 && large.backends > 10);
    }

    #[test]
    fn no_number_of_listeners_exceeds_the_default() {
        let series_max = config::settings::Settings::default().series_max;
        assert!(fixed(1000) <= series_max, "{}", fixed(1000));
    }

    proptest! {
        #[test]
        fn the_budget_is_never_exceeded(
            series_max in 0usize..3000, listeners in 0usize..200, routes in 0usize..10_000, backends in 0usize..10_000,
        ) {
            let budget = Budget::divide(series_max, wanted(listeners, routes, backends));
            prop_assert!(budget.routes <= routes && budget.backends <= backends && budget.histograms <= budget.backends);
            let used = budget.routes * PER_ROUTE + budget.backends * PER_BACKEND + budget.histograms * PER_HISTOGRAM;
            prop_assert!(used == 0 || fixed(listeners) + used <= series_max);
        }
    }
}
