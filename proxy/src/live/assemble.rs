//! What does a compiled configuration need to run: metric handles for its rules, keyed state for its backends?

#[cfg(test)]
pub(crate) mod tests;

use super::weights::Turns;
use super::{InForce, RuleState};
use crate::observe::Metrics;
use crate::observe::backend_metrics::BackendHandles;
use crate::observe::request_metrics::{Budget, Wanted};
use crate::upstream::BackendState;
use crate::upstream::terms::Terms;
use config::name::ObjectRef;
use config::settings::{Listener, Settings};
use config::snapshot::{Action, Backend, BackendKey, Compiled, Rule, WeightedTarget};
use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Instant;

/// The route of requests that no rule takes.
const NO_ROUTE: &str = "none";

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
    let routes = route_labels(&snapshot.rules, previous);
    let labels: Vec<Arc<str>> = snapshot
        .backends
        .iter()
        .map(|one| one.label.clone())
        .collect();
    let budget = Budget::divide(
        settings.series_max,
        Wanted {
            listeners: listeners.len(),
            routes: distinct(&routes),
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
    let turns_before = turns_before(previous);
    let rules = snapshot.rules.iter().zip(routes).zip(route_metrics);
    let rules = rules.map(|((rule, label), metrics)| {
        Arc::new(RuleState {
            label,
            metrics,
            turns: turns(rule, &turns_before),
        })
    });
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

/// One label per object. Texts of `previous` are used again: most objects have not changed.
fn route_labels(rules: &[Rule], previous: &InForce) -> Vec<Arc<str>> {
    let mut known: HashMap<_, Arc<str>> = previous
        .snapshot
        .rules
        .iter()
        .zip(&previous.rules)
        .filter(|(rule, _)| !matches!(rule.action, Action::NotFound))
        .map(|(rule, state)| (&rule.object, state.label.clone()))
        .collect();
    let none: Arc<str> = NO_ROUTE.into();
    let mut labels = Vec::with_capacity(rules.len());
    for rule in rules {
        labels.push(match rule.action {
            Action::NotFound => none.clone(),
            _ => known
                .entry(&rule.object)
                .or_insert_with(|| rule.object.to_string().into())
                .clone(),
        });
    }
    labels
}

fn distinct(labels: &[Arc<str>]) -> usize {
    labels.iter().collect::<HashSet<_>>().len()
}

/// Of rules that share their requests out: where they are, by object and field.
type TurnsBefore<'a> = HashMap<(&'a ObjectRef, &'a str), (&'a Rule, &'a Turns)>;

fn turns_before(previous: &InForce) -> TurnsBefore<'_> {
    let rules = previous.snapshot.rules.iter().zip(&previous.rules);
    let shared = rules.filter(|(rule, _)| targets(rule).len() > 1);
    shared
        .map(|(rule, state)| ((&rule.object, &*rule.field), (rule, &state.turns)))
        .collect()
}

/// Shares that did not change go on where they were: else a rule that is published often would only ever serve its first turns.
fn turns(rule: &Rule, before: &TurnsBefore<'_>) -> Turns {
    let weight = |target: &WeightedTarget| target.weight_until;
    let whole = targets(rule).last().map_or(1, weight);
    let has_weights_of = |other: &Rule| {
        let (left, right) = (targets(other).iter(), targets(rule).iter());
        left.map(weight).eq(right.map(weight))
    };
    match before.get(&(&rule.object, &*rule.field)) {
        Some((other, turns)) if has_weights_of(other) => Turns::going_on(whole, turns),
        _ => Turns::new(whole),
    }
}

fn targets(rule: &Rule) -> &[WeightedTarget] {
    match &rule.action {
        Action::Forward(targets) => targets,
        Action::Redirect(_) | Action::Fail(_) | Action::NotFound => &[],
    }
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
