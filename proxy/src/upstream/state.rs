//! What does a backend keep across configurations: its endpoints, their load, the requests that wait?

use super::history::History;
use arc_swap::{ArcSwap, Guard};
use config::snapshot::EndpointAddress;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// What no endpoint says: it would be for ages.
const NOT_SAID: u64 = u64::MAX;

/// The endpoints of one backend. Its set is replaced as a whole, by `publish`; requests only read it and count on it.
#[derive(Debug, Default)]
pub struct Pool {
    set: ArcSwap<EndpointSet>,
    /// Requests that wait for an endpoint that accepts connections.
    held: AtomicUsize,
    /// For round robin.
    turn: AtomicUsize,
    generations: AtomicU64,
    /// Somebody published.
    changed: Notify,
}

/// Immutable.
#[derive(Debug)]
pub struct EndpointSet {
    source: Arc<[EndpointAddress]>,
    /// By address; the flag says whether it is terminating.
    members: HashMap<SocketAddr, (bool, Arc<EndpointState>)>,
    ready: Vec<Arc<EndpointState>>,
    /// Serving and terminating: chosen where none is ready, as kube-proxy does (KEP-1669).
    terminating: Vec<Arc<EndpointState>>,
    unready: usize,
    /// When the last usable endpoint went.
    emptied_at: Option<Instant>,
}

/// One endpoint, for as long as it stays in the set.
#[derive(Debug)]
pub struct EndpointState {
    pub address: SocketAddr,
    /// Another one whenever the endpoint leaves and returns, or begins to terminate: connections of an older generation are never used again.
    pub generation: u64,
    in_flight: AtomicU32,
    /// Milliseconds that the endpoint keeps an idle connection, as it says itself; `NOT_SAID` until it does.
    keep_alive_ms: AtomicU64,
    /// The last connection over TLS settled on HTTP/1.
    speaks_http1: AtomicBool,
    pub history: History,
}

/// An attempt at an endpoint, counted until it is dropped.
#[derive(Debug)]
pub struct InFlight(Arc<EndpointState>);

/// A request that waits, counted until it is dropped.
#[derive(Debug)]
pub struct Held {
    pool: Arc<Pool>,
    gauge: prometheus::IntGauge,
}

impl Default for EndpointSet {
    fn default() -> EndpointSet {
        EndpointSet {
            source: Arc::new([]),
            members: HashMap::new(),
            ready: Vec::new(),
            terminating: Vec::new(),
            unready: 0,
            emptied_at: None,
        }
    }
}

impl Pool {
    pub fn current(&self) -> Guard<Arc<EndpointSet>> {
        self.set.load()
    }

    /// Endpoints that are ready, terminating but serving, and neither.
    pub fn counts(&self) -> [i64; 3] {
        let set = self.set.load();
        [set.ready.len(), set.terminating.len(), set.unready]
            .map(|count| i64::try_from(count).unwrap_or(i64::MAX))
    }

    /// Replaces the set. Endpoints that stay keep their load and what was learned of them. On the control path.
    pub fn publish(&self, endpoints: Arc<[EndpointAddress]>, now: Instant) {
        let before = self.set.load_full();
        if Arc::ptr_eq(&before.source, &endpoints) || before.source == endpoints {
            return;
        }
        let mut next = EndpointSet {
            source: endpoints.clone(),
            ..EndpointSet::default()
        };
        for endpoint in endpoints.iter() {
            if next.members.contains_key(&endpoint.address) {
                continue;
            }
            let state = match before.members.get(&endpoint.address) {
                Some((terminating, state)) if *terminating == endpoint.terminating => state.clone(),
                _ => Arc::new(EndpointState::new(
                    endpoint.address,
                    self.generations.fetch_add(1, Ordering::Relaxed),
                )),
            };
            next.add(endpoint, state);
        }
        next.emptied_at = match (before.is_usable(), next.is_usable()) {
            (true, false) => Some(now),
            (false, false) => before.emptied_at,
            (_, true) => None,
        };
        self.set.store(Arc::new(next));
        self.changed.notify_waiters();
    }

