//! What did the translation of one object find wrong with it?

use super::annotations::Place;
use crate::objects::{Lines, Object};
use config::name::{Kind, ObjectRef, Origin};
use config::problem::{Problem, ProblemCode, Severity};

/// Collects the problems of one object while it is translated, and knows where its fields stand.
pub(super) struct Findings<'a> {
    pub object: ObjectRef,
    lines: Option<&'a Lines>,
    problems: Vec<Problem>,
}

impl<'a> Findings<'a> {
    pub fn of<K>(kind: Kind, object: &'a Object<K>) -> Findings<'a> {
        Findings {
            object: ObjectRef {
                kind,
                name: object.name.clone(),
            },
            lines: object.lines.as_ref(),
            problems: Vec::new(),
        }
    }

    pub fn namespace(&self) -> &str {
        &self.object.name.namespace
    }

    /// The place of a field, or of its nearest parent that is written down.
    pub fn origin(&self, field: &str) -> Option<Origin> {
        self.lines.and_then(|lines| lines.origin(field))
    }

    /// The same for the table of annotations.
    pub fn place(&self) -> Place<'_> {
        Place {
            object: &self.object,
            lines: self.lines,
        }
    }

    /// Something does not work.
    pub fn error(
        &mut self,
        code: ProblemCode,
        field: &str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.push((Severity::Error, code), field, found, expected);
    }

    /// Something works otherwise than its author expects.
    pub fn warning(
        &mut self,
        code: ProblemCode,
        field: &str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.push((Severity::Warning, code), field, found, expected);
    }

    /// Something is not needed, or not checked here.
    pub fn info(
        &mut self,
        code: ProblemCode,
        field: &str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.push((Severity::Info, code), field, found, expected);
    }

    pub fn extend(&mut self, problems: Vec<Problem>) {
        self.problems.extend(problems);
    }

    pub fn into_problems(self) -> Vec<Problem> {
        self.problems
    }

    fn push(
        &mut self,
        (severity, code): (Severity, ProblemCode),
        field: &str,
        found: impl Into<String>,
        expected: impl Into<String>,
    ) {
        self.problems.push(Problem {
            severity,
            code,
            object: self.object.clone(),
            field: field.to_owned(),
            found: found.into(),
            expected: expected.into(),
            origin: self.origin(field),
        });
    }
}

/// `found`, in the quotes that every problem uses.
pub(super) fn quoted(found: &str) -> String {
    format!("`{}`", found.escape_debug())
}
