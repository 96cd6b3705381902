//! Which fields of one object are wrong, all of them?
//!
//! Serde stops at the first field whose type is wrong. To tell an author about several of them at once, the wrong field is taken out and the
//! rest is tried again; and a field that is misspelt gets the name that was meant, so that what is below it is judged as well. What this cannot
//! do: of two wrong items in one list only the first is found, and a required field that an item of a list lacks ends the search. The next run
//! finds what is left.

use super::{FieldFault, Path, Privacy, Reading, Step};
use super::{child, last_key, meant, missing_field, probe, type_fault, unknown_fault, written};
use config::problem::Severity;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// Type errors that are looked for in one object.
const TYPE_ERRORS_MAX: usize = 16;
/// Unknown fields that are reported for one object.
const UNKNOWN_FIELDS_MAX: usize = 32;
/// Misspelt fields within misspelt fields.
const ROUNDS_MAX: usize = 8;

pub fn run<K: DeserializeOwned>(value: Value, privacy: Privacy) -> Reading<K> {
    let mut search = Search {
        value,
        privacy,
        removed: BTreeSet::new(),
        unknown: BTreeMap::new(),
        renamed: Vec::new(),
        faults: Vec::new(),
    };
    let mut typed = search.types::<K>();
    for _ in 0..ROUNDS_MAX {
        if !search.rename() {
            break;
        }
        typed = search.types::<K>();
    }
    let left_out = search.removed.iter().map(|path| written(path)).collect();
    let faults = search.into_faults::<K>();
    let is_right = faults.iter().all(|fault| fault.severity != Severity::Error);
    let (object, draft) = if is_right {
        (typed, None)
    } else {
        (None, typed)
    };
    Reading {
        object,
        draft,
        left_out,
        faults,
    }
}

struct Search {
    value: Value,
    privacy: Privacy,
    removed: BTreeSet<Path>,
    /// And what was meant by each.
    unknown: BTreeMap<Path, Option<&'static str>>,
    /// Where a misspelt field is now, and the key that its author wrote.
    renamed: Vec<(Path, String)>,
    faults: Vec<FieldFault>,
}

impl Search {
    /// Takes wrong fields out until the rest has the form of its kind. None: that cannot be done.
    fn types<K: DeserializeOwned>(&mut self) -> Option<K> {
        while self.faults.len() < TYPE_ERRORS_MAX {
            let mut unknown = BTreeSet::new();
            let attempted = attempt::<K>(&self.value, &mut unknown);
            for path in unknown {
                self.unknown.entry(path).or_insert_with_key(|path| {
                    let (last, parent) = last_key(path);
                    meant(last, probe::fields_at::<K>(parent))
                });
            }
            let (path, message) = match attempted {
                Ok(whole) => return Some(whole),
                Err(wrong) => wrong,
            };
            // Taking a required field out makes it a missing one; that would be told twice.
            let lacks = missing_field(&message).map(|name| child(&path, name));
            if lacks.is_some_and(|field| self.removed.contains(&field)) {
                return None;
            }
            let (field, fault) = type_fault(&self.value, &path, &message, self.privacy);
            self.faults.push(FieldFault {
                field: self.as_written(field),
                ..fault
            });
            if !take_out(&mut self.value, &path) || !self.removed.insert(path) {
                return None;
            }
        }
        None
    }

    /// Gives misspelt fields the name that was meant, unless that is there as well. Whether there was one.
    fn rename(&mut self) -> bool {
        let before = self.renamed.len();
        for (path, meant) in &self.unknown {
            let (last, parent) = last_key(path);
            let Some(meant) = meant.filter(|_| self.renamed.len() < UNKNOWN_FIELDS_MAX) else {
                continue;
            };
            let map = place(&mut self.value, parent).and_then(Value::as_object_mut);
            let Some(map) = map.filter(|map| !map.contains_key(meant)) else {
                continue;
            };
            if let Some(value) = map.shift_remove(last) {
                map.insert(meant.to_owned(), value);
                self.renamed.push((child(parent, meant), last.to_owned()));
            }
        }
        self.renamed.len() > before
    }

    /// The path that its author knows.
    fn as_written(&self, mut path: Path) -> String {
        for (place, key) in self.renamed.iter().rev() {
            if path.starts_with(place)
                && let Some(step) = path.get_mut(place.len().saturating_sub(1))
            {
                *step = Step::Key(key.clone());
            }
        }
        written(&path)
    }

    fn into_faults<K: DeserializeOwned>(mut self) -> Vec<FieldFault> {
        let one = |(path, meant): (&Path, &Option<&str>)| FieldFault {
            field: self.as_written(path.clone()),
            ..unknown_fault::<K>(path, *meant)
        };
        let mut unknown: Vec<FieldFault> = self.unknown.iter().map(one).collect();
        // Errors before warnings, so that the bound never hides the reason why there is no object.
        unknown.sort_by_key(|fault| fault.severity);
        unknown.truncate(UNKNOWN_FIELDS_MAX);
        self.faults.extend(unknown);
        self.faults
    }
}

fn attempt<K: DeserializeOwned>(
    value: &Value,
    unknown: &mut BTreeSet<Path>,
) -> Result<K, (Path, String)> {
    let mut track = serde_path_to_error::Track::new();
    let tracked = serde_path_to_error::Deserializer::new(value, &mut track);
    let mut note = |path: serde_ignored::Path<'_>| {
        unknown.insert(ignored_path(&path));
    };
    let watched = serde_ignored::Deserializer::new(tracked, &mut note);
    K::deserialize(watched).map_err(|error| (tracked_path(&track.path()), error.to_string()))
}

fn ignored_path(path: &serde_ignored::Path<'_>) -> Path {
    use serde_ignored::Path as P;
    let mut steps = Vec::new();
    let mut at = path;
    loop {
        at = match at {
            P::Root => break,
            P::Seq { parent, index } => {
                steps.push(Step::Index(*index));
                parent
            }
            P::Map { parent, key } => {
                steps.push(Step::Key(key.clone()));
                parent
            }
            P::Some { parent } | P::NewtypeStruct { parent } | P::NewtypeVariant { parent } => {
                parent
            }
        };
    }
    steps.reverse();
    steps
}

fn tracked_path(path: &serde_path_to_error::Path) -> Path {
    use serde_path_to_error::Segment;
    path.iter()
        .filter_map(|segment| match segment {
            Segment::Seq { index } => Some(Step::Index(*index)),
            Segment::Map { key } => Some(Step::Key(key.clone())),
            Segment::Enum { .. } | Segment::Unknown => None,
        })
        .collect()
}

/// Takes the field at `path` out of its map. Items of lists stay, so that the places of those behind them stay right.
fn take_out(value: &mut Value, path: &[Step]) -> bool {
    let Some((Step::Key(key), parents)) = path.split_last() else {
        return false;
    };
    place(value, parents)
        .and_then(Value::as_object_mut)
        .is_some_and(|map| map.shift_remove(key).is_some())
}

fn place<'a>(value: &'a mut Value, path: &[Step]) -> Option<&'a mut Value> {
    path.iter().try_fold(value, |place, step| match step {
        Step::Key(key) => place.get_mut(key),
        Step::Index(index) => place.get_mut(*index),
    })
}
