//! When do the certificates expire, in a bounded number of series?

use config::snapshot::TlsTable;
use prometheus::{IntGaugeVec, Opts};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// Hosts with a series of their own: those that expire first. The others share one.
pub const HOSTS_MAX: usize = 20;
/// The earliest expiry of all hosts without a series of their own. (A host of this very name would share it.)
const OTHERS: &str = "other";

/// One gauge per host.
#[derive(Debug)]
pub struct CertificateExpiry {
    gauge: IntGaugeVec,
    /// What the gauge shows. Only the control runtime and nobody on a request's path takes this lock.
    shown: Mutex<BTreeMap<String, i64>>,
}

impl CertificateExpiry {
    pub fn new() -> Result<CertificateExpiry, prometheus::Error> {
        Ok(CertificateExpiry {
            gauge: IntGaugeVec::new(
                Opts::new(
                    "hedgerow_certificate_expiry_timestamp_seconds",
                    "When the certificate of a host expires.",
                ),
                &["host"],
            )?,
            shown: Mutex::new(BTreeMap::new()),
        })
    }

    pub fn collector(&self) -> IntGaugeVec {
        self.gauge.clone()
    }

    pub fn set(&self, table: &TlsTable) {
        let expiries = table
            .entries()
            .map(|entry| (entry.certificate.not_after, &entry.host))
            .collect();
        self.show(earliest(expiries));
    }

    /// Sets before it removes: a scrape in between sees a host too many, never one too few.
    fn show(&self, next: BTreeMap<String, i64>) {
        let mut shown = self.shown.lock().unwrap_or_else(PoisonError::into_inner);
        for (host, expiry) in &next {
            self.gauge.with_label_values(&[host]).set(*expiry);
        }
        for host in shown.keys().filter(|host| !next.contains_key(*host)) {
            // An error says that it is not there, which is what we want.
            let _ = self.gauge.remove_label_values(&[host]);
        }
        *shown = next;
    }
}

/// The hosts that expire first, by name where two expire at once, and the earliest of the others. There may be thousands, at every change
/// of configuration, so only those that are shown are sorted and named.
fn earliest<H: Ord + ToString>(mut expiries: Vec<(i64, H)>) -> BTreeMap<String, i64> {
    let mut others = None;
    if expiries.len() > HOSTS_MAX {
        let (_, next, _) = expiries.select_nth_unstable(HOSTS_MAX);
        others = Some((OTHERS.to_owned(), next.0));
        expiries.truncate(HOSTS_MAX);
    }
    let shown = expiries.iter();
    shown
        .map(|(expiry, host)| (host.to_string(), *expiry))
        .chain(others)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus::core::Collector;

    fn shown(expiry: &CertificateExpiry) -> BTreeMap<String, i64> {
        let families = expiry.gauge.collect();
        let metrics = families.iter().flat_map(|family| family.get_metric());
        metrics
            .map(|metric| {
                let host = metric.get_label()[0].value().to_owned();
                (
                    host,
                    format!("{}", metric.get_gauge().get_value())
                        .parse()
                        .unwrap(),
                )
            })
            .collect()
    }

    fn hosts(count: i64) -> Vec<(i64, String)> {
        (0..count)
            .rev()
            .map(|n| (n, format!("h{n}.test")))
            .collect()
    }

    #[track_caller]
    fn check(expiries: Vec<(i64, String)>, series: usize, others: Option<i64>) {
        let expiry = CertificateExpiry::new().unwrap();
        expiry.show(earliest(hosts(3)));
        expiry.show(earliest(expiries));
        let shown = shown(&expiry);
        assert_eq!(shown.len(), series);
        assert_eq!(shown.get(OTHERS).copied(), others);
        let own = shown.values().filter(|expiry| Some(**expiry) != others);
        assert!(
            own.clone()
                .all(|expiry| others.is_none_or(|others| *expiry < others))
        );
    }

    #[test]
    fn the_hosts_that_expire_first_have_their_own_series() {
        check(vec![], 0, None);
        check(hosts(1), 1, None);
        check(hosts(20), 20, None);
        check(hosts(21), 21, Some(20));
        check(hosts(5000), 21, Some(20));
    }
}
