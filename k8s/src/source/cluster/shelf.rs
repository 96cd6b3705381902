//! How does what arrives become the whole set?
//!
//! A list replaces what its watch is responsible for, and nothing else, in one step and only when it is complete.

use super::arrival::Arrived;
use super::kinds::{NamespaceName, Watched};
use crate::objects::{Object, Objects, Set};
use config::name::{Kind, ObjectName, ObjectRef};
use config::problem::Problem;
use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::Arc;

/// What one watch is responsible for.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(super) enum Place {
    All,
    Namespace(Arc<str>),
    /// One object, because something refers to it and the watch on its kind does not bring it.
    Name(ObjectName),
    /// One object of a namespace that is not watched.
    Alone(ObjectName),
}

impl Place {
    fn has(&self, name: &ObjectName) -> bool {
        match self {
            Place::All => true,
            Place::Namespace(namespace) => *namespace == name.namespace,
            Place::Name(own) | Place::Alone(own) => own == name,
        }
    }

    fn is_responsible_for<K: Watched>(&self, object: &Object<K>) -> bool {
        let is_bulk = object.value.is_watched_in_bulk();
        self.has(&object.name)
            && match self {
                Place::All | Place::Namespace(_) => is_bulk,
                Place::Name(_) => !is_bulk,
                Place::Alone(_) => true,
            }
    }
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::All => f.write_str("all namespaces"),
            Place::Namespace(namespace) => write!(f, "namespace {namespace}"),
            Place::Name(name) | Place::Alone(name) => write!(f, "{name}"),
        }
    }
}

/// Everything that was read, as far as it is complete.
#[derive(Debug, Default)]
pub(super) struct Shelf {
    pub objects: Objects,
    /// Those that are selected, if the settings select namespaces by their labels.
    pub namespaces: Set<NamespaceName>,
    /// The objects that cannot be read. What they were before is in `objects`.
    pub faults: BTreeMap<ObjectRef, Problem>,
}

impl Shelf {
    /// A list is complete.
    pub fn replace<K: Watched>(&mut self, place: &Place, arrived: Vec<Arrived<K>>) {
        self.forget_faults(K::KIND, place);
        let set = Arc::make_mut(K::set(self));
        let theirs = set.extract_if(|_, object| place.is_responsible_for(object));
        let mut before: HashMap<ObjectName, Arc<Object<K>>> = theirs.collect();
        let mut faults = Vec::new();
        for one in arrived {
            let old = before.remove(&one.name);
            match one.object {
                Ok(new) if place.is_responsible_for(&new) => {
                    // The same object stays the same one: nobody has to look at it again.
                    let is_same = |old: &Arc<Object<K>>| old.revision == new.revision;
                    let kept = old.filter(is_same).unwrap_or(new);
                    set.insert(one.name, kept);
                }
                Ok(_) => {}
                Err(problem) => {
                    faults.push(problem);
                    old.map(|old| set.insert(one.name, old));
                }
            }
        }
        let faults = faults.into_iter();
        self.faults
            .extend(faults.map(|problem| (problem.object.clone(), problem)));
    }

    /// An object was added or changed.
    pub fn put<K: Watched>(&mut self, place: &Place, arrived: Arrived<K>) {
        let reference = reference(K::KIND, &arrived.name);
        match arrived.object {
            Ok(object) if place.is_responsible_for(&object) => {
                self.faults.remove(&reference);
                Arc::make_mut(K::set(self)).insert(arrived.name, object);
            }
            Ok(_) => {}
            Err(problem) => {
                self.faults.insert(reference, problem);
            }
        }
    }

    /// An object was deleted. None of an older incarnation comes after this: events of one watch keep their order.
    pub fn remove<K: Watched>(&mut self, place: &Place, name: &ObjectName) {
        self.faults.remove(&reference(K::KIND, name));
        let set = K::set(self);
        if set
            .get(name)
            .is_some_and(|object| place.is_responsible_for(object))
        {
            Arc::make_mut(set).remove(name);
        }
    }

    fn forget_faults(&mut self, kind: Kind, place: &Place) {
        self.faults
            .retain(|object, _| object.kind != kind || !place.has(&object.name));
    }
}

fn reference(kind: Kind, name: &ObjectName) -> ObjectRef {
    ObjectRef {
        kind,
        name: name.clone(),
    }
}

#[cfg(test)]
mod tests;
