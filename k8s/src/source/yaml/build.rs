//! How do the parser's events become one document, however hostile its author?
//!
//! The parser hands out events without recursion; what is built from them is bounded here in depth, nodes and bytes, aliases included,
//! so that neither nested brackets nor a few hundred bytes of anchors ("billion laughs") cost more than these bounds.

use super::super::node::{Content, DEPTH_MAX, Entry, Node, repeated_key};
use super::{Fault, scalar};
use saphyr_parser::{Event, ScalarStyle, Span, Tag};
use std::borrow::Cow;
use std::collections::{HashMap, HashSet};

/// Nodes of one document, aliases expanded. 5,000 exported Ingresses in one `List` are about 400,000.
pub const NODES_MAX: usize = 1_000_000;
/// Bytes of text in one document, aliases expanded: twice the largest file.
pub const TEXT_BYTES_MAX: usize = 2 * super::FILE_BYTES_MAX;

/// Builds one document from events.
#[derive(Default)]
pub struct Builder {
    /// Lines before this document in its file.
    lines_before: u32,
    open: Vec<Open>,
    anchors: HashMap<usize, Anchored>,
    nodes: usize,
    text_bytes: usize,
    done: Option<Node>,
}

/// A list or map that has not ended yet.
struct Open {
    line: u32,
    anchor: usize,
    shape: Shape,
}

enum Shape {
    List(Vec<Node>),
    Map {
        entries: Vec<Entry>,
        key: Option<(String, u32)>,
        /// What `<<` names, to be merged when the map ends.
        merged: Vec<Node>,
    },
}

struct Anchored {
    node: Node,
    weight: Weight,
}

/// What a copy of a node costs.
#[derive(Clone, Copy, Default)]
struct Weight {
    nodes: usize,
    text_bytes: usize,
    depth: usize,
}

/// The key under which YAML 1.1 (and kubectl) merge maps. It is no legal field of an object, so quoting it makes no difference here.
const MERGE_KEY: &str = "<<";

impl Builder {
    pub fn new(lines_before: u32) -> Builder {
        Builder {
            lines_before,
            ..Builder::default()
        }
    }

    /// The document, if it had any content.
    pub fn finish(self) -> Option<Node> {
        self.done
    }

    /// # Errors
    /// A bound is exceeded, a key stands twice or is no scalar, an alias is unknown, a tag does not fit.
    pub fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Fault> {
        let line = self.line_of(span);
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let content =
                    value(text, style, tag.as_deref()).map_err(|m| fault(line, span, m))?;
                self.place(Node { line, content }, anchor, span)
            }
            Event::SequenceStart(anchor, _) => self.start(Shape::List(Vec::new()), anchor, span),
            Event::MappingStart(anchor, _) => {
                let shape = Shape::Map {
                    entries: Vec::new(),
                    key: None,
                    merged: Vec::new(),
                };
                self.start(shape, anchor, span)
            }
            Event::SequenceEnd | Event::MappingEnd => self.end(span),
            Event::Alias(anchor) => self.alias(anchor, span),
            _ => Ok(()),
        }
    }

    fn start(&mut self, shape: Shape, anchor: usize, span: Span) -> Result<(), Fault> {
        let line = self.line_of(span);
        if self.open.len() >= DEPTH_MAX {
            let message = format!("more than {DEPTH_MAX} levels of nesting");
            return Err(fault(line, span, message));
        }
        if let Some(Open {
            shape: Shape::Map { key: None, .. },
            ..
        }) = self.open.last()
        {
            return Err(fault(line, span, "a key that is a list or a map".into()));
        }
        self.open.push(Open {
            line,
            anchor,
            shape,
        });
        Ok(())
    }

    fn end(&mut self, span: Span) -> Result<(), Fault> {
        let Some(open) = self.open.pop() else {
            return Ok(());
        };
        let content = match open.shape {
            Shape::List(items) => Content::List(items),
            Shape::Map {
                mut entries,
                merged,
                ..
            } => {
                if let Some(twice) = repeated_key(&entries) {
                    let message = format!("the key {:?} stands twice in one map", twice.key);
                    return Err(Fault {
                        line: twice.line,
                        column: None,
                        message,
                    });
                }
                merge(&mut entries, merged).map_err(|m| fault(open.line, span, m))?;
                Content::Map(entries)
            }
        };
        let node = Node {
            line: open.line,
            content,
        };
        self.place(node, open.anchor, span)
    }

    /// Puts a whole node where it belongs. Counting one node here counts each node once; copies are charged by `weigh`.
    fn place(&mut self, node: Node, anchor: usize, span: Span) -> Result<(), Fault> {
        let own = Weight {
            nodes: 1,
            text_bytes: text_bytes(&node.content),
            depth: 0,
        };
        self.charge(own, span)?;
        if anchor > 0 {
            let weight = weigh(&node);
            self.charge(weight, span)?;
            let anchored = Anchored {
                node: node.clone(),
                weight,
            };
            self.anchors.insert(anchor, anchored);
        }
        self.attach(node, span)
    }

    fn alias(&mut self, anchor: usize, span: Span) -> Result<(), Fault> {
        let line = self.line_of(span);
        let Some(anchored) = self.anchors.get(&anchor) else {
            let message = "an alias of an anchor that this document does not have before it";
            return Err(fault(line, span, message.into()));
        };
        let weight = anchored.weight;
        if self.open.len() + weight.depth > DEPTH_MAX {
            let message = format!("more than {DEPTH_MAX} levels of nesting");
            return Err(fault(line, span, message));
        }
        self.charge(weight, span)?;
        let node = self.anchors.get(&anchor).map(|found| found.node.clone());
        match node {
            Some(node) => self.attach(node, span),
            None => Ok(()),
        }
    }

    fn charge(&mut self, weight: Weight, span: Span) -> Result<(), Fault> {
        self.nodes = self.nodes.saturating_add(weight.nodes);
        self.text_bytes = self.text_bytes.saturating_add(weight.text_bytes);
        let line = self.line_of(span);
        if self.nodes > NODES_MAX {
            let message = format!("more than {NODES_MAX} nodes, aliases expanded");
            return Err(fault(line, span, message));
        }
        if self.text_bytes > TEXT_BYTES_MAX {
            let message = format!("more than {TEXT_BYTES_MAX} bytes of text, aliases expanded");
            return Err(fault(line, span, message));
        }
        Ok(())
    }

    fn attach(&mut self, node: Node, span: Span) -> Result<(), Fault> {
        let line = self.line_of(span);
        let Some(open) = self.open.last_mut() else {
            self.done = Some(node);
            return Ok(());
        };
        match &mut open.shape {
            Shape::List(items) => items.push(node),
            Shape::Map {
                entries,
                key,
                merged,
            } => match key.take() {
                None => {
                    let text = key_text(node).map_err(|m| fault(line, span, m))?;
                    *key = Some((text, line));
                }
                Some((text, _)) if text == MERGE_KEY => merged.push(node),
                Some((text, line)) => entries.push(Entry {
                    key: text,
                    line,
                    value: node,
                }),
            },
        }
        Ok(())
    }

    fn line_of(&self, span: Span) -> u32 {
        let line = u32::try_from(span.start.line()).unwrap_or(u32::MAX);
        self.lines_before.saturating_add(line)
    }
}

