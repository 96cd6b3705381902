//! What is an object called, and what of its metadata is kept?

use super::super::fields::FieldFault;
use super::super::node::{Content, Entry, Node};
use config::name::{Kind, ObjectRef};
use config::problem::{ProblemCode, Severity};

/// What kubectl notes for itself: nobody reads it here, and it is as large as the object.
const LAST_APPLIED: &str = "kubectl.kubernetes.io/last-applied-configuration";
/// RFC 1123 subdomain and label, see "Object Names and IDs" in the Kubernetes documentation.
const NAME_BYTES_MAX: usize = 253;
const LABEL_BYTES_MAX: usize = 63;
const DEFAULT_NAMESPACE: &str = "default";
const SUBDOMAIN_RULE: &str = "lower-case letters, digits, '-' and '.', first and last a letter or digit, at most 253; \
     the object is not read";
const LABEL_RULE: &str = "lower-case letters, digits and '-', first and last a letter or digit, at most 63; \
     the object is not read";

/// The object's kind, namespace and name as far as they are written. The namespace is `default` where none is, and empty for kinds without.
pub fn reference(document: &Node, kind: Kind) -> ObjectRef {
    let metadata = document.child("metadata").map(|entry| &entry.value);
    let text = |key| metadata.and_then(|metadata| metadata.text(key));
    let namespace = match text("namespace") {
        _ if is_cluster_scoped(kind) => "",
        None | Some("") => DEFAULT_NAMESPACE,
        Some(namespace) => namespace,
    };
    ObjectRef::new(kind, namespace, text("name").unwrap_or_default())
}

/// What is wrong with the object's name and namespace.
pub fn faults(document: &Node, kind: Kind) -> Vec<FieldFault> {
    let Some(metadata) = document.child("metadata") else {
        return vec![fault("metadata", "nothing", "metadata with a name")];
    };
    let metadata = &metadata.value;
    let (is_name, rule): (fn(&str) -> bool, _) = match kind {
        Kind::Service => (is_label, LABEL_RULE),
        _ => (is_subdomain, SUBDOMAIN_RULE),
    };
    let mut faults = Vec::new();
    match metadata.child("name") {
        Some(entry) => faults.extend(name_fault("metadata.name", &entry.value, is_name, rule)),
        None if metadata.child("generateName").is_some() => {
            let found = "generateName, which only the API server can complete";
            faults.push(fault("metadata.name", found, "a name"));
        }
        None => faults.push(fault("metadata.name", "nothing", "a name")),
    }
    if let Some(entry) = metadata.child("namespace")
        && !is_cluster_scoped(kind)
        && !is_unset(&entry.value)
    {
        let field = "metadata.namespace";
        faults.extend(name_fault(field, &entry.value, is_label, LABEL_RULE));
    }
    faults
}

/// Takes out what is not read, and writes the namespace that counts, so that every later reader sees the same one.
pub fn settle(document: &mut Node, reference: &ObjectRef) {
    let Content::Map(entries) = &mut document.content else {
        return;
    };
    // The types of the Gateway API do not know the first two; the status in a file tells of another time and cluster.
    entries.retain(|entry| !matches!(&*entry.key, "apiVersion" | "kind" | "status"));
    for entry in entries.iter_mut() {
        match &*entry.key {
            "metadata" => settle_metadata(&mut entry.value, reference),
            // A key without a value is the empty text in a map of texts, as it is for the API server.
            "data" | "stringData" => nulls_to_empty_text(&mut entry.value),
            _ => {}
        }
    }
}

/// Writes a key into a map that lacks it.
pub fn set_missing(document: &mut Node, key: &str, text: &str) {
    if document.child(key).is_none() && !text.is_empty() {
        set(document, key, text);
    }
}

fn settle_metadata(metadata: &mut Node, reference: &ObjectRef) {
    let Content::Map(entries) = &mut metadata.content else {
        return;
    };
    entries.retain(|entry| entry.key != "managedFields");
    for entry in entries.iter_mut() {
        match &*entry.key {
            "annotations" => {
                if let Content::Map(annotations) = &mut entry.value.content {
                    annotations.retain(|annotation| annotation.key != LAST_APPLIED);
                }
                nulls_to_empty_text(&mut entry.value);
            }
            "labels" => nulls_to_empty_text(&mut entry.value),
            _ => {}
        }
    }
    let namespace = &*reference.name.namespace;
    match namespace {
        "" => remove(metadata, "namespace"),
        _ => set(metadata, "namespace", namespace),
    }
}

fn remove(map: &mut Node, key: &str) {
    if let Content::Map(entries) = &mut map.content {
        entries.retain(|entry| entry.key != key);
    }
}

fn set(map: &mut Node, key: &str, text: &str) {
    let line = map.line;
    let Content::Map(entries) = &mut map.content else {
        return;
    };
    let content = Content::Text(text.to_owned());
    if let Some(entry) = entries.iter_mut().find(|entry| entry.key == key) {
        entry.value.content = content;
        return;
    }
    entries.push(Entry {
        key: key.to_owned(),
        line,
        value: Node { line, content },
    });
}

fn nulls_to_empty_text(map: &mut Node) {
    let Content::Map(entries) = &mut map.content else {
        return;
    };
    for entry in entries {
        if entry.value.content == Content::Null {
            entry.value.content = Content::Text(String::new());
        }
    }
}

fn is_cluster_scoped(kind: Kind) -> bool {
    matches!(kind, Kind::IngressClass | Kind::GatewayClass)
}

fn is_unset(node: &Node) -> bool {
    match &node.content {
        Content::Null => true,
        Content::Text(text) => text.is_empty(),
        _ => false,
    }
}

fn name_fault(
    field: &str,
    node: &Node,
    is_right: fn(&str) -> bool,
    rule: &str,
) -> Option<FieldFault> {
    match &node.content {
        Content::Text(text) if is_right(text) => None,
        Content::Text(text) => Some(fault(field, &format!("{text:?}"), rule)),
        Content::Bool(_) | Content::Number(_) => {
            Some(fault(field, node.sort(), "text: put quotes around it"))
        }
        _ => Some(fault(field, node.sort(), rule)),
    }
}

fn fault(field: &str, found: &str, expected: &str) -> FieldFault {
    FieldFault {
        severity: Severity::Error,
        code: ProblemCode::InvalidField,
        field: field.to_owned(),
        found: found.to_owned(),
        expected: expected.to_owned(),
    }
}

fn is_subdomain(name: &str) -> bool {
    name.len() <= NAME_BYTES_MAX && name.split('.').all(is_part)
}

fn is_label(name: &str) -> bool {
    name.len() <= LABEL_BYTES_MAX && is_part(name)
}

fn is_part(part: &str) -> bool {
    let inner = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    !part.is_empty() && part.bytes().all(inner) && !part.starts_with('-') && !part.ends_with('-')
}
