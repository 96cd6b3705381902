//! How does a condition get into a status, and when is it there already?

use serde_json::{Map, Value, json};

/// A time that is filled in when it is sent: what is planned shall not depend on a clock.
const NOW: &str = "";

/// One condition as it should be.
pub(super) struct Condition {
    pub kind: &'static str,
    pub holds: bool,
    pub reason: &'static str,
    pub message: String,
}

impl Condition {
    /// True with the reason that has the condition's own name, or false with the reason that is given.
    pub fn unless(kind: &'static str, wrong: Option<&'static str>, message: String) -> Condition {
        Condition {
            kind,
            holds: wrong.is_none(),
            reason: wrong.unwrap_or(kind),
            message,
        }
    }

    /// The time of the last transition is that of the condition that is there, unless its status is another one.
    fn json(&self, generation: Option<i64>, before: &Value) -> Value {
        let status = if self.holds { "True" } else { "False" };
        let before = of_type(before, self.kind);
        let is_same = before.is_some_and(|before| at(before, "status") == status);
        let time = before.filter(|_| is_same);
        let time = time.map_or(json!(NOW), |before| {
            at(before, "lastTransitionTime").clone()
        });
        json!({
            "type": self.kind,
            "status": status,
            "reason": self.reason,
            "message": self.message,
            "observedGeneration": generation.unwrap_or(0),
            "lastTransitionTime": time,
        })
    }
}

/// A field, or null.
pub(super) fn at<'v>(value: &'v Value, key: &str) -> &'v Value {
    value.get(key).unwrap_or(&Value::Null)
}

/// The list as it should be, given the list that is there.
pub(super) fn list(wanted: &[Condition], generation: Option<i64>, before: &Value) -> Value {
    let all = wanted.iter();
    all.map(|condition| condition.json(generation, before))
        .collect()
}

/// True: each of these conditions is in the list that is there. It may have others, which are not ours.
pub(super) fn are_in(wanted: &Value, before: &Value) -> bool {
    let mut wanted = wanted.as_array().into_iter().flatten();
    wanted.all(|one| {
        let kind = at(one, "type").as_str().unwrap_or_default();
        of_type(before, kind) == Some(one)
    })
}

fn of_type<'v>(list: &'v Value, kind: &str) -> Option<&'v Value> {
    let mut all = list.as_array()?.iter();
    all.find(|one| at(one, "type") == kind)
}

/// Fills in the time.
pub(super) fn stamp(value: &mut Value, now: &str) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(|one| stamp(one, now)),
        Value::Object(fields) => stamp_fields(fields, now),
        _ => {}
    }
}

fn stamp_fields(fields: &mut Map<String, Value>, now: &str) {
    for (key, value) in fields.iter_mut() {
        match key == "lastTransitionTime" && value == NOW {
            true => *value = json!(now),
            false => stamp(value, now),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn condition(holds: bool) -> Condition {
        let wrong = (!holds).then_some("Invalid");
        Condition::unless("Accepted", wrong, "why".to_owned())
    }

    #[test]
    fn a_condition_keeps_the_time_of_its_last_transition() {
        let before = json!([{
            "type": "Accepted", "status": "True", "reason": "Accepted", "message": "why",
            "observedGeneration": 3, "lastTransitionTime": "2026-11-01T00:00:00Z",
        }]);
        let same = list(&[condition(true)], Some(3), &before);
        assert!(are_in(&same, &before), "{same}");
        let newer = list(&[condition(true)], Some(4), &before);
        assert!(!are_in(&newer, &before));
        assert_eq!(newer[0]["lastTransitionTime"], "2026-11-01T00:00:00Z");
        let mut other = list(&[condition(false)], Some(3), &before);
        assert!(!are_in(&other, &before));
        stamp(&mut other, "2026-11-21T00:00:00Z");
        assert_eq!(other[0]["lastTransitionTime"], "2026-11-21T00:00:00Z");
    }

    #[test]
    fn what_others_say_beside_it_does_not_matter() {
        let mut before = list(&[condition(true)], Some(1), &Value::Null);
        stamp(&mut before, "2026-11-21T00:00:00Z");
        let wanted = list(&[condition(true)], Some(1), &before);
        before
            .as_array_mut()
            .unwrap()
            .insert(0, json!({ "type": "Theirs" }));
        assert!(are_in(&wanted, &before));
        assert!(!are_in(&wanted, &Value::Null));
    }
}