    /// Ends when the set changes after this call, at its first poll at the latest.
    pub fn changed(&self) -> tokio::sync::futures::Notified<'_> {
        self.changed.notified()
    }

    /// Counts a request that waits, unless `max` do already.
    pub fn hold(self: &Arc<Pool>, max: usize, gauge: &prometheus::IntGauge) -> Option<Held> {
        let before = self.held.fetch_add(1, Ordering::Relaxed);
        if before >= max {
            self.held.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        gauge.inc();
        Some(Held {
            pool: self.clone(),
            gauge: gauge.clone(),
        })
    }

    /// The next number for round robin.
    pub fn next_turn(&self) -> usize {
        self.turn.fetch_add(1, Ordering::Relaxed)
    }
}

impl EndpointSet {
    /// Those that a request may choose among: the ready ones; where there are none, those that terminate but still serve.
    pub fn candidates(&self) -> &[Arc<EndpointState>] {
        if self.ready.is_empty() {
            &self.terminating
        } else {
            &self.ready
        }
    }

    pub fn is_usable(&self) -> bool {
        !self.candidates().is_empty()
    }

    /// As they were published: what their objects say of them.
    pub fn published(&self) -> &Arc<[EndpointAddress]> {
        &self.source
    }

    pub fn find(&self, address: SocketAddr) -> Option<&Arc<EndpointState>> {
        self.members.get(&address).map(|(_, state)| state)
    }

    /// Did the last usable endpoint go less than `grace` ago? A rollout may be about to bring the next one.
    pub fn emptied_within(&self, grace: Duration, now: Instant) -> bool {
        self.emptied_at
            .is_some_and(|at| now.saturating_duration_since(at) < grace)
    }

    fn add(&mut self, endpoint: &EndpointAddress, state: Arc<EndpointState>) {
        self.members
            .insert(endpoint.address, (endpoint.terminating, state.clone()));
        if endpoint.ready {
            self.ready.push(state);
        } else if endpoint.serving && endpoint.terminating {
            self.terminating.push(state);
        } else {
            self.unready += 1;
        }
    }
}

impl EndpointState {
    pub fn new(address: SocketAddr, generation: u64) -> EndpointState {
        EndpointState {
            address,
            generation,
            in_flight: AtomicU32::new(0),
            keep_alive_ms: AtomicU64::new(NOT_SAID),
            speaks_http1: AtomicBool::new(false),
            history: History::new(Instant::now()),
        }
    }

    /// Attempts that run at this moment.
    pub fn in_flight(&self) -> u32 {
        self.in_flight.load(Ordering::Relaxed)
    }

    pub fn enter(self: &Arc<EndpointState>) -> InFlight {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.clone())
    }

    /// The endpoint said `Keep-Alive: timeout=`.
    pub fn learn_keep_alive(&self, timeout: Duration) {
        let ms = u64::try_from(timeout.as_millis()).unwrap_or(NOT_SAID - 1);
        self.keep_alive_ms.store(ms, Ordering::Relaxed);
    }

    /// A connection to it turned out to be HTTP/1.
    pub fn learn_http1(&self) {
        self.speaks_http1.store(true, Ordering::Relaxed);
    }

    pub fn speaks_http1(&self) -> bool {
        self.speaks_http1.load(Ordering::Relaxed)
    }

    pub fn keep_alive(&self) -> Option<Duration> {
        match self.keep_alive_ms.load(Ordering::Relaxed) {
            NOT_SAID => None,
            ms => Some(Duration::from_millis(ms)),
        }
    }
}

