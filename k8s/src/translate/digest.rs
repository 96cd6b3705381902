//! Are two objects asking for the same thing, wherever they are written?

use super::annotations::PREFIX;
use crate::objects::Set;
use config::name::ObjectRef;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde::Serialize;

/// Covers name, age, what is asked for, and our annotations; not the file, the line, labels, or what others write into the object.
pub(super) fn of_route(object: &ObjectRef, metadata: &ObjectMeta, asked: &impl Serialize) -> u64 {
    let created = super::created_seconds(metadata).map(i64::to_le_bytes);
    let annotations: Vec<(&String, &String)> = metadata
        .annotations
        .iter()
        .flatten()
        .filter(|(key, _)| key.starts_with(PREFIX))
        .collect();
    config::digest::of(&[
        object.kind.as_str().as_bytes(),
        object.name.namespace.as_bytes(),
        object.name.name.as_bytes(),
        created.as_ref().map_or(&[][..], |bytes| bytes),
        &json(asked),
        &json(&annotations),
    ])
}

/// Covers the content of all objects of a set, in any order.
pub(super) fn of_set<K>(set: &Set<K>) -> u64 {
    let digests = set.values().map(|object| {
        config::digest::of(&[
            object.name.namespace.as_bytes(),
            object.name.name.as_bytes(),
            &object.revision.to_le_bytes(),
        ])
    });
    digests.fold(0, u64::wrapping_add)
}

/// The types of Kubernetes write their fields in a fixed order, so equal values give equal bytes.
fn json(value: &impl Serialize) -> Vec<u8> {
    serde_json::to_vec(value).unwrap_or_default()
}
