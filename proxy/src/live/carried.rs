//! What of a rule's run-time state goes on in the next configuration?

use super::weights::Turns;
use super::{InForce, RuleState};
use crate::observe::request_metrics::RouteMetrics;
use config::name::ObjectRef;
use config::snapshot::{Action, Rule, WeightedTarget};
use std::collections::HashMap;
use std::sync::Arc;

/// The route of requests that no rule takes.
const NO_ROUTE: &str = "none";

/// What the next configuration's rule takes over.
pub(super) struct Carried<'a> {
    /// One for all rules of an object.
    pub label: Arc<str>,
    /// The rule of the same object and field, as it was.
    before: Option<(&'a Rule, &'a Arc<RuleState>)>,
}

impl Carried<'_> {
    /// The state that there was, if nothing about it changed. Shares that did not change go on where they were: else a rule that is published
    /// often would only ever serve its first turns.
    pub fn state(self, rule: &Rule, metrics: RouteMetrics) -> Arc<RuleState> {
        let whole = targets(rule).last().map_or(1, weight);
        let before = self.before.filter(|(old, _)| have_same_weights(old, rule));
        let turns = match before {
            Some((_, state)) if state.metrics.is_same(&metrics) => return state.clone(),
            Some((_, state)) => Turns::going_on(whole, &state.turns),
            None => Turns::new(whole),
        };
        Arc::new(RuleState {
            label: self.label,
            metrics,
            turns,
        })
    }
}

/// For each rule, in their order.
pub(super) fn carried<'a>(rules: &[Rule], previous: &'a InForce) -> Vec<Carried<'a>> {
    let mut known = Known::of(previous);
    let mut carried = Vec::with_capacity(rules.len());
    for rules in rules.chunk_by(are_of_one_object) {
        let Some(first) = rules.first() else { continue };
        let before = known.rules_of(&first.object);
        let old = before.and_then(|before| before.states.first());
        let label = match (&first.action, old) {
            (Action::NotFound, _) => NO_ROUTE.into(),
            (_, Some(old)) => old.label.clone(),
            (_, None) => first.object.to_string().into(),
        };
        let mut places = None;
        carried.extend(rules.iter().enumerate().map(|(index, rule)| Carried {
            label: label.clone(),
            before: before.and_then(|before| before.find(index, &rule.field, &mut places)),
        }));
    }
    carried
}

/// The rules in force, object by object: those of one object stand side by side.
struct Known<'a> {
    objects: Vec<At<'a>>,
    /// Most objects come in the order of the last time: this one is looked at first.
    next: usize,
    /// Made only when the order is another one.
    places: Option<HashMap<&'a ObjectRef, usize>>,
}

/// The rules of one object.
#[derive(Clone, Copy)]
struct At<'a> {
    rules: &'a [Rule],
    states: &'a [Arc<RuleState>],
}

impl<'a> Known<'a> {
    fn of(previous: &'a InForce) -> Known<'a> {
        let mut states = &*previous.rules;
        let rules = previous.snapshot.rules.as_slice();
        let objects = rules.chunk_by(are_of_one_object);
        let objects = objects.filter_map(|rules| {
            let (own, rest) = states.split_at_checked(rules.len())?;
            states = rest;
            Some(At { rules, states: own })
        });
        Known {
            objects: objects.collect(),
            next: 0,
            places: None,
        }
    }

    fn rules_of(&mut self, object: &ObjectRef) -> Option<At<'a>> {
        let next = self.objects.get(self.next).copied();
        if let Some(next) = next.filter(|next| next.object() == Some(object)) {
            self.next += 1;
            return Some(next);
        }
        let places = self.places.get_or_insert_with(|| {
            let objects = self.objects.iter().enumerate();
            let places = objects.filter_map(|(place, at)| Some((at.object()?, place)));
            places.collect()
        });
        let place = *places.get(object)?;
        self.next = place + 1;
        self.objects.get(place).copied()
    }
}

impl<'a> At<'a> {
    fn object(&self) -> Option<&'a ObjectRef> {
        self.rules.first().map(|rule| &rule.object)
    }

    /// Most rules stand where they stood. `places` is made only when one does not: an object may have thousands.
    fn find(
        &self,
        index: usize,
        field: &str,
        places: &mut Option<HashMap<&'a str, usize>>,
    ) -> Option<(&'a Rule, &'a Arc<RuleState>)> {
        let at = |index: usize| Some((self.rules.get(index)?, self.states.get(index)?));
        let same = at(index).filter(|(rule, _)| *rule.field == *field);
        same.or_else(|| {
            let places = places.get_or_insert_with(|| {
                let fields = self.rules.iter().enumerate();
                // The first one of a field counts, as a search from the start would find it.
                let fields = fields.rev().map(|(place, rule)| (&*rule.field, place));
                fields.collect()
            });
            at(*places.get(field)?)
        })
    }
}

/// What answers 404 is nobody's, whatever it is called.
fn are_of_one_object(left: &Rule, right: &Rule) -> bool {
    let is_nobodys = |rule: &Rule| matches!(rule.action, Action::NotFound);
    left.object == right.object && is_nobodys(left) == is_nobodys(right)
}

fn have_same_weights(left: &Rule, right: &Rule) -> bool {
    let weights = |rule| targets(rule).iter().map(weight);
    weights(left).eq(weights(right))
}

fn weight(target: &WeightedTarget) -> u32 {
    target.weight_until
}

fn targets(rule: &Rule) -> &[WeightedTarget] {
    match &rule.action {
        Action::Forward(targets) => targets,
        Action::Redirect(_) | Action::Fail(_) | Action::NotFound => &[],
    }
}
