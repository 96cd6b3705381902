//! Which endpoint does this attempt go to?

use super::state::EndpointState;
use config::limits::ATTEMPTS_MAX;
use config::model::LoadBalance;
use std::net::SocketAddr;
use std::sync::Arc;

/// `ATTEMPTS_MAX` as a length. A round of attempts never has more.
const TRIED_MAX: usize = 10;
const _: () = assert!(ATTEMPTS_MAX == 10, "TRIED_MAX must follow ATTEMPTS_MAX");

/// The endpoints that this round of attempts has been to.
#[derive(Debug, Clone, Default)]
pub struct Tried {
    addresses: [Option<SocketAddr>; TRIED_MAX],
    len: usize,
}

impl Tried {
    pub fn add(&mut self, address: SocketAddr) {
        if let Some(place) = self.addresses.get_mut(self.len) {
            *place = Some(address);
            self.len += 1;
        }
    }

    pub fn contains(&self, address: SocketAddr) -> bool {
        self.addresses
            .iter()
            .take(self.len)
            .any(|tried| *tried == Some(address))
    }

    pub fn clear(&mut self) {
        self.len = 0;
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }
}

/// Is there a candidate that was not tried in this round?
pub fn has_untried(candidates: &[Arc<EndpointState>], tried: &Tried) -> bool {
    candidates
        .iter()
        .any(|endpoint| !tried.contains(endpoint.address))
}

/// Chooses among the candidates that were not tried; where all were, among all. None: there is no candidate.
/// `random` and `turn` are arguments, so that a table of cases is the whole truth.
///
/// Health and ejection will sort here: an endpoint that is ejected is no candidate, one that fails to connect comes last.
pub fn pick(
    candidates: &[Arc<EndpointState>],
    tried: &Tried,
    balance: LoadBalance,
    random: u64,
    turn: impl FnOnce() -> usize,
) -> Option<Arc<EndpointState>> {
    if tried.is_empty() {
        let at = |at: usize| candidates.get(at);
        return choose(candidates.len(), at, balance, random, turn).cloned();
    }
    let is_untried = |endpoint: &&Arc<EndpointState>| !tried.contains(endpoint.address);
    let untried = candidates.iter().filter(is_untried).count();
    if untried == 0 {
        let at = |at: usize| candidates.get(at);
        return choose(candidates.len(), at, balance, random, turn).cloned();
    }
    let at = |at: usize| candidates.iter().filter(is_untried).nth(at);
    choose(untried, at, balance, random, turn).cloned()
}

fn choose<'a>(
    count: usize,
    at: impl Fn(usize) -> Option<&'a Arc<EndpointState>>,
    balance: LoadBalance,
    random: u64,
    turn: impl FnOnce() -> usize,
) -> Option<&'a Arc<EndpointState>> {
    match balance {
        _ if count <= 1 => at(0),
        LoadBalance::RoundRobin => at(turn() % count),
        LoadBalance::PowerOfTwoChoices => {
            let first = below(random & 0xffff_ffff, count);
            let second = below(random >> 32, count - 1);
            let second = if second < first { second } else { second + 1 };
            let (first, second) = (at(first)?, at(second)?);
            // At equal load the first one: as it is random, equals share equally.
            Some(if second.in_flight() < first.in_flight() {
                second
            } else {
                first
            })
        }
    }
}

/// A number below `count` from 32 random bits, without division (Lemire 2019). `count` above 2^32 does not occur.
fn below(random_32: u64, count: usize) -> usize {
    let count = u64::try_from(count).unwrap_or(u64::MAX);
    usize::try_from(random_32.saturating_mul(count) >> 32).unwrap_or(0)
}

/// A generator for the choices of one request: splitmix64 (Steele, Lea, Flood 2014) from the random bits of its id. No lock, no system call.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub fn bits(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut bits = self.0;
        bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        bits ^ (bits >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::{HashMap, HashSet};

    fn endpoints(count: u16) -> Vec<Arc<EndpointState>> {
        (1..=count)
            .map(|port| {
                let address = SocketAddr::from(([127, 0, 0, 1], port));
                Arc::new(EndpointState::new(address, u64::from(port)))
            })
            .collect()
    }

    fn port(picked: Option<Arc<EndpointState>>) -> u16 {
        picked.unwrap().address.port()
    }

    #[test]
    fn of_two_choices_the_one_with_less_load_is_taken() {
        let set = endpoints(2);
        let _busy = set[0].enter();
        let mut random = Random::new(7);
        for _ in 0..100 {
            let picked = pick(
                &set,
                &Tried::default(),
                LoadBalance::PowerOfTwoChoices,
                random.bits(),
                || 0,
            );
            assert_eq!(port(picked), 2);
        }
    }

    #[test]
    fn round_robin_takes_them_in_turn() {
        let set = endpoints(3);
        let mut turn = 0;
        let mut next = || {
            turn += 1;
            turn - 1
        };
        let ports: Vec<u16> = (0..6)
            .map(|_| {
                port(pick(
                    &set,
                    &Tried::default(),
                    LoadBalance::RoundRobin,
                    0,
                    &mut next,
                ))
            })
            .collect();
        assert_eq!(ports, [1, 2, 3, 1, 2, 3]);
    }

    #[test]
    fn nobody_is_picked_where_nobody_is() {
        assert!(pick(&[], &Tried::default(), LoadBalance::RoundRobin, 1, || 1).is_none());
    }

    proptest! {
        #[test]
        fn a_round_goes_to_distinct_endpoints_before_it_goes_to_one_twice(
            count in 1u16..=10, seed: u64, round_robin: bool, start in 0usize..1000,
        ) {
            let set = endpoints(count);
            let balance = if round_robin { LoadBalance::RoundRobin } else { LoadBalance::PowerOfTwoChoices };
            let (mut random, mut tried, mut turn) = (Random::new(seed), Tried::default(), start);
            let mut seen = HashSet::new();
            for _ in 0..count {
                prop_assert!(has_untried(&set, &tried));
                turn += 1;
                let picked = pick(&set, &tried, balance, random.bits(), || turn).unwrap();
                tried.add(picked.address);
                prop_assert!(seen.insert(picked.address));
            }
            prop_assert!(!has_untried(&set, &tried));
            prop_assert!(pick(&set, &tried, balance, random.bits(), || turn).is_some());
        }

        #[test]
        fn no_endpoint_starves(count in 1u16..=8, seed: u64) {
            let set = endpoints(count);
            let mut random = Random::new(seed);
            let mut shares: HashMap<u16, u32> = HashMap::new();
            for _ in 0..2000 {
                let picked = pick(&set, &Tried::default(), LoadBalance::PowerOfTwoChoices, random.bits(), || 0);
                *shares.entry(port(picked)).or_default() += 1;
            }
            let fair = 2000 / u32::from(count);
            for share in shares.values() {
                prop_assert!(*share > fair / 2 && *share < fair * 2, "{shares:?}");
            }
            prop_assert_eq!(shares.len(), usize::from(count));
        }
    }
}
