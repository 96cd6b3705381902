//! Which values does a JSON file hold, and on which lines?

use super::super::node::{Content, Entry, Node, repeated_key};
use super::Fault;
use super::build::NODES_MAX;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Deserializer, Number};
use std::cell::Cell;
use std::fmt;
use std::io::{self, Read};

/// The values of a file, one after another, as `kubectl` takes them. Nesting is bounded to 128 by serde_json, as it is for YAML.
pub fn documents(text: &str) -> Vec<Result<Node, Fault>> {
    let position = Position::default();
    let reader = Counted {
        rest: text.as_bytes(),
        position: &position,
    };
    let mut json = Deserializer::from_reader(reader);
    let mut found = Vec::new();
    loop {
        // `end` eats white space, and fails where the next value begins.
        if json.end().is_ok() {
            return found;
        }
        let seed = Seed {
            position: &position,
        };
        match seed.deserialize(&mut json) {
            Ok(node) => found.push(Ok(node)),
            Err(error) => {
                found.push(Err(fault(&error)));
                return found;
            }
        }
    }
}

fn fault(error: &serde_json::Error) -> Fault {
    let text = error.to_string();
    // The position is told apart from the message.
    let message = text
        .rsplit_once(" at line ")
        .map_or(&*text, |(message, _)| message);
    Fault {
        line: u32::try_from(error.line()).unwrap_or(u32::MAX).max(1),
        column: u32::try_from(error.column()).ok(),
        message: message.to_owned(),
    }
}

/// How far the parser has read. It reads one byte ahead at most, so a line is known at each value.
#[derive(Default)]
struct Position {
    line_breaks: Cell<u32>,
    nodes: Cell<usize>,
}

impl Position {
    fn line(&self) -> u32 {
        self.line_breaks.get().saturating_add(1)
    }
}

/// Hands out single bytes, so that the count is that of the parser and not of a buffer.
struct Counted<'a> {
    rest: &'a [u8],
    position: &'a Position,
}

impl Read for Counted<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let (Some((byte, rest)), Some(slot)) = (self.rest.split_first(), buffer.first_mut()) else {
            return Ok(0);
        };
        *slot = *byte;
        self.rest = rest;
        if *byte == b'\n' {
            let breaks = &self.position.line_breaks;
            breaks.set(breaks.get().saturating_add(1));
        }
        Ok(1)
    }
}

#[derive(Clone, Copy)]
struct Seed<'a> {
    position: &'a Position,
}

impl<'de> DeserializeSeed<'de> for Seed<'_> {
    type Value = Node;

    fn deserialize<D: serde::Deserializer<'de>>(self, json: D) -> Result<Node, D::Error> {
        json.deserialize_any(self)
    }
}

impl Seed<'_> {
    /// A visitor is called when the first byte of its value is read, or all of it where that ends by itself; numbers may have a line
    /// break read behind them, but their key's line is the one that counts.
    fn node<E: Error>(self, content: Content) -> Result<Node, E> {
        let line = self.position.line();
        self.count()?;
        Ok(Node { line, content })
    }

    fn count<E: Error>(self) -> Result<(), E> {
        let nodes = self.position.nodes.get() + 1;
        self.position.nodes.set(nodes);
        if nodes > NODES_MAX {
            return Err(E::custom(format_args!("more than {NODES_MAX} nodes")));
        }
        Ok(())
    }
}

impl<'de> Visitor<'de> for Seed<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        self.node(Content::Null)
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Node, E> {
        self.node(Content::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Node, E> {
        self.node(Content::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Node, E> {
        self.node(Content::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Node, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number too large"))?;
        self.node(Content::Number(number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Node, E> {
        self.node(Content::Text(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Node, E> {
        self.node(Content::Text(value))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Node, A::Error> {
        let line = self.position.line();
        self.count()?;
        let mut items = Vec::new();
        while let Some(item) = list.next_element_seed(self)? {
            items.push(item);
        }
        let content = Content::List(items);
        Ok(Node { line, content })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Node, A::Error> {
        let line = self.position.line();
        self.count()?;
        let mut entries = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let line = self.position.line();
            let value = map.next_value_seed(self)?;
            entries.push(Entry { key, line, value });
        }
        if let Some(twice) = repeated_key(&entries) {
            let message = format!("the key {:?} stands twice in one map", twice.key);
            return Err(A::Error::custom(message));
        }
        let content = Content::Map(entries);
        Ok(Node { line, content })
    }
}
