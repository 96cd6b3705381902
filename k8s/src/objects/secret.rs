//! How is a Secret held, so that its values are neither printed nor left in memory?

use k8s_openapi::api::core::v1;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fmt;
use std::ops::{Deref, DerefMut};
use zeroize::Zeroize;

/// A Secret that is overwritten when it is dropped, and prints the names of its values alone.
#[derive(Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Secret(v1::Secret);

impl Deref for Secret {
    type Target = v1::Secret;

    fn deref(&self) -> &v1::Secret {
        &self.0
    }
}

impl DerefMut for Secret {
    fn deref_mut(&mut self) -> &mut v1::Secret {
        &mut self.0
    }
}

impl Zeroize for Secret {
    fn zeroize(&mut self) {
        let data = self.0.data.iter_mut().flatten();
        data.for_each(|(_, bytes)| bytes.0.zeroize());
        let texts = self.0.string_data.iter_mut().flatten();
        texts.for_each(|(_, text)| text.zeroize());
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        self.zeroize();
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let data = self.0.data.iter().flatten().map(|(key, _)| key);
        let texts = self.0.string_data.iter().flatten().map(|(key, _)| key);
        f.debug_struct("Secret")
            .field("name", &self.0.metadata.name)
            .field("type", &self.0.type_)
            .field("keys", &data.chain(texts).collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

/// Overwrites all texts of a value.
pub(crate) fn wipe(value: &mut Value) {
    match value {
        Value::String(text) => text.zeroize(),
        Value::Array(items) => items.iter_mut().for_each(wipe),
        Value::Object(entries) => entries.values_mut().for_each(wipe),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn secret() -> Value {
        json!({
            "metadata": { "name": "shop" }, "type": "Opaque",
            "data": { "tls.key": "Y2FuYXJ5" }, "stringData": { "more": "canary" },
        })
    }

    #[test]
    fn a_secret_prints_the_names_of_its_values_alone() {
        let held: Secret = serde_json::from_value(secret()).unwrap();
        assert_eq!(held.data.as_ref().unwrap()["tls.key"].0, b"canary");
        let printed = format!("{held:?}");
        assert_eq!(
            printed,
            r#"Secret { name: Some("shop"), type: Some("Opaque"), keys: ["tls.key", "more"], .. }"#
        );
    }

    #[test]
    fn a_secret_that_is_wiped_has_no_value_left() {
        let mut held: Secret = serde_json::from_value(secret()).unwrap();
        held.zeroize();
        assert_eq!(held.data.as_ref().unwrap()["tls.key"].0, b"");
        assert_eq!(held.string_data.as_ref().unwrap()["more"], "");
    }

    #[test]
    fn a_value_that_is_wiped_has_no_text_left() {
        let mut value = json!({ "a": ["canary", 1, { "b": "canary" }], "c": null });
        wipe(&mut value);
        assert_eq!(value, json!({ "a": ["", 1, { "b": "" }], "c": null }));
    }
}
