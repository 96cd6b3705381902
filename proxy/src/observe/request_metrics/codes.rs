//! Which status codes have a series of their own?

use super::{OTHER, counters};
use prometheus::{IntCounter, Registry};

/// The final codes of the IANA registry that servers send, and 499 and 52x as some do. A backend that sends another one counts as `other`,
/// so that no backend can make series. Sorted.
pub(super) const CODES: [u16; 55] = [
    101, 200, 201, 202, 203, 204, 205, 206, 300, 301, 302, 303, 304, 307, 308, 400, 401, 402, 403,
    404, 405, 406, 407, 408, 409, 410, 411, 412, 413, 414, 415, 416, 417, 418, 421, 422, 423, 424,
    425, 426, 428, 429, 431, 451, 499, 500, 501, 502, 503, 504, 505, 506, 507, 508, 511,
];

/// Responses by exact code.
#[derive(Debug)]
pub(super) struct ByCode {
    known: Vec<IntCounter>,
    /// Nothing was sent.
    none: IntCounter,
    other: IntCounter,
}

impl ByCode {
    pub(super) fn register(registry: &Registry) -> Result<ByCode, prometheus::Error> {
        let counters = counters(
            registry,
            ("hedgerow_responses_total", "code"),
            "Responses to clients by exact status code; none where nothing was sent.",
        )?;
        Ok(ByCode {
            known: CODES
                .iter()
                .map(|code| counters.get_metric_with_label_values(&[&code.to_string()]))
                .collect::<Result<_, _>>()?,
            none: counters.get_metric_with_label_values(&["none"])?,
            other: counters.get_metric_with_label_values(&[OTHER])?,
        })
    }

    pub(super) fn of(&self, status: u16) -> &IntCounter {
        if status == 0 {
            return &self.none;
        }
        CODES
            .binary_search(&status)
            .ok()
            .and_then(|at| self.known.get(at))
            .unwrap_or(&self.other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_a_counter_and_none_makes_a_new_one() {
        assert!(CODES.is_sorted());
        let registry = Registry::new();
        let codes = ByCode::register(&registry).unwrap();
        let before = registry.gather()[0].get_metric().len();
        for status in 0..=1000 {
            codes.of(status).inc();
        }
        assert_eq!(registry.gather()[0].get_metric().len(), before);
        assert_eq!(codes.of(404).get(), 1);
        assert_eq!(codes.of(0).get(), 1);
        assert_eq!(codes.of(599).get(), 1001 - 1 - 55);
    }
}
