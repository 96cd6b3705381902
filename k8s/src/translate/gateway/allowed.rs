//! Which routes may attach to a listener?

use crate::translate::findings::{Findings, quoted};
use crate::translate::grant::GATEWAY_GROUP;
use config::problem::ProblemCode;
use gateway_api::apis::standard::gateways::{
    GatewayListenersAllowedRoutes, GatewayListenersAllowedRoutesKinds,
    GatewayListenersAllowedRoutesNamespacesFrom as From,
    GatewayListenersAllowedRoutesNamespacesSelector as Selector,
    GatewayListenersAllowedRoutesNamespacesSelectorMatchExpressions as Expression,
};

/// Every namespace carries this label with its own name, so it can be judged without reading Namespaces.
/// <https://kubernetes.io/docs/reference/labels-annotations-taints/#kubernetes-io-metadata-name>
const NAME_LABEL: &str = "kubernetes.io/metadata.name";

/// Which namespaces' HTTPRoutes may attach.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::translate) enum AllowedRoutes {
    /// Only those of the Gateway's own.
    Same,
    All,
    /// Those for whose name every condition holds.
    Named(Vec<NameCondition>),
    /// None: a selector that cannot be judged, or HTTPRoute is not among the kinds.
    Nobody,
}

/// A condition on the name of a namespace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::translate) enum NameCondition {
    In(Vec<String>),
    NotIn(Vec<String>),
}

impl AllowedRoutes {
    pub fn allow(&self, gateway_namespace: &str, route_namespace: &str) -> bool {
        match self {
            AllowedRoutes::All => true,
            AllowedRoutes::Same => gateway_namespace == route_namespace,
            AllowedRoutes::Nobody => false,
            AllowedRoutes::Named(conditions) => conditions.iter().all(|condition| {
                let is_in = |names: &[String]| names.iter().any(|name| name == route_namespace);
                match condition {
                    NameCondition::In(names) => is_in(names),
                    NameCondition::NotIn(names) => !is_in(names),
                }
            }),
        }
    }
}

pub(super) fn translate(
    field: &str,
    allowed: Option<&GatewayListenersAllowedRoutes>,
    findings: &mut Findings<'_>,
) -> AllowedRoutes {
    let Some(allowed) = allowed else {
        return AllowedRoutes::Same;
    };
    let kinds = allowed.kinds.as_deref().unwrap_or_default();
    if !takes_http_routes(&format!("{field}.allowedRoutes.kinds"), kinds, findings) {
        return AllowedRoutes::Nobody;
    }
    let namespaces = allowed.namespaces.as_ref();
    match namespaces.and_then(|namespaces| namespaces.from.as_ref()) {
        None | Some(From::Same) => AllowedRoutes::Same,
        Some(From::All) => AllowedRoutes::All,
        Some(From::Selector) => {
            let empty = Selector::default();
            let selector = namespaces.and_then(|namespaces| namespaces.selector.as_ref());
            let field = format!("{field}.allowedRoutes.namespaces.selector");
            select(&field, selector.unwrap_or(&empty), findings)
        }
    }
}

fn takes_http_routes(
    field: &str,
    kinds: &[GatewayListenersAllowedRoutesKinds],
    findings: &mut Findings<'_>,
) -> bool {
    let mut takes = kinds.is_empty();
    for (index, kind) in kinds.iter().enumerate() {
        let group = kind.group.as_deref().unwrap_or(GATEWAY_GROUP);
        if group == GATEWAY_GROUP && kind.kind == "HTTPRoute" {
            takes = true;
            continue;
        }
        findings.warning(
            ProblemCode::Unsupported,
            &format!("{field}[{index}]"),
            format!("{} of group {}", quoted(&kind.kind), quoted(group)),
            "HTTPRoute; no other kind of route is read in this version",
        );
    }
    takes
}

/// A selector on the name label alone can be judged; the empty one takes every namespace.
fn select(field: &str, selector: &Selector, findings: &mut Findings<'_>) -> AllowedRoutes {
    let labels = selector.match_labels.iter().flatten();
    let expressions = selector.match_expressions.iter().flatten();
    let conditions: Option<Vec<NameCondition>> = labels
        .map(|(key, value)| (key == NAME_LABEL).then(|| NameCondition::In(vec![value.clone()])))
        .chain(expressions.map(condition))
        .collect();
    match conditions {
        Some(conditions) if conditions.is_empty() => AllowedRoutes::All,
        Some(conditions) => AllowedRoutes::Named(conditions),
        None => {
            findings.error(
                ProblemCode::Unsupported,
                field,
                "selects by labels of Namespaces, which are not read in this version",
                format!(
                    "from: All, from: Same, or a selector on {NAME_LABEL}; no route attaches to this listener meanwhile"
                ),
            );
            AllowedRoutes::Nobody
        }
    }
}

/// None: cannot be judged.
fn condition(expression: &Expression) -> Option<NameCondition> {
    if expression.key != NAME_LABEL {
        return None;
    }
    let values = expression.values.clone().unwrap_or_default();
    match &*expression.operator {
        "In" => Some(NameCondition::In(values)),
        "NotIn" => Some(NameCondition::NotIn(values)),
        "Exists" => Some(NameCondition::NotIn(Vec::new())),
        "DoesNotExist" => Some(NameCondition::In(Vec::new())),
        _ => None,
    }
}
