//! Does a value have the form of its kind, field by field?
//!
//! Serde stops at the first field whose type is wrong. To tell an author about several of them at once, the wrong field is taken out and the
//! rest is tried again. What this cannot do: of two wrong items in one list only the first is found, and an error that belongs to an object as a
//! whole (a required field that is missing) ends the search. The next run finds what is left.

mod probe;
#[cfg(test)]
mod tests;

use config::problem::{ProblemCode, Severity};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// Type errors that are looked for in one object.
const TYPE_ERRORS_MAX: usize = 16;
/// Unknown fields that are reported for one object.
const UNKNOWN_FIELDS_MAX: usize = 32;
/// A name that is the beginning of another is taken for it from so many letters on, and if the other has at most so many more.
const STEM_MIN: usize = 4;
const ENDING_MAX: usize = 4;
/// What happens to an object with a field that is misspelt.
const MISSPELT: &str = "the object is not used as it is, because it may mean more than was meant; what it was before stays in force";
/// Characters of a wrong value that are shown.
const SHOWN_CHARS_MAX: usize = 40;

/// What is wrong with one field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldFault {
    pub severity: Severity,
    pub code: ProblemCode,
    /// As in `spec.rules[0].host`.
    pub field: String,
    pub found: String,
    pub expected: String,
}

/// One step of a field's path.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    Key(String),
    Index(usize),
}

impl Step {
    #[cfg(test)]
    fn of(text: &str) -> Step {
        text.parse()
            .map_or_else(|_| Step::Key(text.to_owned()), Step::Index)
    }
}

/// Whether values may be shown to whoever reads problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Privacy {
    Public,
    /// A Secret's: only the sort of a wrong value is told.
    Secret,
}

/// The typed object, and what is wrong. Fields of a wrong type are errors, and so are fields that are misspelt: then there is no object, because
/// a rule without its `host` is a rule for every host. Other fields that the kind does not have are warnings: a newer version may have them.
pub fn read<K: DeserializeOwned>(
    mut value: Value,
    privacy: Privacy,
) -> (Option<K>, Vec<FieldFault>) {
    let mut faults = Vec::new();
    let mut removed = BTreeSet::new();
    let mut unknown = BTreeSet::new();
    let mut typed = None;
    for _ in 0..TYPE_ERRORS_MAX {
        let (path, message) = match attempt::<K>(&value, &mut unknown) {
            Ok(whole) => {
                typed = Some(whole);
                break;
            }
            Err(wrong) => wrong,
        };
        // Taking a required field out makes it a missing one; that would be told twice.
        if missing_field(&message).is_some_and(|name| removed.contains(&child(&path, name))) {
            break;
        }
        faults.push(type_fault(&value, &path, &message, privacy));
        let was_removed = take_out(&mut value, &path);
        if !was_removed || !removed.insert(path) {
            break;
        }
    }
    // Errors before warnings, so that the bound never hides the reason why there is no object.
    let mut unknown: Vec<_> = unknown
        .iter()
        .map(|path| unknown_fault::<K>(path))
        .collect();
    unknown.sort_by_key(|fault| fault.severity);
    unknown.truncate(UNKNOWN_FIELDS_MAX);
    faults.extend(unknown);
    let is_right = faults.iter().all(|fault| fault.severity != Severity::Error);
    (typed.filter(|_| is_right), faults)
}

type Path = Vec<Step>;

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

fn child(path: &[Step], name: &str) -> Path {
    let mut longer = path.to_vec();
    longer.push(Step::Key(name.to_owned()));
    longer
}

fn missing_field(message: &str) -> Option<&str> {
    message.strip_prefix("missing field `")?.strip_suffix('`')
}

fn at<'a>(value: &'a Value, path: &[Step]) -> Option<&'a Value> {
    path.iter().try_fold(value, |value, step| match step {
        Step::Key(key) => value.get(key),
        Step::Index(index) => value.get(index),
    })
}

/// Takes the field at `path` out of its map. Items of lists stay, so that the places of those behind them stay right.
fn take_out(value: &mut Value, path: &[Step]) -> bool {
    let Some((Step::Key(key), parents)) = path.split_last() else {
        return false;
    };
    let mut place = value;
    for step in parents {
        let next = match step {
            Step::Key(key) => place.get_mut(key),
            Step::Index(index) => place.get_mut(index),
        };
        match next {
            Some(next) => place = next,
            None => return false,
        }
    }
    place
        .as_object_mut()
        .is_some_and(|map| map.shift_remove(key).is_some())
}

fn type_fault(value: &Value, path: &[Step], message: &str, privacy: Privacy) -> FieldFault {
    let found = at(value, path);
    let (field, found, expected) = match missing_field(message) {
        Some(name) => (
            child(path, name),
            "nothing".to_owned(),
            "a value: the field is required".to_owned(),
        ),
        None => (
            path.to_vec(),
            found.map_or_else(|| "nothing".to_owned(), |value| shown(value, privacy)),
            expectation(message, found, privacy),
        ),
    };
    FieldFault {
        severity: Severity::Error,
        code: ProblemCode::InvalidField,
        field: written(&field),
        found,
        expected,
    }
}

