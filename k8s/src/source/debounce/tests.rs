//! Does what counts agree, at every moment, with a second opinion that looks at the whole history?

use super::*;
use crate::objects::Object;
use config::name::ObjectName;
use proptest::prelude::*;

const FILES: [&str; 2] = ["a.yaml", "b.yaml"];
const NAMES: [&str; 2] = ["x", "y"];

/// How one file was found, in short: the revisions of the objects by name.
#[derive(Debug, Clone)]
enum Found {
    Whole([Option<u64>; 2]),
    /// A document does not parse; these were read.
    Partly([Option<u64>; 2]),
    /// The object of this number is there and wrong; the other was read.
    OneBroken(usize, Option<u64>),
    Unreadable,
    Gone,
}

fn unused(name: &str) -> Arc<Unused> {
    Arc::new(Unused {
        reference: object(name, 0).reference(),
        hosts: None,
        draft: None,
        left_out: Vec::new(),
        keeps_paths: false,
    })
}

fn object(name: &str, revision: u64) -> Any {
    Any::ConfigMap(Arc::new(Object {
        value: Default::default(),
        name: ObjectName::new("default", name),
        revision,
        lines: None,
    }))
}

fn contents(revisions: [Option<u64>; 2]) -> Contents {
    let pairs = NAMES.iter().zip(revisions);
    Contents {
        objects: pairs
            .filter_map(|(name, revision)| Some(object(name, revision?)))
            .collect(),
        is_whole: true,
        ..Contents::default()
    }
}

fn seen(look: &[Found; 2]) -> Seen {
    let mut seen = Seen::default();
    for (file, found) in FILES.iter().zip(look) {
        let contents = match found {
            Found::Whole(revisions) => contents(*revisions),
            Found::Partly(revisions) => Contents {
                is_whole: false,
                ..contents(*revisions)
            },
            Found::OneBroken(number, other) => {
                let mut revisions = [*other, *other];
                revisions[*number] = None;
                Contents {
                    broken: vec![unused(NAMES[*number])],
                    ..contents(revisions)
                }
            }
            Found::Unreadable => {
                seen.files.insert((*file).into(), Sighting::Unreadable);
                continue;
            }
            Found::Gone => continue,
        };
        let sighting = Sighting::Read(Arc::new(contents));
        seen.files.insert((*file).into(), sighting);
    }
    seen
}

/// What one look says of one object: there, away, or nothing is known.
enum Said {
    There(u64),
    Away,
    Nothing,
}

fn said(found: &Found, name: usize) -> Said {
    match found {
        Found::Whole(revisions) => revisions[name].map_or(Said::Away, Said::There),
        Found::Partly(revisions) => revisions[name].map_or(Said::Nothing, Said::There),
        Found::OneBroken(number, _) if *number == name => Said::Nothing,
        Found::OneBroken(_, other) => other.map_or(Said::Away, Said::There),
        Found::Unreadable => Said::Nothing,
        Found::Gone => Said::Away,
    }
}

/// The revision of an object in one file, and whether it is away at the moment. From the definition: it is gone once two looks 250 ms apart, and
/// all between them, found it away.
fn opinion(history: &[(u64, [Found; 2])], file: usize, name: usize) -> Option<(u64, bool)> {
    let mut current = None;
    let mut away_since = None;
    for (at_ms, look) in history {
        match said(&look[file], name) {
            Said::There(revision) => (current, away_since) = (Some(revision), None),
            Said::Nothing => away_since = None,
            Said::Away => {
                let since = *away_since.get_or_insert(*at_ms);
                if at_ms - since >= 250 {
                    current = None;
                }
            }
        }
    }
    current.map(|revision| (revision, away_since.is_some()))
}

fn check(history: &[(u64, [Found; 2])]) {
    let start = Instant::now();
    let mut settling = Settling::default();
    for (length, (at_ms, look)) in history.iter().enumerate() {
        let before = settling.objects();
        let now = start + Duration::from_millis(*at_ms);
        let has_changed = settling.observe(&seen(look), now, now);
        let objects = settling.objects();
        // What is seen again just as it was changes nothing; whoever is told so need not look.
        assert!(has_changed || before.is_same_as(&objects));
        let past = &history[..=length];
        for (number, name) in NAMES.iter().enumerate() {
            let opinions = [opinion(past, 0, number), opinion(past, 1, number)];
            let firmly = opinions.iter().flatten().find(|(_, is_away)| !is_away);
            let expected = firmly.or(opinions.iter().flatten().next());
            let found = objects.config_maps.get(&ObjectName::new("default", name));
            assert_eq!(
                found.map(|found| found.revision),
                expected.map(|(revision, _)| *revision),
                "{name} after {past:?}"
            );
            let is_twice = opinions
                .iter()
                .flatten()
                .filter(|(_, is_away)| !is_away)
                .count()
                == 2;
            let is_told = objects
                .problems
                .iter()
                .any(|told| &*told.object.name.name == *name);
            assert_eq!(is_told, is_twice, "{name} after {past:?}");
        }
        let is_waiting = settling.next_due().is_some();
        let is_away = |file, name| opinion(past, file, name).is_some_and(|(_, is_away)| is_away);
        let should_wait = (0..2).any(|file| is_away(file, 0) || is_away(file, 1));
        assert_eq!(is_waiting, should_wait, "{past:?}");
    }
}

fn found() -> impl Strategy<Value = Found> {
    let revision = || prop::option::of(1u64..4);
    let both = move || (revision(), revision()).prop_map(|(x, y)| [x, y]);
    prop_oneof![
        4 => both().prop_map(Found::Whole),
        1 => both().prop_map(Found::Partly),
        1 => (0usize..2, revision()).prop_map(|(number, other)| Found::OneBroken(number, other)),
        1 => Just(Found::Unreadable),
        2 => Just(Found::Gone),
    ]
}

