//! Which rule comes first for this host and path?

mod build;
mod entry;
mod hosts;
mod paths;
mod precedence;
#[cfg(test)]
mod tests;

pub(crate) use build::SharedClaim;
pub(crate) use entry::{Entry, Mismatch};
pub use precedence::Precedence;

use super::RuleId;
use hosts::HostIndex;
use http::{HeaderMap, Method};
use paths::PathIndex;
use std::ops::ControlFlow;

/// What routing looks at. Host and path are in normal form.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    pub is_https: bool,
    /// The public port of the listener; none: not known, and any is taken for it.
    pub port: Option<u16>,
    pub host: &'a str,
    pub method: &'a Method,
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
}

/// Rules in an order that finds the first match quickly.
///
/// A host leads by hash to its paths; the paths of one host are sorted, so that a binary search finds the deepest one and
/// links lead from there to the shorter ones. What a search costs depends on the configuration, never on the request's length
/// beyond reading it.
#[derive(Debug, Default)]
pub struct RouteTable {
    ordinary: HostIndex,
    default_backends: HostIndex,
    paths: PathIndex,
    not_found: RuleId,
}

/// Who looks on while the table is searched: `find` stops at the first match, `explain` takes notes.
pub(crate) trait Visitor {
    /// The paths of a host that covers the request's; every entry that this host has.
    fn host(&mut self, _entries: &[Entry], _is_one_label: bool) {}
    /// Host and path match, something else does not.
    fn failed(&mut self, _entry: &Entry, _mismatch: Mismatch) {}
    /// Everything matches. Matches come in order of `Precedence`.
    fn matched(&mut self, entry: &Entry) -> ControlFlow<()>;
}

impl RouteTable {
    /// Which rule takes this request? Total: the last rule answers 404.
    pub fn find(&self, request: &RequestView<'_>) -> RuleId {
        let mut first = First(self.not_found);
        self.walk(request, &mut first);
        first.0
    }

    /// The one search: hosts from the most specific to none, paths from the longest to the shortest, default backends last.
    pub(crate) fn walk(&self, request: &RequestView<'_>, visitor: &mut impl Visitor) {
        for index in [&self.ordinary, &self.default_backends] {
            for covering in index.covering(request.host) {
                let Some(paths) = self.paths.of_host(covering.host) else {
                    continue;
                };
                visitor.host(self.paths.entries(paths), covering.is_one_label);
                let found = self
                    .paths
                    .visit(paths, request, covering.is_one_label, visitor);
                if found.is_break() {
                    return;
                }
            }
        }
    }
}

struct First(RuleId);

impl Visitor for First {
    fn matched(&mut self, entry: &Entry) -> ControlFlow<()> {
        self.0 = entry.rule;
        ControlFlow::Break(())
    }
}
