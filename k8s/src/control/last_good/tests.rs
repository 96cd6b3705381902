//! Does a wrong certificate never replace a good one?

use super::*;
use crate::sample;
use crate::translate::Translator;

const NOW: i64 = 1_800_000_000; // In 2027.
const GOOD: (i32, i32) = (2020, 2120);

fn ingress(hosts: &str) -> String {
    format!(
        "kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: {{ name: shop, namespace: web }}\nspec: {{ tls: [{{ hosts: [{hosts}], secretName: tls }}], defaultBackend: {{ service: {{ name: web, port: {{ number: 80 }} }} }} }}\n---\n"
    )
}

struct Story {
    translator: Translator,
    last_good: LastGood,
    now: i64,
}

impl Story {
    fn new() -> Story {
        Story {
            translator: Translator::default(),
            last_good: LastGood::default(),
            now: NOW,
        }
    }

    /// The digest of the certificate in force, and what `keep` reports.
    fn step(&mut self, yaml: &str) -> (Option<u64>, Vec<String>) {
        let objects = sample::objects(yaml);
        let settings = sample::settings();
        let (mut model, _) = self.translator.translate(&objects, &settings);
        let problems = self
            .last_good
            .keep(&objects, &settings, &mut model, self.now);
        let certificate = model.certificates.get(&ObjectName::new("web", "tls"));
        let found = problems.into_iter().map(|problem| problem.found);
        (certificate.map(|one| one.digest), found.collect())
    }
}

fn secret(names: &[&str], years: (i32, i32)) -> String {
    sample::secret("tls", &sample::certificate(names, years))
}

/// A good certificate is followed by another Secret; does that one come into force, and what is said?
#[track_caller]
fn check(hosts: &str, second: &str, is_replaced: bool, said: &str) {
    let mut story = Story::new();
    let (first, _) = story.step(&format!(
        "{}{}",
        ingress(hosts),
        secret(&["a.test", "b.test"], GOOD)
    ));
    assert!(first.is_some());
    let (after, found) = story.step(&format!("{}{second}", ingress(hosts)));
    assert_eq!(after != first, is_replaced, "{found:?}");
    assert!(after.is_some());
    match said {
        "" => assert_eq!(found, [""; 0]),
        _ => assert!(found.len() == 1 && found[0].contains(said), "{found:?}"),
    }
}

#[test]
fn a_renewed_certificate_comes_into_force() {
    check("a.test", &secret(&["a.test"], GOOD), true, "");
    check(
        "a.test, b.test",
        &secret(&["a.test", "b.test"], GOOD),
        true,
        "",
    );
    check("a.test", &secret(&["*.test"], GOOD), true, "");
}

#[test]
fn a_wrong_one_does_not() {
    check(
        "a.test",
        &secret(&["a.test"], (2020, 2021)),
        false,
        "expired at 2021-01-01",
    );
    check(
        "a.test",
        &secret(&["a.test"], (2119, 2120)),
        false,
        "is valid only from 2119-01-01",
    );
    check(
        "a.test",
        &secret(&["c.test"], GOOD),
        false,
        "is for c.test, where it is wanted for a.test",
    );
    check(
        "a.test, b.test",
        &secret(&["a.test"], GOOD),
        false,
        "wanted for a.test, b.test",
    );
    let broken = sample::secret("tls", &("x".to_owned(), "y".to_owned()));
    check("a.test", &broken, false, "");
}

#[test]
fn of_two_expired_ones_the_new_one_is_shown() {
    let mut story = Story::new();
    let ours = ingress("a.test");
    let (first, _) = story.step(&format!("{ours}{}", secret(&["a.test"], (2020, 2030))));
    let second = format!("{ours}{}", secret(&["a.test"], (2020, 2021)));
    assert_eq!(story.step(&second).0, first);
    story.now += 10 * 365 * 86_400;
    let (after, problems) = story.step(&second);
    assert!(after.is_some() && after != first && problems.is_empty());
}

#[test]
fn nothing_is_kept_without_its_secret_or_without_anybody_who_wants_it() {
    let good = secret(&["a.test"], GOOD);
    let broken = sample::secret("tls", &("x".to_owned(), "y".to_owned()));
    let ours = ingress("a.test");
    for gone in [ours.clone(), broken.clone()] {
        let mut story = Story::new();
        assert!(story.step(&format!("{ours}{good}")).0.is_some());
        assert_eq!(story.step(&gone).0, None);
        assert_eq!(story.step(&format!("{ours}{broken}")).0, None);
    }
}
