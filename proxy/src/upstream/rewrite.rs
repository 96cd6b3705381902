//! What does a rule's filter make of a path?

use config::model::{PathMatch, PathRewrite, RequestMatch};

/// The prefix of a rule's matches that takes this path: the longest one. `/` where none does, as for an exact match.
pub fn matched_prefix<'a>(matches: &'a [RequestMatch], path: &str) -> &'a str {
    let prefixes = matches.iter().filter_map(|one| match &one.path {
        PathMatch::Prefix(prefix) => Some(&**prefix),
        PathMatch::Exact(_) | PathMatch::Regex(_) => None,
    });
    prefixes
        .filter(|prefix| strip_prefix(path, prefix).is_some())
        .max_by_key(|prefix| prefix.len())
        .unwrap_or("/")
}

/// The path after the filter, still without its query (Gateway API, HTTPPathModifier).
pub fn apply(rewrite: &PathRewrite, path: &str, prefix: &str) -> String {
    let (replacement, rest) = match rewrite {
        PathRewrite::Full(full) => (full.as_str(), ""),
        PathRewrite::Prefix(new) => {
            let rest = strip_prefix(path, prefix).unwrap_or(path);
            (new.strip_suffix('/').unwrap_or(new), rest)
        }
    };
    let mut result = String::with_capacity(replacement.len() + rest.len() + 1);
    let is_rooted =
        replacement.starts_with('/') || (replacement.is_empty() && rest.starts_with('/'));
    if !is_rooted {
        result.push('/');
    }
    result.push_str(replacement);
    result.push_str(rest);
    result
}

/// What follows a prefix, on the boundary of a segment: empty, or beginning with `/`.
fn strip_prefix<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    let prefix = prefix.strip_suffix('/').unwrap_or(prefix);
    let rest = path.strip_prefix(prefix)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, prefix: &str, replacement: &str, expected: &str) {
        let rewrite = PathRewrite::Prefix(replacement.to_owned());
        assert_eq!(
            apply(&rewrite, path, prefix),
            expected,
            "{path} {prefix} {replacement}"
        );
    }

    /// The table in the documentation of HTTPPathModifier.replacePrefixMatch.
    #[test]
    fn prefixes_are_replaced_as_gateway_api_says() {
        check("/foo/bar", "/foo", "/xyz", "/xyz/bar");
        check("/foo/bar", "/foo", "/xyz/", "/xyz/bar");
        check("/foo/bar", "/foo/", "/xyz", "/xyz/bar");
        check("/foo/bar", "/foo/", "/xyz/", "/xyz/bar");
        check("/foo", "/foo", "/xyz", "/xyz");
        check("/foo/", "/foo", "/xyz", "/xyz/");
        check("/foo/bar", "/foo", "", "/bar");
        check("/foo/", "/foo", "", "/");
        check("/foo", "/foo", "", "/");
        check("/foo/", "/foo", "/", "/");
        check("/foo", "/foo", "/", "/");
        check("/any/path", "/", "/xyz", "/xyz/any/path");
    }

    #[test]
    fn a_full_path_replaces_everything() {
        let full = |new: &str| apply(&PathRewrite::Full(new.to_owned()), "/foo/bar", "/foo");
        assert_eq!(full("/xyz"), "/xyz");
        assert_eq!(full("/xyz/"), "/xyz/");
        assert_eq!(full("xyz"), "/xyz");
        assert_eq!(full(""), "/");
    }

    #[test]
    fn the_longest_prefix_that_takes_the_path_counts() {
        let of = |prefix: &str| RequestMatch {
            path: PathMatch::Prefix(prefix.into()),
            method: None,
            headers: Vec::new(),
            query: Vec::new(),
        };
        let matches = [of("/"), of("/shop"), of("/shop/old"), of("/sho")];
        assert_eq!(matched_prefix(&matches, "/shop/cart"), "/shop");
        assert_eq!(matched_prefix(&matches, "/shop/old/x"), "/shop/old");
        assert_eq!(matched_prefix(&matches, "/shopping"), "/");
    }
}
