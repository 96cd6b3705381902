//! May one more connection be open, and which one closes for it?

use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};
use tokio::sync::Notify;

/// One scan finds this many connections to close, so that a flood at the cap does not cost a scan per connection.
const CANDIDATES_MAX: usize = 256;
/// One client is one IPv6 network of this size: that is what a customer is given.
const IPV6_CLIENT_BITS: u32 = 64;

/// Why a connection was not admitted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refused {
    /// The cap is reached and no connection is idle.
    ConnectionsMax,
    /// This client has its share already.
    ClientConnectionsMax,
}

impl Refused {
    /// The metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            Refused::ConnectionsMax => "connections-max",
            Refused::ClientConnectionsMax => "client-connections-max",
        }
    }
}

/// The caps over all listeners and runtimes. Locked when connections open and close, never while requests run.
#[derive(Debug)]
pub struct Permits {
    connections_max: AtomicUsize,
    per_client_max: AtomicUsize,
    open: Mutex<Open>,
    clients: Mutex<HashMap<IpAddr, usize>>,
    /// A connection became idle since the last scan began: another one may find something.
    has_idle: AtomicBool,
    started: Instant,
}

#[derive(Debug, Default)]
struct Open {
    slots: HashMap<u64, Arc<Slot>>,
    next_id: u64,
    /// Idle ones, the longest idle first, each with the state it had.
    candidates: VecDeque<(u64, Arc<Slot>)>,
}

/// What the registry and the connection share.
#[derive(Debug)]
struct Slot {
    id: u64,
    state: AtomicU64,
    evicted: Notify,
}

/// The upper 16 bits count requests in flight, the lower 48 hold when the connection became idle, in milliseconds. One word, so that a
/// connection is never evicted while a request begins.
const REQUEST: u64 = 1 << 48;
const IDLE_SINCE_MASK: u64 = REQUEST - 1;
const EVICTED: u64 = u64::MAX;

impl Permits {
    pub fn new(connections_max: usize, per_client_max: usize) -> Arc<Permits> {
        Arc::new(Permits {
            connections_max: AtomicUsize::new(connections_max),
            per_client_max: AtomicUsize::new(per_client_max),
            open: Mutex::default(),
            clients: Mutex::default(),
            has_idle: AtomicBool::new(true),
            started: Instant::now(),
        })
    }

    /// New caps count for connections that come from now on.
    pub fn resize(&self, connections_max: usize, per_client_max: usize) {
        self.connections_max
            .store(connections_max, Ordering::Relaxed);
        self.per_client_max.store(per_client_max, Ordering::Relaxed);
    }

    /// Connections that are open now.
    pub fn open(&self) -> usize {
        lock(&self.open).slots.len()
    }

    /// A place for one more connection. At the cap the one that has been idle for longest is closed for it.
    /// The second value tells whether that happened.
    pub fn admit(self: &Arc<Self>) -> Result<(Ticket, bool), Refused> {
        let mut open = lock(&self.open);
        let is_full = open.slots.len() >= self.connections_max.load(Ordering::Relaxed);
        if is_full && !open.evict_longest_idle(&self.has_idle) {
            return Err(Refused::ConnectionsMax);
        }
        open.next_id += 1;
        let slot = Arc::new(Slot {
            id: open.next_id,
            state: AtomicU64::new(self.now_ms()),
            evicted: Notify::new(),
        });
        open.slots.insert(slot.id, Arc::clone(&slot));
        self.mark_idle();
        let ticket = Ticket {
            permits: Arc::clone(self),
            slot,
            client: OnceLock::new(),
        };
        Ok((ticket, is_full))
    }

    /// Read first: the word is shared by all cores, and nearly always set. Sequentially consistent with the state of the slot, so that a
    /// scan either sees the connection idle or is followed by another scan.
    fn mark_idle(&self) {
        if !self.has_idle.load(Ordering::SeqCst) {
            self.has_idle.store(true, Ordering::SeqCst);
        }
    }

    fn now_ms(&self) -> u64 {
        u64::try_from(self.started.elapsed().as_millis()).unwrap_or(0) & IDLE_SINCE_MASK
    }
}

impl Open {
    fn evict_longest_idle(&mut self, has_idle: &AtomicBool) -> bool {
        if self.evict_candidate() {
            return true;
        }
        // A flood against busy connections costs no scan for each of its own.
        if !has_idle.swap(false, Ordering::SeqCst) {
            return false;
        }
        self.scan();
        self.evict_candidate()
    }

    /// Whoever became idle after the scan did so later than every candidate: the first that is still as it was is the longest idle.
    fn evict_candidate(&mut self) -> bool {
        while let Some((state, slot)) = self.candidates.pop_front() {
            if slot.evict(state) && self.slots.remove(&slot.id).is_some() {
                return true;
            }
        }
        false
    }

    fn scan(&mut self) {
        let mut idle: Vec<(u64, Arc<Slot>)> = self
            .slots
            .values()
            .map(|slot| (slot.state.load(Ordering::SeqCst), slot))
            .filter(|(state, _)| *state < REQUEST)
            .map(|(state, slot)| (state, Arc::clone(slot)))
            .collect();
        idle.sort_unstable_by_key(|(state, slot)| (*state, slot.id));
        idle.truncate(CANDIDATES_MAX);
        self.candidates = idle.into();
    }
}

impl Slot {
    fn evict(&self, state: u64) -> bool {
        let change =
            self.state
                .compare_exchange(state, EVICTED, Ordering::AcqRel, Ordering::Relaxed);
        if change.is_ok() {
            self.evicted.notify_one();
        }
        change.is_ok()
    }

