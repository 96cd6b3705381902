//! What was written, and on which line?

use crate::objects::Lines;
use serde_json::{Map, Number, Value};
use std::collections::HashSet;
use std::sync::Arc;

/// Nesting of lists and maps in one document. Kubernetes objects need about 25; the stack of a thread bears 128 with ease.
pub const DEPTH_MAX: usize = 128;

/// One node of a document, YAML or JSON, with the line it begins on (1 is the first line of the file).
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    pub line: u32,
    pub content: Content,
}

#[derive(Debug, Clone, PartialEq)]
pub enum Content {
    Null,
    Bool(bool),
    Number(Number),
    Text(String),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// One key of a map. The line is the key's.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    pub key: String,
    pub line: u32,
    pub value: Node,
}

impl Node {
    /// The value of a key, if this is a map that has it.
    pub fn child(&self, key: &str) -> Option<&Entry> {
        match &self.content {
            Content::Map(entries) => entries.iter().find(|entry| entry.key == key),
            _ => None,
        }
    }

    /// The text of a key, if this is a map that has it as text.
    pub fn text(&self, key: &str) -> Option<&str> {
        match &self.child(key)?.value.content {
            Content::Text(text) => Some(text),
            _ => None,
        }
    }

    /// What sort of node this is, in the words of its author.
    pub fn sort(&self) -> &'static str {
        match &self.content {
            Content::Null => "nothing",
            Content::Bool(_) => "a boolean",
            Content::Number(_) => "a number",
            Content::Text(_) => "text",
            Content::List(_) => "a list",
            Content::Map(_) => "a map",
        }
    }

    /// The value as Kubernetes sees it, and the line of each of its fields.
    pub fn split(self, file: &Arc<str>) -> (Value, Lines) {
        let mut walk = Walk {
            path: String::new(),
            fields: Vec::new(),
        };
        walk.record(self.line);
        let value = walk.value(self);
        walk.fields.sort_unstable();
        walk.fields.dedup_by_key(|(digest, _)| *digest);
        let lines = Lines {
            file: file.clone(),
            fields: walk.fields.into_boxed_slice(),
        };
        (value, lines)
    }
}

/// The first key that stands twice, if there is one. YAML 1.2 section 3.2.1.3 and `kubectl` both forbid it.
pub fn repeated_key(entries: &[Entry]) -> Option<&Entry> {
    let mut seen = HashSet::with_capacity(entries.len());
    entries.iter().find(|entry| !seen.insert(&entry.key))
}

struct Walk {
    path: String,
    fields: Vec<(u64, u32)>,
}

impl Walk {
    fn value(&mut self, node: Node) -> Value {
        match node.content {
            Content::Null => Value::Null,
            Content::Bool(value) => Value::Bool(value),
            Content::Number(value) => Value::Number(value),
            Content::Text(value) => Value::String(value),
            Content::List(items) => Value::Array(self.list(items)),
            Content::Map(entries) => Value::Object(self.map(entries)),
        }
    }

    fn list(&mut self, items: Vec<Node>) -> Vec<Value> {
        let parent = self.path.len();
        let mut values = Vec::with_capacity(items.len());
        for (index, item) in items.into_iter().enumerate() {
            self.path.push_str(&format!("[{index}]"));
            self.record(item.line);
            values.push(self.value(item));
            self.path.truncate(parent);
        }
        values
    }

    fn map(&mut self, entries: Vec<Entry>) -> Map<String, Value> {
        let parent = self.path.len();
        let mut values = Map::with_capacity(entries.len());
        for entry in entries {
            // Annotations and Secret keys have dots of their own. Kubernetes writes such a field as `data[tls.crt]`; both ways are found.
            if entry.key.contains(['.', '/']) {
                self.path.push_str(&format!("[{}]", entry.key));
                self.record(entry.line);
                self.path.truncate(parent);
            }
            if parent > 0 {
                self.path.push('.');
            }
            self.path.push_str(&entry.key);
            self.record(entry.line);
            let value = self.value(entry.value);
            values.insert(entry.key, value);
            self.path.truncate(parent);
        }
        values
    }

    fn record(&mut self, line: u32) {
        self.fields
            .push((config::digest::of(&[self.path.as_bytes()]), line));
    }
}
