//! Which existing object was probably meant?

use crate::model::Model;
use crate::name::ObjectName;
use crate::nearest::nearest;
use std::cell::{Cell, OnceCell};
use std::collections::HashMap;

/// Comparisons of one compilation, each up to some 4,000 steps: a thousand wrong references beside a thousand Services must not
/// stall the control path.
const COMPARISONS_MAX: usize = 4_000;

/// The names that exist, for hints. Sorted only when the first hint is needed: mostly none is.
pub struct Known<'a> {
    model: &'a Model,
    services: OnceCell<Names<'a>>,
    endpoints: OnceCell<Names<'a>>,
    secrets: OnceCell<Names<'a>>,
    comparisons_left: Cell<usize>,
}

/// Sorted, so that every node gives the same hint.
struct Names<'a> {
    by_namespace: HashMap<&'a str, Vec<&'a str>>,
    by_name: HashMap<&'a str, Vec<&'a str>>,
}

impl<'a> Known<'a> {
    pub fn new(model: &'a Model) -> Known<'a> {
        Known {
            model,
            services: OnceCell::new(),
            endpoints: OnceCell::new(),
            secrets: OnceCell::new(),
            comparisons_left: Cell::new(COMPARISONS_MAX),
        }
    }

    /// `; did you mean website/backend-service?`, or nothing.
    pub fn service_hint(&self, name: &ObjectName) -> String {
        let names = self
            .services
            .get_or_init(|| Names::new(self.model.services.keys()));
        self.hint(names, name)
    }

    pub fn endpoints_hint(&self, name: &ObjectName) -> String {
        let names = self
            .endpoints
            .get_or_init(|| Names::new(self.model.endpoints.keys()));
        self.hint(names, name)
    }

    pub fn secret_hint(&self, name: &ObjectName) -> String {
        let names = self
            .secrets
            .get_or_init(|| Names::new(self.model.certificates.keys()));
        self.hint(names, name)
    }

    fn hint(&self, names: &Names<'a>, wanted: &ObjectName) -> String {
        let beside = names.by_namespace.get(&*wanted.namespace);
        let beside = beside.map(Vec::as_slice).unwrap_or_default();
        let left = self.comparisons_left.get();
        self.comparisons_left.set(left.saturating_sub(beside.len()));
        let others = beside.iter().take(left).copied();
        let others = others.filter(|name| *name != &*wanted.name);
        if let Some(near) = nearest(&wanted.name, others) {
            return format!("; did you mean {}/{near}?", wanted.namespace);
        }
        let elsewhere = names.by_name.get(&*wanted.name).and_then(|namespaces| {
            let mut others = namespaces.iter().filter(|n| **n != &*wanted.namespace);
            others.next()
        });
        match elsewhere {
            Some(namespace) => {
                format!("; {namespace}/{} is in another namespace", wanted.name)
            }
            None => String::new(),
        }
    }
}

impl<'a> Names<'a> {
    fn new(all: impl Iterator<Item = &'a ObjectName>) -> Names<'a> {
        let mut sorted: Vec<&ObjectName> = all.collect();
        sorted.sort_unstable();
        let mut names = Names {
            by_namespace: HashMap::new(),
            by_name: HashMap::new(),
        };
        for ObjectName { namespace, name } in sorted {
            names.by_namespace.entry(namespace).or_default().push(name);
            names.by_name.entry(name).or_default().push(namespace);
        }
        names
    }
}