impl InFlight {
    pub fn endpoint(&self) -> &Arc<EndpointState> {
        &self.0
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.pool.held.fetch_sub(1, Ordering::Relaxed);
        self.gauge.dec();
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use config::name::{Kind, ObjectRef};

    /// `r`: ready, `t`: terminating and serving, `x`: neither.
    pub fn endpoint(port: u16, state: char) -> EndpointAddress {
        EndpointAddress {
            address: SocketAddr::from(([127, 0, 0, 1], port)),
            ready: state == 'r',
            serving: state != 'x',
            terminating: state == 't',
            node: None,
            zone: None,
            object: ObjectRef::new(Kind::Endpoints, "ns", "svc"),
            origin: None,
        }
    }

    pub fn pool(endpoints: &[(u16, char)]) -> Arc<Pool> {
        let pool = Arc::new(Pool::default());
        publish(&pool, endpoints, Instant::now());
        pool
    }

    fn publish(pool: &Pool, endpoints: &[(u16, char)], now: Instant) {
        let endpoints = endpoints
            .iter()
            .map(|(port, state)| endpoint(*port, *state));
        pool.publish(endpoints.collect(), now);
    }

    fn check(endpoints: &[(u16, char)], candidates: &[u16]) {
        let pool = pool(endpoints);
        let set = pool.current();
        let ports: Vec<u16> = set.candidates().iter().map(|e| e.address.port()).collect();
        assert_eq!(ports, candidates);
    }

    #[test]
    fn ready_endpoints_come_first_and_serving_ones_that_terminate_where_none_is_ready() {
        check(&[(1, 'r'), (2, 't'), (3, 'x'), (4, 'r')], &[1, 4]);
        check(&[(2, 't'), (3, 'x')], &[2]);
        check(&[(3, 'x')], &[]);
        check(&[(1, 'r'), (1, 'r')], &[1]);
    }

    #[test]
    fn an_endpoint_that_stays_keeps_its_load_and_one_that_returns_is_of_another_generation() {
        let now = Instant::now();
        let pool = pool(&[(1, 'r'), (2, 'r')]);
        let first = pool.current().candidates().to_vec();
        let guard = first[0].enter();
        publish(&pool, &[(1, 'r'), (3, 'r')], now);
        assert_eq!(pool.current().candidates()[0].in_flight(), 1);
        publish(&pool, &[(1, 't'), (2, 'r')], now);
        let returned = pool.current().candidates()[0].clone();
        assert_eq!(returned.address, first[1].address);
        assert_ne!(returned.generation, first[1].generation);
        publish(&pool, &[(1, 't')], now);
        assert_ne!(
            pool.current().candidates()[0].generation,
            first[0].generation
        );
        drop(guard);
        assert_eq!(first[0].in_flight(), 0);
    }

    #[test]
    fn the_time_counts_from_when_the_last_usable_endpoint_went() {
        let (now, grace) = (Instant::now(), Duration::from_secs(2));
        let later = now + Duration::from_secs(1);
        let pool = pool(&[]);
        assert!(
            !pool.current().emptied_within(grace, now),
            "it never had one"
        );
        publish(&pool, &[(1, 'r')], now);
        publish(&pool, &[(1, 'x')], now);
        publish(&pool, &[], later);
        assert!(pool.current().emptied_within(grace, later));
        assert!(!pool.current().emptied_within(grace, now + grace));
        publish(&pool, &[(2, 'r')], later);
        assert!(!pool.current().emptied_within(grace, later));
    }

    #[test]
    fn no_more_requests_are_held_than_allowed() {
        let gauge = prometheus::IntGauge::new("held", "held").unwrap();
        let pool = pool(&[]);
        let held: Vec<_> = (0..3).map(|_| pool.hold(2, &gauge)).collect();
        assert_eq!(held.iter().filter(|held| held.is_some()).count(), 2);
        assert_eq!(gauge.get(), 2);
        drop(held);
        assert!(pool.hold(1, &gauge).is_some());
        assert_eq!(gauge.get(), 0);
    }
}
