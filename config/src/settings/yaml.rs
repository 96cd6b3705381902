//! How is YAML read so that one mistake does not hide the next?
//!
//! Serde stops at the first error. Here a value of the wrong form and a key that nobody knows are kept as what they are,
//! with their line, so that all of them can be reported. What still stops at once is text that is not YAML.

use super::form::{Form, quoted};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::value::{MapAccessDeserializer, StrDeserializer};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_saphyr::{Location, Spanned};
use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;

/// A value that is one text.
pub(super) struct Leaf<F> {
    pub line: u32,
    pub value: Result<F, Wrong>,
}

/// Keys and values of a known shape.
pub(super) struct Group<G> {
    pub line: u32,
    pub value: Result<G, Wrong>,
    pub strangers: Vec<Stranger>,
}

/// A list of values.
pub(super) struct List<I> {
    pub line: u32,
    pub value: Result<Vec<I>, Wrong>,
}

/// A short form, or a group that says the same at length.
pub(super) enum Item<F, G> {
    Short(Leaf<F>),
    Long(Group<G>),
}

/// What stands where something else should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Wrong {
    pub found: String,
    pub expected: String,
}

/// A key that its group does not have, or has already.
pub(super) struct Stranger {
    pub key: String,
    pub line: u32,
    pub known: &'static [&'static str],
    pub is_repeated: bool,
    /// `[::]:80` without quotes is a key that is a list.
    pub is_text: bool,
}

/// Keys that are not known beforehand, each with its text.
#[derive(Default)]
pub(super) struct Entries(pub Vec<(String, Leaf<String>)>);

/// Any YAML node: whatever stands there, reading it succeeds.
enum Node<G, I> {
    Null,
    Scalar(String),
    Mapping(G, Vec<Stranger>),
    List(Vec<I>),
}

impl<G, I> Node<G, I> {
    fn kind(&self) -> &'static str {
        match self {
            Node::Null => "nothing",
            Node::Scalar(_) => "a single value",
            Node::Mapping(..) => "a mapping of keys to values",
            Node::List(_) => "a list",
        }
    }
}

impl<'de, F: Form> Deserialize<'de> for Leaf<F> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Spanned::<Node<IgnoredAny, IgnoredAny>>::deserialize(deserializer)?;
        Ok(leaf(line_of(node.referenced), node.value))
    }
}

impl<'de, G: Deserialize<'de> + Default> Deserialize<'de> for Group<G> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Spanned::<Node<G, IgnoredAny>>::deserialize(deserializer)?;
        Ok(group(line_of(node.referenced), node.value))
    }
}

impl<'de, I: Deserialize<'de>> Deserialize<'de> for List<I> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Spanned::<Node<IgnoredAny, I>>::deserialize(deserializer)?;
        let line = line_of(node.referenced);
        let value = match node.value {
            Node::List(items) => Ok(items),
            other => Err(Wrong {
                found: other.kind().to_owned(),
                expected: "a list, as in [a, b]".to_owned(),
            }),
        };
        Ok(List { line, value })
    }
}

impl<'de, F: Form, G: Deserialize<'de> + Default> Deserialize<'de> for Item<F, G> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let node = Spanned::<Node<G, IgnoredAny>>::deserialize(deserializer)?;
        let line = line_of(node.referenced);
        Ok(match node.value {
            node @ Node::Mapping(..) => Item::Long(group(line, node)),
            node => Item::Short(leaf(line, node)),
        })
    }
}

impl<'de> Deserialize<'de> for Entries {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(EntriesVisitor)
    }
}

fn leaf<F: Form, G, I>(line: u32, node: Node<G, I>) -> Leaf<F> {
    let value = match &node {
        Node::Scalar(raw) => F::parse(raw).map_err(|error| format!("{} {error}", quoted(raw))),
        other => Err(other.kind().to_owned()),
    };
    let value = value.map_err(|found| Wrong {
        found,
        expected: F::FORM.to_owned(),
    });
    Leaf { line, value }
}

/// A key with nothing behind it is an empty group.
fn group<G: Default, I>(line: u32, node: Node<G, I>) -> Group<G> {
    let (value, strangers) = match node {
        Node::Mapping(value, strangers) => (Ok(value), strangers),
        Node::Null => (Ok(G::default()), Vec::new()),
        other => {
            let found = other.kind().to_owned();
            let expected = "a mapping of keys to values".to_owned();
            (Err(Wrong { found, expected }), Vec::new())
        }
    };
    Group {
        line,
        value,
        strangers,
    }
}

