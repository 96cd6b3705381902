//! Who holds the Lease, and who takes it when?

use super::*;

fn candidate(name: &str) -> Candidate {
    Candidate::new(name.to_owned(), Duration::from_secs(15))
}

/// As the API server gives it back: with a version.
fn stored(mut lease: Lease, version: &str) -> Lease {
    lease.metadata.resource_version = Some(version.to_owned());
    lease
}

fn holder(lease: &Lease) -> &str {
    let spec = lease.spec.as_ref().unwrap();
    spec.holder_identity.as_deref().unwrap()
}

#[track_caller]
fn replaced(step: Step) -> Lease {
    match step {
        Step::Replace(lease) => lease,
        other => panic!("{other:?}"),
    }
}

/// The Lease of `a`, made at this moment.
fn held_by_a(now: Instant) -> (Candidate, Lease) {
    let mut a = candidate("a");
    let Step::Create(lease) = a.step(None, now) else {
        panic!("there is none to begin with");
    };
    let lease = stored(lease, "1");
    a.won(lease.clone(), now + Duration::from_secs(10));
    (a, lease)
}

#[test]
fn who_comes_first_makes_the_lease_and_renews_it() {
    let now = Instant::now();
    let (mut a, lease) = held_by_a(now);
    assert_eq!(holder(&lease), "a");
    let renewed = replaced(a.step(a.own().cloned(), now));
    assert_eq!(
        (
            holder(&renewed),
            renewed.metadata.resource_version.as_deref()
        ),
        ("a", Some("1"))
    );
    let spec = renewed.spec.unwrap();
    assert_eq!(spec.lease_transitions, Some(0));
    assert_eq!(spec.acquire_time, lease.spec.unwrap().acquire_time);
}

#[test]
fn a_lease_that_did_not_change_for_its_duration_is_taken() {
    let now = Instant::now();
    let (_, lease) = held_by_a(now);
    let mut b = candidate("b");
    assert_eq!(b.step(Some(lease.clone()), now), Step::Wait);
    // It is renewed: from here on it counts anew.
    let renewed = stored(lease, "2");
    let later = |seconds| now + Duration::from_secs(seconds);
    assert_eq!(b.step(Some(renewed.clone()), later(14)), Step::Wait);
    assert_eq!(b.step(Some(renewed.clone()), later(28)), Step::Wait);
    let taken = replaced(b.step(Some(renewed), later(29)));
    assert_eq!(
        (holder(&taken), taken.metadata.resource_version.as_deref()),
        ("b", Some("2"))
    );
    assert_eq!(taken.spec.unwrap().lease_transitions, Some(1));
}

#[test]
fn what_the_clock_of_another_node_says_does_not_count() {
    let now = Instant::now();
    let (_, mut lease) = held_by_a(now);
    for hours in [-48, 48] {
        let other = Timestamp::now() + jiff::SignedDuration::from_hours(hours);
        lease.spec.as_mut().unwrap().renew_time = Some(MicroTime(other));
        assert_eq!(candidate("b").step(Some(lease.clone()), now), Step::Wait);
    }
}

#[test]
fn a_lease_that_was_given_up_is_taken_at_once() {
    let now = Instant::now();
    let (mut a, _) = held_by_a(now);
    let released = a.release().unwrap();
    assert_eq!(a.own(), None);
    assert_eq!(a.release(), None);
    let taken = replaced(candidate("b").step(Some(released), now));
    assert_eq!(holder(&taken), "b");
}

#[test]
fn who_lost_it_waits_like_everybody() {
    let now = Instant::now();
    let (mut a, lease) = held_by_a(now);
    a.lost();
    assert_eq!(a.held_until(), None);
    let mut theirs = stored(lease, "9");
    theirs.spec.as_mut().unwrap().holder_identity = Some("b".to_owned());
    assert_eq!(a.step(Some(theirs), now), Step::Wait);
}

#[test]
fn a_duration_that_makes_no_sense_is_held_within_bounds() {
    let now = Instant::now();
    let (_, mut lease) = held_by_a(now);
    lease.spec.as_mut().unwrap().lease_duration_seconds = Some(i32::MAX);
    let mut b = candidate("b");
    assert_eq!(b.step(Some(lease.clone()), now), Step::Wait);
    let taken = b.step(Some(lease), now + Duration::from_secs(60));
    assert_eq!(holder(&replaced(taken)), "b");
}
