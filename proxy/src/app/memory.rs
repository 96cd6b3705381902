//! How much memory may this process use, and how many connections is that good for?
//!
//! The limit is the cgroup's: version 2 (`memory.max`) and version 1 (`memory.limit_in_bytes`), the lowest on the way up to the root.
//! Without one it is `MemTotal` of `/proc/meminfo`.

use std::path::{Path, PathBuf};

const GIB: u64 = 1 << 30;
/// Connections per GiB of memory.
const CONNECTIONS_PER_GIB: u64 = 8192;
/// However large the machine is.
const CONNECTIONS_MAX: u64 = 65_536;
/// However small the limit is: an edge that cannot serve one browser is of no use.
const CONNECTIONS_MIN: u64 = 64;
/// One request in flight for this much memory.
const BYTES_PER_REQUEST: u64 = 256 * 1024;
/// Version 1 writes "no limit" as the largest multiple of the page size below 2^63; nobody has this much.
const NO_LIMIT_FROM: u64 = 1 << 60;
/// Where the machine says nothing at all.
const FALLBACK_BYTES: u64 = GIB;

/// Bytes that this process may use: the lowest cgroup limit, else the machine's memory, else 1 GiB.
pub fn limit_bytes() -> u64 {
    let read = |path: &Path| std::fs::read_to_string(path).ok();
    limit_from(&read).unwrap_or(FALLBACK_BYTES)
}

/// Connections from clients that this much memory is good for, 64 to 65,536.
pub fn connections_max(limit_bytes: u64) -> usize {
    let count = u128::from(limit_bytes) * u128::from(CONNECTIONS_PER_GIB) / u128::from(GIB);
    let count = u64::try_from(count).unwrap_or(CONNECTIONS_MAX);
    usize_of(count.clamp(CONNECTIONS_MIN, CONNECTIONS_MAX))
}

/// Connections from one client (/32, /64): a quarter of all.
pub fn connections_per_client_max(connections_max: usize) -> usize {
    (connections_max / 4).max(1)
}

/// Requests in flight that this much memory is good for: one per 256 KiB.
pub fn requests_max(limit_bytes: u64) -> usize {
    usize_of((limit_bytes / BYTES_PER_REQUEST).max(1))
}

/// The bounds that nobody set, filled in from the memory limit.
pub fn fill_in(limits: &mut config::limits::Limits, limit_bytes: u64) {
    let all = *limits
        .connections_max
        .get_or_insert_with(|| connections_max(limit_bytes));
    limits
        .connections_per_client_max
        .get_or_insert_with(|| connections_per_client_max(all));
    limits
        .requests_max
        .get_or_insert_with(|| requests_max(limit_bytes));
}

fn usize_of(count: u64) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// The limit, with files read by `read`, so that a test can play any machine.
fn limit_from(read: &dyn Fn(&Path) -> Option<String>) -> Option<u64> {
    let membership = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let lowest = limit_files(&membership)
        .iter()
        .filter_map(|path| parse_limit(&read(path)?))
        .min();
    let machine = read(Path::new("/proc/meminfo")).and_then(|text| parse_mem_total(&text));
    match (lowest, machine) {
        (Some(limit), Some(total)) => Some(limit.min(total)),
        (limit, total) => limit.or(total),
    }
}

/// Every file that may hold a limit, from this process's cgroup up to the root. Lines of `/proc/self/cgroup` are
/// `0::/path` (version 2) and `7:memory:/path` (version 1). In a container the path may be the host's; the mount's root is then ours.
fn limit_files(membership: &str) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for line in membership.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let (mount, file) = if controllers.is_empty() {
            ("/sys/fs/cgroup", "memory.max")
        } else if controllers.split(',').any(|name| name == "memory") {
            ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
        } else {
            continue;
        };
        for folder in Path::new(path).ancestors() {
            let inner = folder.strip_prefix("/").unwrap_or(folder);
            files.push(Path::new(mount).join(inner).join(file));
        }
    }
    files
}

/// `max` and version 1's huge number are no limit.
fn parse_limit(text: &str) -> Option<u64> {
    let bytes: u64 = text.trim().parse().ok()?;
    (bytes < NO_LIMIT_FROM).then_some(bytes)
}

/// The line `MemTotal:  3884364 kB`, in bytes.
fn parse_mem_total(text: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix("MemTotal:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kib.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MEMINFO: &str = "MemTotal:        4194304 kB\nMemFree:           12345 kB\n";

    fn check(files: &[(&str, &str)], expected: Option<u64>) {
        let read = |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned())
        };
        assert_eq!(limit_from(&read), expected, "{files:?}");
    }

    #[test]
    fn the_lowest_limit_on_the_way_up_holds() {
        let pod = ("/sys/fs/cgroup/kubepods/memory.max", "134217728\n");
        let container = ("/sys/fs/cgroup/kubepods/a/memory.max", "max\n");
        let membership = ("/proc/self/cgroup", "0::/kubepods/a\n");
        check(
            &[membership, container, pod, ("/proc/meminfo", MEMINFO)],
            Some(128 << 20),
        );
    }

    #[test]
    fn version_1_is_read_too_and_its_huge_number_is_no_limit() {
        let membership = ("/proc/self/cgroup", "8:cpu,cpuacct:/x\n7:memory:/x\n");
        let none = (
            "/sys/fs/cgroup/memory/x/memory.limit_in_bytes",
            "9223372036854771712\n",
        );
        let root = ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n");
        check(&[membership, none, root], Some(256 << 20));
        check(
            &[membership, none, ("/proc/meminfo", MEMINFO)],
            Some(4 << 30),
        );
    }

    #[test]
    fn a_container_with_the_hosts_path_finds_its_limit_at_the_root_of_the_mount() {
        let membership = ("/proc/self/cgroup", "0::/../../kubepods.slice/x\n");
        let root = ("/sys/fs/cgroup/memory.max", "134217728\n");
        check(
            &[membership, root, ("/proc/meminfo", MEMINFO)],
            Some(128 << 20),
        );
    }

    #[test]
    fn a_limit_above_the_machines_memory_is_the_machines_memory() {
        let membership = ("/proc/self/cgroup", "0::/\n");
        let root = ("/sys/fs/cgroup/memory.max", "99999999999\n");
        check(
            &[membership, root, ("/proc/meminfo", MEMINFO)],
            Some(4 << 30),
        );
    }

    #[test]
    fn a_machine_that_says_nothing_has_no_limit() {
        check(&[], None);
        check(
            &[("/proc/self/cgroup", "nonsense\n"), ("/proc/meminfo", "?")],
            None,
        );
    }

    #[test]
    fn connections_follow_memory_between_their_bounds() {
        for (bytes, connections, requests) in [
            (128 << 20, 1024, 512),
            (GIB, 8192, 4096),
            (64 * GIB, 65_536, 262_144),
            (1 << 20, 64, 4),
            (u64::MAX, 65_536, 70_368_744_177_663),
        ] {
            assert_eq!(connections_max(bytes), connections, "{bytes}");
            assert_eq!(requests_max(bytes), requests, "{bytes}");
        }
        assert_eq!(connections_per_client_max(1024), 256);
    }
}
