//! What becomes of an object on its arrival from the API server?
//!
//! Bulk is dropped before it is typed, and one object that does not fit its type spoils neither a list nor a watch: it says what is wrong
//! with it, and what was there before stays.

use super::kinds::{Watched, keep, map};
use crate::objects::{Object, wipe};
use crate::report::MANAGER;
use config::name::{Kind, ObjectName, ObjectRef};
use config::problem::{Problem, ProblemCode, Severity};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use kube::core::{ApiResource, DynamicResourceScope, Resource};
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;
use zeroize::Zeroize;

/// What kubectl notes for itself: as large as the object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// What of `metadata` is read. Everything else is bulk, and so is what others say of themselves in `managedFields`.
const METADATA: &[&str] = &[
    "name",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "annotations",
    "labels",
    "managedFields",
];
/// What of an entry of `managedFields` is kept, if it is ours: that there is one says that something of the status is.
const MANAGED: &[&str] = &["manager", "operation", "subresource"];

/// One object, of a list or of a watch.
pub(super) struct Arrived<K> {
    /// What the watch itself needs: name and version.
    metadata: ObjectMeta,
    pub name: ObjectName,
    pub object: Result<Arc<Object<K>>, Problem>,
}

impl<'de, K: Watched> Deserialize<'de> for Arrived<K> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Arrived<K>, D::Error> {
        Map::deserialize(deserializer).map(Arrived::new)
    }
}

impl<K: Watched> Arrived<K> {
    fn new(mut object: Map<String, Value>) -> Arrived<K> {
        let text = |key: &str| {
            let metadata = object.get("metadata");
            let text = metadata.and_then(|metadata| metadata.get(key)?.as_str());
            text.unwrap_or_default().to_owned()
        };
        let (namespace, name) = (text("namespace"), text("name"));
        let (uid, version) = (text("uid"), text("resourceVersion"));
        let name = ObjectName::new(&namespace, &name);
        let revision = config::digest::of(&[uid.as_bytes(), version.as_bytes()]);
        slim::<K>(&mut object);
        let typed = typed::<K>(Value::Object(object));
        let object = match typed {
            Ok(value) => Ok(Arc::new(Object {
                value,
                name: name.clone(),
                revision,
                lines: None,
            })),
            Err(error) => Err(unreadable(K::KIND, &name, &error)),
        };
        Arrived {
            metadata: ObjectMeta {
                resource_version: Some(version),
                ..ObjectMeta::default()
            },
            name,
            object,
        }
    }
}

fn typed<K: Watched>(
    mut object: Value,
) -> Result<K, serde_path_to_error::Error<serde_json::Error>> {
    if K::KIND != Kind::Secret {
        return serde_path_to_error::deserialize(object);
    }
    let typed = serde_path_to_error::deserialize(&object);
    wipe(&mut object);
    typed
}

fn slim<K: Watched>(object: &mut Map<String, Value>) {
    // Lists do not say the kind of their items, and our types need not hear it.
    object.remove("apiVersion");
    object.remove("kind");
    if let Some(metadata) = map(object, "metadata") {
        keep(metadata, METADATA);
        keep_own_mark(metadata);
        if let Some(labels) = map(metadata, "labels")
            && let Some(keys) = K::LABELS
        {
            keep(labels, keys);
        }
        if let Some(annotations) = map(metadata, "annotations") {
            // The one of a Secret has the whole of its values.
            if let Some(Value::String(applied)) = annotations.get_mut(LAST_APPLIED) {
                applied.zeroize();
            }
            annotations.retain(|key, _| K::HAS_ANNOTATIONS && key != LAST_APPLIED);
        }
    }
    K::slim(object);
}

fn keep_own_mark(metadata: &mut Map<String, Value>) {
    let Some(entries) = metadata
        .get_mut("managedFields")
        .and_then(Value::as_array_mut)
    else {
        return;
    };
    let is_ours = |entry: &Value| {
        let says = |key: &str, word: &str| entry.get(key).and_then(Value::as_str) == Some(word);
        says("manager", MANAGER) && says("subresource", "status")
    };
    entries.retain(is_ours);
    if entries.is_empty() {
        metadata.remove("managedFields");
        return;
    }
    for entry in entries.iter_mut().filter_map(Value::as_object_mut) {
        keep(entry, MANAGED);
    }
}

/// The error of a Secret's field may quote the field, so it is not told.
fn unreadable(
    kind: Kind,
    name: &ObjectName,
    error: &serde_path_to_error::Error<serde_json::Error>,
) -> Problem {
    let found = match kind {
        Kind::Secret => "does not have the form that its kind has".to_owned(),
        _ => error.inner().to_string(),
    };
    Problem {
        severity: Severity::Error,
        code: ProblemCode::InvalidField,
        object: ObjectRef {
            kind,
            name: name.clone(),
        },
        field: error.path().to_string(),
        found,
        expected: "an object that this version can read; the last one that it could stays in force, if there was one"
            .to_owned(),
        origin: None,
    }
}

impl<K> Clone for Arrived<K> {
    fn clone(&self) -> Arrived<K> {
        Arrived {
            metadata: self.metadata.clone(),
            name: self.name.clone(),
            object: self.object.clone(),
        }
    }
}

/// Says nothing of the content: it may be a Secret.
impl<K> fmt::Debug for Arrived<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.name)
    }
}

impl<K: Watched> Resource for Arrived<K> {
    type DynamicType = ApiResource;
    type Scope = DynamicResourceScope;

    fn kind(resource: &ApiResource) -> Cow<'_, str> {
        resource.kind.as_str().into()
    }

    fn group(resource: &ApiResource) -> Cow<'_, str> {
        resource.group.as_str().into()
    }

    fn version(resource: &ApiResource) -> Cow<'_, str> {
        resource.version.as_str().into()
    }

    fn plural(resource: &ApiResource) -> Cow<'_, str> {
        resource.plural.as_str().into()
    }

    fn metadata_api() -> bool {
        K::IS_METADATA_ONLY
    }

    fn meta(&self) -> &ObjectMeta {
        &self.metadata
    }

    fn meta_mut(&mut self) -> &mut ObjectMeta {
        &mut self.metadata
    }
}

#[cfg(test)]
mod tests;
