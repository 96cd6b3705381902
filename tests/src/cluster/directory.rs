//! Where does a cluster keep its state, and who removes it?
//!
//! In memory. A small shell waits for the end of the test's process and then removes the directory, however the test ended. Should that
//! shell be killed too, the next cluster finds a directory without an owner and removes it.

use std::os::unix::fs::DirBuilderExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};

const PREFIX: &str = "hedgerow-cluster-";

/// Its input ends with the test's process. The cluster's programs are killed at that moment too, and write until then: hence several tries.
const JANITOR: &str = r#"
while read -r _; do :; done
tries=0
while ! rm -rf -- "$1" 2>/dev/null && [ $tries -lt 100 ]; do tries=$((tries + 1)); sleep 0.05; done
"#;

static NUMBER: AtomicU32 = AtomicU32::new(0);

/// A directory of one cluster, removed when it is dropped or its process ends.
pub struct Directory {
    path: PathBuf,
    janitor: Child,
    /// None only while it ends. The pipe's other end sees its closing.
    alive: Option<ChildStdin>,
}

impl Directory {
    pub fn create() -> Directory {
        let root = root();
        sweep(&root);
        let own = std::process::id();
        let started = start_of(own).expect("this process runs");
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let path = root.join(format!("{PREFIX}{own}-{started}-{number}"));
        // Keys are in it.
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .unwrap();
        let mut janitor = Command::new("sh");
        janitor
            .args(["-c", JANITOR, "janitor"])
            .arg(&path)
            .stdin(Stdio::piped())
            // Ctrl-C goes to the whole group of the test, and this one has work to do then.
            .process_group(0);
        let mut janitor = janitor.spawn().unwrap();
        let alive = janitor.stdin.take();
        Directory {
            path,
            janitor,
            alive,
        }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(self.alive.take());
        let _ = self.janitor.wait();
    }
}

/// Memory, so that etcd's writes cost nothing.
fn root() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if memory.is_dir() {
        memory.to_owned()
    } else {
        std::env::temp_dir()
    }
}

/// Removes what processes left that are gone, and kills what still works in there.
fn sweep(root: &Path) {
    for entry in std::fs::read_dir(root).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.strip_prefix(PREFIX).is_some_and(is_ownerless) {
            kill_users_of(&entry.path());
            // Its own janitor may be at it at this moment.
            let _ = std::fs::remove_dir_all(entry.path());
        }
    }
}

/// `rest`: `PID-START-NUMBER`. A process id comes again, with another start.
fn is_ownerless(rest: &str) -> bool {
    let mut parts = rest.split('-');
    let pid = parts.next().and_then(|pid| pid.parse().ok());
    let started = parts.next().unwrap_or_default();
    pid.is_some_and(|pid| start_of(pid).is_none_or(|found| found != started))
}

/// When a process started, in ticks after the machine: field 22 of proc(5), counted behind the name, which may contain anything.
fn start_of(pid: u32) -> Option<String> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let (_, fields) = stat.rsplit_once(") ")?;
    fields.split(' ').nth(19).map(str::to_owned)
}

/// Each program of a cluster names a file in its directory.
fn kill_users_of(directory: &Path) {
    for pid in users_of(directory) {
        let pid = nix::unistd::Pid::from_raw(pid);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL);
    }
}

/// The processes whose arguments name this directory, janitors left out.
pub fn users_of(directory: &Path) -> Vec<i32> {
    let directory = directory.to_string_lossy().into_owned();
    let mut pids = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse() else {
            continue;
        };
        let line = std::fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let line = String::from_utf8_lossy(&line).into_owned();
        if line.contains(&directory) && !line.contains("\0janitor\0") {
            pids.push(pid);
        }
    }
    pids
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::PATIENCE;
    use std::time::Instant;

    #[test]
    fn a_directory_ends_with_its_owner() {
        let directory = Directory::create();
        let path = directory.path().to_owned();
        std::fs::write(path.join("file"), "text").unwrap();
        drop(directory);
        assert!(!path.exists());
    }

    #[test]
    fn what_was_left_behind_is_removed_and_its_programs_are_killed() {
        // Not where others sweep: they would remove it before the program is there.
        let root = tempfile::tempdir().unwrap();
        // No process has this id: the kernel's are at most 4 million (proc(5)).
        let left = root
            .path()
            .join(format!("{PREFIX}4200000-1-{}", std::process::id()));
        std::fs::create_dir(&left).unwrap();
        let mut program = Command::new("sh")
            .args(["-c", "read -r _; :", "program"])
            .arg(left.join("etcd"))
            .stdin(Stdio::piped())
            .spawn()
            .unwrap();
        let deadline = Instant::now() + PATIENCE;
        // Between fork and exec it is still this test.
        while users_of(&left).is_empty() {
            assert!(Instant::now() < deadline, "the program does not start");
            std::thread::yield_now();
        }
        sweep(root.path());
        assert!(!program.wait().unwrap().success(), "killed");
        assert!(!left.exists());
    }

    #[test]
    fn a_living_owner_keeps_its_directory_and_a_later_process_with_its_id_does_not() {
        let own = std::process::id();
        let started = start_of(own).unwrap();
        assert!(!is_ownerless(&format!("{own}-{started}-0")));
        assert!(is_ownerless(&format!("{own}-1-0")));
        // Somebody else's name is not ours to judge.
        assert!(!is_ownerless("nobody"));
    }
}
