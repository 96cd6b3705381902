//! How much memory may this process use?
//!
//! The limit is the cgroup's: version 2 (`memory.max`) and version 1 (`memory.limit_in_bytes`), the lowest on the way up to the root.
//! Without one it is `MemTotal` of `/proc/meminfo`.

use std::path::{Path, PathBuf};

/// Version 1 writes "no limit" as the largest multiple of the page size below 2^63; nobody has this much.
const NO_LIMIT_FROM: u64 = 1 << 60;
/// What this process may use. The rules that make bounds of it are `config::limits`'.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Memory {
    /// The lowest cgroup limit, in bytes. None: there is none.
    pub cgroup_limit_bytes: Option<u64>,
    /// Of the machine, in bytes; 0 if it does not say.
    pub total_bytes: u64,
}

/// Reads `/proc` and `/sys`; what cannot be read is left out.
pub fn read() -> Memory {
    read_with(&|path| std::fs::read_to_string(path).ok())
}

/// With files read by `read`, so that a test can play any machine.
fn read_with(read: &dyn Fn(&Path) -> Option<String>) -> Memory {
    let membership = read(Path::new("/proc/self/cgroup")).unwrap_or_default();
    let cgroup_limit_bytes = limit_files(&membership)
        .iter()
        .filter_map(|path| parse_limit(&read(path)?))
        .min();
    let total = read(Path::new("/proc/meminfo")).and_then(|text| parse_mem_total(&text));
    Memory {
        cgroup_limit_bytes,
        total_bytes: total.unwrap_or(0),
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

    fn check(files: &[(&str, &str)], cgroup_limit_bytes: Option<u64>, total_bytes: u64) {
        let read = |path: &Path| {
            let found = files.iter().find(|(name, _)| Path::new(name) == path);
            found.map(|(_, text)| (*text).to_owned())
        };
        let expected = Memory {
            cgroup_limit_bytes,
            total_bytes,
        };
        assert_eq!(read_with(&read), expected, "{files:?}");
    }

    #[test]
    fn the_lowest_limit_on_the_way_up_holds() {
        let pod = ("/sys/fs/cgroup/kubepods/memory.max", "134217728\n");
        let container = ("/sys/fs/cgroup/kubepods/a/memory.max", "max\n");
        let membership = ("/proc/self/cgroup", "0::/kubepods/a\n");
        let files = [membership, container, pod, ("/proc/meminfo", MEMINFO)];
        check(&files, Some(128 << 20), 4 << 30);
    }

    #[test]
    fn version_1_is_read_too_and_its_huge_number_is_no_limit() {
        let membership = ("/proc/self/cgroup", "8:cpu,cpuacct:/x\n7:memory:/x\n");
        let none = (
            "/sys/fs/cgroup/memory/x/memory.limit_in_bytes",
            "9223372036854771712\n",
        );
        let root = ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "268435456\n");
        check(&[membership, none, root], Some(256 << 20), 0);
        check(
            &[membership, none, ("/proc/meminfo", MEMINFO)],
            None,
            4 << 30,
        );
    }

    #[test]
    fn a_container_with_the_hosts_path_finds_its_limit_at_the_root_of_the_mount() {
        let membership = ("/proc/self/cgroup", "0::/../../kubepods.slice/x\n");
        let root = ("/sys/fs/cgroup/memory.max", "134217728\n");
        check(&[membership, root], Some(128 << 20), 0);
    }

    #[test]
    fn a_machine_that_says_nothing_has_no_limit() {
        check(&[], None, 0);
        check(
            &[("/proc/self/cgroup", "nonsense\n"), ("/proc/meminfo", "?")],
            None,
            0,
        );
    }
}
