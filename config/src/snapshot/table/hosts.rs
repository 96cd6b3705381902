//! Which host names of the configuration cover this one, the most specific first?

use crate::model::HostMatch;
use std::collections::HashMap;

/// A number for each host name that rules have; `PathIndex` knows its paths.
pub type HostId = usize;

/// Host names of rules. An exact name costs one hash, a wildcard one for each label that some wildcard has.
#[derive(Debug, Default)]
pub struct HostIndex {
    exact: HashMap<Box<str>, HostId>,
    /// By what is behind `*.`.
    wildcard: HashMap<Box<str>, HostId>,
    any: Option<HostId>,
    /// The most labels behind a `*.`: a host of a hundred labels is not walked through for nothing.
    wildcard_labels_max: usize,
}

/// One host name of the configuration that covers the request's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Covering {
    pub host: HostId,
    /// The wildcard stands for one label here, so an Ingress's matches too.
    pub is_one_label: bool,
}

impl HostIndex {
    /// The number of a rule's host; `next` where it is a new one.
    pub fn intern(&mut self, host: Option<&HostMatch>, next: HostId) -> HostId {
        let Some(host) = host else {
            return *self.any.get_or_insert(next);
        };
        let suffix = host.name.suffix();
        let map = if host.name.is_wildcard() {
            let labels = suffix.split('.').count();
            self.wildcard_labels_max = self.wildcard_labels_max.max(labels);
            &mut self.wildcard
        } else {
            &mut self.exact
        };
        match map.get(suffix) {
            Some(id) => *id,
            None => {
                map.insert(suffix.into(), next);
                next
            }
        }
    }

    /// Exact first, then wildcards from the longest to the shortest, then rules without a host.
    pub fn covering<'a>(&'a self, host: &'a str) -> impl Iterator<Item = Covering> + 'a {
        let exact = self.exact.get(host).copied();
        let wildcards = self
            .suffixes(host)
            .filter_map(move |suffix| self.wildcard_covering(host, suffix));
        let one = |host| Covering {
            host,
            is_one_label: true,
        };
        exact
            .map(one)
            .into_iter()
            .chain(wildcards)
            .chain(self.any.map(one))
    }

    fn wildcard_covering(&self, host: &str, suffix: &str) -> Option<Covering> {
        let front_len = host.len() - suffix.len() - 1;
        if front_len == 0 {
            return None;
        }
        Some(Covering {
            host: *self.wildcard.get(suffix)?,
            is_one_label: !host.get(..front_len)?.contains('.'),
        })
    }

    /// What could be behind a `*.`: longest first, none with more labels than any wildcard has.
    fn suffixes<'a>(&self, host: &'a str) -> impl Iterator<Item = &'a str> + use<'a> {
        let first = match self.wildcard_labels_max.checked_sub(1) {
            None => None,
            Some(nth) => host
                .rmatch_indices('.')
                .nth(nth)
                .map(|(at, _)| at)
                .or_else(|| host.find('.')),
        };
        let first = first.and_then(|at| host.get(at + 1..));
        std::iter::successors(first, |suffix| suffix.split_once('.').map(|(_, rest)| rest))
    }
}
