//! What is told when, and how often?

use super::*;
use crate::sample;
use config::name::Kind;
use config::problem::{ProblemCode, Severity};

fn objects(is_there: bool) -> Objects {
    let text = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: { name: web, namespace: shop }\n\
        spec: { rules: [{ host: web.test }] }\n";
    sample::objects(if is_there { text } else { "" })
}

fn problem(field: &str) -> Problem {
    Problem {
        severity: Severity::Error,
        code: ProblemCode::NoSuchService,
        object: ObjectRef::new(Kind::Ingress, "shop", "web"),
        field: field.to_owned(),
        found: String::new(),
        expected: String::new(),
        origin: None,
    }
}

struct Story {
    ledger: Ledger,
    start: Instant,
}

impl Story {
    fn new() -> Story {
        Story {
            ledger: Ledger::default(),
            start: Instant::now(),
        }
    }

    /// What is told so many seconds after the start, while these problems are there: `+field` came, `-field` was solved.
    fn look(&mut self, seconds: u64, fields: &[&str]) -> Vec<String> {
        let now = self.start + Duration::from_secs(seconds);
        let problems: Vec<Arc<Problem>> =
            fields.iter().map(|field| problem(field).into()).collect();
        let (notices, _) = self.ledger.look(&objects(true), &problems, now);
        let told = notices.iter().map(|notice| {
            self.ledger.told(notice, true, now);
            let sign = if notice.is_solved { '-' } else { '+' };
            format!("{sign}{}", notice.problem.field)
        });
        told.collect()
    }
}

/// Somebody who renames a mistake all day costs no memory.
#[test]
fn what_came_and_went_untold_is_forgotten() {
    let mut story = Story::new();
    for number in 0..100 {
        assert!(story.look(number, &[&format!("path-{number}")]).is_empty());
    }
    assert!(
        story.ledger.known.len() <= 2,
        "{}",
        story.ledger.known.len()
    );
}

#[test]
fn what_is_not_needed_is_not_told() {
    let mut story = Story::new();
    let info = Problem {
        severity: Severity::Info,
        ..problem("a")
    };
    let now = story.start;
    for seconds in [0, 5] {
        let now = now + Duration::from_secs(seconds);
        let (notices, _) = story
            .ledger
            .look(&objects(true), &[info.clone().into()], now);
        assert!(notices.is_empty(), "{notices:?}");
    }
}

#[test]
fn a_problem_is_told_once_when_it_came_and_once_when_it_was_solved() {
    let mut story = Story::new();
    assert_eq!(story.look(0, &["a"]), [""; 0]);
    assert_eq!(story.look(2, &["a", "b"]), ["+a"]);
    assert_eq!(story.look(4, &["a", "b"]), ["+b"]);
    assert_eq!(story.look(100, &["a", "b"]), [""; 0]);
    assert_eq!(story.look(101, &["b"]), [""; 0]);
    assert_eq!(story.look(103, &["b"]), ["-a"]);
    assert_eq!(story.look(200, &["b"]), [""; 0]);
}

#[test]
fn what_comes_and_goes_in_a_moment_is_not_told() {
    let mut story = Story::new();
    for seconds in 0..20 {
        let now: &[&str] = if seconds % 2 == 0 { &["a"] } else { &[] };
        assert_eq!(story.look(seconds, now), [""; 0]);
    }
    assert_eq!(story.look(40, &[]), [""; 0]);
}

#[test]
fn what_comes_again_says_how_often() {
    let mut story = Story::new();
    story.look(0, &["a"]);
    assert_eq!(story.look(2, &["a"]), ["+a"]);
    story.look(10, &[]);
    assert_eq!(story.look(12, &[]), ["-a"]);
    story.look(20, &["a"]);
    let now = story.start + Duration::from_secs(22);
    let (notices, _) = story
        .ledger
        .look(&objects(true), &[problem("a").into()], now);
    assert_eq!(notices.iter().map(|one| one.count).collect::<Vec<_>>(), [2]);
}

#[test]
fn an_object_has_ten_events_in_an_hour() {
    let mut story = Story::new();
    let many: Vec<String> = (10..40).map(|number| number.to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    story.look(0, &many);
    assert_eq!(story.look(2, &many).len(), 10);
    assert_eq!(story.look(1_800, &many), [""; 0]);
    // What is still there is told when there is room.
    assert_eq!(story.look(3_602, &many).len(), 10);
}

#[test]
fn an_object_that_is_gone_has_nobody_to_tell() {
    let mut story = Story::new();
    story.look(0, &["a"]);
    assert_eq!(story.look(2, &["a"]), ["+a"]);
    let now = story.start + Duration::from_secs(60);
    let (notices, _) = story
        .ledger
        .look(&objects(false), &[problem("a").into()], now);
    assert_eq!(notices.len(), 0);
    assert!(story.ledger.known.is_empty());
}