    fn change(&self, change: impl Fn(u64) -> u64) -> bool {
        let change = |state| (state != EVICTED).then(|| change(state));
        self.state
            .fetch_update(Ordering::SeqCst, Ordering::Relaxed, change)
            .is_ok()
    }
}

/// The place of one connection; dropping it gives the place back.
#[derive(Debug)]
pub struct Ticket {
    permits: Arc<Permits>,
    slot: Arc<Slot>,
    /// Set once it is known and counted.
    client: OnceLock<IpAddr>,
}

impl Ticket {
    /// Counts the connection as one of this client's; not called for trusted proxies, which stand for many clients.
    pub fn count_client(&self, client: IpAddr) -> Result<(), Refused> {
        let client = client_network(client);
        let mut clients = lock(&self.permits.clients);
        let count = clients.get(&client).copied().unwrap_or(0);
        if count >= self.permits.per_client_max.load(Ordering::Relaxed) {
            return Err(Refused::ClientConnectionsMax);
        }
        if self.client.set(client).is_ok() {
            clients.insert(client, count + 1);
        }
        Ok(())
    }

    /// A request begins. False: the connection was evicted; nothing must begin.
    pub fn begin_request(&self) -> bool {
        self.slot.change(|state| state + REQUEST)
    }

    pub fn end_request(&self) {
        let now_ms = self.permits.now_ms();
        self.slot
            .change(|state| (state.saturating_sub(REQUEST) & !IDLE_SINCE_MASK) | now_ms);
        self.permits.mark_idle();
    }

    /// The client sent something: it is not the longest idle any more.
    pub fn touch(&self) {
        let now_ms = self.permits.now_ms();
        self.slot
            .change(|state| (state & !IDLE_SINCE_MASK) | now_ms);
    }

    /// How long no request was in flight; `None` while one is.
    pub fn idle_for(&self) -> Option<Duration> {
        let state = self.slot.state.load(Ordering::Relaxed);
        let since = (state < REQUEST).then_some(state)?;
        Some(Duration::from_millis(
            self.permits.now_ms().saturating_sub(since),
        ))
    }

    /// Ends when the connection must make room for another one.
    pub async fn evicted(&self) {
        self.slot.evicted.notified().await;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        lock(&self.permits.open).slots.remove(&self.slot.id);
        let Some(client) = self.client.get() else {
            return;
        };
        let mut clients = lock(&self.permits.clients);
        let Some(count) = clients.get_mut(client) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            clients.remove(client);
        }
    }
}

/// One client: an IPv4 address, or an IPv6 network.
fn client_network(client: IpAddr) -> IpAddr {
    match client.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) >> (128 - IPV6_CLIENT_BITS);
            IpAddr::V6(Ipv6Addr::from(network << (128 - IPV6_CLIENT_BITS)))
        }
    }
}

/// A thread that panicked while it held the lock changed nothing half: each change is one call.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn admit(permits: &Arc<Permits>) -> Ticket {
        permits.admit().unwrap().0
    }

    fn is_evicted(ticket: &Ticket) -> bool {
        ticket.slot.state.load(Ordering::Relaxed) == EVICTED
    }

    #[test]
    fn at_the_cap_the_longest_idle_connection_makes_room() {
        let permits = Permits::new(3, 3);
        let (first, second, third) = (admit(&permits), admit(&permits), admit(&permits));
        assert!(first.begin_request());
        let (fourth, has_evicted) = permits.admit().unwrap();
        assert!(has_evicted);
        assert_eq!(
            [&first, &second, &third, &fourth].map(is_evicted),
            [false, true, false, false]
        );
        assert!(!second.begin_request());
        assert_eq!(permits.open(), 3);
        drop(second);
        assert_eq!(permits.open(), 3);
    }

    #[test]
    fn where_none_is_idle_the_newest_is_refused_until_one_ends() {
        let permits = Permits::new(2, 2);
        let (first, second) = (admit(&permits), admit(&permits));
        assert!(first.begin_request() && second.begin_request());
        assert_eq!(permits.admit().unwrap_err(), Refused::ConnectionsMax);
        drop(first);
        assert!(!permits.admit().unwrap().1);
        drop(second);
        assert_eq!(permits.open(), 0);
    }

    #[test]
    fn a_connection_is_idle_when_its_last_request_has_ended() {
        let permits = Permits::new(1, 1);
        let ticket = admit(&permits);
        assert!(ticket.begin_request() && ticket.begin_request());
        assert_eq!(ticket.idle_for(), None);
        ticket.end_request();
        assert_eq!(ticket.idle_for(), None);
        ticket.end_request();
        assert!(ticket.idle_for().is_some());
    }

    #[test]
    fn a_client_is_an_ipv4_address_or_an_ipv6_network_of_64_bits() {
        let permits = Permits::new(10, 1);
        let mut tickets = Vec::new();
        for (client, expected) in [
            ("192.0.2.1", Ok(())),
            ("::ffff:192.0.2.1", Err(Refused::ClientConnectionsMax)),
            ("192.0.2.2", Ok(())),
            ("2001:db8::1", Ok(())),
            ("2001:db8::ffff:2", Err(Refused::ClientConnectionsMax)),
            ("2001:db8:0:1::1", Ok(())),
        ] {
            let ticket = admit(&permits);
            assert_eq!(
                ticket.count_client(client.parse().unwrap()),
                expected,
                "{client}"
            );
            tickets.push(ticket);
        }
        tickets.clear();
        let ticket = admit(&permits);
        assert_eq!(ticket.count_client("192.0.2.1".parse().unwrap()), Ok(()));
    }

    #[tokio::test]
    async fn an_evicted_connection_is_told() {
        let permits = Permits::new(1, 1);
        let ticket = admit(&permits);
        let _next = admit(&permits);
        ticket.evicted().await;
    }
}
