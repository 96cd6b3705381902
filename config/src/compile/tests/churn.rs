//! Does a change of endpoints alone come to the same as compiling everything?

use super::random::{self, Piece};
use super::site::name;
use super::*;
use crate::model::{Protocol, ServiceKind};
use crate::name::ObjectName;
use proptest::prelude::*;

fn again(before: &Compiled, site: &Site, changed: &[ObjectName]) -> Option<Compiled> {
    let mut compiler = Compiler::default();
    compiler.recompile_endpoints((before, changed), &site.model, Vec::new(), &site.options)
}

fn churn(piece: &Piece) -> Option<ObjectName> {
    match piece {
        Piece::Slice { service, .. } | Piece::Endpoints { service, .. } => Some(name(service)),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn endpoints_alone_come_to_the_same(
        pieces in proptest::collection::vec(random::piece(&["n", "m"]), 0..12),
        more in proptest::collection::vec(random::piece(&["n", "m"]), 1..6),
        gone in proptest::option::of(any::<proptest::sample::Index>()),
        is_cluster in any::<bool>(),
    ) {
        let mut before = random::site(&pieces);
        before.options.is_cluster = is_cluster;
        let more: Vec<_> = more.into_iter().filter(|piece| churn(piece).is_some()).collect();
        let mut changed: Vec<_> = more.iter().filter_map(churn).collect();
        let mut after = more.iter().fold(before.clone(), random::add);
        let mut names: Vec<_> = after.model.endpoints.keys().cloned().collect();
        names.sort();
        if let (Some(gone), false) = (gone, names.is_empty()) {
            let name = gone.get(&names);
            after.model.endpoints.remove(name);
            changed.push(name.clone());
        }
        let before = before.compile();
        let (quick, full) = (again(&before, &after, &changed).unwrap(), after.compile());
        prop_assert!(Arc::ptr_eq(&quick.snapshot, &before.snapshot));
        prop_assert_eq!(&quick.endpoints, &full.endpoints);
        prop_assert_eq!(&quick.problems, &full.problems);
        prop_assert_eq!(quick.snapshot.digest, full.snapshot.digest);
    }
}

#[test]
fn backends_that_did_not_change_keep_their_endpoints() {
    let before = Site::edwardstech();
    let after = before
        .clone()
        .slice("website/frontend-service", &[("", 8080)], &["10.42.2.2"]);
    let before = before.compile();
    let found = again(&before, &after, &[name("website/frontend-service")]).unwrap();
    let shared = |service: &str| {
        let key = before
            .endpoints
            .keys()
            .find(|key| key.service == name(service))
            .unwrap();
        Arc::ptr_eq(&before.endpoints[key], &found.endpoints[key])
    };
    assert!(shared("website/backend-service"));
    assert!(!shared("website/frontend-service"));
}

#[test]
fn problems_of_the_translation_are_the_new_ones() {
    let site = Site::edwardstech();
    let mut stale = Site::default()
        .ingress("n/i", 0, &[("a.test", "/", "x", "80")])
        .compile();
    let stale = Arc::make_mut(&mut stale.problems).clone();
    let before = compile(&site.model, stale.clone(), &site.options);
    assert!(before.problems.iter().any(|p| stale.contains(p)));
    let found = again(&before, &site, &[]).unwrap();
    assert_eq!(found.problems, site.compile().problems);
}

#[test]
fn what_is_more_than_endpoints_needs_a_full_compilation() {
    let at = "website/frontend-service";
    let check = |after: Site| {
        let before = Site::edwardstech().compile();
        assert!(again(&before, &after, &[name(at)]).is_none());
    };
    let mut gone = Site::edwardstech();
    gone.model.services.remove(&name(at));
    check(gone);
    check(Site::edwardstech().change_service(at, |service| service.ports[0].port = 81));
    check(Site::edwardstech().change_service(at, |service| {
        service.kind = ServiceKind::Cluster {
            has_selector: false,
        };
    }));
    let mut h2c = Site::edwardstech();
    let slices = h2c.model.endpoints.get_mut(&name(at)).unwrap();
    Arc::make_mut(&mut slices[0]).ports[0].protocol = Some(Protocol::H2c);
    check(h2c);
}
