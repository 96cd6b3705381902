//! How does an edit of the settings file take effect, and a bad one none?
//!
//! The file's directory is watched, because editors replace files and a ConfigMap is a symbolic link that is swapped
//! (kubelet's AtomicWriter); a slow poll is the net below (NFS, a watch that fails). SIGHUP reads again at once.

use config::problem::Problem;
use config::settings::Settings;
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{RecursiveMode, Watcher};
use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Without a word from the watch the file is read this often.
const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// An editor writes in several steps: the file is read when nothing happened for this long.
const QUIET: Duration = Duration::from_millis(50);
/// An empty file is what a truncating editor leaves for a moment; it counts only if it stays empty.
const EMPTY_QUIET: Duration = Duration::from_millis(250);
/// A file that is open for writing is read when its writer closes it, or after this: some never do.
const OPEN_MAX: Duration = Duration::from_secs(5);

/// Settings that parse, with what is usable but probably not meant.
pub type Loaded = (Settings, Vec<Problem>);

/// What the follower wakes up for.
enum Wake {
    Changed,
    /// Somebody writes to the file, and will tell when it is closed (Linux).
    Written,
    Closed,
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

/// Reads and parses the file. The sentences of an error stand one per line, each with its place.
pub fn load(path: &Path) -> Result<Loaded, String> {
    parse(path, &read(path)?)
}

impl SettingsFile {
    /// Calls `apply` with each new content, good or bad, on a thread of its own.
    pub fn follow(
        path: PathBuf,
        mut apply: impl FnMut(Result<Loaded, String>) + Send + 'static,
    ) -> io::Result<SettingsFile> {
        let (wakes, woken) = channel();
        let mut follower = Follower {
            seen: None,
            has_content: false,
            open_since: None,
            path,
            woken,
        };
        let watch = wakes.clone();
        follower.seen = read(&follower.path).ok();
        follower.has_content = follower.seen.as_deref().is_some_and(says_something);
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
    let name = path.file_name().map(OsStr::to_owned);
    let watcher = notify::recommended_watcher(move |event: notify::Result<notify::Event>| {
        let wake = match event {
            Ok(event) => meaning(&event, name.as_deref()),
            Err(_) => Some(Wake::Changed),
        };
        if let Some(wake) = wake {
            let _ = wakes.send(wake);
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

/// None: nothing that matters. That files are opened and read does not: we do it ourselves.
fn meaning(event: &notify::Event, name: Option<&OsStr>) -> Option<Wake> {
    let is_ours = event.paths.iter().any(|path| path.file_name() == name);
    let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
    match event.kind {
        kind if kind == closed => Some(if is_ours { Wake::Closed } else { Wake::Changed }),
        EventKind::Access(_) => None,
        EventKind::Modify(ModifyKind::Data(_)) if is_ours && cfg!(target_os = "linux") => {
            Some(Wake::Written)
        }
        // Another file has this name now, or none: whoever was writing writes elsewhere.
        EventKind::Create(_) | EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
            if is_ours =>
        {
            Some(Wake::Closed)
        }
        _ => Some(Wake::Changed),
    }
}

struct Follower {
    path: PathBuf,
    /// The text that was last applied or refused; none: it could not be read.
    seen: Option<String>,
    /// The settings in force come from a text that says something.
    has_content: bool,
    /// Since when somebody is writing to the file.
    open_since: Option<Instant>,
    woken: Receiver<Wake>,
}

impl Follower {
    /// Waits for a content other than the last one. None: the handle was dropped.
    fn next_content(&mut self) -> Option<Result<Loaded, String>> {
        loop {
            let woken = self.woken.recv_timeout(POLL_INTERVAL);
            let is_asked = self.note(woken)?;
            let is_asked = self.wait_for_quiet(QUIET)? || is_asked;
            let mut text = read(&self.path);
            if !text.as_deref().is_ok_and(says_something) {
                self.wait_for_quiet(EMPTY_QUIET)?;
                text = read(&self.path);
            }
            let seen = text.as_ref().ok().cloned();
            if !is_asked && seen == self.seen {
                continue;
            }
            self.seen = seen;
            return Some(text.and_then(|text| self.judge(&text)));
        }
    }

    /// A file that says nothing means the defaults, but nobody who empties one that said something means that.
    fn judge(&mut self, text: &str) -> Result<Loaded, String> {
        if self.has_content && !says_something(text) {
            return Err(format!(
                "settings file {}: is empty; settings, or {{}} for the defaults",
                self.path.display()
            ));
        }
        let loaded = parse(&self.path, text)?;
        self.has_content = says_something(text);
        Ok(loaded)
    }

    /// Until nothing happened for this long, and nobody has the file open for writing. True: SIGHUP came meanwhile. None: the handle was dropped.
    fn wait_for_quiet(&mut self, quiet: Duration) -> Option<bool> {
        let mut is_asked = false;
        loop {
            let open_for = self.open_since.map(|since| since.elapsed());
            let patience = match open_for {
                Some(open_for) => OPEN_MAX.saturating_sub(open_for).max(quiet),
                None => quiet,
            };
            match self.woken.recv_timeout(patience) {
                Err(RecvTimeoutError::Timeout) => {
                    self.open_since = None;
                    return Some(is_asked);
                }
                woken => is_asked |= self.note(woken)?,
            }
            if open_for.is_some_and(|open_for| open_for >= OPEN_MAX) {
                self.open_since = None;
                return Some(is_asked);
            }
        }
    }

    /// True: SIGHUP. None: the handle was dropped.
    fn note(&mut self, woken: Result<Wake, RecvTimeoutError>) -> Option<bool> {
        match woken {
            Ok(Wake::Changed) | Err(RecvTimeoutError::Timeout) => Some(false),
            Ok(Wake::Written) => {
                self.open_since.get_or_insert_with(Instant::now);
                Some(false)
            }
            Ok(Wake::Closed) => {
                self.open_since = None;
                Some(false)
            }
            Ok(Wake::Asked) => Some(true),
            Ok(Wake::Stop) | Err(RecvTimeoutError::Disconnected) => None,
        }
    }
}

/// There is more in it than comments and the marks of documents.
fn says_something(text: &str) -> bool {
    let mut lines = text.lines().map(str::trim);
    lines.any(|line| !line.is_empty() && !line.starts_with('#') && !matches!(line, "---" | "..."))
}

fn read(path: &Path) -> Result<String, String> {
    std::fs::read_to_string(path).map_err(|error| {
        let hint = match error.kind() {
            io::ErrorKind::NotFound => "; is the path right?",
            io::ErrorKind::PermissionDenied => "; may this user read it?",
            _ => "",
        };
        format!("settings file {}: {error}{hint}", path.display())
    })
}

fn parse(path: &Path, text: &str) -> Result<Loaded, String> {
    Settings::parse_with_warnings(text, &path.display().to_string()).map_err(|problems| {
        let sentences: Vec<String> = problems.iter().map(ToString::to_string).collect();
        sentences.join("\n")
    })
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
            let _ = sender.send(loaded.map(|(settings, _)| settings.admin.port()));
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
    fn a_file_that_was_emptied_is_a_bad_edit() {
        for nothing in ["", "\n\n", "# admin: 127.0.0.1:1\n", "---\n"] {
            let directory = tempfile::tempdir().expect("makes a directory");
            let path = directory.path().join("hedgerow.yaml");
            std::fs::write(&path, settings(1)).expect("writes");
            let (_file, applied) = follow(&path);
            std::fs::write(&path, nothing).expect("writes");
            let told = applied.recv_timeout(PATIENCE).expect("tells");
            assert!(
                told.as_ref()
                    .is_err_and(|text| text.contains("{} for the defaults")),
                "{nothing:?}: {told:?}"
            );
            // Once more nothing does not make it meant.
            std::fs::write(&path, "# still nothing\n").expect("writes");
            assert!(applied.recv_timeout(PATIENCE).expect("tells").is_err());
            std::fs::write(&path, "{}\n").expect("writes");
            assert!(applied.recv_timeout(PATIENCE).expect("tells").is_ok());
        }
    }

    #[test]
    fn a_file_is_read_only_when_its_writer_has_closed_it() {
        use std::io::Write;
        let directory = tempfile::tempdir().expect("makes a directory");
        let path = directory.path().join("hedgerow.yaml");
        std::fs::write(&path, settings(1)).expect("writes");
        let (_file, applied) = follow(&path);
        // The watch stands once an edit was followed.
        std::fs::write(&path, settings(2)).expect("writes");
        assert_eq!(applied.recv_timeout(PATIENCE), Ok(Ok(2)));
        let mut writer = std::fs::File::create(&path).expect("opens");
        writer.write_all(b"via: true\n").expect("writes");
        assert!(applied.recv_timeout(Duration::from_millis(700)).is_err());
        writer.write_all(settings(3).as_bytes()).expect("writes");
        drop(writer);
        assert_eq!(applied.recv_timeout(PATIENCE), Ok(Ok(3)));
        // One that never closes it is not waited for for ever.
        let mut writer = std::fs::File::create(&path).expect("opens");
        writer.write_all(settings(4).as_bytes()).expect("writes");
        assert_eq!(applied.recv_timeout(PATIENCE), Ok(Ok(4)));
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