/// The line that problems name; 1 is the first.
pub(super) fn line_of(location: Location) -> u32 {
    u32::try_from(location.line()).unwrap_or(u32::MAX)
}

impl<'de, G: Deserialize<'de>, I: Deserialize<'de>> Deserialize<'de> for Node<G, I> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(NodeVisitor(PhantomData))
    }
}

struct NodeVisitor<G, I>(PhantomData<(G, I)>);

impl<'de, G: Deserialize<'de>, I: Deserialize<'de>> Visitor<'de> for NodeVisitor<G, I> {
    type Value = Node<G, I>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any YAML")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(Node::Null)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Self::Value, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Self::Value, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Self::Value, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Self::Value, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Self::Value, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_f64<E>(self, value: f64) -> Result<Self::Value, E> {
        Ok(Node::Scalar(value.to_string()))
    }

    fn visit_str<E>(self, value: &str) -> Result<Self::Value, E> {
        Ok(Node::Scalar(value.to_owned()))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        while let Some(item) = items.next_element()? {
            list.push(item);
        }
        Ok(Node::List(list))
    }

    fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
        let mut strangers = Vec::new();
        let value = G::deserialize(Keys {
            map,
            known: None,
            seen: Vec::new(),
            strangers: &mut strangers,
        })?;
        Ok(Node::Mapping(value, strangers))
    }
}

/// Shows a struct only the keys that it knows, each once, and keeps the others.
struct Keys<'s, A> {
    map: A,
    /// None: the shape takes any key.
    known: Option<&'static [&'static str]>,
    seen: Vec<String>,
    strangers: &'s mut Vec<Stranger>,
}

impl<'de, A: MapAccess<'de>> Deserializer<'de> for Keys<'_, A> {
    type Error = A::Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, A::Error> {
        MapAccessDeserializer::new(self).deserialize_any(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        mut self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, A::Error> {
        self.known = Some(fields);
        visitor.visit_map(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct newtype_struct seq tuple tuple_struct map enum identifier ignored_any
    }
}

impl<'de, A: MapAccess<'de>> MapAccess<'de> for Keys<'_, A> {
    type Error = A::Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, A::Error> {
        while let Some(key) = self
            .map
            .next_key::<Spanned<Node<IgnoredAny, IgnoredAny>>>()?
        {
            let line = line_of(key.referenced);
            let (name, is_text) = match key.value {
                Node::Scalar(name) => (name, true),
                other => (other.kind().to_owned(), false),
            };
            let is_repeated = self.seen.contains(&name);
            let is_known = is_text
                && self
                    .known
                    .is_none_or(|known| known.iter().any(|k| *k == name));
            if is_known && !is_repeated {
                self.seen.push(name.clone());
                let key: StrDeserializer<'_, A::Error> = StrDeserializer::new(&name);
                return seed.deserialize(key).map(Some);
            }
            self.map.next_value::<IgnoredAny>()?;
            self.strangers.push(Stranger {
                key: name,
                line,
                known: self.known.unwrap_or_default(),
                is_repeated,
                is_text,
            });
        }
        Ok(None)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, A::Error> {
        self.map.next_value_seed(seed)
    }
}

struct EntriesVisitor;

impl<'de> Visitor<'de> for EntriesVisitor {
    type Value = Entries;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a mapping of keys to values")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Entries, A::Error> {
        let mut entries = Vec::new();
        while let Some(entry) = map.next_entry::<String, Leaf<String>>()? {
            entries.push(entry);
        }
        Ok(Entries(entries))
    }
}

// What the documentation is told. `title` is the form as a person reads it.

impl<F: Form> JsonSchema for Leaf<F> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        F::FORM.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "title": F::FORM })
    }
}

impl<G: JsonSchema> JsonSchema for Group<G> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        G::schema_name()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        G::json_schema(generator)
    }
}

impl<I: JsonSchema> JsonSchema for List<I> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        format!("list of {}", I::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        json_schema!({ "items": I::json_schema(generator) })
    }
}

impl<F: Form, G: JsonSchema> JsonSchema for Item<F, G> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        F::FORM.into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let mut schema = G::json_schema(generator);
        schema.insert("title".into(), F::FORM.into());
        schema
    }
}
