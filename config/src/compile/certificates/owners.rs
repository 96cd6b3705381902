//! Whose namespace says which certificate a host has?

use crate::hostname::{Hostname, WildcardLabels};
use crate::model::Route;
use std::cell::OnceCell;
use std::collections::{HashMap, HashSet};

/// The host names that rules have, and the namespaces of those rules.
///
/// A host is of the namespaces whose rules are the most specific ones for it. Whoever may write an Ingress in one namespace could
/// otherwise show a certificate of its own for the hosts of all others.
pub struct Owners<'a> {
    exact: HashSet<&'a Hostname>,
    exact_pairs: HashSet<(&'a Hostname, &'a str)>,
    /// By what is behind `*.`: for how many labels some rule has it.
    wildcard: HashMap<&'a str, Labels>,
    wildcard_pairs: HashSet<(&'a str, WildcardLabels, &'a str)>,
    /// Namespaces with a rule for every host.
    any: HashSet<&'a str>,
    /// What is behind the first label of an exact name, and a namespace that has such a name.
    parents: OnceCell<HashSet<(&'a str, &'a str)>>,
}

#[derive(Debug, Clone, Copy, Default)]
struct Labels {
    one: bool,
    many: bool,
}

impl<'a> Owners<'a> {
    pub fn of(routes: &[&'a Route]) -> Owners<'a> {
        let mut owners = Owners {
            exact: HashSet::with_capacity(routes.len()),
            exact_pairs: HashSet::with_capacity(routes.len()),
            wildcard: HashMap::new(),
            wildcard_pairs: HashSet::new(),
            any: HashSet::new(),
            parents: OnceCell::new(),
        };
        for route in routes {
            owners.add(route);
        }
        owners
    }

    fn add(&mut self, route: &'a Route) {
        let namespace = &*route.object.name.namespace;
        let mut last = None; // The rules of one object mostly have the same host.
        for rule in &route.rules {
            if rule.hosts.is_empty() {
                self.any.insert(namespace);
            }
            for host in rule.hosts.iter() {
                let name = &host.name;
                if last.replace((name, host.labels)) == Some((name, host.labels)) {
                    continue;
                }
                if !name.is_wildcard() {
                    self.exact.insert(name);
                    self.exact_pairs.insert((name, namespace));
                    continue;
                }
                let labels = self.wildcard.entry(name.suffix()).or_default();
                match host.labels {
                    WildcardLabels::One => labels.one = true,
                    WildcardLabels::Many => labels.many = true,
                }
                self.wildcard_pairs
                    .insert((name.suffix(), host.labels, namespace));
            }
        }
    }

    /// Is a rule of this namespace among the most specific ones for the host?
    pub fn owns(&self, namespace: &str, host: &Hostname) -> bool {
        if !host.is_wildcard() && self.exact.contains(host) {
            return self.exact_pairs.contains(&(host, namespace));
        }
        let has = |suffix, labels| self.wildcard_pairs.contains(&(suffix, labels, namespace));
        if let Some((suffix, counts)) = self.wildcard_over(host) {
            return (counts.one && has(suffix, WildcardLabels::One))
                || (counts.many && has(suffix, WildcardLabels::Many));
        }
        self.any.contains(namespace)
    }

    /// Has no rule of anybody to do with this host?
    pub fn is_nobodys(&self, host: &Hostname) -> bool {
        let is_named = !host.is_wildcard() && self.exact.contains(host);
        !is_named && self.wildcard_over(host).is_none() && self.any.is_empty()
    }

    /// The longest wildcard that takes the host (a wildcard takes itself), and which of its rules do.
    fn wildcard_over<'h>(&self, host: &'h Hostname) -> Option<(&'h str, Labels)> {
        let mut suffix = match host.is_wildcard() {
            true => host.suffix(),
            false => host.suffix().split_once('.')?.1,
        };
        let mut is_one_label = true;
        loop {
            let labels = self.wildcard.get(suffix).copied().unwrap_or_default();
            let counts = Labels {
                one: labels.one && is_one_label,
                many: labels.many,
            };
            if counts.one || counts.many {
                return Some((suffix, counts));
            }
            is_one_label = false;
            suffix = suffix.split_once('.')?.1;
        }
    }

    /// Does a rule of this namespace name a host that the wildcard covers?
    pub fn has_below(&self, namespace: &str, wildcard: &Hostname) -> bool {
        let parents = self.parents.get_or_init(|| {
            let parents = self.exact_names();
            parents
                .filter_map(|(host, namespace)| Some((parent(host)?, namespace)))
                .collect()
        });
        parents.contains(&(wildcard.suffix(), namespace))
    }

    /// Every exact name that rules have, with each namespace that has it, in no order.
    pub fn exact_names(&self) -> impl Iterator<Item = (&'a Hostname, &'a str)> + '_ {
        self.exact_pairs.iter().copied()
    }
}

/// What a wildcard that covers an exact name has behind its `*.`.
pub fn parent(host: &Hostname) -> Option<&str> {
    host.suffix().split_once('.').map(|(_, parent)| parent)
}
