//! What do we count of clients' connections?

use super::request_metrics::{LISTENERS_MAX, OTHER};
use config::reason::Reason;
use prometheus::{
    IntCounter, IntCounterVec, IntGauge, IntGaugeVec, Opts, Registry, core::Collector,
};
use std::collections::BTreeSet;
use std::sync::{PoisonError, RwLock};

/// Why a connection is refused: the caps, the PROXY protocol, plain HTTP on a TLS port.
pub const REFUSED: [&str; 7] = [
    "connections-max",
    "client-connections-max",
    "proxy-protocol-absent",
    "proxy-protocol-malformed",
    "proxy-protocol-timeout",
    "proxy-protocol-untrusted",
    "plain-http",
];

/// Everything that is counted before a request begins and after it ended.
#[derive(Debug)]
pub struct ConnectionMetrics {
    open: IntGaugeVec,
    accepted: IntCounterVec,
    refused: IntCounterVec,
    evicted: IntCounterVec,
    accept_errors: IntCounterVec,
    bytes: IntCounterVec,
    closed: IntCounterVec,
    handshakes: IntCounterVec,
    heads_refused: IntCounterVec,
    /// Requests that the clock around them ended, because the engine could not.
    pub clocks_fired: IntCounter,
    /// Listeners with series of their own; the others count as `other`.
    own: RwLock<BTreeSet<String>>,
}

/// The handles of one listener: connections find them without a lookup.
#[derive(Debug)]
pub struct ListenerMetrics {
    pub open: IntGauge,
    pub accepted: IntCounter,
    pub evicted: IntCounter,
    pub accept_errors: IntCounter,
    pub bytes_in: IntCounter,
    pub bytes_out: IntCounter,
}

impl ConnectionMetrics {
    #[rustfmt::skip]
    pub fn register(registry: &Registry) -> Result<ConnectionMetrics, prometheus::Error> {
        let on = &["listener"];
        let counter = |name: &str, help: &str, labels: &[&str]| {
            registered(registry, IntCounterVec::new(Opts::new(name, help), labels)?)
        };
        let open = Opts::new("hedgerow_connections_open", "Connections from clients that are open, by listener.");
        let fired = IntCounter::new("hedgerow_requests_clock_fired_total", "Requests that were ended by the clock around them, without a further byte: a body over HTTP/2 that stalled, an answer that stopped halfway, an upload that went on after its answer. The reason is in the access log.")?;
        Ok(ConnectionMetrics {
            open: registered(registry, IntGaugeVec::new(open, on)?)?,
            accepted: counter("hedgerow_connections_accepted_total", "Connections that were accepted, by listener; refused ones count too.", on)?,
            refused: counter("hedgerow_connections_refused_total", "Connections that were closed before their first request, by listener and reason: a cap, the PROXY protocol, or plain HTTP on a TLS port.", &["listener", "reason"])?,
            evicted: counter("hedgerow_connections_evicted_total", "Connections that had been idle for longest and were closed to make room at the cap, by listener.", on)?,
            accept_errors: counter("hedgerow_accept_errors_total", "Errors of accept(2), by listener; file descriptors running out is the usual one.", on)?,
            bytes: counter("hedgerow_connection_bytes_total", "Bytes on the wire below TLS, by listener and direction (in: from clients, out: to clients).", &["listener", "direction"])?,
            closed: counter("hedgerow_connections_closed_total", "Connections that ended, by reason.", &["reason"])?,
            handshakes: counter("hedgerow_tls_handshakes_total", "TLS handshakes with clients, by protocol version (none: it did not get so far) and outcome.", &["version", "outcome"])?,
            heads_refused: counter("hedgerow_request_heads_refused_total", "Request heads that were refused before any rule was looked at, by reason.", &["reason"])?,
            clocks_fired: registered(registry, fired)?,
            own: RwLock::default(),
        })
    }

    /// The handles of a listener, by its label from the settings. As many as come first have series of their own.
    pub fn listener(&self, label: &str) -> ListenerMetrics {
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        if own.len() < LISTENERS_MAX {
            own.insert(label.to_owned());
        }
        let label = or_other(&own, label);
        ListenerMetrics {
            open: self.open.with_label_values(&[label]),
            accepted: self.accepted.with_label_values(&[label]),
            evicted: self.evicted.with_label_values(&[label]),
            accept_errors: self.accept_errors.with_label_values(&[label]),
            bytes_in: self.bytes.with_label_values(&[label, "in"]),
            bytes_out: self.bytes.with_label_values(&[label, "out"]),
        }
    }

