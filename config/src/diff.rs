//! What changed from one publication to the next?

use crate::snapshot::{Backend, Compiled, Snapshot, TlsEntry, TlsTable};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet, HashSet};
use std::fmt;
use std::sync::Arc;

/// Names that a log line lists for each sort of change; the rest is a number.
const NAMES_MAX: usize = 3;

/// Names of what came, went and changed: for one log line for each publication.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Diff {
    /// Ingresses and HTTPRoutes.
    pub routes: Changes,
    /// `namespace/service:port`; changed: protocol or policy.
    pub backends: Changes,
    /// Backends whose endpoints differ.
    pub endpoints: Changes,
    /// Hosts; changed: another certificate is shown.
    pub certificates: Changes,
}

/// Names, each sorted.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Changes {
    pub added: Vec<String>,
    pub removed: Vec<String>,
    pub changed: Vec<String>,
}

impl Diff {
    /// Compares what is in force with what comes after it.
    pub fn between(before: &Compiled, after: &Compiled) -> Diff {
        let endpoints = endpoints(before, after);
        if Arc::ptr_eq(&before.snapshot, &after.snapshot) {
            return Diff {
                endpoints,
                ..Diff::default()
            };
        }
        let (old, new) = (&*before.snapshot, &*after.snapshot);
        let (old_routes, new_routes) = differing(&old.objects, &new.objects, PartialEq::eq);
        Diff {
            routes: changes(by_name(old_routes), by_name(new_routes)),
            backends: backends(old, new),
            endpoints,
            certificates: certificates(&old.tls, &new.tls),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Diff::default()
    }
}

/// What is left of two lists without their common beginning and their common end: of thousands of objects mostly one changes, and the
/// others keep their order.
fn differing<'a, T>(
    before: &'a [T],
    after: &'a [T],
    is_same: impl Fn(&T, &T) -> bool,
) -> (&'a [T], &'a [T]) {
    let both = before.iter().zip(after);
    let begin = both.take_while(|(old, new)| is_same(old, new)).count();
    let before = before.get(begin..).unwrap_or_default();
    let after = after.get(begin..).unwrap_or_default();
    let both = before.iter().rev().zip(after.iter().rev());
    let end = both.take_while(|(old, new)| is_same(old, new)).count();
    let but_end = |all: &'a [T]| all.get(..all.len() - end).unwrap_or_default();
    (but_end(before), but_end(after))
}

fn by_name<K: Ord, V>(all: &[(K, V)]) -> BTreeMap<&K, &V> {
    all.iter().map(|(name, value)| (name, value)).collect()
}

/// A Service may have several backends, one for each policy: one name for all of them.
fn backends(before: &Snapshot, after: &Snapshot) -> Changes {
    let (old, new) = differing(&before.backends, &after.backends, |old, new| {
        old.key == new.key && old.protocol == new.protocol && old.is_manual == new.is_manual
    });
    let concerned = old.iter().chain(new).map(|backend| &*backend.label);
    let concerned: HashSet<&str> = concerned.collect();
    changes(
        by_label(&before.backends, &concerned),
        by_label(&after.backends, &concerned),
    )
}

fn by_label<'a>(
    backends: &'a [Backend],
    concerned: &HashSet<&str>,
) -> BTreeMap<&'a str, Vec<String>> {
    let mut by_label: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    let backends = backends.iter();
    for backend in backends.filter(|backend| concerned.contains(&*backend.label)) {
        let state = format!(
            "{} {:x} {}",
            backend.protocol.as_str(),
            backend.key.policy,
            backend.is_manual
        );
        by_label.entry(&backend.label).or_default().push(state);
    }
    by_label
        .values_mut()
        .for_each(|states| states.sort_unstable());
    by_label
}

/// Of backends that were there before; what came or went is told as a backend.
fn endpoints(before: &Compiled, after: &Compiled) -> Changes {
    let backends = after.snapshot.backends.iter();
    let others = backends.filter(|backend| {
        let old = before.endpoints.get(&backend.key);
        let new = after.endpoints.get(&backend.key);
        let both = old.zip(new);
        both.is_some_and(|(old, new)| !Arc::ptr_eq(old, new) && old != new)
    });
    let names: BTreeSet<&str> = others.map(|backend| &*backend.label).collect();
    Changes {
        changed: names.into_iter().map(str::to_owned).collect(),
        ..Changes::default()
    }
}

