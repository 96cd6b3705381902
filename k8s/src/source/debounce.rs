//! Which of the objects seen in files count, and from when?
//!
//! Pure: time is an argument. [`Quiet`] says when it is worth looking at the files; [`Settling`] says what counts of that which was seen. An
//! editor that truncates a file and writes it again, or moves it away and another one into its place, shows a file without its objects for a
//! moment. So what appears or changes counts at once, and what vanishes only when it stays away.

mod quiet;
#[cfg(test)]
mod tests;

use super::manifest::Contents;
use crate::objects::{Any, Objects, Unused};
use config::name::ObjectRef;
use config::problem::{Problem, ProblemCode, Severity};
pub use quiet::{Change, Quiet};
use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// How long an object must be away before it is gone.
pub const VANISH_AFTER: Duration = Duration::from_millis(250);

/// Files that are written again and again cannot delay that for longer.
const RESTARTS_MAX: Duration = Duration::from_secs(5);

/// How a file was found.
#[derive(Debug, Clone)]
pub enum Sighting {
    Read(Arc<Contents>),
    /// It is there, or may be, and cannot be read. What it held stays in force.
    Unreadable,
    /// Somebody is writing it. What it held stays, and so does what was wrong with it.
    Held,
}

/// One look at the whole source.
#[derive(Debug, Default)]
pub struct Seen {
    pub files: BTreeMap<PathBuf, Sighting>,
    /// Directories that cannot be listed: nothing is known of the files below.
    pub unlisted: Vec<PathBuf>,
    /// Files that were written to or closed since the last look: what they lack begins to be away now, for looks see moments only.
    pub stirred: HashSet<PathBuf>,
    /// What is wrong with files and directories themselves.
    pub problems: Vec<Problem>,
}

/// What counts, file by file.
#[derive(Debug, Default)]
pub struct Settling {
    files: BTreeMap<PathBuf, File>,
    problems: Vec<Problem>,
}

#[derive(Debug, Default)]
struct File {
    /// What the file held at the last look, if that was read and nothing has come between.
    taken: Option<Arc<Contents>>,
    objects: Vec<Kept>,
    unused: Vec<Arc<Unused>>,
    problems: Vec<Problem>,
}

#[derive(Debug)]
struct Kept {
    object: Any,
    reference: ObjectRef,
    /// Since when the object is away. None: it is there, or its file keeps its last good objects.
    missing_since: Option<Instant>,
    /// The same, but not moved on by whoever writes to the file meanwhile.
    missing_at_all_since: Option<Instant>,
}

impl Settling {
    /// Takes in a look at all files, from `begun` to `now`, and forgets what has been away for long enough. Returns whether
    /// [`Settling::objects`] may differ. What a look did not see may have come back while it lasted, so that its beginning counts: a machine
    /// that is busy makes looks long.
    pub fn observe(&mut self, seen: &Seen, begun: Instant, now: Instant) -> bool {
        let mut has_changed = false;
        for (path, file) in &mut self.files {
            if seen.files.contains_key(path) {
                continue;
            }
            has_changed = true;
            file.taken = None;
            file.forget_faults();
            if seen.unlisted.iter().any(|above| path.starts_with(above)) {
                file.stay();
            } else {
                file.lose(|_| true, now);
            }
        }
        for (path, sighting) in &seen.files {
            has_changed |= self.observe_file(path, sighting, now);
        }
        for path in &seen.stirred {
            if let Some(file) = self.files.get_mut(path) {
                file.stir(now);
            }
        }
        has_changed |= self.problems != seen.problems;
        self.problems.clone_from(&seen.problems);
        self.forget(begun) || has_changed
    }

    /// When the next object will have been away for long enough.
    pub fn next_due(&self) -> Option<Instant> {
        let kept = self.files.values().flat_map(|file| &file.objects);
        let since = kept.filter_map(|kept| kept.missing_since).min();
        since.map(|since| since + VANISH_AFTER)
    }

    /// What counts now. The same object in two files is used from the first path, and the second is told; an object that just left a file
    /// does not stand against the same object in another one.
    pub fn objects(&self) -> Objects {
        let mut objects = Objects {
            is_directory: true,
            problems: self.problems.clone(),
            ..Objects::default()
        };
        let mut winners: HashMap<&ObjectRef, &Any> = HashMap::new();
        let all = || self.files.values().flat_map(|file| &file.objects);
        for kept in all().filter(|kept| kept.missing_since.is_none()) {
            match winners.get(&kept.reference) {
                None => {
                    winners.insert(&kept.reference, &kept.object);
                    kept.object.insert_into(&mut objects);
                }
                Some(first) => objects.problems.push(duplicate(kept, first)),
            }
        }
        for kept in all().filter(|kept| kept.missing_since.is_some()) {
            if winners.insert(&kept.reference, &kept.object).is_none() {
                kept.object.insert_into(&mut objects);
            }
        }
        for unused in self.files.values().flat_map(|file| &file.unused) {
            let draft = unused.draft.as_ref().filter(|_| unused.keeps_paths);
            if let Some(draft) = draft
                && !winners.contains_key(&unused.reference)
            {
                draft.insert_into(&mut objects);
            }
            objects.unused.push(unused.clone());
        }
        let of_files = self.files.values().flat_map(|file| &file.problems);
        objects.problems.extend(of_files.cloned());
        objects.problems.sort_unstable();
        objects.problems.dedup();
        objects
    }

