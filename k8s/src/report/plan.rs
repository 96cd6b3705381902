//! Which writes are wanted, given what the API server holds?
//!
//! A function of its arguments: whoever writes does it again and again until nothing is wanted.

use super::addresses::Address;
use super::{gateway, http_route, ingress};
use crate::objects::{Object, Objects};
use crate::report::MANAGER;
use crate::translate::Outcomes;
use config::name::{Kind, ObjectRef};
use config::settings::Settings;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use serde_json::Value;

/// What is known at one moment.
pub(super) struct View<'a> {
    pub objects: &'a Objects,
    pub settings: &'a Settings,
    /// Where our objects are served. None: not known now, so what was said of it stays.
    pub addresses: Option<&'a [Address]>,
}

/// A change of the status of one object.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Write {
    pub object: ObjectRef,
    /// Of the object that it was made for, as we count.
    pub revision: u64,
    /// The same as the API server counts: it refuses the write if the object is another one by then.
    pub version: String,
    pub change: Change,
}

/// How a status is changed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    /// These fields are ours, whoever had them before.
    Apply(Value),
    /// These fields as they stand here, in place of what they were.
    Merge(Value),
    /// No field is ours any more. What somebody else claims as well stays.
    Release,
}

impl Write {
    pub fn new<K>(
        kind: Kind,
        object: &Object<K>,
        metadata: &ObjectMeta,
        change: Change,
    ) -> Option<Write> {
        Some(Write {
            object: ObjectRef {
                kind,
                name: object.name.clone(),
            },
            revision: object.revision,
            // Every object of an API server has one. Without it a stale write could do harm.
            version: metadata.resource_version.clone()?,
            change,
        })
    }

    /// Equal changes have equal digests.
    pub fn digest(&self) -> u64 {
        let text = match &self.change {
            Change::Apply(status) | Change::Merge(status) => status.to_string(),
            Change::Release => String::new(),
        };
        config::digest::of(&[text.as_bytes()])
    }
}

/// True: something of the status is there because we applied it. Of `managedFields` nothing but our own entry is kept on arrival.
pub(super) fn has_our_mark(metadata: &ObjectMeta) -> bool {
    let entries = metadata.managed_fields.iter().flatten();
    entries
        .filter_map(|entry| entry.manager.as_deref())
        .any(|manager| manager == MANAGER)
}

/// What differs from what is wanted, sorted by object.
pub(super) fn plan(view: &View<'_>) -> Vec<Write> {
    let outcomes = Outcomes::of(view.objects, view.settings);
    let mut writes = ingress::plan(view);
    writes.extend(gateway::plan_classes(view));
    writes.extend(gateway::plan(view, &outcomes));
    writes.extend(http_route::plan(&outcomes));
    writes.sort_by(|one, other| one.object.cmp(&other.object));
    writes
}
