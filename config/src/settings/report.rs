//! What is wrong with this settings file?

use super::form::Form;
use super::relation::Disagreement;
use super::yaml::{Group, Leaf, List, Stranger, Wrong};
use crate::name::{Kind, ObjectRef, Origin};
use crate::nearest::nearest;
use crate::problem::{Problem, ProblemCode, Severity};

/// Collects every problem of one file, and remembers which line said what.
pub(super) struct Report<'a> {
    file: &'a str,
    pub problems: Vec<Problem>,
    lines: Vec<(String, u32)>,
}

/// Settings that are wrong as a whole: the last good ones stay in force.
const REFUSED: &str = "until then these settings are not in force";

impl<'a> Report<'a> {
    pub fn new(file: &'a str) -> Report<'a> {
        Report {
            file,
            problems: Vec::new(),
            lines: Vec::new(),
        }
    }

    pub fn has_errors(&self) -> bool {
        self.problems.iter().any(|p| p.severity == Severity::Error)
    }

    pub fn error(&mut self, field: &str, line: u32, found: String, expected: &str) {
        let expected = format!("{expected}; {REFUSED}");
        self.push(Severity::Error, (field, line), found, expected);
    }

    pub fn warning(&mut self, field: &str, line: u32, found: String, expected: String) {
        self.push(Severity::Warning, (field, line), found, expected);
    }

    /// A problem of several settings has the line of the first one that the file names.
    pub fn among(&mut self, relation: Disagreement) {
        let line = relation
            .fields
            .iter()
            .find_map(|field| self.line(field))
            .unwrap_or(1);
        let field = relation.fields.first().map_or("", String::as_str);
        match relation.severity {
            Severity::Error => self.error(field, line, relation.found, &relation.expected),
            _ => self.warning(field, line, relation.found, relation.expected),
        }
    }

    /// The value of a leaf that is there and right.
    pub fn leaf<F: Form>(&mut self, field: &str, leaf: Option<Leaf<F>>) -> Option<F> {
        let leaf = leaf?;
        self.lines.push((field.to_owned(), leaf.line));
        self.right(field, leaf.line, leaf.value)
    }

    /// The content of a group that is there and is one; its unknown keys are reported.
    pub fn group<G>(&mut self, field: &str, group: Option<Group<G>>) -> Option<G> {
        let group = group?;
        self.lines.push((field.to_owned(), group.line));
        for stranger in &group.strangers {
            self.stranger(field, stranger);
        }
        self.right(field, group.line, group.value)
    }

    pub fn list<I>(&mut self, field: &str, list: Option<List<I>>) -> Option<Vec<I>> {
        let list = list?;
        self.lines.push((field.to_owned(), list.line));
        self.right(field, list.line, list.value)
    }

    /// The values of a list that are right; the position of each wrong one is in its problem.
    pub fn leaves<F: Form>(&mut self, field: &str, list: Option<List<Leaf<F>>>) -> Vec<F> {
        let items = self.list(field, list).unwrap_or_default();
        let items = items.into_iter().enumerate();
        items
            .filter_map(|(at, item)| self.leaf(&format!("{field}[{at}]"), Some(item)))
            .collect()
    }

    pub fn unknown(&mut self, group: &str, key: &str, line: u32, known: &[&str]) {
        let expected = match nearest(key, known.iter().copied()) {
            Some(name) => format!("did you mean {name}?"),
            None => format!("one of {}", known.join(", ")),
        };
        let found = "there is no such setting".to_owned();
        self.error(&join(group, key), line, found, &expected);
    }

    fn stranger(&mut self, group: &str, stranger: &Stranger) {
        if !stranger.is_text {
            let found = format!("{} stands where a key should", stranger.key);
            let expected = "a word; an address in brackets needs quotes, as in \"[::]:80\"";
            self.error(group, stranger.line, found, expected);
            return;
        }
        if stranger.is_repeated {
            let found = "stands here a second time".to_owned();
            let field = join(group, &stranger.key);
            self.error(&field, stranger.line, found, "each key once");
            return;
        }
        self.unknown(group, &stranger.key, stranger.line, stranger.known);
    }

    fn right<T>(&mut self, field: &str, line: u32, value: Result<T, Wrong>) -> Option<T> {
        match value {
            Ok(value) => Some(value),
            Err(wrong) => {
                self.error(field, line, wrong.found, &wrong.expected);
                None
            }
        }
    }

    fn line(&self, field: &str) -> Option<u32> {
        let found = self.lines.iter().find(|(known, _)| known == field);
        found.map(|(_, line)| *line)
    }

    fn push(
        &mut self,
        severity: Severity,
        (field, line): (&str, u32),
        found: String,
        expected: String,
    ) {
        self.problems.push(Problem {
            severity,
            code: ProblemCode::InvalidSetting,
            object: ObjectRef::new(Kind::Settings, "", self.file),
            field: field.to_owned(),
            found,
            expected,
            origin: Some(Origin {
                file: self.file.into(),
                line,
            }),
        });
    }
}

fn join(group: &str, key: &str) -> String {
    match group {
        "" => key.to_owned(),
        _ => format!("{group}.{key}"),
    }
}