fn shown(value: &Value, privacy: Privacy) -> String {
    match (value, privacy) {
        (Value::Null, _) => "nothing (null)".to_owned(),
        (Value::Array(_), _) => "a list".to_owned(),
        (Value::Object(_), _) => "a map".to_owned(),
        (Value::Bool(_), Privacy::Secret) => "a boolean".to_owned(),
        (Value::Number(_), Privacy::Secret) => "a number".to_owned(),
        (Value::String(_), Privacy::Secret) => "text that is not right here".to_owned(),
        (Value::Bool(value), Privacy::Public) => format!("the boolean {value}"),
        (Value::Number(value), Privacy::Public) => format!("the number {value}"),
        (Value::String(text), Privacy::Public) => {
            let cut: String = text.chars().take(SHOWN_CHARS_MAX).collect();
            let more = if cut.len() < text.len() { "..." } else { "" };
            format!("the text {cut:?}{more}")
        }
    }
}

/// The words of serde, in those of the author: "invalid type: string \"x\", expected i32" becomes "a whole number".
fn expectation(message: &str, found: Option<&Value>, privacy: Privacy) -> String {
    if privacy == Privacy::Secret && !message.starts_with("invalid type") {
        return "base64 under data; plain text goes under stringData".to_owned();
    }
    let Some((_, words)) = message.rsplit_once(", expected ") else {
        return format!("a value that fits ({message})");
    };
    match (words, found) {
        ("a string", Some(Value::Bool(_) | Value::Number(_))) => {
            "a string: put quotes around it".to_owned()
        }
        ("i32" | "i64" | "u16" | "u32" | "u64", Some(Value::String(_))) => {
            "a whole number, without quotes".to_owned()
        }
        ("i32" | "i64" | "u16" | "u32" | "u64", _) => "a whole number".to_owned(),
        ("a sequence", _) => "a list".to_owned(),
        ("IntOrString", _) => "a number or a name".to_owned(),
        ("a boolean", Some(Value::String(_))) => "true or false, without quotes".to_owned(),
        ("a boolean", _) => "true or false".to_owned(),
        _ => {
            let name = words.strip_prefix("struct ").unwrap_or(words);
            if name.starts_with(|c: char| c.is_ascii_uppercase()) {
                return format!("a map of the fields of {name}");
            }
            words.to_owned()
        }
    }
}

fn unknown_fault<K: DeserializeOwned>(path: &[Step]) -> FieldFault {
    let (last, parent) = match path.split_last() {
        Some((Step::Key(key), parent)) => (key.as_str(), parent),
        _ => ("", path),
    };
    let names = probe::fields_at::<K>(parent);
    let (severity, expected) = match meant(last, names) {
        Some(name) => (Severity::Error, format!("{name}; {MISSPELT}")),
        None if names.is_empty() => (Severity::Warning, "nothing here; it is ignored".to_owned()),
        None => (
            Severity::Warning,
            format!("one of {}; it is ignored", names.join(", ")),
        ),
    };
    FieldFault {
        severity,
        code: ProblemCode::UnknownField,
        field: written(path),
        found: format!("a field {last:?} that this kind does not have"),
        expected,
    }
}

/// The field that was probably meant: nearly the same name, or its beginning (`match`), or with a little more behind it (`hostname` for `host`).
fn meant<'a>(written: &str, names: &[&'a str]) -> Option<&'a str> {
    let lower = written.to_ascii_lowercase();
    let is_longer = |long: &str, short: &str| {
        let more = long.len().saturating_sub(short.len());
        long.starts_with(short) && short.len() >= STEM_MIN && more <= ENDING_MAX
    };
    nearest(written, names.iter().copied()).or_else(|| {
        names.iter().copied().find(|name| {
            let name = name.to_ascii_lowercase();
            is_longer(&lower, &name) || is_longer(&name, &lower)
        })
    })
}

/// The name that was probably meant: the same but for case, or for one letter in four.
pub fn nearest<'a>(written: &str, names: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let lower = written.to_ascii_lowercase();
    let tolerated = (lower.chars().count() / 4).clamp(1, 3);
    names
        .map(|name| {
            let distance = strsim::osa_distance(&lower, &name.to_ascii_lowercase());
            (distance, name)
        })
        .filter(|(distance, _)| *distance <= tolerated)
        .min()
        .map(|(_, name)| name)
}

fn written(path: &[Step]) -> String {
    struct Written<'a>(&'a [Step]);
    impl fmt::Display for Written<'_> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            for (position, step) in self.0.iter().enumerate() {
                match step {
                    Step::Index(index) => write!(f, "[{index}]")?,
                    Step::Key(key) if key.contains(['.', '/']) => write!(f, "[{key}]")?,
                    Step::Key(key) if position == 0 => f.write_str(key)?,
                    Step::Key(key) => write!(f, ".{key}")?,
                }
            }
            Ok(())
        }
    }
    Written(path).to_string()
}
