//! Can one object take away, or alter, what another namespace serves?

use super::random::{self, Piece};
use super::*;
use crate::model::HostMatch;
use crate::public_name;
use crate::settings::Settings;
use proptest::prelude::*;

/// Which rule of which object takes the request, and what it does over plain HTTP.
fn answer(compiled: &Compiled, target: &str) -> (String, String) {
    let rule = winner(compiled, target);
    let (host, _) = target.split_once('/').unwrap();
    let settings = Settings::default();
    let elsewhere = public_name::redirect(&public_name::Asked {
        settings: &settings,
        snapshot: &compiled.snapshot,
        rule,
        host,
        path: &target[host.len()..],
        is_https: false,
    });
    let answer = match elsewhere {
        Some(name) => format!("to {}", name.scheme),
        None => outcome(compiled, target),
    };
    (format!("{} {}", rule.object, rule.field), answer)
}

/// The namespace of the certificate that is shown for the target's host.
fn shown<'c>(compiled: &'c Compiled, target: &str) -> Option<&'c str> {
    let (host, _) = target.split_once('/').unwrap();
    let entry = compiled.snapshot.tls.find(host)?;
    Some(&entry.secret.namespace)
}

/// How specific the namespace's rules for the target's host are: 0 is no rule at all.
fn claim(site: &Site, namespace: &str, target: &str) -> usize {
    let (host, _) = target.split_once('/').unwrap();
    let routes = site.model.routes.iter();
    let own = routes.filter(|route| &*route.object.name.namespace == namespace);
    let rules = own.flat_map(|route| &route.rules);
    let hosts = rules.flat_map(|rule| match &*rule.hosts {
        [] => vec![1],
        hosts => hosts.iter().map(|of| claim_of(of, host)).collect(),
    });
    hosts.max().unwrap_or_default()
}

fn claim_of(of: &HostMatch, host: &str) -> usize {
    match of.name.covers(host, of.labels) {
        true if of.name.is_wildcard() => 1 + of.name.chars(),
        true => 1000,
        false => 0,
    }
}

fn is_of(object: &str, namespace: &str) -> bool {
    object.contains(&format!(" {namespace}/"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// An answer changes only to what the new object itself asks for. (It may claim the same host and path, or a longer one.)
    #[test]
    fn an_object_alters_nobody_elses_answers(
        pieces in proptest::collection::vec(random::piece(&["n"]), 0..10),
        strangers in proptest::collection::vec(random::piece(&["other"]), 1..4),
    ) {
        let before = random::site(&pieces);
        let after = strangers.iter().fold(before.clone(), random::add);
        let (before, after) = (before.compile(), after.compile());
        for target in random::targets() {
            let (old, new) = (answer(&before, &target), answer(&after, &target));
            prop_assert!(old == new || is_of(&new.0, "other"), "{target}: {old:?} became {new:?}");
        }
    }

    /// The certificate of a host changes only where a stranger has a rule for it, and none of the others is more specific.
    #[test]
    fn an_object_takes_nobody_elses_certificate(
        pieces in proptest::collection::vec(random::piece(&["n"]), 0..10),
        strangers in proptest::collection::vec(random::piece(&["other"]), 1..4),
    ) {
        let before = random::site(&pieces);
        let after = strangers.iter().fold(before.clone(), random::add);
        let compiled = (before.compile(), after.compile());
        for target in random::targets() {
            let (old, new) = (shown(&compiled.0, &target), shown(&compiled.1, &target));
            let (own, strange) = (claim(&after, "n", &target), claim(&after, "other", &target));
            let is_theirs = strange > 0 && strange >= own;
            prop_assert!(old == new || is_theirs, "{target}: {old:?} became {new:?}");
        }
    }

    /// Where nobody else claims a host, nothing changes at all: not even what is said of its objects.
    #[test]
    fn an_object_for_other_hosts_changes_nothing(
        pieces in proptest::collection::vec(random::piece(&["n"]), 0..10),
        mut strangers in proptest::collection::vec(random::piece(&["other"]), 1..4),
    ) {
        for stranger in &mut strangers {
            if let Piece::Ingress { paths, .. } | Piece::HttpRoute { paths, .. } = stranger {
                paths.iter_mut().for_each(|path| path.0 = random::STRANGER);
            }
            if let Piece::Ingress { tls, .. } = stranger {
                tls.fill(random::STRANGER);
            }
        }
        let before = random::site(&pieces);
        let after = strangers.iter().fold(before.clone(), random::add);
        let (before, after) = (before.compile(), after.compile());
        for target in random::targets() {
            prop_assert_eq!(answer(&before, &target), answer(&after, &target));
        }
        let own = |compiled: &Compiled| {
            let of_n = compiled.problems.iter().filter(|p| is_of(&p.object.to_string(), "n"));
            // A name that exists in another namespace now may be hinted at.
            of_n.map(|p| (p.code, p.severity, p.object.clone(), p.field.clone())).collect::<Vec<_>>()
        };
        prop_assert_eq!(own(&before), own(&after));
    }

    #[test]
    fn the_order_of_objects_does_not_matter(
        pieces in proptest::collection::vec(random::piece(&["n", "m"]), 0..12),
    ) {
        let site = random::site(&pieces);
        let mut turned = site.clone();
        turned.model.routes.reverse();
        for slices in turned.model.endpoints.values_mut() {
            // The subsets of one Endpoints object have the order of that object.
            slices.sort_by_key(|slice| (slice.source, std::cmp::Reverse(slice.object.clone())));
        }
        let (left, right) = (site.compile(), turned.compile());
        for target in random::targets() {
            prop_assert_eq!(answer(&left, &target), answer(&right, &target));
        }
        prop_assert_eq!(&left.problems, &right.problems);
        prop_assert_eq!(left.snapshot.digest, right.snapshot.digest);
        prop_assert_eq!(&left.endpoints, &right.endpoints);
    }
}
