//! What does a compiled configuration need to run: metric handles for its rules, keyed state for its backends?

#[cfg(test)]
pub(crate) mod tests;

use super::carried::carried;
use super::{InForce, RuleState};
use crate::observe::Metrics;
use crate::observe::backend_metrics::BackendHandles;
use crate::observe::request_metrics::{Budget, Wanted};
use crate::upstream::BackendState;
use crate::upstream::terms::Terms;
use config::settings::{Listener, Settings};
use config::snapshot::{Backend, BackendKey, Compiled};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

/// Gives a compiled configuration its run-time state: metric handles for rules, keyed state for backends (endpoints, in flight), which
/// survives. Runs on the control runtime. Where only endpoints changed, rules and backends are those of `previous`.
pub fn assemble(
    compiled: &Compiled,
    settings: &Arc<Settings>,
    previous: &InForce,
    metrics: &Metrics,
) -> InForce {
    let is_same_snapshot = Arc::ptr_eq(&compiled.snapshot, &previous.snapshot);
    let (rules, backends) = if is_same_snapshot && Arc::ptr_eq(settings, &previous.settings) {
        publish_endpoints(compiled, &previous.backends);
        (previous.rules.clone(), previous.backends.clone())
    } else {
        build(compiled, settings, previous, metrics)
    };
    InForce {
        version: previous.version + 1,
        published_at: jiff::Timestamp::now(),
        settings: settings.clone(),
        snapshot: compiled.snapshot.clone(),
        rules,
        backends,
        problems: compiled.problems.clone(),
        unused_hosts: compiled.unused_hosts.clone(),
        default_certificate: previous.default_certificate.clone(),
        ports: previous.ports.clone(),
    }
}

type Running = (Vec<Arc<RuleState>>, Vec<Arc<BackendState>>);

fn build(
    compiled: &Compiled,
    settings: &Arc<Settings>,
    previous: &InForce,
    metrics: &Metrics,
) -> Running {
    let snapshot = &compiled.snapshot;
    let listeners: Vec<Arc<str>> = listeners(settings).map(label_of_listener).collect();
    let carried = carried(&snapshot.rules, previous);
    let routes: Vec<Arc<str>> = carried.iter().map(|one| one.label.clone()).collect();
    let labels: Vec<Arc<str>> = snapshot
        .backends
        .iter()
        .map(|one| one.label.clone())
        .collect();
    let budget = Budget::divide(
        settings.series_max,
        Wanted {
            listeners: listeners.len(),
            // The rules of one object stand side by side.
            routes: routes.chunk_by(Arc::ptr_eq).count(),
            backends: distinct(&labels),
        },
    );
    let requests = &metrics.requests;
    or_others(requests.place_listeners(&listeners), || ());
    let placed = requests.place_routes(&routes, budget.routes);
    let route_metrics = or_others(placed, || requests.others(routes.len()));
    let placed = metrics
        .backends
        .place(&labels, budget.backends, budget.histograms);
    let handles = or_others(placed, || metrics.backends.others(labels.len()));
    let rules = snapshot.rules.iter().zip(carried).zip(route_metrics);
    let rules = rules.map(|((rule, carried), metrics)| carried.state(rule, metrics));
    let backends = backends(compiled, settings, previous, handles);
    publish_endpoints(compiled, &backends);
    metrics.backends.set_endpoints(&endpoint_counts(&backends));
    (rules.collect(), backends)
}

/// Names and labels are fixed at compile time, so a placement that fails is a defect of ours. Then `other` counts: rules and backends are found
/// by their number, so those of another configuration would serve one site with the backend of another.
fn or_others<T>(placed: Result<T, prometheus::Error>, others: impl FnOnce() -> T) -> T {
    placed.unwrap_or_else(|error| {
        tracing::error!(%error, "metrics could not be placed");
        others()
    })
}

/// As configured, with the real port: `[::]:443`. The connection's context calls the listener the same.
pub fn label_of_listener(listener: &Listener) -> Arc<str> {
    listener.address.to_string().into()
}

fn listeners(settings: &Settings) -> impl Iterator<Item = &Listener> {
    settings.http.iter().chain(&settings.https)
}

fn distinct(labels: &[Arc<str>]) -> usize {
    labels.iter().collect::<HashSet<_>>().len()
}

/// The state of each backend: the one there was, if nothing about it changed; else a new one over the same pool.
fn backends(
    compiled: &Compiled,
    settings: &Arc<Settings>,
    previous: &InForce,
    handles: Vec<BackendHandles>,
) -> Vec<Arc<BackendState>> {
    let known: HashMap<&BackendKey, (&Backend, &Arc<BackendState>)> = previous
        .snapshot
        .backends
        .iter()
        .zip(&previous.backends)
        .map(|(backend, state)| (&backend.key, (backend, state)))
        .collect();
    let same_limits = settings.limits == previous.settings.limits;
    let of = |(backend, metrics): (&Backend, BackendHandles)| match known.get(&backend.key) {
        Some((before, state))
            if same_limits && is_same(before, backend) && state.metrics.is_same(&metrics) =>
        {
            (*state).clone()
        }
        before => Arc::new(BackendState {
            key: backend.key.clone(),
            label: backend.label.clone(),
            terms: Terms::new(backend, &settings.limits),
            pool: before
                .map(|(_, state)| state.pool.clone())
                .unwrap_or_default(),
            metrics,
        }),
    };
    compiled
        .snapshot
        .backends
        .iter()
        .zip(handles)
        .map(of)
        .collect()
}

fn is_same(before: &Backend, now: &Backend) -> bool {
    before.protocol == now.protocol
        && before.policy == now.policy
        && before.authority == now.authority
        && before.label == now.label
}

fn publish_endpoints(compiled: &Compiled, backends: &[Arc<BackendState>]) {
    let now = Instant::now();
    for backend in backends {
        let endpoints = compiled.endpoints.get(&backend.key).cloned();
        let endpoints = endpoints.unwrap_or_else(|| Arc::new([]));
        let before = backend.pool.counts();
        backend.pool.publish(endpoints, now);
        let after = backend.pool.counts();
        if before != after {
            backend.metrics.shift_endpoints(before, after);
        }
    }
}

/// Two backends of one label (another policy for the same port) have the same endpoints: they are counted once.
fn endpoint_counts(backends: &[Arc<BackendState>]) -> Vec<(Arc<str>, [i64; 3])> {
    let mut seen = HashSet::new();
    backends
        .iter()
        .filter(|backend| seen.insert(&backend.label))
        .map(|backend| (backend.label.clone(), backend.pool.counts()))
        .collect()
}