fn certificates(before: &TlsTable, after: &TlsTable) -> Changes {
    let without = |table: &TlsTable, entry: &TlsEntry| {
        let other = table.entry(&entry.host);
        other.is_none_or(|other| other.certificate.digest != entry.certificate.digest)
    };
    let differing = |of: &TlsTable, from: &TlsTable| -> BTreeMap<String, u64> {
        let entries = of.entries().filter(|entry| without(from, entry));
        entries
            .map(|entry| (entry.host.to_string(), entry.certificate.digest))
            .collect()
    };
    changes(differing(before, after), differing(after, before))
}

fn changes<K: Ord + ToString, V: PartialEq>(
    before: BTreeMap<K, V>,
    after: BTreeMap<K, V>,
) -> Changes {
    let mut changes = Changes::default();
    for (name, value) in &after {
        match before.get(name) {
            None => changes.added.push(name.to_string()),
            Some(old) if old != value => changes.changed.push(name.to_string()),
            Some(_) => {}
        }
    }
    let gone = before.keys().filter(|name| !after.contains_key(name));
    changes.removed = gone.map(ToString::to_string).collect();
    changes
}

/// `routes +2 (Ingress a/b, Ingress a/c), backends ~1 (a/b:80)`, or `nothing`.
impl fmt::Display for Diff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sorts = [
            ("routes", &self.routes),
            ("backends", &self.backends),
            ("endpoints", &self.endpoints),
            ("certificates", &self.certificates),
        ];
        let mut separator = "";
        for (sort, changes) in sorts {
            let signs = [
                ('+', &changes.added),
                ('-', &changes.removed),
                ('~', &changes.changed),
            ];
            for (sign, names) in signs.into_iter().filter(|(_, names)| !names.is_empty()) {
                let listed: Vec<&str> = names.iter().take(NAMES_MAX).map(String::as_str).collect();
                let more = if names.len() > NAMES_MAX { ", …" } else { "" };
                write!(
                    f,
                    "{separator}{sort} {sign}{} ({}{more})",
                    names.len(),
                    listed.join(", ")
                )?;
                separator = ", ";
            }
        }
        if separator.is_empty() {
            f.write_str("nothing")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::tests::site::Site;

    #[track_caller]
    fn check(before: &Site, after: &Site, expected: &str) {
        let diff = Diff::between(&before.compile(), &after.compile());
        assert_eq!(diff.to_string(), expected);
        assert_eq!(diff.is_empty(), expected == "nothing");
    }

    #[test]
    fn a_publication_is_told_in_one_line() {
        let site = Site::edwardstech();
        check(&site, &site, "nothing");
        let more = site
            .clone()
            .ingress("a/i", 0, &[("a.test", "/", "x", "80")]);
        check(&site, &more, "routes +1 (Ingress a/i)");
        check(&more, &site, "routes -1 (Ingress a/i)");
        let changed = site
            .clone()
            .ingress("a/i", 0, &[("b.test", "/", "x", "80")]);
        check(&more, &changed, "routes ~1 (Ingress a/i)");
        let address = site
            .clone()
            .slice("website/frontend-service", &[("", 8080)], &["10.9.9.9"]);
        check(
            &site,
            &address,
            "endpoints ~1 (website/frontend-service:80)",
        );
        let hold = site
            .clone()
            .change_service("website/backend-service", |service| {
                service.policy.hold = Some(std::time::Duration::from_secs(8));
            });
        check(&site, &hold, "backends ~1 (website/backend-service:3001)");
        let empty = Site::default();
        let services = "website/backend-service:3001, website/frontend-service:80";
        let expected = format!("routes +1 (Ingress website/site), backends +2 ({services})");
        check(&empty, &site, &expected);
    }

    #[test]
    fn certificates_are_told_by_host() {
        let site = Site::edwardstech().tls("website/tls", &["edwardstech.dev"]);
        let first = site
            .clone()
            .certificate("website/tls", &["edwardstech.dev"], (0, 1));
        let second = site
            .clone()
            .certificate("website/tls", &["edwardstech.dev"], (0, 1));
        check(&site, &first, "certificates +1 (edwardstech.dev)");
        check(&first, &second, "certificates ~1 (edwardstech.dev)");
    }

    #[test]
    fn a_long_list_is_cut_short() {
        let many = (0..5).fold(Site::default(), |site, number| {
            site.ingress(&format!("n/i{number}"), 0, &[("a.test", "/", "x", "80")])
        });
        let expected = "routes +5 (Ingress n/i0, Ingress n/i1, Ingress n/i2, …)";
        check(&Site::default(), &many, expected);
    }
}
