//! Does what was compiled before change what a model comes to?

use super::random::{self, Piece};
use super::*;
use proptest::prelude::*;

/// Everything that a compilation comes to, in an order that is the same each time.
fn whole(compiled: &Compiled) -> impl PartialEq + std::fmt::Debug + use<> {
    let snapshot = &compiled.snapshot;
    let mut shown: Vec<String> = snapshot
        .tls
        .entries()
        .map(|entry| format!("{} {}", entry.host, entry.secret))
        .collect();
    shown.sort();
    (
        format!("{:?} {:?}", snapshot.rules, snapshot.backends),
        (snapshot.digest, snapshot.objects.clone(), shown),
        (compiled.endpoints.clone(), compiled.problems.clone()),
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn what_is_remembered_makes_no_difference(
        pieces in proptest::collection::vec(random::piece(&["n", "m"]), 1..12),
        steps in proptest::collection::vec((random::piece(&["n", "m"]), any::<proptest::sample::Index>()), 1..5),
        is_cluster in any::<bool>(),
    ) {
        let mut compiler = Compiler::default();
        let mut now: Vec<Piece> = pieces;
        for (piece, gone) in steps {
            let mut site = random::site(&now);
            site.options.is_cluster = is_cluster;
            // The same objects once more, an object more, and one less.
            for _ in 0..2 {
                let again = compiler.compile(&site.model, Vec::new(), &site.options);
                prop_assert_eq!(whole(&again), whole(&site.compile()));
            }
            site = random::add(site, &piece);
            let again = compiler.compile(&site.model, Vec::new(), &site.options);
            prop_assert_eq!(whole(&again), whole(&site.compile()));
            now.push(piece);
            now.remove(gone.index(now.len()));
        }
    }
}

#[test]
fn what_did_not_change_is_shared() {
    let mut compiler = Compiler::default();
    let site = Site::edwardstech();
    let first = compiler.compile(&site.model, Vec::new(), &site.options);
    let site = site.ingress("b/x", 0, &[("b.test", "/", "x", "80")]);
    let second = compiler.compile(&site.model, Vec::new(), &site.options);
    for (key, addresses) in &first.endpoints {
        assert!(Arc::ptr_eq(addresses, &second.endpoints[key]), "{key:?}");
    }
    let mut both = first.problems.iter();
    assert!(both.any(|old| second.problems.iter().any(|new| Arc::ptr_eq(old, new))));
}
