//! Which of two objects is the older one?

use super::order;
use crate::model::Route;
use crate::name::{Kind, ObjectName};
use std::cmp::Ordering;
use std::sync::Arc;

/// The lesser one wins a tie. The same on every node and after every restart, whatever order the objects arrived in.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seniority<'a> {
    /// None is before every time: missing ones are equal and count as the oldest.
    pub created: Option<i64>,
    pub name: Alphabetical<'a>,
    pub kind: Kind,
}

/// "The Route appearing first in alphabetical order by {namespace}/{name}" (Gateway API, HTTPRouteRule.matches):
/// of the text, in which `a-b/x` is before `a/x`.
#[derive(Debug, PartialEq, Eq)]
pub struct Alphabetical<'a>(pub &'a ObjectName);

impl Alphabetical<'_> {
    fn bytes(&self) -> impl Iterator<Item = u8> + '_ {
        let ObjectName { namespace, name } = self.0;
        namespace.bytes().chain(*b"/").chain(name.bytes())
    }
}

impl Ord for Alphabetical<'_> {
    fn cmp(&self, other: &Self) -> Ordering {
        if self.0.namespace == other.0.namespace {
            return self.0.name.cmp(&other.0.name); // The same order, without going byte by byte.
        }
        self.bytes().cmp(other.bytes())
    }
}

impl PartialOrd for Alphabetical<'_> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Seniority<'_> {
    fn of(route: &Route) -> Seniority<'_> {
        Seniority {
            created: route.created,
            name: Alphabetical(&route.object.name),
            kind: route.object.kind,
        }
    }
}

/// The oldest first. `last` is what this came to before.
pub fn sorted(routes: &[Arc<Route>], last: &[Arc<Route>]) -> Vec<Arc<Route>> {
    let routes = routes.iter().cloned();
    order::in_order(routes, last, |left, right| {
        Seniority::of(left).cmp(&Seniority::of(right))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_object_is_first_and_names_decide_ties() {
        let names = [("a", "x"), ("a-b", "x"), ("a", "y")].map(|(n, m)| ObjectName::new(n, m));
        let seniority = |created, name| Seniority {
            created,
            name: Alphabetical(name),
            kind: Kind::Ingress,
        };
        let expected = [
            seniority(None, &names[1]),
            seniority(None, &names[0]),
            seniority(None, &names[2]),
            seniority(Some(1), &names[0]),
            seniority(Some(2), &names[1]),
        ];
        assert!(expected.is_sorted(), "{expected:?}");
    }
}
