//! What changed from one publication to the next?

use crate::snapshot::{Compiled, TlsEntry};
use serde::Serialize;
use std::collections::BTreeMap;
use std::fmt;

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
        let (old, new) = (&*before.snapshot, &*after.snapshot);
        let routes = changes(
            old.objects
                .iter()
                .map(|(object, digest)| (object, digest))
                .collect(),
            new.objects
                .iter()
                .map(|(object, digest)| (object, digest))
                .collect(),
        );
        let endpoints = changes(endpoints(before), endpoints(after));
        Diff {
            routes,
            backends: changes(backends(before), backends(after)),
            // What came or went is told as a backend.
            endpoints: Changes {
                changed: endpoints.changed,
                ..Changes::default()
            },
            certificates: changes(
                old.tls.entries().map(|entry| certificate(entry)).collect(),
                new.tls.entries().map(|entry| certificate(entry)).collect(),
            ),
        }
    }

    pub fn is_empty(&self) -> bool {
        *self == Diff::default()
    }
}

fn certificate(entry: &TlsEntry) -> (String, u64) {
    (entry.host.to_string(), entry.certificate.digest)
}

/// A Service may have several backends, one for each policy: one name for all of them.
fn backends(compiled: &Compiled) -> BTreeMap<&str, Vec<String>> {
    let mut by_label: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for backend in &compiled.snapshot.backends {
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

fn endpoints(compiled: &Compiled) -> BTreeMap<&str, &[crate::snapshot::EndpointAddress]> {
    let backends = compiled.snapshot.backends.iter();
    let all = backends.filter_map(|backend| {
        let addresses = compiled.endpoints.get(&backend.key)?;
        Some((&*backend.label, &**addresses))
    });
    all.collect()
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
