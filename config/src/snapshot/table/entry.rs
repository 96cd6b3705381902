//! Does the rest of a request match, once host and path do?

use super::RequestView;
use crate::hostname::{Hostname, WildcardLabels};
use crate::model::{HeaderMatch, ListenerScope, QueryMatch, TextMatch};
use crate::snapshot::RuleId;
use http::{HeaderMap, HeaderName, Method, header};
use std::borrow::Cow;
use std::sync::Arc;

/// One host and one match of one rule.
#[derive(Debug)]
pub struct Entry {
    pub rule: RuleId,
    /// Into the rule's `hosts`; of no meaning where it has none.
    pub host_index: u32,
    /// Into the rule's `matches`.
    pub match_index: u32,
    pub listeners: Listeners,
    pub labels: WildcardLabels,
    /// None for nearly all of them.
    pub conditions: Option<Box<Conditions>>,
}

/// The part of a `ListenerScope` that every request is compared with.
#[derive(Debug, Clone, Copy)]
pub struct Listeners {
    http: bool,
    https: bool,
    port: Option<u16>,
}

impl Listeners {
    pub fn of(scope: &ListenerScope) -> Listeners {
        Listeners {
            http: scope.http,
            https: scope.https,
            port: scope.port,
        }
    }
}

/// What a rule asks for beyond host and path.
#[derive(Debug)]
pub struct Conditions {
    /// Hosts that it does not take.
    pub except: Option<Arc<[Hostname]>>,
    pub method: Option<Method>,
    pub headers: Vec<HeaderMatch>,
    pub query: Vec<QueryMatch>,
}

/// The first thing that does not match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mismatch {
    Listener,
    /// The rule is for another port of this protocol.
    Port,
    /// Another listener of the same Gateway takes the host.
    OtherListener,
    /// The rule's wildcard stands for one label, and the host has more.
    HostLabels,
    Method,
    /// Index into the match's headers.
    Header(usize),
    /// Index into the match's query parameters.
    Query(usize),
}

impl Entry {
    /// What does not match, if anything. `is_one_label`: what the host's wildcard stands for is one label.
    pub fn mismatch(&self, request: &RequestView<'_>, is_one_label: bool) -> Option<Mismatch> {
        let is_in_scope = if request.is_https {
            self.listeners.https
        } else {
            self.listeners.http
        };
        if !is_in_scope {
            return Some(Mismatch::Listener);
        }
        if let (Some(wanted), Some(port)) = (self.listeners.port, request.port)
            && wanted != port
        {
            return Some(Mismatch::Port);
        }
        if self.labels == WildcardLabels::One && !is_one_label {
            return Some(Mismatch::HostLabels);
        }
        self.conditions.as_ref()?.mismatch(request)
    }
}

impl Conditions {
    fn mismatch(&self, request: &RequestView<'_>) -> Option<Mismatch> {
        let mut except = self.except.as_deref().unwrap_or_default().iter();
        if except.any(|name| name.covers(request.host, WildcardLabels::Many)) {
            return Some(Mismatch::OtherListener);
        }
        if self.method.as_ref().is_some_and(|m| m != request.method) {
            return Some(Mismatch::Method);
        }
        let header = self.headers.iter().enumerate().position(|(at, wanted)| {
            !is_repeated(&self.headers, at) && !header_matches(wanted, request.headers)
        });
        if let Some(at) = header {
            return Some(Mismatch::Header(at));
        }
        let query = request.query.unwrap_or_default();
        let missing = self.query.iter().position(|q| !query_matches(q, query));
        missing.map(Mismatch::Query)
    }
}

/// "If multiple entries specify equivalent header names, only the first entry with an equivalent name MUST be considered"
/// (Gateway API, HTTPHeaderMatch.name).
pub fn is_repeated(headers: &[HeaderMatch], at: usize) -> bool {
    let Some((wanted, before)) = headers.get(..=at).and_then(<[_]>::split_last) else {
        return false;
    };
    before.iter().any(|earlier| earlier.name == wanted.name)
}

/// Several lines of one name are one value, joined by ", " (RFC 9110 §5.3, to which Gateway API refers), Cookie by "; "
/// (RFC 9113 §8.2.3). Only a regular expression that meets several lines needs them in one piece, and allocates.
fn header_matches(wanted: &HeaderMatch, headers: &HeaderMap) -> bool {
    let mut lines = headers.get_all(&wanted.name).iter();
    let Some(first) = lines.next() else {
        return false;
    };
    let is_single = lines.next().is_none();
    match &wanted.value {
        TextMatch::Exact(text) if is_single => first.as_bytes() == text.as_bytes(),
        TextMatch::Exact(text) => joined_equals(&wanted.name, headers, text.as_bytes()),
        TextMatch::Regex(regex) if is_single => {
            std::str::from_utf8(first.as_bytes()).is_ok_and(|text| regex.is_match(text))
        }
        TextMatch::Regex(regex) => {
            let lines: Vec<&[u8]> = headers
                .get_all(&wanted.name)
                .iter()
                .map(|line| line.as_bytes())
                .collect();
            let joined = lines.join(separator(&wanted.name));
            std::str::from_utf8(&joined).is_ok_and(|text| regex.is_match(text))
        }
    }
}

fn joined_equals(name: &HeaderName, headers: &HeaderMap, text: &[u8]) -> bool {
    let mut rest = text;
    for (at, line) in headers.get_all(name).iter().enumerate() {
        if at > 0 {
            let Some(after) = rest.strip_prefix(separator(name)) else {
                return false;
            };
            rest = after;
        }
        let Some(after) = rest.strip_prefix(line.as_bytes()) else {
            return false;
        };
        rest = after;
    }
    rest.is_empty()
}

fn separator(name: &HeaderName) -> &'static [u8] {
    if name == header::COOKIE { b"; " } else { b", " }
}

/// The first value of a repeated parameter counts, as Gateway API recommends. Name and value are percent-decoded; `+` is a plus.
fn query_matches(wanted: &QueryMatch, query: &str) -> bool {
    let value = query
        .split('&')
        .map(|pair| pair.split_once('=').unwrap_or((pair, "")))
        .find(|(name, _)| decoded(name).eq(wanted.name.bytes()))
        .map(|(_, value)| value);
    let Some(value) = value else {
        return false;
    };
    match &wanted.value {
        TextMatch::Exact(text) => decoded(value).eq(text.bytes()),
        TextMatch::Regex(regex) => {
            let text = if value.contains('%') {
                String::from_utf8(decoded(value).collect()).map(Cow::Owned)
            } else {
                Ok(Cow::Borrowed(value))
            };
            text.is_ok_and(|text| regex.is_match(&text))
        }
    }
}

/// Percent-decoded bytes; a `%` without two hex digits stands for itself.
fn decoded(text: &str) -> impl Iterator<Item = u8> + '_ {
    let mut rest = text.as_bytes();
    std::iter::from_fn(move || {
        let (&byte, after) = rest.split_first()?;
        rest = after;
        if byte != b'%' {
            return Some(byte);
        }
        let Some((high, low, after)) = split_digits(after) else {
            return Some(byte);
        };
        rest = after;
        u8::try_from(high << 4 | low).ok()
    })
}

fn split_digits(rest: &[u8]) -> Option<(u32, u32, &[u8])> {
    let [high, low, after @ ..] = rest else {
        return None;
    };
    let high = char::from(*high).to_digit(16)?;
    let low = char::from(*low).to_digit(16)?;
    Some((high, low, after))
}
