//! How does an edit of the settings file take effect, and a bad one none?
//!
//! The file's directory is watched, because editors replace files and a ConfigMap is a symbolic link that is swapped
//! (kubelet's AtomicWriter); a slow poll is the net below (NFS, a watch that fails). SIGHUP reads again at once.

use config::name::{Kind, ObjectRef};
use config::problem::{Problem, ProblemCode, Severity};
use config::settings::Settings;
use notify::{RecursiveMode, Watcher};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::Duration;

/// Without a word from the watch the file is read this often.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// An editor writes in several steps: the file is read when nothing happened for this long.
const QUIET: Duration = Duration::from_millis(50);
/// An empty file is what a truncating editor leaves for a moment; it counts only if it stays empty.
const EMPTY_QUIET: Duration = Duration::from_millis(250);

/// Settings that parse, with what is usable but probably not meant.
pub type Loaded = (Settings, Vec<Problem>);

/// What the follower wakes up for.
enum Wake {
    Changed,
    /// SIGHUP: read, and say so even if nothing changed.
    Asked,
    Stop,
}

/// Follows one file until it is dropped.
#[derive(Debug)]
pub struct SettingsFile {
    wakes: Sender<Wake>,
    thread: Option<JoinHandle<()>>,
}

/// Reads and parses the file. The error: everything that is wrong.
pub fn load(path: &Path) -> Result<Loaded, Vec<Problem>> {
    parse(path, &read(path)?)
}

impl SettingsFile {
    /// Calls `apply` with each new content, good or bad, on a thread of its own.
    pub fn follow(
        path: PathBuf,
        mut apply: impl FnMut(Result<Loaded, Vec<Problem>>) + Send + 'static,
    ) -> io::Result<SettingsFile> {
        let (wakes, woken) = channel();
        let mut follower = Follower {
            in_force: read(&path).ok(),
            path,
            woken,
        };
        let watch = wakes.clone();
        let thread = std::thread::Builder::new()
            .name("settings".into())
            .spawn(move || {
                // Kept alive by this thread; without it the poll remains.
                let _watcher = watch_directory(&follower.path, watch.clone());
                // An edit between the first reading and the watch has told nobody.
                let _ = watch.send(Wake::Changed);
                drop(watch);
                while let Some(read) = follower.next_content() {
                    apply(read);
                }
            })?;
        Ok(SettingsFile {
            wakes,
            thread: Some(thread),
        })
    }

    /// SIGHUP: reads the file now, and applies it even if it is the same.
    pub fn read_again(&self) {
        // The thread ends only with this handle.
        let _ = self.wakes.send(Wake::Asked);
    }
}

impl Drop for SettingsFile {
    fn drop(&mut self) {
        let _ = self.wakes.send(Wake::Stop);
        if let Some(thread) = self.thread.take() {
            // An error says that the thread panicked, which its panic has told already.
            let _ = thread.join();
        }
    }
}

fn watch_directory(path: &Path, wakes: Sender<Wake>) -> Option<notify::RecommendedWatcher> {
    let directory = match path.parent() {
        Some(parent) if parent != Path::new("") => parent,
        _ => Path::new("."),
    };
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        if !event.is_ok_and(|event| event.kind.is_access()) {
            let _ = wakes.send(Wake::Changed);
        }
    });
    let watched = watcher.and_then(|mut watcher| {
        watcher.watch(directory, RecursiveMode::NonRecursive)?;
        Ok(watcher)
    });
    watched
        .inspect_err(|error| {
            let directory = directory.display();
            tracing::warn!(%directory, %error, "the settings file is not watched; it is read every 5 s");
        })
        .ok()
}

struct Follower {
    path: PathBuf,
    /// The text that was applied last; none: it could not be read.
    in_force: Option<String>,
    woken: Receiver<Wake>,
}

impl Follower {
    /// Waits for a content other than the last one. None: the handle was dropped.
    fn next_content(&mut self) -> Option<Result<Loaded, Vec<Problem>>> {
        loop {
            let is_asked = match self.woken.recv_timeout(POLL_INTERVAL) {
                Ok(Wake::Changed) | Err(RecvTimeoutError::Timeout) => false,
                Ok(Wake::Asked) => true,
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
            };
            let is_asked = self.wait_for_quiet(QUIET)? || is_asked;
            let mut text = read(&self.path);
            if text.as_ref().map_or(true, |text| text.trim().is_empty()) {
                self.wait_for_quiet(EMPTY_QUIET)?;
                text = read(&self.path);
            }
            let seen = text.as_ref().ok().cloned();
            if !is_asked && seen == self.in_force {
                continue;
            }
            self.in_force = seen;
            return Some(text.and_then(|text| parse(&self.path, &text)));
        }
    }

