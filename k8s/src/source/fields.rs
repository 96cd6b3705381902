//! Does a value have the form of its kind, field by field?
//!
//! `search` finds what is wrong; here it gets its words.

mod probe;
mod search;
#[cfg(test)]
mod tests;

use config::nearest::nearest_within;
use config::problem::{ProblemCode, Severity};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::fmt;

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

/// What came of one object.
#[derive(Debug)]
pub struct Reading<K> {
    /// None: it is not to be used. Fields of a wrong type are errors, and so are fields that are misspelt: a rule without its `host` is a rule
    /// for every host. Other fields that the kind does not have are warnings: a newer version may have them.
    pub object: Option<K>,
    /// What is not to be used, for its other problems alone: misspelt fields under the name that was meant, those of a wrong type left out.
    pub draft: Option<K>,
    /// Paths of what was left out of the draft.
    pub left_out: Vec<String>,
    pub faults: Vec<FieldFault>,
}

/// The typed object, and everything that is wrong with its fields.
pub fn read<K: DeserializeOwned>(value: Value, privacy: Privacy) -> Reading<K> {
    search::run(value, privacy)
}

type Path = Vec<Step>;

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

/// And the path of the field.
fn type_fault(value: &Value, path: &[Step], message: &str, privacy: Privacy) -> (Path, FieldFault) {
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
    let fault = FieldFault {
        severity: Severity::Error,
        code: ProblemCode::InvalidField,
        field: String::new(),
        found,
        expected,
    };
    (field, fault)
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

/// `path` is the field's, `meant` the name that it should have.
fn unknown_fault<K: DeserializeOwned>(path: &[Step], meant: Option<&str>) -> FieldFault {
    let (last, parent) = last_key(path);
    let names = probe::fields_at::<K>(parent);
    let (severity, expected) = match meant {
        None if limits_a_rule(last, parent) => (
            Severity::Error,
            format!("one of {}; {MISSPELT}", names.join(", ")),
        ),
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
        field: String::new(),
        found: format!("a field {last:?} that this kind does not have"),
        expected,
    }
}

/// What other kinds, and other edges, call the conditions of a rule. No version of these kinds has them here; whoever writes one wants fewer
/// requests than the rule without it takes.
const CONDITIONS: [&str; 26] = [
    "domain",
    "domains",
    "exact",
    "header",
    "headers",
    "host",
    "hostname",
    "hostnames",
    "hosts",
    "match",
    "matches",
    "method",
    "methods",
    "path",
    "pathprefix",
    "paths",
    "prefix",
    "query",
    "queries",
    "queryparam",
    "queryparameters",
    "queryparams",
    "regex",
    "servername",
    "servernames",
    "verb",
];
/// Where the conditions of rules stand.
const CONDITION_PLACES: [&str; 7] = [
    "spec", "rules", "http", "paths", "matches", "path", "headers",
];

fn limits_a_rule(key: &str, parent: &[Step]) -> bool {
    let is_there = parent.iter().all(|step| match step {
        Step::Key(key) => CONDITION_PLACES.contains(&key.as_str()),
        Step::Index(_) => true,
    });
    let key = key.to_ascii_lowercase();
    is_there && !parent.is_empty() && CONDITIONS.contains(&key.as_str())
}

fn last_key(path: &[Step]) -> (&str, &[Step]) {
    match path.split_last() {
        Some((Step::Key(key), parent)) => (key, parent),
        _ => ("", path),
    }
}

/// The field that was probably meant: nearly the same name, or its beginning (`match`), or with a little more behind it (`hostname` for `host`).
fn meant<'a>(written: &str, names: &[&'a str]) -> Option<&'a str> {
    let lower = written.to_ascii_lowercase();
    let is_longer = |long: &str, short: &str| {
        let more = long.len().saturating_sub(short.len());
        long.starts_with(short) && short.len() >= STEM_MIN && more <= ENDING_MAX
    };
    // Nearer than elsewhere, because an object with a misspelt field is not used: one letter in four.
    let distance_max = (written.chars().count() / 4).clamp(1, 3);
    nearest_within(written, names.iter().copied(), distance_max).or_else(|| {
        names.iter().copied().find(|name| {
            let name = name.to_ascii_lowercase();
            is_longer(&lower, &name) || is_longer(&name, &lower)
        })
    })
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