fn fault(line: u32, span: Span, message: String) -> Fault {
    Fault {
        line,
        column: u32::try_from(span.start.col() + 1).ok(),
        message,
    }
}

fn value(text: Cow<'_, str>, style: ScalarStyle, tag: Option<&Tag>) -> Result<Content, String> {
    match tag {
        Some(tag) if tag.is_yaml_core_schema() => scalar::tagged(&tag.suffix, &text)
            .ok_or_else(|| format!("a value that does not fit its tag !!{}", tag.suffix)),
        // A tag of somebody's own, as CloudFormation has: its text is all that is known.
        Some(_) => Ok(Content::Text(text.into_owned())),
        None if style == ScalarStyle::Plain => Ok(scalar::plain(&text)),
        None => Ok(Content::Text(text.into_owned())),
    }
}

/// JSON has text keys only; `80: x` is read as `"80": x`, as kubectl does.
fn key_text(node: Node) -> Result<String, String> {
    match node.content {
        Content::Text(text) => Ok(text),
        Content::Bool(value) => Ok(value.to_string()),
        Content::Number(value) => Ok(value.to_string()),
        Content::Null => Ok("null".into()),
        Content::List(_) | Content::Map(_) => Err("a key that is a list or a map".into()),
    }
}

/// What a map writes itself comes before what it merges, and the first merged map before the next.
fn merge(entries: &mut Vec<Entry>, merged: Vec<Node>) -> Result<(), String> {
    if merged.is_empty() {
        return Ok(());
    }
    let mut known: HashSet<String> = entries.iter().map(|entry| entry.key.clone()).collect();
    let mut add = |map: Node| {
        let sort = map.sort();
        let Content::Map(more) = map.content else {
            return Err(format!("{sort} under <<, which merges maps"));
        };
        entries.extend(
            more.into_iter()
                .filter(|entry| known.insert(entry.key.clone())),
        );
        Ok(())
    };
    for node in merged {
        match node.content {
            Content::List(maps) => maps.into_iter().try_for_each(&mut add)?,
            _ => add(node)?,
        }
    }
    Ok(())
}

fn weigh(node: &Node) -> Weight {
    let mut total = Weight {
        nodes: 1,
        text_bytes: text_bytes(&node.content),
        depth: 0,
    };
    let mut add = |child: &Node, key_bytes: usize| {
        let weight = weigh(child);
        total.nodes = total.nodes.saturating_add(weight.nodes);
        total.text_bytes = total
            .text_bytes
            .saturating_add(weight.text_bytes + key_bytes);
        total.depth = total.depth.max(weight.depth + 1);
    };
    match &node.content {
        Content::List(items) => items.iter().for_each(|item| add(item, 0)),
        Content::Map(entries) => entries
            .iter()
            .for_each(|entry| add(&entry.value, entry.key.len())),
        _ => {}
    }
    total
}

fn text_bytes(content: &Content) -> usize {
    match content {
        Content::Text(text) => text.len(),
        _ => 0,
    }
}