    /// Until nothing happened for this long. True: SIGHUP came meanwhile. None: the handle was dropped.
    fn wait_for_quiet(&self, quiet: Duration) -> Option<bool> {
        let mut is_asked = false;
        loop {
            match self.woken.recv_timeout(quiet) {
                Ok(Wake::Changed) => {}
                Ok(Wake::Asked) => is_asked = true,
                Err(RecvTimeoutError::Timeout) => return Some(is_asked),
                Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
            }
        }
    }
}

fn read(path: &Path) -> Result<String, Vec<Problem>> {
    std::fs::read_to_string(path).map_err(|error| {
        let expected = match error.kind() {
            io::ErrorKind::NotFound => "a file of settings; is the path right?",
            io::ErrorKind::PermissionDenied => "a file of settings; may this user read it?",
            _ => "a file of settings, UTF-8",
        };
        vec![Problem {
            severity: Severity::Error,
            code: ProblemCode::InvalidSetting,
            object: ObjectRef::new(Kind::Settings, "", &path.display().to_string()),
            field: String::new(),
            found: format!("cannot be read: {error}"),
            expected: expected.to_owned(),
            origin: None,
        }]
    })
}

fn parse(path: &Path, text: &str) -> Result<Loaded, Vec<Problem>> {
    Settings::parse_with_warnings(text, &path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    const PATIENCE: Duration = Duration::from_secs(10);

    /// A followed file, and what was applied: the admin port, or the error.
    fn follow(path: &Path) -> (SettingsFile, mpsc::Receiver<Result<u16, String>>) {
        let (sender, receiver) = mpsc::channel();
        let file = SettingsFile::follow(path.to_owned(), move |loaded| {
            let told = loaded.map_err(|problems| crate::app::settings::sentences(&problems));
            let _ = sender.send(told.map(|(settings, _)| settings.admin.port()));
        });
        (file.expect("a thread starts"), receiver)
    }

    fn settings(port: u16) -> String {
        format!("admin: 127.0.0.1:{port}\n")
    }

    #[test]
    fn an_edit_is_applied_and_a_bad_one_is_told() {
        let directory = tempfile::tempdir().expect("makes a directory");
        let path = directory.path().join("hedgerow.yaml");
        std::fs::write(&path, settings(1)).expect("writes");
        let (_file, applied) = follow(&path);
        std::fs::write(&path, settings(2)).expect("writes");
        assert_eq!(applied.recv_timeout(PATIENCE), Ok(Ok(2)));
        std::fs::write(&path, "admn: 127.0.0.1:3\n").expect("writes");
        let told = applied.recv_timeout(PATIENCE).expect("tells");
        assert!(
            told.as_ref().is_err_and(|text| text.contains("admin")),
            "{told:?}"
        );
        std::fs::remove_file(&path).expect("removes");
        let told = applied.recv_timeout(PATIENCE).expect("tells");
        assert!(
            told.as_ref()
                .is_err_and(|text| text.contains("is the path right?")),
            "{told:?}"
        );
        std::fs::write(&path, settings(4)).expect("writes");
        assert_eq!(applied.recv_timeout(PATIENCE), Ok(Ok(4)));
    }

    #[test]
    fn a_swapped_link_of_a_config_map_is_an_edit() {
        let directory = tempfile::tempdir().expect("makes a directory");
        let at = |name: &str| directory.path().join(name);
        for (version, port) in [("..1", 1), ("..2", 2)] {
            std::fs::create_dir(at(version)).expect("makes a directory");
            std::fs::write(at(version).join("hedgerow.yaml"), settings(port)).expect("writes");
        }
        let link = |to: &str, name: &str| {
            std::os::unix::fs::symlink(to, at(name)).expect("links");
        };
        link("..1", "..data");
        link("..data/hedgerow.yaml", "hedgerow.yaml");
        let (_file, applied) = follow(&at("hedgerow.yaml"));
        link("..2", "..data_tmp");
        std::fs::rename(at("..data_tmp"), at("..data")).expect("renames");
        assert_eq!(applied.recv_timeout(PATIENCE), Ok(Ok(2)));
    }

    #[test]
    fn a_hangup_reads_again_even_if_nothing_changed() {
        let directory = tempfile::tempdir().expect("makes a directory");
        let path = directory.path().join("hedgerow.yaml");
        std::fs::write(&path, settings(1)).expect("writes");
        let (file, applied) = follow(&path);
        file.read_again();
        assert_eq!(applied.recv_timeout(PATIENCE), Ok(Ok(1)));
    }

    #[test]
    fn a_truncated_file_is_not_taken_for_the_defaults() {
        let directory = tempfile::tempdir().expect("makes a directory");
        let path = directory.path().join("hedgerow.yaml");
        std::fs::write(&path, settings(1)).expect("writes");
        let (_file, applied) = follow(&path);
        std::fs::write(&path, "").expect("truncates");
        std::fs::write(&path, settings(2)).expect("writes");
        assert_eq!(applied.recv_timeout(PATIENCE), Ok(Ok(2)));
        assert!(applied.try_recv().is_err());
    }
}