    fn observe_file(&mut self, path: &Path, sighting: &Sighting, now: Instant) -> bool {
        if !self.files.contains_key(path) {
            self.files.insert(path.to_owned(), File::default());
        }
        let Some(file) = self.files.get_mut(path) else {
            return false;
        };
        match (sighting, &file.taken) {
            (Sighting::Read(contents), Some(taken)) if Arc::ptr_eq(contents, taken) => false,
            (Sighting::Read(contents), _) => {
                file.take_in(contents, now);
                true
            }
            (Sighting::Unreadable, _) => {
                file.taken = None;
                file.forget_faults();
                file.stay();
                true
            }
            (Sighting::Held, _) => {
                file.taken = None;
                file.stay();
                true
            }
        }
    }

    fn forget(&mut self, now: Instant) -> bool {
        let is_due = |since: Instant| since + VANISH_AFTER <= now;
        let mut has_changed = false;
        self.files.retain(|_, file| {
            let before = file.objects.len();
            file.objects
                .retain(|kept| !kept.missing_since.is_some_and(is_due));
            has_changed |= file.objects.len() < before;
            !file.objects.is_empty() || file.taken.is_some()
        });
        has_changed
    }
}

impl File {
    fn take_in(&mut self, contents: &Arc<Contents>, now: Instant) {
        self.taken = Some(contents.clone());
        let new = contents.objects.iter().map(|object| Kept {
            object: object.clone(),
            reference: object.reference(),
            missing_since: None,
            missing_at_all_since: None,
        });
        let new: Vec<Kept> = new.collect();
        let there: HashSet<&ObjectRef> = new.iter().map(|kept| &kept.reference).collect();
        self.objects.retain(|old| !there.contains(&old.reference));
        let broken: HashSet<&ObjectRef> = (contents.broken.iter())
            .map(|unused| &unused.reference)
            .collect();
        let is_broken = |kept: &Kept| !contents.is_whole || broken.contains(&kept.reference);
        self.lose(|kept| !is_broken(kept), now);
        for kept in &mut self.objects {
            if is_broken(kept) {
                kept.is_back();
            }
        }
        self.objects.splice(0..0, new);
        self.problems.clone_from(&contents.problems);
        self.unused.clone_from(&contents.broken);
    }

    fn forget_faults(&mut self) {
        self.problems.clear();
        self.unused.clear();
    }

    fn stay(&mut self) {
        self.objects.iter_mut().for_each(Kept::is_back);
    }

    fn stir(&mut self, now: Instant) {
        for kept in &mut self.objects {
            let is_early = |since: Instant| now < since + RESTARTS_MAX;
            if kept.missing_at_all_since.is_some_and(is_early) {
                kept.missing_since = Some(now);
            }
        }
    }

    fn lose(&mut self, is_lost: impl Fn(&Kept) -> bool, now: Instant) {
        for kept in self.objects.iter_mut().filter(|kept| is_lost(kept)) {
            kept.missing_since.get_or_insert(now);
            kept.missing_at_all_since.get_or_insert(now);
        }
    }
}

impl Kept {
    fn is_back(&mut self) {
        self.missing_since = None;
        self.missing_at_all_since = None;
    }
}

/// Sites that live apart bring the same IngressClass each; one that says the same harms nobody.
fn duplicate(second: &Kept, first: &Any) -> Problem {
    let place = match first.origin() {
        Some(origin) => origin.to_string(),
        None => "another place".to_owned(),
    };
    let (severity, expected) = match is_same_class(&second.object, first) {
        true => (Severity::Info, "nothing: both say the same"),
        false => (
            Severity::Error,
            "it once; that one comes first and is in force",
        ),
    };
    Problem {
        severity,
        code: ProblemCode::DuplicateObject,
        object: second.reference.clone(),
        field: String::new(),
        found: format!("the same object stands in {place}"),
        expected: expected.to_owned(),
        origin: second.object.origin(),
    }
}

fn is_same_class(one: &Any, other: &Any) -> bool {
    match (one, other) {
        (Any::IngressClass(one), Any::IngressClass(other)) => {
            one.value.spec == other.value.spec
                && one.value.metadata.annotations == other.value.metadata.annotations
        }
        _ => false,
    }
}
