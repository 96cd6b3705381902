//! How does a directory of manifests become objects, and follow its edits?
//!
//! A look (`scan`) walks the directory and reads the files that changed; `Settling` decides what counts; `follow` looks again when the operating
//! system tells of a change and it is quiet, when something that vanished has been away for long enough, and every few seconds in any case.

mod scan;
#[cfg(test)]
mod tests;
mod walk;
mod watch;

use super::debounce::{Seen, Settling, Sighting};
use super::manifest;
use super::yaml::Notation;
use crate::objects::Objects;
use scan::{Scan, Scanner, Suspects};
use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::watch as channel;
use walk::plain;
use watch::{Happened, Signals, Watches};

/// How often the files are looked at although nothing was told: what NFS and links to other places need.
pub const POLL_INTERVAL: Duration = Duration::from_secs(5);
/// A walk of 20,000 files takes about 50 ms.
const POLL_INTERVAL_MIN: Duration = Duration::from_millis(100);
/// The name under which standard input appears in problems.
const STDIN: &str = "stdin";

/// What was read once, for `check` and `why`.
#[derive(Debug, Default)]
pub struct Loaded {
    /// With all problems of files, fields and objects that appear twice. Nothing at the path is an error among them.
    pub objects: Objects,
    /// Files that were read.
    pub files: usize,
    /// Documents of other kinds, by kind; the empty kind is a document that names none.
    pub passed_over: BTreeMap<String, usize>,
}

/// Reads a directory (or a single file) once. Blocks on the file system.
pub fn load(path: &Path) -> Loaded {
    let scan = Scanner::new(path.to_owned()).scan(&Suspects::default());
    loaded(&scan.seen)
}

/// Reads text as one file of YAML: what `helm template . | hedgerow check --manifests -` gets.
pub fn gather_stdin(text: &str) -> Loaded {
    let contents = manifest::read(text.as_bytes(), Notation::Yaml, &STDIN.into());
    let mut seen = Seen::default();
    let sighting = Sighting::Read(Arc::new(contents));
    seen.files.insert(STDIN.into(), sighting);
    loaded(&seen)
}

/// Sends the objects of a directory (or a single file), first as they are, then whenever something changes. Ends when nobody listens any more.
///
/// A directory that does not exist is a problem in what is sent, not the end: it is followed as soon as it appears. What was read from a file or
/// directory that can no longer be read stays in force.
pub async fn follow(
    path: PathBuf,
    objects: channel::Sender<Option<Arc<Objects>>>,
    poll_interval: Duration,
) {
    let signals = Arc::new(Signals::new(&path));
    let mut eyes = Eyes::new(path.clone(), &signals);
    let mut settling = Settling::default();
    let poll_interval = poll_interval.max(POLL_INTERVAL_MIN);
    while !objects.is_closed() {
        let begun = Instant::now();
        let happened = signals.take();
        let (returned, scan) = eyes.look(happened).await;
        match returned {
            Some(same) => eyes = same,
            None => eyes = Eyes::new(path.clone(), &signals),
        }
        let is_first = objects.borrow().is_none();
        if let Some(seen) = scan
            && (settling.observe(&seen, begun, Instant::now()) || is_first)
        {
            publish(&objects, settling.objects());
        }
        tokio::select! {
            () = objects.closed() => return,
            () = signals.quiet() => {}
            () = until(settling.next_due()) => {}
            () = tokio::time::sleep(poll_interval) => {}
        }
    }
}

fn loaded(seen: &Seen) -> Loaded {
    let mut settling = Settling::default();
    let now = Instant::now();
    settling.observe(seen, now, now);
    let mut passed_over = BTreeMap::new();
    let mut files = 0;
    for sighting in seen.files.values() {
        let Sighting::Read(contents) = sighting else {
            continue;
        };
        files += 1;
        for (kind, count) in &contents.passed_over {
            *passed_over.entry(kind.clone()).or_default() += count;
        }
    }
    Loaded {
        objects: settling.objects(),
        files,
        passed_over,
    }
}

fn publish(sender: &channel::Sender<Option<Arc<Objects>>>, objects: Objects) {
    sender.send_if_modified(|current| {
        let is_same = current
            .as_ref()
            .is_some_and(|current| current.is_same_as(&objects));
        if !is_same {
            *current = Some(Arc::new(objects));
        }
        !is_same
    });
}

async fn until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}

/// Whoever began to write after the look had begun may have been read half way.
fn hold(seen: &mut Seen, held: &HashSet<PathBuf>) {
    for (path, sighting) in &mut seen.files {
        if held.contains(&plain(path)) {
            *sighting = Sighting::Held;
        }
    }
}

/// What touches the file system, and so runs on a thread that may block.
struct Eyes {
    scanner: Scanner,
    watches: Watches,
    signals: Arc<Signals>,
}

impl Eyes {
    fn new(path: PathBuf, signals: &Arc<Signals>) -> Eyes {
        Eyes {
            scanner: Scanner::new(path),
            watches: Watches::new(signals.clone()),
            signals: signals.clone(),
        }
    }

    /// One look. No eyes come back from one that panicked; what was seen before stays in force.
    async fn look(mut self, happened: Happened) -> (Option<Eyes>, Option<Seen>) {
        let look = tokio::task::spawn_blocking(move || {
            self.watches.lose(&happened, &self.signals);
            let Scan {
                mut seen,
                directories,
            } = self.scanner.scan(&happened.suspects);
            hold(&mut seen, &self.signals.held());
            if self.watches.update(&directories) {
                self.signals.note_unseen();
            }
            (self, seen)
        });
        match look.await {
            Ok((eyes, seen)) => (Some(eyes), Some(seen)),
            Err(error) => {
                tracing::error!(%error, "reading the manifests failed; what was read before stays");
                (None, None)
            }
        }
    }
}
