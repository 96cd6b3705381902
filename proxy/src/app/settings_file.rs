//! How does an edit of the settings file take effect, and a bad one none?
//!
//! The file's directory is watched, because editors replace files and a ConfigMap is a symbolic link that is swapped
//! (kubelet's AtomicWriter); a slow poll is the net below (NFS, a watch that fails). SIGHUP reads again at once.

use config::name::{Kind, ObjectRef};
use config::problem::{Problem, ProblemCode, Severity};
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
/// A file (or its directory) that something touches again and again is read after this, quiet or not.
const NOISE_MAX: Duration = Duration::from_secs(5);

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
    fn next_content(&mut self) -> Option<Result<Loaded, Vec<Problem>>> {
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
    fn judge(&mut self, text: &str) -> Result<Loaded, Vec<Problem>> {
        if self.has_content && !says_something(text) {
            let expected = "settings, or {} for the defaults";
            return Err(of_whole(&self.path, "is empty".to_owned(), expected));
        }
        let loaded = parse(&self.path, text)?;
        self.has_content = says_something(text);
        Ok(loaded)
    }

    /// Until nothing happened for this long, and nobody has the file open for writing; or for as long as that is waited for. True: SIGHUP came
    /// meanwhile. None: the handle was dropped.
    fn wait_for_quiet(&mut self, quiet: Duration) -> Option<bool> {
        let begun = Instant::now();
        let mut is_asked = false;
        loop {
            let open_for = self.open_since.map(|since| since.elapsed());
            let patience = match open_for {
                Some(open_for) => OPEN_MAX.saturating_sub(open_for).max(quiet),
                None => quiet,
            };
            let is_over = match self.woken.recv_timeout(patience) {
                Err(RecvTimeoutError::Timeout) => true,
                woken => {
                    is_asked |= self.note(woken)?;
                    open_for.is_some_and(|open_for| open_for >= OPEN_MAX)
                        || begun.elapsed() >= NOISE_MAX
                }
            };
            if is_over {
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

fn read(path: &Path) -> Result<String, Vec<Problem>> {
    std::fs::read_to_string(path).map_err(|error| {
        let expected = match error.kind() {
            io::ErrorKind::NotFound => "a file of settings; is the path right?",
            io::ErrorKind::PermissionDenied => "a file of settings; may this user read it?",
            _ => "a file of settings, UTF-8",
        };
        of_whole(path, format!("cannot be read: {error}"), expected)
    })
}

fn of_whole(path: &Path, found: String, expected: &str) -> Vec<Problem> {
    vec![Problem {
        severity: Severity::Error,
        code: ProblemCode::InvalidSetting,
        object: ObjectRef::new(Kind::Settings, "", &path.display().to_string()),
        field: String::new(),
        found,
        expected: expected.to_owned(),
        origin: None,
    }]
}

fn parse(path: &Path, text: &str) -> Result<Loaded, Vec<Problem>> {
    Settings::parse_with_warnings(text, &path.display().to_string())
}

#[cfg(test)]
mod tests;
