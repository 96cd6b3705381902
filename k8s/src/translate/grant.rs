//! May an object refer to one of another namespace?

use super::class::yaml_name;
use super::findings::Findings;
use crate::objects::Objects;
use config::problem::ProblemCode;
use gateway_api::apis::standard::referencegrants::{ReferenceGrantFrom, ReferenceGrantTo};
use std::collections::HashMap;

/// The group of Gateway, HTTPRoute and ReferenceGrant.
pub(super) const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";

/// All ReferenceGrants, by the namespace that they open.
#[derive(Default)]
pub(super) struct Grants<'a> {
    by_namespace: HashMap<&'a str, Vec<(&'a ReferenceGrantFrom, &'a ReferenceGrantTo)>>,
}

/// A reference. Both namespaces are known by now.
pub(super) struct Reference<'a> {
    /// The kind that refers, of the Gateway API's group.
    pub from_kind: &'a str,
    pub from_namespace: &'a str,
    /// The kind that is referred to, of the core group: Service or Secret.
    pub to_kind: &'a str,
    pub to_namespace: &'a str,
    pub to_name: &'a str,
}

impl<'a> Grants<'a> {
    pub fn of(objects: &'a Objects) -> Grants<'a> {
        let mut grants = Grants::default();
        for grant in objects.reference_grants.values() {
            let opened: &mut Vec<_> = grants
                .by_namespace
                .entry(&grant.name.namespace)
                .or_default();
            for from in &grant.value.spec.from {
                opened.extend(grant.value.spec.to.iter().map(|to| (from, to)));
            }
        }
        grants
    }

    /// Within a namespace everything may refer to everything.
    pub fn allow(&self, reference: &Reference<'_>) -> bool {
        if reference.from_namespace == reference.to_namespace {
            return true;
        }
        let opened = self.by_namespace.get(reference.to_namespace);
        opened.into_iter().flatten().any(|(from, to)| {
            from.group == GATEWAY_GROUP
                && from.kind == reference.from_kind
                && from.namespace == reference.from_namespace
                && to.group.is_empty()
                && to.kind == reference.to_kind
                && to
                    .name
                    .as_deref()
                    .is_none_or(|name| name == reference.to_name)
        })
    }
}

/// Says that a reference is not granted, with the object to add.
pub(super) fn report(
    field: &str,
    reference: &Reference<'_>,
    meanwhile: &str,
    findings: &mut Findings<'_>,
) {
    let found = format!(
        "refers to {} {}/{} without a ReferenceGrant",
        reference.to_kind,
        reference.to_namespace.escape_debug(),
        reference.to_name.escape_debug()
    );
    let expected = format!(
        "a grant in that namespace; meanwhile {meanwhile}. To grant it, its owner adds:\n{}",
        manifest(reference)
    );
    findings.error(ProblemCode::NotGranted, field, found, expected);
}

fn manifest(reference: &Reference<'_>) -> String {
    let Reference {
        from_kind, to_kind, ..
    } = reference;
    let from_namespace = yaml_name(reference.from_namespace);
    let to_namespace = yaml_name(reference.to_namespace);
    let to_name = yaml_name(reference.to_name);
    format!(
        "apiVersion: {GATEWAY_GROUP}/v1beta1\nkind: ReferenceGrant\nmetadata:\n  name: allow-{}\n  namespace: {to_namespace}\nspec:\n  from:\n  - group: {GATEWAY_GROUP}\n    kind: {from_kind}\n    namespace: {from_namespace}\n  to:\n  - group: \"\"\n    kind: {to_kind}\n    name: {to_name}",
        from_kind.to_ascii_lowercase(),
    )
}
