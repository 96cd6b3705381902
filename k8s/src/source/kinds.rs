//! Which object does a document describe?

mod hosts;
mod metadata;
#[cfg(test)]
mod tests;
mod versions;

use super::fields::{self, FieldFault, Privacy, Reading};
use super::node::{Content, Node};
use crate::objects::{Any, EndpointSlice, Object, Secret, Unused};
use config::name::{Kind, ObjectRef, Origin};
use config::problem::{Problem, ProblemCode, Severity};
use k8s_openapi::ByteString;
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::sync::Arc;
use versions::Verdict;

/// Lists within lists. `kubectl` writes one level.
const LIST_DEPTH_MAX: usize = 4;

/// What became of the documents of one file.
#[derive(Debug, Default)]
pub struct Read {
    pub objects: Vec<Any>,
    /// Objects that are ours and wrong: they are not used, and an earlier version of them stays.
    pub broken: Vec<Arc<Unused>>,
    /// True: one of those that are wrong does not say which object it is, or says it in a field that is misspelt. It may be any.
    pub has_nameless: bool,
    pub problems: Vec<Problem>,
    /// The kinds of documents that are not ours.
    pub passed_over: Vec<String>,
}

/// Reads one document: an object, or a list of them.
pub fn read(document: Node, file: &Arc<str>, into: &mut Read) {
    unroll(document, file, LIST_DEPTH_MAX, into);
}

fn unroll(document: Node, file: &Arc<str>, depth_left: usize, into: &mut Read) {
    let kind = document.text("kind").unwrap_or_default();
    let is_list = kind.ends_with("List") && document.child("items").is_some();
    if !is_list || depth_left == 0 {
        object(document, file, into);
        return;
    }
    // The items of an `IngressList` need not say again that they are Ingresses.
    let item_kind = kind.strip_suffix("List").unwrap_or_default().to_owned();
    let version = document.text("apiVersion").unwrap_or_default().to_owned();
    let line = document.line;
    let Content::Map(entries) = document.content else {
        return;
    };
    let items = entries.into_iter().find(|entry| entry.key == "items");
    match items.map(|entry| entry.value.content) {
        Some(Content::List(items)) => {
            for mut item in items {
                if !item_kind.is_empty() {
                    metadata::set_missing(&mut item, "kind", &item_kind);
                    metadata::set_missing(&mut item, "apiVersion", &version);
                }
                unroll(item, file, depth_left - 1, into);
            }
        }
        None | Some(Content::Null) => {}
        Some(_) => into.problems.push(Problem {
            severity: Severity::Error,
            code: ProblemCode::InvalidField,
            object: manifest(file),
            field: "items".into(),
            found: "something else than a list".into(),
            expected: "a list of objects; none of them is read".into(),
            origin: Some(Origin {
                file: file.clone(),
                line,
            }),
        }),
    }
}

/// The file as a whole, for problems that no object has.
pub fn manifest(file: &str) -> ObjectRef {
    ObjectRef::new(Kind::Manifest, "", file)
}

fn object(document: Node, file: &Arc<str>, into: &mut Read) {
    match versions::judge(&document) {
        Verdict::Empty => {}
        Verdict::PassedOver(kind) => {
            tracing::debug!(file = &**file, line = document.line, kind, "passed over");
            into.passed_over.push(kind);
        }
        Verdict::Wrong(fault) => {
            let line = document.child(fault.field);
            let line = line.map_or(document.line, |entry| entry.line);
            let named = fault.kind.map(|kind| metadata::reference(&document, kind));
            into.problems.push(Problem {
                severity: fault.severity,
                code: fault.code,
                object: named.clone().unwrap_or_else(|| manifest(file)),
                field: fault.field.into(),
                found: fault.found,
                expected: fault.expected,
                origin: Some(Origin {
                    file: file.clone(),
                    line,
                }),
            });
            let hosts = fault
                .kind
                .and_then(|kind| hosts::of(&document.split(file).0, kind));
            let unused = named.map(|reference| Unused {
                reference,
                hosts,
                draft: None,
                left_out: Vec::new(),
                keeps_paths: false,
            });
            into.broken.extend(unused.map(Arc::new));
        }
        Verdict::Ours(kind) => ours(kind, document, file, into),
    }
}

/// One object of a kind and version that is read, before its fields are.
struct Draft<'a> {
    reference: ObjectRef,
    value: Value,
    lines: crate::objects::Lines,
    /// What is wrong with its name and namespace: then it may be any object.
    name_faults: Vec<FieldFault>,
    into: &'a mut Read,
}

