//! Which paths of one host does this path match, the longest first?

use super::entry::Entry;
use super::{RequestView, Visitor};
use crate::pattern::Pattern;
use std::cmp::Ordering;
use std::ops::{ControlFlow, Range};

/// The paths of all hosts, in one piece: few allocations to build, few jumps to search.
#[derive(Debug, Default)]
pub struct PathIndex {
    /// The text of all nodes.
    pub text: String,
    pub nodes: Vec<Node>,
    pub regexes: Vec<Pattern>,
    pub entries: Vec<Entry>,
    pub hosts: Vec<HostPaths>,
}

/// Where the paths of one host are. Exact and prefix paths are sorted by `compare`.
#[derive(Debug, Clone, Default)]
pub struct HostPaths {
    pub exact: Range<usize>,
    pub prefix: Range<usize>,
    /// Into `regexes`, by precedence. The entries begin at `regex_entries`, one for each.
    pub regex: Range<usize>,
    pub regex_entries: usize,
    /// All of this host.
    pub entries: Range<usize>,
}

/// One path, and the entries that it has, by precedence.
#[derive(Debug)]
pub struct Node {
    /// Into `text`. A prefix has no trailing slash; `/` is empty.
    pub text: Range<usize>,
    pub entries: Range<usize>,
    /// The longest prefix of the same host that this one is below.
    pub parent: Option<usize>,
}

impl PathIndex {
    pub fn of_host(&self, host: usize) -> Option<&HostPaths> {
        self.hosts.get(host)
    }

    pub fn entries(&self, paths: &HostPaths) -> &[Entry] {
        self.entries.get(paths.entries.clone()).unwrap_or_default()
    }

    /// Shows every entry whose path matches, in order of precedence, until the visitor has enough.
    pub fn visit(
        &self,
        paths: &HostPaths,
        request: &RequestView<'_>,
        is_one_label: bool,
        visitor: &mut impl Visitor,
    ) -> ControlFlow<()> {
        if let Some(node) = self.exact(paths, request.path) {
            self.visit_entries(node.entries.clone(), request, is_one_label, visitor)?;
        }
        let regexes = self.regexes.get(paths.regex.clone()).unwrap_or_default();
        for (at, regex) in (paths.regex_entries..).zip(regexes) {
            if regex.is_match(request.path) {
                self.visit_entries(at..at + 1, request, is_one_label, visitor)?;
            }
        }
        let mut next = self.deepest_prefix(paths, request.path);
        while let Some(node) = next {
            self.visit_entries(node.entries.clone(), request, is_one_label, visitor)?;
            next = self.parent(node);
        }
        ControlFlow::Continue(())
    }

    fn visit_entries(
        &self,
        entries: Range<usize>,
        request: &RequestView<'_>,
        is_one_label: bool,
        visitor: &mut impl Visitor,
    ) -> ControlFlow<()> {
        for entry in self.entries.get(entries).unwrap_or_default() {
            match entry.mismatch(request, is_one_label) {
                None => visitor.matched(entry)?,
                Some(mismatch) => visitor.failed(entry, mismatch),
            }
        }
        ControlFlow::Continue(())
    }

    fn exact(&self, paths: &HostPaths, path: &str) -> Option<&Node> {
        let nodes = self.nodes.get(paths.exact.clone())?;
        let at = nodes
            .binary_search_by(|node| compare(self.text_of(node), path.as_bytes()))
            .ok()?;
        nodes.get(at)
    }

    /// The longest prefix that the path is below or equal to.
    ///
    /// In the order of `compare` everything below a prefix follows it directly. So the last node that is not greater than the path
    /// is below every prefix of the path that there is, and its parents are all that has to be looked at.
    fn deepest_prefix(&self, paths: &HostPaths, path: &str) -> Option<&Node> {
        let path = path.as_bytes();
        let nodes = self.nodes.get(paths.prefix.clone())?;
        let after = nodes.partition_point(|node| compare(self.text_of(node), path).is_le());
        let mut node = nodes.get(after.checked_sub(1)?)?;
        let common = common_len(self.text_of(node), path);
        loop {
            let length = node.text.len();
            if length <= common && matches!(path.get(length), None | Some(b'/')) {
                return Some(node);
            }
            node = self.parent(node)?;
        }
    }

    fn parent(&self, node: &Node) -> Option<&Node> {
        self.nodes.get(node.parent?)
    }

    fn text_of(&self, node: &Node) -> &[u8] {
        self.text
            .as_bytes()
            .get(node.text.clone())
            .unwrap_or_default()
    }
}

/// Is `path` equal to `prefix`, or below it by whole segments? A prefix has no trailing slash here, and `/` is empty.
pub fn is_below(path: &str, prefix: &str) -> bool {
    path.strip_prefix(prefix)
        .is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// Orders paths so that `/` is before every other byte: what is below `/a` comes directly after `/a`, before `/a-b`.
pub fn compare(left: &[u8], right: &[u8]) -> Ordering {
    let common = common_len(left, right);
    let rank = |byte: &u8| if *byte == b'/' { 0 } else { *byte };
    let left = left.get(common).map(rank);
    left.cmp(&right.get(common).map(rank))
}

fn common_len(left: &[u8], right: &[u8]) -> usize {
    left.iter().zip(right).take_while(|(l, r)| l == r).count()
}
