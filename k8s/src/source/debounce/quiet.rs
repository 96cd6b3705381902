//! When is it worth looking at the files again?

use std::collections::HashSet;
use std::path::PathBuf;
use std::time::{Duration, Instant};

/// No change for so long: whoever writes is done.
const QUIET: Duration = Duration::from_millis(10);
/// A constant stream of changes is not waited for beyond this.
const WAIT_MAX: Duration = Duration::from_millis(100);
/// Files whose writers are waited for one by one.
const WRITTEN_FILES_MAX: usize = 1_000;

/// What was told about a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// Written to; whoever writes will tell when it closes the file.
    Written(PathBuf),
    /// Closed by its writer.
    Closed(PathBuf),
    /// Anything else: created, moved, removed.
    Other,
}

/// Gathers changes until there are no more of them for a moment.
#[derive(Debug, Default)]
pub struct Quiet {
    first: Option<Instant>,
    last: Option<Instant>,
    being_written: HashSet<PathBuf>,
}

impl Quiet {
    pub fn note(&mut self, change: Change, now: Instant) {
        self.first.get_or_insert(now);
        self.last = Some(now);
        match change {
            Change::Written(path) if self.being_written.len() < WRITTEN_FILES_MAX => {
                self.being_written.insert(path);
            }
            Change::Closed(path) => {
                self.being_written.remove(&path);
            }
            Change::Written(_) | Change::Other => {}
        }
    }

    /// From when on it is worth it. None: nothing has changed.
    pub fn due(&self) -> Option<Instant> {
        let latest = self.first? + WAIT_MAX;
        if !self.being_written.is_empty() {
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
