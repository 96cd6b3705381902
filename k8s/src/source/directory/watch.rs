//! How do we hear of changes below a directory, and what if we do not?
//!
//! The operating system tells of changes in directories that are watched. It may run out of watches, lose events, or not tell at all (NFS, a link
//! that leads elsewhere): then the poll of `follow` finds them, later. Each directory is watched by itself, because only the walk knows which
//! ones are ours, how many they may be, and when one of them was made anew under the same name.

use super::super::debounce::{Change, Quiet};
use super::scan::Suspects;
use super::walk::{Identity, plain};
use notify::event::{AccessKind, AccessMode, EventKind, ModifyKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use std::collections::{BTreeMap, HashSet};
use std::mem;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;
use tokio::sync::Notify;

/// Changed files that are remembered one by one; beyond, all files are read.
const SUSPECTS_MAX: usize = 1_000;

/// What the watcher's thread has told and nobody has taken yet.
#[derive(Debug, Default)]
pub struct Signals {
    /// The watcher tells of absolute paths; ours may be relative to this.
    base: Option<PathBuf>,
    pending: Mutex<Pending>,
    arrived: Notify,
}

#[derive(Debug, Default)]
struct Pending {
    quiet: Quiet,
    suspects: Suspects,
    /// Directories that were removed or moved: the watch of that name is no longer theirs.
    left: HashSet<PathBuf>,
    /// True: events were lost, and with them the knowledge of what is watched.
    is_lossy: bool,
    /// True: the watcher's thread is no more.
    has_ended: bool,
}

/// What has happened since the last look.
#[derive(Debug, Default)]
pub struct Happened {
    pub suspects: Suspects,
    left: HashSet<PathBuf>,
    is_lossy: bool,
    has_ended: bool,
}

impl Signals {
    pub fn new(root: &Path) -> Signals {
        let base = match root.is_relative() {
            true => std::env::current_dir().ok(),
            false => None,
        };
        Signals {
            base,
            ..Signals::default()
        }
    }

    /// Waits until something has changed and it is quiet again. May be dropped at any time: nothing is lost.
    pub async fn quiet(&self) {
        loop {
            let due = self.lock().quiet.due();
            match due {
                None => self.arrived.notified().await,
                Some(due) if due <= Instant::now() => return,
                Some(due) => {
                    let sleep = tokio::time::sleep_until(due.into());
                    tokio::select! {
                        () = sleep => {}
                        () = self.arrived.notified() => {}
                    }
                }
            }
        }
    }

    pub fn take(&self) -> Happened {
        let now = Instant::now();
        let mut pending = self.lock();
        let mut suspects = mem::take(&mut pending.suspects);
        suspects.stirred = pending.quiet.take(now);
        suspects.held = pending.quiet.held(now);
        Happened {
            suspects,
            left: mem::take(&mut pending.left),
            is_lossy: mem::take(&mut pending.is_lossy),
            has_ended: mem::take(&mut pending.has_ended),
        }
    }

    /// The files that are open for writing at this moment, as `plain` writes them.
    pub fn held(&self) -> HashSet<PathBuf> {
        self.lock().quiet.held(Instant::now())
    }

    fn note(&self, told: notify::Result<Event>) {
        let now = Instant::now();
        let mut pending = self.lock();
        match told {
            Ok(event) if event.need_rescan() => pending.lose(now),
            Ok(mut event) => {
                for path in &mut event.paths {
                    *path = self.ours(path);
                }
                if !pending.note(event, now) {
                    return;
                }
            }
            Err(error) => {
                tracing::warn!(%error, "changes of manifests are found by polling for a while");
                pending.lose(now);
            }
        }
        drop(pending);
        self.arrived.notify_one();
    }

    /// Something has changed that no event tells of.
    pub fn note_unseen(&self) {
        self.lock().quiet.note(Change::Other, Instant::now());
        self.arrived.notify_one();
    }

    fn ours(&self, told: &Path) -> PathBuf {
        let base = self.base.as_ref();
        let inner = base.and_then(|base| told.strip_prefix(base).ok());
        plain(inner.unwrap_or(told))
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        // What a panic leaves behind here is at worst a set of paths that is not complete, and the poll makes up for it.
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn lose(&mut self, now: Instant) {
        self.suspects.all = true;
        self.is_lossy = true;
        self.quiet.note(Change::Other, now);
    }

    /// Whether the event matters. That somebody opens and reads files does not: we do it ourselves.
    fn note(&mut self, event: Event, now: Instant) -> bool {
        let is_write = matches!(event.kind, EventKind::Modify(ModifyKind::Data(_)));
        let is_close = matches!(
            event.kind,
            EventKind::Access(AccessKind::Close(AccessMode::Write))
        );
        if matches!(event.kind, EventKind::Access(_)) && !is_close {
            return false;
        }
        let is_departure = matches!(
            event.kind,
            EventKind::Remove(_) | EventKind::Modify(ModifyKind::Name(_))
        );
        let is_new = matches!(event.kind, EventKind::Create(_));
        for path in event.paths {
            if is_departure {
                self.left.insert(path.clone());
            }
            // Only inotify tells when a file is closed.
            let change = match cfg!(target_os = "linux") {
                true if is_write => Change::Written(path.clone()),
                true if is_close => Change::Closed(path.clone()),
                true if is_departure || is_new => Change::Replaced(path.clone()),
                _ => Change::Other,
            };
            self.quiet.note(change, now);
            self.suspects.paths.insert(path);
        }
        if self.suspects.paths.len() > SUSPECTS_MAX || self.left.len() > SUSPECTS_MAX {
            self.lose(now);
            self.suspects.paths.clear();
            self.left.clear();
        }
        true
    }
}

/// Notes the end of the watcher's thread, which owns it.
struct Witness(Arc<Signals>);

impl Drop for Witness {
    fn drop(&mut self) {
        // Nobody is woken: the next poll is early enough, and a watcher that ends at once cannot keep us busy.
        self.0.lock().has_ended = true;
    }
}

/// The watches on our directories.
pub struct Watches {
    watcher: Option<RecommendedWatcher>,
    watched: BTreeMap<PathBuf, Identity>,
    /// Said once until it is over: every look would say it again.
    has_complained: bool,
}

impl Watches {
    pub fn new(signals: Arc<Signals>) -> Watches {
        let witness = Witness(signals);
        let hear = move |told| witness.0.note(told);
        let watcher = notify::recommended_watcher(hear);
        if let Err(error) = &watcher {
            tracing::warn!(%error, "changes of manifests are found by polling only");
        }
        Watches {
            has_complained: watcher.is_err(),
            watcher: watcher.ok(),
            watched: BTreeMap::new(),
        }
    }

    /// Forgets what is no longer watched although it was.
    pub fn lose(&mut self, happened: &Happened, signals: &Arc<Signals>) {
        if happened.has_ended {
            tracing::warn!("the watcher of the manifests has ended and is started again");
            *self = Watches::new(signals.clone());
            // The one that was just replaced says that it has ended, too.
            signals.lock().has_ended = false;
        }
        if happened.is_lossy {
            self.watched.clear();
        }
        self.watched
            .retain(|path, _| !happened.left.contains(&plain(path)));
    }

    /// Watches these directories and no others. Returns whether there is a new one among them: what happened in it before is unknown.
    pub fn update(&mut self, directories: &BTreeMap<PathBuf, Identity>) -> bool {
        let Some(watcher) = &mut self.watcher else {
            return false;
        };
        self.watched.retain(|path, identity| {
            let stays = directories.get(path) == Some(identity);
            if !stays {
                unwatch(watcher, path);
            }
            stays
        });
        let mut has_new = false;
        let mut failure = None;
        for (path, identity) in directories {
            if self.watched.contains_key(path) {
                continue;
            }
            match watcher.watch(path, RecursiveMode::NonRecursive) {
                Ok(()) => {
                    has_new = true;
                    self.watched.insert(path.clone(), *identity);
                }
                Err(error) => failure = Some(error),
            }
        }
        if let Some(error) = failure.as_ref().filter(|_| !self.has_complained) {
            tracing::warn!(%error, "changes in some directories of manifests are found by polling only");
        }
        self.has_complained = failure.is_some();
        has_new
    }
}

fn unwatch(watcher: &mut RecommendedWatcher, path: &Path) {
    // The watch of a directory that is gone went with it.
    if let Err(error) = watcher.unwatch(path) {
        tracing::debug!(%error, path = %path.display(), "was not watched any more");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use notify::event::{CreateKind, DataChange, Flag, RemoveKind};

    fn told(events: Vec<notify::Result<Event>>) -> (bool, Happened) {
        let signals = Signals {
            base: Some("/work".into()),
            ..Signals::default()
        };
        for event in events {
            signals.note(event);
        }
        let is_due = signals.lock().quiet.due().is_some();
        (is_due, signals.take())
    }

    fn event(kind: EventKind, path: &str) -> notify::Result<Event> {
        Ok(Event::new(kind).add_path(path.into()))
    }

    #[test]
    fn what_we_do_ourselves_is_not_heard() {
        let open = EventKind::Access(AccessKind::Open(AccessMode::Any));
        let close = EventKind::Access(AccessKind::Close(AccessMode::Read));
        let (is_due, happened) = told(vec![event(open, "/work/m/a"), event(close, "/work/m/a")]);
        assert!(!is_due && happened.suspects.paths.is_empty());
    }

    #[test]
    fn paths_are_told_as_we_write_them() {
        let write = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let (is_due, happened) = told(vec![
            event(write, "/work/./m/a.yaml"),
            event(write, "/elsewhere/b.yaml"),
        ]);
        assert!(is_due && !happened.suspects.all);
        let expected = [plain(Path::new("./m/a.yaml")), "/elsewhere/b.yaml".into()];
        assert_eq!(happened.suspects.paths, HashSet::from(expected));
    }

    #[test]
    fn lost_events_make_everything_suspect() {
        let overflow = Event::new(EventKind::Other).set_flag(Flag::Rescan);
        let (is_due, happened) = told(vec![Ok(overflow)]);
        assert!(is_due && happened.suspects.all && happened.is_lossy);
        let (_, happened) = told(vec![Err(notify::Error::generic("broken"))]);
        assert!(happened.suspects.all && happened.is_lossy);
        let create = EventKind::Create(CreateKind::File);
        let many = (0..=SUSPECTS_MAX).map(|number| event(create, &format!("/work/{number}")));
        let (_, happened) = told(many.collect());
        assert!(happened.suspects.all && happened.suspects.paths.is_empty());
    }

    #[test]
    fn a_directory_made_anew_is_watched_anew() {
        let directory = tempfile::tempdir().unwrap();
        let ours = BTreeMap::from([(directory.path().to_owned(), (1, 1))]);
        let signals = Arc::new(Signals::default());
        let mut watches = Watches::new(signals.clone());
        assert!(watches.update(&ours));
        assert!(!watches.update(&ours));
        let removed = EventKind::Remove(RemoveKind::Folder);
        signals.note(event(removed, directory.path().to_str().unwrap()));
        watches.lose(&signals.take(), &signals);
        assert!(watches.update(&ours));
        let other = BTreeMap::from([(directory.path().to_owned(), (1, 2))]);
        assert!(watches.update(&other));
    }

    #[test]
    fn a_watcher_that_ended_is_started_again() {
        let directory = tempfile::tempdir().unwrap();
        let ours = BTreeMap::from([(directory.path().to_owned(), (1, 1))]);
        let signals = Arc::new(Signals::default());
        let mut watches = Watches::new(signals.clone());
        assert!(watches.update(&ours));
        drop(Witness(signals.clone()));
        let happened = signals.take();
        assert!(happened.has_ended);
        watches.lose(&happened, &signals);
        assert!(watches.update(&ours));
    }
}
