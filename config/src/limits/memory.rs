//! How many connections and requests fit into this much memory?

use super::Limits;

const GIB: u64 = 1 << 30;
/// An idle TLS connection takes 49 to 59 KiB (measured on a prototype), so this many leave half of the memory to requests.
const CONNECTIONS_PER_GIB: u64 = 8192;
/// More would outgrow the file descriptors and ephemeral ports of one machine before its memory.
const CONNECTIONS_MAX: u64 = 65_536;
/// A machine so small that the rule gives less can still serve a page.
const CONNECTIONS_MIN: u64 = 64;
/// A request in flight: its head, its answer's head, and a window each way.
const REQUEST_BYTES: u64 = 256 * 1024;
/// One client may hold a quarter of all connections: a household never notices, and one flooder does not shut the others out.
const CLIENT_PART: usize = 4;
const _: () = assert!(CONNECTIONS_MIN < CONNECTIONS_MAX, "the range is empty");
const _: () = assert!(
    CONNECTIONS_PER_GIB * REQUEST_BYTES > GIB,
    "an idle connection must cost less than a request, or the cap of requests never holds"
);

impl Limits {
    /// Connections from clients: what the settings say, else 8,192 per GiB of memory, at least 64 and at most 65,536.
    /// Memory is the cgroup's limit (bytes), without one all of the machine's (`MemTotal`, bytes; 0 if unknown, which counts as 1 GiB).
    pub fn connections_max(&self, memory_limit_bytes: Option<u64>, mem_total: u64) -> usize {
        self.connections_max.unwrap_or_else(|| {
            let bytes = memory_bytes(memory_limit_bytes, mem_total);
            let connections = u128::from(bytes) * u128::from(CONNECTIONS_PER_GIB) / u128::from(GIB);
            let connections = u64::try_from(connections).unwrap_or(u64::MAX);
            to_usize(connections.clamp(CONNECTIONS_MIN, CONNECTIONS_MAX))
        })
    }

    /// Connections from one client (/32, /64): what the settings say, else a quarter of `connections_max`, and never more than that.
    pub fn connections_per_client_max(&self, connections_max: usize) -> usize {
        self.connections_per_client_max
            .unwrap_or(connections_max / CLIENT_PART)
            .clamp(1, connections_max.max(1))
    }

    /// Requests in flight: what the settings say, else one per 256 KiB of memory (as for `connections_max`). One more is 503 `overloaded`.
    pub fn requests_max(&self, memory_limit_bytes: Option<u64>, mem_total: u64) -> usize {
        self.requests_max.unwrap_or_else(|| {
            to_usize((memory_bytes(memory_limit_bytes, mem_total) / REQUEST_BYTES).max(1))
        })
    }
}

/// A cgroup may be allowed more than the machine has.
fn memory_bytes(memory_limit_bytes: Option<u64>, mem_total: u64) -> u64 {
    match (memory_limit_bytes, mem_total) {
        (Some(limit), 0) => limit,
        (Some(limit), total) => limit.min(total),
        (None, 0) => GIB,
        (None, total) => total,
    }
}

fn to_usize(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MIB: u64 = 1 << 20;

    #[track_caller]
    fn check(limit: Option<u64>, total: u64, connections: usize, requests: usize) {
        let limits = Limits::default();
        assert_eq!(limits.connections_max(limit, total), connections);
        assert_eq!(limits.requests_max(limit, total), requests);
    }

    #[test]
    fn memory_decides_how_many_connections_and_requests_there_may_be() {
        check(Some(GIB), 8 * GIB, 8192, 4096);
        check(Some(128 * MIB), 8 * GIB, 1024, 512);
        check(None, 4 * GIB, 32_768, 16_384);
        check(None, 64 * GIB, 65_536, 262_144);
        check(Some(64 * GIB), 2 * GIB, 16_384, 8192);
        check(None, 0, 8192, 4096);
        check(Some(GIB), 0, 8192, 4096);
        check(Some(MIB), GIB, 64, 4);
        check(Some(0), GIB, 64, 1);
        check(
            Some(u64::MAX),
            u64::MAX,
            65_536,
            to_usize(u64::MAX / REQUEST_BYTES),
        );
    }

    #[test]
    fn what_the_settings_say_beats_memory() {
        let limits = Limits {
            connections_max: Some(10),
            connections_per_client_max: Some(20),
            requests_max: Some(3),
            ..Limits::default()
        };
        assert_eq!(limits.connections_max(Some(GIB), GIB), 10);
        assert_eq!(limits.connections_per_client_max(10), 10);
        assert_eq!(limits.requests_max(Some(GIB), GIB), 3);
    }

    #[test]
    fn one_client_gets_a_quarter_but_always_one() {
        let limits = Limits::default();
        assert_eq!(limits.connections_per_client_max(8192), 2048);
        assert_eq!(limits.connections_per_client_max(3), 1);
        assert_eq!(limits.connections_per_client_max(0), 1);
    }

    proptest! {
        #[test]
        fn more_memory_never_means_fewer_connections(a: u64, b: u64) {
            let limits = Limits::default();
            let (less, more) = (a.min(b), a.max(b));
            prop_assert!(limits.connections_max(Some(less), 0) <= limits.connections_max(Some(more), 0));
            prop_assert!(limits.requests_max(Some(less), 0) <= limits.requests_max(Some(more), 0));
        }
    }
}