fn ours(kind: Kind, mut document: Node, file: &Arc<str>, into: &mut Read) {
    let reference = metadata::reference(&document, kind);
    let name_faults = metadata::faults(&document, kind);
    metadata::settle(&mut document, &reference);
    let (value, lines) = document.split(file);
    let draft = Draft {
        reference,
        value,
        lines,
        name_faults,
        into,
    };
    match kind {
        Kind::Ingress => draft.finish(|object| Any::Ingress(Arc::new(object))),
        Kind::IngressClass => draft.finish(|object| Any::IngressClass(Arc::new(object))),
        Kind::Service => draft.finish(|object| Any::Service(Arc::new(object))),
        Kind::EndpointSlice => draft.finish(|object| Any::EndpointSlice(Arc::new(slim(object)))),
        Kind::Endpoints => draft.finish(|object| Any::Endpoints(Arc::new(object))),
        Kind::Secret => draft.finish(|object| Any::Secret(Arc::new(with_string_data(object)))),
        Kind::ConfigMap => draft.finish(|object| Any::ConfigMap(Arc::new(object))),
        Kind::ReferenceGrant => draft.finish(|object| Any::ReferenceGrant(Arc::new(object))),
        Kind::Gateway => draft.finish(|object| Any::Gateway(Arc::new(object))),
        Kind::GatewayClass => draft.finish(|object| Any::GatewayClass(Arc::new(object))),
        Kind::HttpRoute => draft.finish(|object| Any::HttpRoute(Arc::new(object))),
        Kind::Namespace | Kind::Settings | Kind::Manifest => {}
    }
}

impl Draft<'_> {
    fn finish<K: DeserializeOwned>(self, wrap: impl Fn(Object<K>) -> Any) {
        let revision = self.revision();
        let privacy = match self.reference.kind {
            Kind::Secret => Privacy::Secret,
            _ => Privacy::Public,
        };
        let hosts = hosts::of(&self.value, self.reference.kind);
        let Reading {
            object,
            draft,
            left_out,
            mut faults,
        } = fields::read::<K>(self.value, privacy);
        let is_told = |field: &str| self.name_faults.iter().any(|told| told.field == field);
        faults.retain(|fault| !is_told(&fault.field));
        // `namespce` says that this is another object than it seems to be.
        let is_nameless = !self.name_faults.is_empty()
            || faults.iter().any(|fault| {
                fault.severity == Severity::Error && fault.field.starts_with("metadata.")
            });
        self.into.has_nameless |= is_nameless;
        let mut wrong = faults.iter().filter(|one| one.severity == Severity::Error);
        let keeps_paths = wrong.all(|fault| is_of_backend(&fault.field));
        for fault in self.name_faults.into_iter().chain(faults) {
            let origin = self.lines.origin(&fault.field);
            let found = problem(&self.reference, fault, origin);
            self.into.problems.push(found);
        }
        let name = self.reference.name.clone();
        let typed = |value| {
            wrap(Object {
                value,
                name,
                revision,
                lines: Some(self.lines),
            })
        };
        match object {
            Some(value) if !is_nameless => self.into.objects.push(typed(value)),
            object => {
                let draft = object.or(draft).filter(|_| !is_nameless).map(typed);
                self.into.broken.push(Arc::new(Unused {
                    hosts: match &draft {
                        Some(draft) => hosts::of_draft(draft, &left_out),
                        None => hosts,
                    },
                    reference: self.reference,
                    draft,
                    left_out,
                    keeps_paths,
                }));
            }
        }
    }

    /// Covers all that translation can see: the value, and the lines that its problems will name.
    fn revision(&self) -> u64 {
        // A value with text keys can always be written; the empty text would only cost a needless translation.
        let text = serde_json::to_vec(&self.value).unwrap_or_default();
        let mut lines = Vec::with_capacity(self.lines.fields.len() * 4);
        for (_, line) in &self.lines.fields {
            lines.extend_from_slice(&line.to_le_bytes());
        }
        let kind = self.reference.kind.as_str().as_bytes();
        config::digest::of(&[kind, self.lines.file.as_bytes(), &text, &lines])
    }
}

/// Is it about where requests go, and not about which?
fn is_of_backend(field: &str) -> bool {
    let mut steps = field.split(['.', '[']);
    steps.any(|step| matches!(step, "backend" | "defaultBackend" | "backendRefs"))
}

fn problem(object: &ObjectRef, fault: FieldFault, origin: Option<Origin>) -> Problem {
    Problem {
        severity: fault.severity,
        code: fault.code,
        object: object.clone(),
        field: fault.field,
        found: fault.found,
        expected: fault.expected,
        origin,
    }
}

fn slim(object: Object<k8s_openapi::api::discovery::v1::EndpointSlice>) -> Object<EndpointSlice> {
    Object {
        value: object.value.into(),
        name: object.name,
        revision: object.revision,
        lines: object.lines,
    }
}

/// `stringData` is written into `data`, over what stands there, as the API server does.
fn with_string_data(mut object: Object<Secret>) -> Object<Secret> {
    if let Some(texts) = object.value.string_data.take() {
        let bytes = texts.into_iter();
        let bytes = bytes.map(|(key, text)| (key, ByteString(text.into_bytes())));
        object.value.data.get_or_insert_default().extend(bytes);
    }
    object
}