    /// Takes its series from a listener that is gone, or listeners that come and go would fill the budget. Connections of it that live on
    /// count where nobody looks any more.
    pub fn forget_listener(&self, label: &str) {
        let mut own = self.own.write().unwrap_or_else(PoisonError::into_inner);
        if !own.remove(label) {
            return;
        }
        // An error says that there is no such series (any more).
        for series in [&self.accepted, &self.evicted, &self.accept_errors] {
            let _ = series.remove_label_values(&[label]);
        }
        let _ = self.open.remove_label_values(&[label]);
        for direction in ["in", "out"] {
            let _ = self.bytes.remove_label_values(&[label, direction]);
        }
        for reason in REFUSED {
            let _ = self.refused.remove_label_values(&[label, reason]);
        }
    }

    /// `reason` is one of `REFUSED`.
    pub fn count_refused(&self, listener: &str, reason: &'static str) {
        let own = self.own.read().unwrap_or_else(PoisonError::into_inner);
        let label = or_other(&own, listener);
        self.refused.with_label_values(&[label, reason]).inc();
    }

    /// `reason` is one of a closed set of words of ours.
    pub fn count_closed(&self, reason: &'static str) {
        self.closed.with_label_values(&[reason]).inc();
    }

    /// Both are of closed sets of words of ours.
    pub fn count_handshake(&self, version: &'static str, outcome: &'static str) {
        self.handshakes.with_label_values(&[version, outcome]).inc();
    }

    pub fn count_head_refused(&self, reason: Reason) {
        let labels = &[reason.as_str()];
        self.heads_refused.with_label_values(labels).inc();
    }
}

fn or_other<'a>(own: &BTreeSet<String>, label: &'a str) -> &'a str {
    match own.contains(label) {
        true => label,
        false => OTHER,
    }
}

fn registered<C>(registry: &Registry, collector: C) -> Result<C, prometheus::Error>
where
    C: Collector + Clone + 'static,
{
    registry.register(Box::new(collector.clone()))?;
    Ok(collector)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn listeners_beyond_the_bound_share_their_series() {
        let registry = Registry::new();
        let metrics = ConnectionMetrics::register(&registry).unwrap();
        let labels: Vec<String> = (0..100).map(|n| format!("[::]:{n}")).collect();
        let all: Vec<_> = labels.iter().map(|label| metrics.listener(label)).collect();
        for (listener, label) in all.iter().zip(&labels) {
            listener.open.inc();
            metrics.count_refused(label, REFUSED[0]);
        }
        let series = || -> Vec<usize> {
            let families = registry.gather();
            families
                .iter()
                .map(|family| family.get_metric().len())
                .collect()
        };
        // Two directions of bytes; clocks have no label.
        let bound = LISTENERS_MAX + 1;
        assert!(
            series()
                .iter()
                .all(|count| [1, bound, 2 * bound].contains(count))
        );
        let other = metrics.open.with_label_values(&[OTHER]).get();
        assert_eq!(usize::try_from(other), Ok(100 - LISTENERS_MAX));
        // A place that is free is given to the next one that comes.
        metrics.forget_listener(&labels[99]);
        metrics.forget_listener(&labels[0]);
        metrics.listener("[::]:443").open.inc();
        assert_eq!(metrics.open.with_label_values(&["[::]:443"]).get(), 1);
        assert!(series().iter().all(|count| *count <= 2 * bound));
    }

    #[test]
    fn every_metric_has_our_prefix_and_a_help_text() {
        let registry = Registry::new();
        let metrics = ConnectionMetrics::register(&registry).unwrap();
        metrics.listener("[::]:443").accepted.inc();
        metrics.count_refused("[::]:443", REFUSED[0]);
        metrics.count_closed("keep-alive-idle");
        metrics.count_handshake("TLSv1.3", "ok");
        metrics.count_head_refused(Reason::BadHost);
        let families = registry.gather();
        assert_eq!(families.len(), 10);
        for family in families {
            assert!(family.name().starts_with("hedgerow_"), "{}", family.name());
            assert!(family.help().ends_with('.'), "{}", family.name());
        }
    }
}
