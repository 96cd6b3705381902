//! Which fields does a type have at this place?
//!
//! Both `k8s-openapi` and serde's derive name a struct's fields when they ask for it. So a deserializer that holds no value, only a path, can
//! walk a type down to a place and take the names there, and no list of fields is written by hand.

use super::Step;
use serde::de::value::StrDeserializer;
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error, IntoDeserializer, MapAccess, SeqAccess,
    Visitor,
};
use std::cell::Cell;
use std::fmt;

type Names = &'static [&'static str];

/// The names of the fields of the struct at `path` in `K`, as they are written. Empty: there is no struct there.
pub fn fields_at<'de, K: Deserialize<'de>>(path: &[Step]) -> Names {
    let names = Cell::new(Names::default());
    let probe = Probe {
        path,
        names: &names,
    };
    // It always ends in an error: the probe has no value to give.
    let _ = K::deserialize(probe);
    names.get()
}

#[derive(Clone, Copy)]
struct Probe<'a> {
    path: &'a [Step],
    names: &'a Cell<Names>,
}

/// There is nothing here. It is never shown.
#[derive(Debug)]
struct Nothing;

impl fmt::Display for Nothing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("nothing")
    }
}

impl std::error::Error for Nothing {}

impl Error for Nothing {
    fn custom<T: fmt::Display>(_: T) -> Nothing {
        Nothing
    }
}

impl<'a> Probe<'a> {
    fn map<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        let Some((Step::Key(key), rest)) = self.path.split_first() else {
            return Err(Nothing);
        };
        visitor.visit_map(One {
            key: Some(key),
            value: Probe { path: rest, ..self },
        })
    }
}

impl<'de> Deserializer<'de> for Probe<'_> {
    type Error = Nothing;

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        fields: Names,
        visitor: V,
    ) -> Result<V::Value, Nothing> {
        if self.path.is_empty() {
            self.names.set(fields);
            return Err(Nothing);
        }
        self.map(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        self.map(visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        let Some((Step::Index(_), rest)) = self.path.split_first() else {
            return Err(Nothing);
        };
        visitor.visit_seq(One {
            key: None,
            value: Probe { path: rest, ..self },
        })
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Nothing> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Nothing> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Nothing> {
        Err(Nothing)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct tuple tuple_struct enum
        identifier ignored_any
    }
}

/// The one entry of a map, or the one item of a list, that the path goes through.
struct One<'a> {
    key: Option<&'a str>,
    value: Probe<'a>,
}

impl<'de> MapAccess<'de> for One<'_> {
    type Error = Nothing;

    fn next_key_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Nothing> {
        let Some(key) = self.key.take() else {
            return Err(Nothing);
        };
        let key: StrDeserializer<'_, Nothing> = key.into_deserializer();
        seed.deserialize(key).map(Some)
    }

    fn next_value_seed<S: DeserializeSeed<'de>>(&mut self, seed: S) -> Result<S::Value, Nothing> {
        seed.deserialize(self.value)
    }
}

impl<'de> SeqAccess<'de> for One<'_> {
    type Error = Nothing;

    fn next_element_seed<S: DeserializeSeed<'de>>(
        &mut self,
        seed: S,
    ) -> Result<Option<S::Value>, Nothing> {
        seed.deserialize(self.value).map(Some)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use gateway_api::apis::standard::httproutes::HttpRoute;
    use k8s_openapi::api::networking::v1::Ingress;

    fn check<K: for<'de> Deserialize<'de>>(path: &[&str], expected: &[&str]) {
        let steps: Vec<Step> = path.iter().map(|step| Step::of(step)).collect();
        assert_eq!(fields_at::<K>(&steps), expected, "{path:?}");
    }

    #[test]
    fn the_fields_of_a_place_are_found_in_both_sorts_of_type() {
        check::<Ingress>(
            &["spec"],
            &["defaultBackend", "ingressClassName", "rules", "tls"],
        );
        check::<Ingress>(
            &["spec", "rules", "0", "http", "paths", "3"],
            &["backend", "path", "pathType"],
        );
        check::<HttpRoute>(&[], &["metadata", "spec", "status"]);
        check::<HttpRoute>(
            &["spec", "rules", "0", "matches", "1", "path"],
            &["type", "value"],
        );
    }

    #[test]
    fn a_place_without_a_struct_has_no_fields() {
        check::<Ingress>(&["spec", "tls", "0", "hosts", "0"], &[]);
        check::<Ingress>(&["metadata", "annotations"], &[]);
        check::<Ingress>(&["nowhere", "at", "all"], &[]);
    }
}
