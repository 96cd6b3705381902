//! What does the status of a GatewayClass and of a Gateway say?
//! <https://gateway-api.sigs.k8s.io/reference/spec/#gatewaystatus>

use super::addresses::Address;
use super::condition::{self, Condition, at};
use super::plan::{Change, View, Write, has_our_mark};
use crate::translate::CONTROLLER;
use crate::translate::{GatewayOutcome, ListenerOutcome, Outcomes};
use config::name::{Kind, ObjectName};
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// As many as the definition of Gateway lets its status have.
const ADDRESSES_MAX: usize = 16;

/// That we know it.
pub(super) fn plan_classes(view: &View<'_>) -> Vec<Write> {
    let all = view.objects.gateway_classes.values();
    let ours = all.filter(|class| class.value.spec.controller_name == CONTROLLER);
    ours.filter_map(|class| {
        let status = serde_json::to_value(&class.value.status).ok()?;
        let metadata = &class.value.metadata;
        let message = "Gateways of this class are served".to_owned();
        let accepted = [Condition::unless("Accepted", None, message)];
        let wanted = condition::list(&accepted, metadata.generation, at(&status, "conditions"));
        if condition::are_in(&wanted, at(&status, "conditions")) {
            return None;
        }
        let change = Change::Apply(json!({ "conditions": wanted }));
        Write::new(Kind::GatewayClass, class, metadata, change)
    })
    .collect()
}

/// The whole status of those that are ours; nothing of ours for the others.
pub(super) fn plan(view: &View<'_>, outcomes: &Outcomes<'_>) -> Vec<Write> {
    let ours: BTreeSet<&ObjectName> = (outcomes.gateways.iter())
        .map(|outcome| &outcome.object.name)
        .collect();
    let theirs =
        view.objects.gateways.values().filter(|gateway| {
            !ours.contains(&gateway.name) && has_our_mark(&gateway.value.metadata)
        });
    let released = theirs.filter_map(|gateway| {
        let metadata = &gateway.value.metadata;
        Write::new(Kind::Gateway, gateway, metadata, Change::Release)
    });
    let written = (outcomes.gateways.iter()).filter_map(|outcome| write(view.addresses, outcome));
    released.chain(written).collect()
}

fn write(addresses: Option<&[Address]>, outcome: &GatewayOutcome<'_>) -> Option<Write> {
    let metadata = &outcome.object.value.metadata;
    let before = serde_json::to_value(&outcome.object.value.status).ok()?;
    let generation = metadata.generation;
    let listeners: Vec<Value> = (outcome.listeners.iter())
        .map(|one| listener(one, generation, named(at(&before, "listeners"), one.name)))
        .collect();
    let conditions = condition::list(&overall(outcome), generation, at(&before, "conditions"));
    // What is not known stays as it was.
    let places = match addresses {
        Some(addresses) => addresses.iter().take(ADDRESSES_MAX).map(place).collect(),
        None => at(&before, "addresses")
            .as_array()
            .cloned()
            .unwrap_or_default(),
    };
    let is_there = condition::are_in(&conditions, at(&before, "conditions"))
        && are_same(&listeners, at(&before, "listeners"))
        && at(&before, "addresses")
            .as_array()
            .map_or(&[][..], Vec::as_slice)
            == places;
    let status = json!({ "addresses": places, "conditions": conditions, "listeners": listeners });
    let change = Change::Apply(status);
    let write = Write::new(Kind::Gateway, outcome.object, metadata, change);
    write.filter(|_| !is_there)
}

fn place(address: &Address) -> Value {
    match address {
        Address::Ip(address) => json!({ "type": "IPAddress", "value": address }),
        Address::Name(name) => json!({ "type": "Hostname", "value": name }),
    }
}

/// `Accepted` is true where some listener can be used, with a reason of its own where another one cannot.
fn overall(outcome: &GatewayOutcome<'_>) -> [Condition; 2] {
    let all = &outcome.listeners;
    let wrong = all.iter().filter(|one| one.accepted.is_some()).count();
    let is_none_good = wrong == all.len();
    let reason = if wrong == 0 {
        "Accepted"
    } else {
        "ListenersNotValid"
    };
    let accepted = Condition {
        kind: "Accepted",
        holds: !is_none_good,
        reason,
        message: format!(
            "{} of {} listeners can be used",
            all.len() - wrong,
            all.len()
        ),
    };
    let programmed = Condition {
        kind: "Programmed",
        holds: !is_none_good,
        reason: if is_none_good {
            "Invalid"
        } else {
            "Programmed"
        },
        message: "what is in force is served where the settings of this edge listen".to_owned(),
    };
    [accepted, programmed]
}

fn listener(one: &ListenerOutcome<'_>, generation: Option<i64>, before: &Value) -> Value {
    let kinds = match one.takes_http_routes {
        true => json!([{ "group": "gateway.networking.k8s.io", "kind": "HTTPRoute" }]),
        false => json!([]),
    };
    let told = "see the Events of this Gateway".to_owned();
    let message = |wrong: Option<&str>, good: &str| match wrong {
        Some(_) => told.clone(),
        None => good.to_owned(),
    };
    let unusable = one.accepted.or(one.resolved).map(|_| "Invalid");
    let conditions = [
        Condition::unless(
            "Accepted",
            one.accepted,
            message(one.accepted, "routes can attach"),
        ),
        Condition::unless(
            "Programmed",
            unusable,
            message(unusable, "what attaches is served"),
        ),
        Condition::unless(
            "ResolvedRefs",
            one.resolved,
            message(one.resolved, "everything that it refers to is there"),
        ),
    ];
    json!({
        "name": one.name,
        "supportedKinds": kinds,
        "attachedRoutes": one.attached_routes,
        "conditions": condition::list(&conditions, generation, at(before, "conditions")),
    })
}

fn named<'v>(listeners: &'v Value, name: &str) -> &'v Value {
    let mut all = listeners.as_array().into_iter().flatten();
    all.find(|one| at(one, "name") == name)
        .unwrap_or(&Value::Null)
}

/// The same listeners, whatever others say of them beside it.
fn are_same(wanted: &[Value], before: &Value) -> bool {
    let count = before.as_array().map_or(0, Vec::len);
    count == wanted.len()
        && wanted.iter().all(|one| {
            let before = named(before, at(one, "name").as_str().unwrap_or_default());
            at(one, "attachedRoutes") == at(before, "attachedRoutes")
                && at(one, "supportedKinds") == at(before, "supportedKinds")
                && condition::are_in(at(one, "conditions"), at(before, "conditions"))
        })
}
