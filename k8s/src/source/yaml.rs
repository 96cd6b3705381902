//! Which documents does a manifest's text hold?
//!
//! YAML is read as `kubectl` reads it (see `scalar`), one document at a time: a document that does not parse says so with line and column,
//! and the others of its file are read all the same. JSON files hold one value after another. File size, nesting, nodes and expanded aliases are
//! bounded.

mod build;
mod json;
mod scalar;
#[cfg(test)]
mod tests;

use super::node::Node;
use build::Builder;
use saphyr_parser::{Event, Parser};

/// Bytes of one manifest file. Kubernetes bounds one object to 1.5 MiB (etcd's request limit), and this leaves room for a `List` of many.
pub const FILE_BYTES_MAX: usize = 16 * 1024 * 1024;
/// Brackets and commas of one document. The parser must look ahead over a whole bracket at its top to know whether it is a key, at about
/// 300 bytes of memory for each.
const FLOW_MARKS_MAX: usize = 1_000_000;
/// Documents of one file.
const DOCUMENTS_MAX: usize = 100_000;

/// Why a document does not parse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Line in the file; 1 is the first.
    pub line: u32,
    /// Column in characters, where it is known; 1 is the first.
    pub column: Option<u32>,
    /// What stands there.
    pub message: String,
}

/// Which of the two notations a file is in, by its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Notation {
    Yaml,
    Json,
}

/// The documents of a file, in order. Documents without content are left out.
///
/// # Errors
/// Per document, see [`Fault`]. What concerns the whole file (not UTF-8, control characters, too large) is one fault and nothing else.
pub fn documents(bytes: &[u8], notation: Notation) -> Vec<Result<Node, Fault>> {
    let text = match text_of(bytes) {
        Ok(text) => text,
        Err(fault) => return vec![Err(fault)],
    };
    if notation == Notation::Json {
        return json::documents(text);
    }
    let mut found = Vec::new();
    for part in parts(text) {
        if found.len() >= DOCUMENTS_MAX {
            let message = format!("more than {DOCUMENTS_MAX} documents in one file");
            found.push(Err(whole(part.lines_before + 1, message)));
            break;
        }
        found.extend(document(&part).transpose());
    }
    found
}

/// The text, if it is text that YAML allows (YAML 1.2 section 5.1). A NUL in particular would end the file for the parser without a word.
fn text_of(bytes: &[u8]) -> Result<&str, Fault> {
    if bytes.len() > FILE_BYTES_MAX {
        let message = format!("a file of more than {FILE_BYTES_MAX} bytes");
        return Err(whole(1, message));
    }
    let text = std::str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).unwrap_or_default();
        whole(line_after(before), "bytes that are not UTF-8".into())
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let forbidden = |c: char| c.is_control() && !matches!(c, '\t' | '\n' | '\r' | '\u{85}');
    if let Some((at, c)) = text.char_indices().find(|(_, c)| forbidden(*c)) {
        let before = text.as_bytes().get(..at).unwrap_or_default();
        let message = format!("the control character U+{:04X}", u32::from(c));
        return Err(whole(line_after(before), message));
    }
    Ok(text)
}

fn whole(line: u32, message: String) -> Fault {
    Fault {
        line,
        column: None,
        message,
    }
}

fn line_after(before: &[u8]) -> u32 {
    let breaks = before.iter().filter(|byte| **byte == b'\n').count();
    u32::try_from(breaks + 1).unwrap_or(u32::MAX)
}

/// The text of one document and its place.
struct Part<'a> {
    text: &'a str,
    lines_before: u32,
}

/// Cuts a file at its document marks, as `kubectl` does: `---` at the start of a line is a mark wherever it stands (YAML 1.2 section 9.1.2
/// forbids it inside scalars), so a broken document cannot swallow the next one. A directive (`%YAML`) belongs to the mark after it.
fn parts(text: &str) -> Vec<Part<'_>> {
    let mut found = Vec::new();
    let (mut start, mut start_line) = (0, 0);
    let (mut at, mut line) = (0, 0);
    let mut has_directive = false;
    for full in text.split_inclusive('\n') {
        let is_start = is_mark(full, "---");
        if is_start && at > start && !has_directive {
            found.extend(part(text, start, at, start_line));
            (start, start_line) = (at, line);
        }
        let opens = full.starts_with('%') && part(text, start, at, 0).is_none();
        has_directive = opens || (has_directive && !is_start);
        at += full.len();
        line += 1;
        if is_mark(full, "...") {
            found.extend(part(text, start, at, start_line));
            (start, start_line) = (at, line);
        }
    }
    found.extend(part(text, start, text.len(), start_line));
    found
}

fn is_mark(line: &str, mark: &str) -> bool {
    line.strip_prefix(mark)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with([' ', '\t', '\r', '\n']))
}

fn part(text: &str, from: usize, to: usize, lines_before: u32) -> Option<Part<'_>> {
    let text = text.get(from..to)?;
    let has_content = text
        .lines()
        .any(|line| !line.trim_start().is_empty() && !line.trim_start().starts_with('#'));
    has_content.then_some(Part { text, lines_before })
}

fn document(part: &Part<'_>) -> Result<Option<Node>, Fault> {
    let is_flow_mark = |byte: &&u8| matches!(byte, b',' | b'[' | b'{');
    if part.text.bytes().filter(|byte| is_flow_mark(&byte)).count() > FLOW_MARKS_MAX {
        let message = format!("more than {FLOW_MARKS_MAX} brackets and commas");
        return Err(whole(part.lines_before + 1, message));
    }
    let mut builder = Builder::new(part.lines_before);
    let mut documents = 0;
    for event in Parser::new_from_str(part.text) {
        let (event, span) = event.map_err(|error| {
            let at = error.marker();
            let line = u32::try_from(at.line()).unwrap_or(u32::MAX);
            Fault {
                line: part.lines_before.saturating_add(line),
                column: u32::try_from(at.col() + 1).ok(),
                message: error.info().to_owned(),
            }
        })?;
        documents += usize::from(matches!(event, Event::DocumentStart(_)));
        if documents > 1 {
            let message = "a second document without a --- before it".into();
            return Err(whole(part.lines_before + 1, message));
        }
        builder.event(event, span)?;
    }
    Ok(builder.finish())
}
