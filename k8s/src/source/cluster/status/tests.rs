//! Is what is told of each kind true?

use super::super::fault::Cause;
use super::*;

fn key(kind: Kind) -> Key {
    (kind, Place::All)
}

fn fault(cause: Cause) -> Fault {
    Fault::new(cause, "words".to_owned())
}

#[track_caller]
fn check(status: &SourceStatus, kind: Kind, expected: &KindState) {
    let kinds = status.kinds();
    let found = kinds.iter().find(|one| one.kind == kind);
    assert_eq!(found.map(|one| &one.state), Some(expected));
}

fn followed(kind: Kind) -> (SourceStatus, Key) {
    let (status, key) = (SourceStatus::default(), key(kind));
    status.begin(&key);
    status.synced(&key);
    (status, key)
}

#[test]
fn a_kind_is_waited_for_until_its_list_is_complete() {
    let status = SourceStatus::default();
    let key = key(Kind::Ingress);
    check(&status, Kind::Ingress, &KindState::Waiting);
    check(&status, Kind::HttpRoute, &KindState::NotInstalled);
    status.begin(&key);
    assert!(!status.is_settled(&key));
    status.synced(&key);
    assert!(status.is_settled(&key));
    check(&status, Kind::Ingress, &KindState::Synced);
}

#[test]
fn a_forbidden_kind_is_told_and_does_not_stop_the_others() {
    let status = SourceStatus::default();
    let key = key(Kind::Secret);
    status.begin(&key);
    let forbidden = fault(Cause::Forbidden);
    status.failed(Some(&key), &forbidden);
    assert!(status.is_settled(&key));
    check(&status, Kind::Secret, &KindState::Failing(forbidden));
    let problems = status.problems();
    let told: Vec<_> = problems
        .iter()
        .map(|one| (one.object.to_string(), one.code))
        .collect();
    assert_eq!(told, [("Secret *".to_owned(), ProblemCode::UnreadableKind)]);
    status.synced(&key);
    assert!(status.problems().is_empty());
    check(&status, Kind::Secret, &KindState::Synced);
}

#[test]
fn without_any_route_and_without_the_selected_namespaces_nothing_is_known() {
    let status = SourceStatus::default();
    let (ingress, namespace) = (key(Kind::Ingress), key(Kind::Namespace));
    for key in [&ingress, &namespace] {
        status.begin(key);
        status.failed(Some(key), &fault(Cause::Forbidden));
    }
    assert!(status.is_settled(&ingress) && !status.has_routes());
    assert!(!status.is_settled(&namespace));
    status.synced(&ingress);
    status.synced(&namespace);
    assert!(status.is_settled(&namespace) && status.has_routes());
}

#[test]
fn what_is_in_force_is_current_while_the_server_answers() {
    let (status, key) = followed(Kind::Ingress);
    assert!(!status.is_current());
    status.set_complete();
    assert!(status.is_current());
    status.failed(Some(&key), &fault(Cause::Unreachable));
    assert!(!status.is_current());
    status.synced(&key);
    assert!(status.is_current());
}

#[test]
fn a_kind_that_answers_nonsense_is_given_up_after_a_while() {
    let status = SourceStatus::default();
    let key = key(Kind::HttpRoute);
    status.begin(&key);
    for _ in 1..FAILURES_WAITED_FOR {
        status.failed(Some(&key), &fault(Cause::Refused));
        assert!(!status.is_settled(&key));
        assert!(status.problems().is_empty());
    }
    status.failed(Some(&key), &fault(Cause::Refused));
    assert!(status.is_settled(&key));
    assert_eq!(status.problems().len(), 1);
}

#[test]
fn a_server_that_does_not_answer_is_waited_for_and_nobodys_problem() {
    let (status, followed) = followed(Kind::Ingress);
    let waiting = key(Kind::Service);
    status.begin(&waiting);
    for _ in 0..10 {
        status.failed(Some(&followed), &fault(Cause::Unreachable));
        status.failed(Some(&waiting), &fault(Cause::Unreachable));
    }
    assert!(status.is_settled(&followed) && !status.is_settled(&waiting));
    assert!(status.outage().is_some() && status.problems().is_empty());
    status.synced(&waiting);
    assert_eq!(status.outage(), None);
}

#[test]
fn a_watch_that_is_cut_changes_nothing() {
    let (status, key) = followed(Kind::Ingress);
    let cut = Fault {
        had_begun: true,
        ..fault(Cause::Unreachable)
    };
    status.failed(Some(&key), &cut);
    check(&status, Kind::Ingress, &KindState::Synced);
    assert_eq!(status.outage(), None);
    let count = status
        .faults()
        .find(|(cause, _)| *cause == Cause::Unreachable);
    assert_eq!(count, Some((Cause::Unreachable, 1)));
}

#[test]
fn classes_need_not_be_read_where_only_some_namespaces_are() {
    let status = SourceStatus::default();
    status.set_scoped();
    let (class, ingress) = (
        key(Kind::IngressClass),
        (Kind::Ingress, Place::Namespace("a".into())),
    );
    for key in [&class, &ingress] {
        status.begin(key);
        status.failed(Some(key), &fault(Cause::Forbidden));
    }
    check(&status, Kind::IngressClass, &KindState::NotNeeded);
    let problems = status.problems();
    let names: Vec<String> = problems.iter().map(|one| one.object.to_string()).collect();
    assert_eq!(names, ["Ingress a/*"]);
}

#[test]
fn what_is_no_longer_watched_is_no_longer_told() {
    let (status, key) = followed(Kind::HttpRoute);
    status.failed(Some(&key), &fault(Cause::Missing));
    status.end(&key);
    assert!(status.problems().is_empty());
    check(&status, Kind::HttpRoute, &KindState::NotInstalled);
}
