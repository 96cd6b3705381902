//! What does the status of an HTTPRoute say of its parents?
//! <https://gateway-api.sigs.k8s.io/reference/spec/#routeparentstatus>
//!
//! The list belongs to all controllers together, and the API server merges it for nobody: it is written as a whole, the entries of others
//! as they stand, and only if the object is still the one that they were read from.

use super::condition::{self, Condition, at};
use super::plan::{Change, Write};
use crate::translate::{CONTROLLER, Outcomes, ParentOutcome, RouteOutcome};
use config::name::Kind;
use serde_json::{Value, json};

pub(super) fn plan(outcomes: &Outcomes<'_>) -> Vec<Write> {
    outcomes.routes.iter().filter_map(write).collect()
}

fn write(outcome: &RouteOutcome<'_>) -> Option<Write> {
    let route = &outcome.object.value;
    if route.status.is_none() && outcome.parents.is_empty() {
        return None;
    }
    let status = serde_json::to_value(&route.status).ok()?;
    let before = at(&status, "parents")
        .as_array()
        .map_or(&[][..], Vec::as_slice);
    let (ours, mut all): (Vec<&Value>, Vec<&Value>) = before
        .iter()
        .partition(|entry| at(entry, "controllerName") == CONTROLLER);
    let generation = route.metadata.generation;
    let wanted: Vec<Value> = (outcome.parents.iter())
        .map(|parent| entry(parent, generation, &ours))
        .collect();
    if wanted.iter().eq(ours) {
        return None;
    }
    all.extend(&wanted);
    let change = Change::Merge(json!({ "parents": all }));
    Write::new(Kind::HttpRoute, outcome.object, &route.metadata, change)
}

fn entry(parent: &ParentOutcome<'_>, generation: Option<i64>, ours: &[&Value]) -> Value {
    let reference = serde_json::to_value(parent.reference).unwrap_or_default();
    let same = ours
        .iter()
        .find(|entry| *at(entry, "parentRef") == reference);
    let before = same.map_or(&Value::Null, |entry| at(entry, "conditions"));
    let message = |wrong: Option<&str>, good: &str| match wrong {
        Some(_) => "see the Events of this HTTPRoute".to_owned(),
        None => good.to_owned(),
    };
    let (accepted, resolved) = (parent.accepted, parent.resolved);
    let conditions = [
        Condition::unless("Accepted", accepted, message(accepted, "it is served")),
        Condition::unless(
            "ResolvedRefs",
            resolved,
            message(resolved, "everything that it refers to is there"),
        ),
    ];
    json!({
        "parentRef": reference,
        "controllerName": CONTROLLER,
        "conditions": condition::list(&conditions, generation, before),
    })
}
