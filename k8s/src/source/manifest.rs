//! Which objects and problems does the text of one file hold?

use super::kinds::{self, Read, manifest};
use super::yaml::{self, Fault, Notation};
use crate::objects::{Any, Unused};
use config::name::Origin;
use config::problem::{Problem, ProblemCode, Severity};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

const UNREADABLE: &str = "YAML or JSON that parses; what the file held before stays in force";

/// What one file holds.
#[derive(Debug, Default)]
pub struct Contents {
    pub objects: Vec<Any>,
    /// Objects that are there and wrong: earlier versions of them stay in force.
    pub broken: Vec<Arc<Unused>>,
    /// False: a document does not parse, or does not say which object it is. Whatever the file held before may be in it, and stays in force.
    pub is_whole: bool,
    pub problems: Vec<Problem>,
    /// How many documents of which other kinds the file holds.
    pub passed_over: BTreeMap<String, usize>,
}

/// Reads the text of a file. `file` is its name as problems show it.
pub fn read(bytes: &[u8], notation: Notation, file: &Arc<str>) -> Contents {
    // The YAML parser has assertions of its own. None is known to fail, but what a stranger wrote into a file must never end the edge.
    std::panic::catch_unwind(|| read_documents(bytes, notation, file)).unwrap_or_else(|_| {
        let found = "text that the YAML parser cannot handle".to_owned();
        Contents {
            problems: vec![file_problem(file, 1, found, UNREADABLE)],
            ..Contents::default()
        }
    })
}

fn read_documents(bytes: &[u8], notation: Notation, file: &Arc<str>) -> Contents {
    let mut read = Read::default();
    let mut is_whole = true;
    for document in yaml::documents(bytes, notation) {
        match document {
            Ok(document) => kinds::read(document, file, &mut read),
            Err(fault) => {
                is_whole = false;
                read.problems.push(unreadable(fault, bytes, file));
            }
        }
    }
    let mut passed_over = BTreeMap::new();
    for kind in read.passed_over {
        *passed_over.entry(kind).or_default() += 1;
    }
    Contents {
        objects: read.objects,
        broken: read.broken,
        is_whole: is_whole && !read.has_nameless,
        problems: read.problems,
        passed_over,
    }
}

impl Contents {
    /// Takes over the objects of an earlier reading that are the same, so that "unchanged" can be seen by their address.
    pub fn keep_unchanged(&mut self, earlier: &Contents) {
        let known: HashMap<u64, &Any> = earlier
            .objects
            .iter()
            .map(|object| (object.revision(), object))
            .collect();
        for object in &mut self.objects {
            let same = known.get(&object.revision());
            if let Some(same) = same.filter(|same| same.reference() == object.reference()) {
                *object = (*same).clone();
            }
        }
    }
}

/// A problem that a file has as a whole.
pub fn file_problem(file: &Arc<str>, line: u32, found: String, expected: &str) -> Problem {
    Problem {
        severity: Severity::Error,
        code: ProblemCode::UnreadableManifest,
        object: manifest(file),
        field: String::new(),
        found,
        expected: expected.to_owned(),
        origin: Some(Origin {
            file: file.clone(),
            line,
        }),
    }
}

fn unreadable(fault: Fault, bytes: &[u8], file: &Arc<str>) -> Problem {
    let found = match fault.column {
        Some(column) => format!("column {column}: {}", fault.message),
        None => fault.message,
    };
    let is_template = bytes.windows(2).any(|pair| pair == b"{{");
    let expected = if is_template {
        "YAML; a Helm template is one only after `helm template`; what the file held before stays in force"
    } else {
        UNREADABLE
    };
    file_problem(file, fault.line, found, expected)
}