proptest! {
    #[test]
    fn every_history_is_judged_by_its_definition(
        steps in prop::collection::vec((0u64..300, found(), found()), 1..12)
    ) {
        let mut at_ms = 0;
        let mut history = Vec::new();
        for (gap_ms, first, second) in steps {
            at_ms += gap_ms;
            history.push((at_ms, [first, second]));
        }
        check(&history);
    }
}

#[test]
fn the_times_of_the_design_hold_to_the_millisecond() {
    let there = || [Found::Whole([Some(1), None]), Found::Gone];
    let empty = || [Found::Whole([None, None]), Found::Gone];
    let start = Instant::now();
    let mut settling = Settling::default();
    let mut after = |at_ms: u64, look: [Found; 2]| {
        let now = start + Duration::from_millis(at_ms);
        settling.observe(&seen(&look), now, now);
        let due = settling.next_due();
        let due_ms = due.map(|due| (due - start).as_millis());
        (settling.objects().config_maps.len(), due_ms)
    };
    assert_eq!(after(0, there()), (1, None));
    assert_eq!(after(10, empty()), (1, Some(260)));
    assert_eq!(after(200, there()), (1, None));
    assert_eq!(after(300, empty()), (1, Some(550)));
    assert_eq!(after(549, empty()), (1, Some(550)));
    assert_eq!(after(550, empty()), (0, None));
}

#[test]
fn the_same_file_seen_again_changes_nothing_unless_something_came_between() {
    let start = Instant::now();
    let at = |ms| start + Duration::from_millis(ms);
    let (full, empty) = (
        seen(&[Found::Whole([Some(1), None]), Found::Gone]),
        seen(&[Found::Whole([None, None]), Found::Gone]),
    );
    let unreadable = seen(&[Found::Unreadable, Found::Gone]);
    let mut settling = Settling::default();
    assert!(settling.observe(&full, at(0), at(0)));
    assert!(!settling.observe(&full, at(1), at(1)));
    assert!(settling.observe(&empty, at(2), at(2)));
    assert!(!settling.observe(&empty, at(3), at(3)));
    assert!(settling.observe(&unreadable, at(4), at(4)));
    // The very same contents, but now they say again that the object is away.
    assert!(settling.observe(&empty, at(5), at(5)));
    assert_eq!(settling.next_due(), Some(at(255)));
    assert!(!settling.observe(&empty, at(254), at(254)));
    // A look that began too early may have missed what came back while it lasted.
    assert!(!settling.observe(&empty, at(254), at(400)));
    assert!(settling.observe(&empty, at(255), at(500)));
    assert_eq!(settling.objects().config_maps.len(), 0);
}

#[test]
fn files_below_a_directory_that_cannot_be_listed_stay() {
    let start = Instant::now();
    let mut settling = Settling::default();
    let mut first = Seen::default();
    let one = |name| {
        Sighting::Read(Arc::new(Contents {
            objects: vec![object(name, 1)],
            is_whole: true,
            ..Contents::default()
        }))
    };
    first.files.insert("m/inner/a.yaml".into(), one("x"));
    first.files.insert("m/innermost.yaml".into(), one("y"));
    settling.observe(&first, start, start);
    let lost = Seen {
        unlisted: vec!["m/inner".into()],
        ..Seen::default()
    };
    settling.observe(&lost, start, start);
    settling.observe(&lost, start + VANISH_AFTER, start + VANISH_AFTER);
    let objects = settling.objects();
    let left: Vec<&str> = objects.config_maps.keys().map(|name| &*name.name).collect();
    assert_eq!(left, ["x"]);
}

/// Looks see moments: whoever writes again and again may show each of them an empty file.
#[test]
fn whoever_writes_to_a_file_begins_the_wait_anew() {
    let start = Instant::now();
    let mut settling = Settling::default();
    let mut after = |at_ms: u64, look: [Found; 2], is_stirred: bool, is_held: bool| {
        let mut seen = seen(&look);
        if is_stirred {
            seen.stirred.insert(FILES[0].into());
        }
        if is_held {
            seen.files.insert(FILES[0].into(), Sighting::Held);
        }
        let now = start + Duration::from_millis(at_ms);
        settling.observe(&seen, now, now);
        let due = settling.next_due();
        let due_ms = due.map(|due| (due - start).as_millis());
        (settling.objects().config_maps.len(), due_ms)
    };
    let there = || [Found::Whole([Some(1), None]), Found::Gone];
    let empty = || [Found::Whole([None, None]), Found::Gone];
    assert_eq!(after(0, there(), true, false), (1, None));
    assert_eq!(after(10, empty(), true, false), (1, Some(260)));
    assert_eq!(after(100, empty(), true, false), (1, Some(350)));
    assert_eq!(after(300, empty(), false, false), (1, Some(350)));
    // Open for writing: nothing is away, and the next look begins from nothing.
    assert_eq!(after(349, empty(), true, true), (1, None));
    assert_eq!(after(400, empty(), false, false), (1, Some(650)));
    // No writer delays it for longer than five seconds.
    for at_ms in (500..5400).step_by(100) {
        let due_ms = u128::from(at_ms) + 250;
        assert_eq!(after(at_ms, empty(), true, false), (1, Some(due_ms)));
    }
    assert_eq!(after(5400, empty(), true, false), (1, Some(5550)));
    assert_eq!(after(5550, empty(), true, false), (0, None));
}
