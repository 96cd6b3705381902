//! When is it worth looking at the files again?

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// No change for so long: whoever writes is done.
const QUIET: Duration = Duration::from_millis(10);
/// A constant stream of changes is not waited for beyond this.
const WAIT_MAX: Duration = Duration::from_millis(100);
/// A file that stays open for writing longer than this is read as it is: its writer may never close it.
const HOLD_MAX: Duration = Duration::from_secs(5);
/// Files whose writers are waited for one by one.
const WRITTEN_FILES_MAX: usize = 1_000;

/// What was told about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Written to; whoever writes will tell when it closes the file.
    Written(PathBuf),
    /// Closed by its writer.
    Closed(PathBuf),
    /// Created, moved, removed: there is another file, or none, under this name.
    Replaced(PathBuf),
    /// Anything else.
    Other,
}

/// Gathers changes until there are no more of them for a moment.
#[derive(Debug, Default)]
pub struct Quiet {
    first: Option<Instant>,
    last: Option<Instant>,
    /// Since when. What is taken by a look does not end it: only its writer does, or time.
    being_written: HashMap<PathBuf, Instant>,
    /// Written to, or closed by its writer, since the last look.
    stirred: HashSet<PathBuf>,
}

impl Quiet {
    pub fn note(&mut self, change: Change, now: Instant) {
        self.first.get_or_insert(now);
        self.last = Some(now);
        match change {
            Change::Written(path) => {
                self.stir(&path);
                if self.being_written.len() < WRITTEN_FILES_MAX {
                    self.being_written.entry(path).or_insert(now);
                }
            }
            Change::Closed(path) => {
                self.stir(&path);
                self.being_written.remove(&path);
            }
            Change::Replaced(path) => {
                self.being_written.remove(&path);
            }
            Change::Other => {}
        }
    }

    fn stir(&mut self, path: &Path) {
        if self.stirred.len() < WRITTEN_FILES_MAX {
            self.stirred.insert(path.to_owned());
        }
    }

    /// For the look that begins now: the files that were stirred since the last one.
    pub fn take(&mut self, now: Instant) -> HashSet<PathBuf> {
        (self.first, self.last) = (None, None);
        self.being_written
            .retain(|_, since| now < *since + HOLD_MAX);
        std::mem::take(&mut self.stirred)
    }

    /// The files that are open for writing now: what they hold is half of what is meant.
    pub fn held(&self, now: Instant) -> HashSet<PathBuf> {
        let all = self.being_written.iter();
        let held = all.filter(|(_, since)| now < **since + HOLD_MAX);
        held.map(|(path, _)| path.clone()).collect()
    }

    /// From when on it is worth it. None: nothing has changed.
    pub fn due(&self) -> Option<Instant> {
        let longest_open = self.being_written.values().min();
        let given_up = longest_open.map(|since| *since + HOLD_MAX);
        given_up.into_iter().chain(self.changes_due()).min()
    }

    fn changes_due(&self) -> Option<Instant> {
        let first = self.first?;
        let latest = first + WAIT_MAX;
        // Whoever was writing before the last look has been waited for already.
        if self.being_written.values().any(|since| *since >= first) {
            return Some(latest);
        }
        Some(latest.min(self.last? + QUIET))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn after(start: Instant, changes: &[(u64, Change)]) -> Option<u128> {
        let mut quiet = Quiet::default();
        for (at_ms, change) in changes {
            quiet.note(change.clone(), start + Duration::from_millis(*at_ms));
        }
        quiet.due().map(|due| (due - start).as_millis())
    }

    fn check(changes: &[(u64, Change)], due_ms: Option<u128>) {
        assert_eq!(after(Instant::now(), changes), due_ms, "{changes:?}");
    }

    #[test]
    fn ten_milliseconds_without_a_change_are_enough() {
        check(&[], None);
        check(&[(0, Change::Other)], Some(10));
        check(&[(0, Change::Other), (9, Change::Other)], Some(19));
    }

    #[test]
    fn a_file_that_is_still_open_is_waited_for() {
        let (a, b) = (PathBuf::from("a"), PathBuf::from("b"));
        check(&[(0, Change::Written(a.clone()))], Some(100));
        check(
            &[
                (0, Change::Written(a.clone())),
                (30, Change::Closed(a.clone())),
            ],
            Some(40),
        );
        check(
            &[
                (0, Change::Written(a.clone())),
                (5, Change::Written(b)),
                (30, Change::Closed(a)),
            ],
            Some(100),
        );
    }

    #[test]
    fn a_file_is_held_until_it_is_closed_or_for_five_seconds() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let a = || PathBuf::from("a");
        let mut quiet = Quiet::default();
        quiet.note(Change::Written(a()), at(0));
        assert_eq!(quiet.take(at(100)), HashSet::from([a()]));
        // The look does not end it, and nobody looks again before there is a reason.
        assert_eq!(quiet.held(at(100)), HashSet::from([a()]));
        assert_eq!(quiet.due(), Some(at(5000)));
        quiet.note(Change::Other, at(200));
        assert_eq!(quiet.due(), Some(at(210)));
        assert_eq!(quiet.take(at(210)), HashSet::new());
        quiet.note(Change::Written(a()), at(4000));
        quiet.take(at(4100));
        assert_eq!(quiet.held(at(4999)).len(), 1);
        assert_eq!(quiet.held(at(5000)).len(), 0);
        quiet.take(at(5000));
        assert_eq!(quiet.due(), None);
        for end in [Change::Closed(a()), Change::Replaced(a())] {
            quiet.note(Change::Written(a()), at(6000));
            assert_eq!(quiet.held(at(6000)).len(), 1);
            quiet.note(end, at(6001));
            assert_eq!(quiet.held(at(6001)).len(), 0);
        }
    }

    proptest! {
        #[test]
        fn no_stream_of_changes_delays_it_beyond_the_bound(
            gaps_ms in prop::collection::vec(0u64..50, 1..100), written in any::<bool>()
        ) {
            let start = Instant::now();
            let mut at_ms = 0;
            let mut changes = Vec::new();
            for gap_ms in gaps_ms {
                at_ms += gap_ms;
                let change = if written { Change::Written("a".into()) } else { Change::Other };
                changes.push((at_ms, change));
            }
            let first = u128::from(changes[0].0);
            let due = after(start, &changes).unwrap();
            prop_assert!(due <= first + WAIT_MAX.as_millis());
            prop_assert!(due >= first + QUIET.as_millis());
        }
    }
}
