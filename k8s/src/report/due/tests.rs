//! When is a write due, and when has it to wait?

use super::super::plan::Change;
use super::*;
use crate::source::cluster::Cause;
use serde_json::json;

fn write(name: &str, revision: u64, said: &str) -> Write {
    Write {
        object: ObjectRef::new(Kind::Ingress, "shop", name),
        revision,
        version: revision.to_string(),
        change: Change::Apply(json!(said)),
    }
}

fn failed(cause: Cause) -> Outcome {
    Outcome::Failed(Fault::new(cause, String::new()))
}

/// Whether it is due so many seconds after the start.
#[track_caller]
fn check(due: &Due, write: &Write, start: Instant, seconds: u64, expected: bool) {
    let when = due.when(write, start + Duration::from_secs(seconds));
    assert_eq!(when == When::Now, expected, "{when:?} after {seconds} s");
}

#[test]
fn what_was_written_is_not_written_again_before_the_object_changes() {
    let (mut due, start) = (Due::default(), Instant::now());
    let first = write("web", 1, "a");
    check(&due, &first, start, 0, true);
    due.done(&first, &Outcome::Written, start);
    check(&due, &first, start, 600, false);
    check(&due, &write("web", 1, "b"), start, 0, true);
    // Somebody changed it back.
    check(&due, &write("web", 2, "a"), start, 0, true);
    check(&due, &write("other", 1, "a"), start, 0, true);
}

#[test]
fn who_changes_it_back_and_forth_makes_us_write_ever_less_often() {
    let (mut due, start) = (Due::default(), Instant::now());
    let (mut seconds, mut writes) = (0, 0);
    for revision in 1..3_600 {
        let now = start + Duration::from_secs(seconds);
        if due.when(&write("web", revision, "a"), now) == When::Now {
            due.done(&write("web", revision, "a"), &Outcome::Written, now);
            writes += 1;
        }
        seconds += 1;
    }
    assert!((10..30).contains(&writes), "{writes} writes in an hour");
}

#[test]
fn a_version_that_was_replaced_is_waited_for() {
    let (mut due, start) = (Due::default(), Instant::now());
    due.done(&write("web", 1, "a"), &Outcome::Conflict, start);
    check(&due, &write("web", 1, "a"), start, 4, false);
    check(&due, &write("web", 1, "a"), start, 5, true);
    check(&due, &write("web", 2, "a"), start, 0, true);
}

#[test]
fn a_missing_right_holds_up_its_kind_and_namespace_alone() {
    let (mut due, start) = (Due::default(), Instant::now());
    due.done(&write("web", 1, "a"), &failed(Cause::Forbidden), start);
    check(&due, &write("other", 1, "a"), start, 0, false);
    check(&due, &write("other", 1, "a"), start, 2, true);
    let mut elsewhere = write("web", 1, "a");
    elsewhere.object = ObjectRef::new(Kind::Ingress, "website", "web");
    check(&due, &elsewhere, start, 0, true);
}

#[test]
fn a_server_that_asks_for_patience_gets_it_for_everything() {
    let (mut due, start) = (Due::default(), Instant::now());
    let mut fault = Fault::new(Cause::Throttled, String::new());
    fault.retry_after = Some(Duration::from_secs(20));
    // Four at once are one failure.
    for _ in 0..4 {
        due.done(
            &write("web", 1, "a"),
            &Outcome::Failed(fault.clone()),
            start,
        );
    }
    let mut elsewhere = write("web", 1, "a");
    elsewhere.object = ObjectRef::new(Kind::Gateway, "website", "web");
    check(&due, &elsewhere, start, 19, false);
    check(&due, &elsewhere, start, 20, true);
    due.done(&elsewhere, &Outcome::Written, start);
    check(&due, &write("web", 1, "a"), start, 0, true);
}

#[test]
fn what_is_not_taken_is_not_offered_again_as_it_is() {
    let (mut due, start) = (Due::default(), Instant::now());
    let fault = Fault::new(Cause::Refused, String::new());
    due.done(&write("web", 1, "a"), &Outcome::Refused(fault), start);
    check(&due, &write("web", 1, "a"), start, 600, false);
    check(&due, &write("web", 1, "b"), start, 0, true);
    check(&due, &write("other", 1, "a"), start, 0, true);
}

#[test]
fn nothing_is_remembered_for_ever() {
    let (mut due, start) = (Due::default(), Instant::now());
    due.done(&write("web", 1, "a"), &Outcome::Written, start);
    due.forget_old(&[], start + MEMORY);
    assert!(due.objects.is_empty());
}

#[test]
fn a_place_where_nothing_is_wanted_any_more_does_not_fail() {
    let (mut due, start) = (Due::default(), Instant::now());
    let web = write("web", 1, "a");
    let fault = Fault::new(Cause::Forbidden, String::new());
    due.done(&web, &Outcome::Failed(fault), start);
    due.forget_old(std::slice::from_ref(&web), start);
    assert_eq!(due.places.len(), 1);
    due.forget_old(&[], start);
    assert!(due.places.is_empty());
}
