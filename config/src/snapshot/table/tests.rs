//! Does the table find what the specifications say, and what a naive search finds?

mod allocations;
mod gateway_api;
mod ingress;
mod reference;

use super::*;
use crate::hostname::{Hostname, RequestHost, WildcardLabels};
use crate::model::{HeaderMatch, HostMatch, ListenerScope, QueryMatch, RequestMatch, TextMatch};
use crate::name::{Kind, ObjectRef};
use crate::path;
use crate::pattern::{Budget, Pattern};
use crate::snapshot::{Action, Rule};
use http::{HeaderName, HeaderValue};
use std::sync::Arc;

/// A rule without a backend, named by its field.
pub fn rule(field: &str, hosts: &[&str], matches: Vec<RequestMatch>) -> Rule {
    let host = |name: &&str| HostMatch {
        name: Hostname::parse(name).unwrap(),
        labels: WildcardLabels::Many,
    };
    Rule {
        object: ObjectRef::new(Kind::HttpRoute, "default", "route"),
        field: field.into(),
        origin: None,
        hosts: hosts.iter().map(host).collect(),
        matches: matches.into(),
        scope: ListenerScope::ALL,
        is_default_backend: false,
        filters: Vec::new(),
        action: Action::NotFound,
        policy: Default::default(),
    }
}

/// `=/exact`, `~regex` or `/prefix`, and behind it what else is asked for: `/a GET x-h:v ?q=v`.
pub fn request_match(text: &str) -> RequestMatch {
    let mut words = text.split(' ');
    let path = words.next().unwrap();
    let path = match path.split_at(1) {
        ("=", exact) => path::exact(exact).unwrap(),
        ("~", regex) => crate::model::PathMatch::Regex(pattern(regex)),
        _ => path::prefix(path).unwrap(),
    };
    let mut found = RequestMatch {
        path,
        method: None,
        headers: Vec::new(),
        query: Vec::new(),
    };
    for word in words {
        if let Some((name, value)) = word.strip_prefix('?').and_then(|q| q.split_once('=')) {
            found.query.push(QueryMatch {
                name: name.to_owned(),
                value: text_match(value),
            });
        } else if let Some((name, value)) = word.split_once(':') {
            found.headers.push(HeaderMatch {
                name: HeaderName::from_bytes(name.as_bytes()).unwrap(),
                value: text_match(value),
            });
        } else {
            found.method = Some(word.parse().unwrap());
        }
    }
    found
}

fn text_match(text: &str) -> TextMatch {
    match text.strip_prefix('~') {
        Some(regex) => TextMatch::Regex(pattern(regex)),
        None => TextMatch::Exact(text.replace('_', " ")),
    }
}

/// The rules, and the one behind them that answers 404.
pub fn with_not_found(mut rules: Vec<Rule>) -> Vec<Rule> {
    rules.push(rule("404", &[], Vec::new()));
    rules
}

/// `GET shop.test/path?query x-h:v`, over HTTPS with a `+` in front. The port of the host is the listener's too.
#[derive(Debug)]
pub struct Asked {
    is_https: bool,
    port: Option<u16>,
    method: Method,
    host: String,
    path: String,
    query: Option<String>,
    headers: HeaderMap,
}

impl Asked {
    pub fn parse(text: &str) -> Asked {
        let (is_https, text) = match text.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let mut words = text.split(' ');
        let method = words.next().unwrap().parse().unwrap();
        let target = words.next().unwrap();
        let (host, _) = target.split_once('/').unwrap();
        let (path, query) = path::split_target(&target[host.len()..]);
        let mut headers = HeaderMap::new();
        for (name, value) in words.filter_map(|word| word.split_once(':')) {
            let value = HeaderValue::from_str(&value.replace('_', " ")).unwrap();
            headers.append(HeaderName::from_bytes(name.as_bytes()).unwrap(), value);
        }
        Asked {
            is_https,
            port: RequestHost::parse(host).unwrap().port,
            method,
            host: RequestHost::parse(host).unwrap().host.into_owned(),
            path: path::normalise(path).unwrap().into_owned(),
            query: query.map(str::to_owned),
            headers,
        }
    }

    pub fn view(&self) -> RequestView<'_> {
        RequestView {
            is_https: self.is_https,
            port: self.port,
            host: &self.host,
            method: &self.method,
            path: &self.path,
            query: self.query.as_deref(),
            headers: &self.headers,
        }
    }
}

/// Which of these rules (hosts, match) takes the request? Each is named by its match.
#[track_caller]
pub fn check(rules: &[(&[&str], &str)], asked: &str, expected: &str) {
    let rules = rules
        .iter()
        .map(|(hosts, text)| rule(text, hosts, vec![request_match(text)]));
    check_rules(&with_not_found(rules.collect()), asked, expected);
}

#[track_caller]
pub fn check_rules(rules: &[Rule], asked: &str, expected: &str) {
    let (table, _) = RouteTable::build(rules);
    let request = Asked::parse(asked);
    let found = table.find(&request.view());
    assert_eq!(&*rules[found.index()].field, expected, "{asked}");
    let naive = reference::find(rules, &request.view());
    assert_eq!(found, naive, "the reference disagrees on {asked}");
}

#[test]
fn an_empty_table_answers_404() {
    check(&[], "GET a.test/", "404");
}

#[test]
fn a_match_falls_through_to_less_specific_hosts() {
    let rules: &[(&[&str], &str)] = &[
        (&["a.b.test"], "/x"),
        (&["*.b.test"], "/y"),
        (&["*.test"], "/z"),
        (&[], "/"),
    ];
    check(rules, "GET a.b.test/x", "/x");
    check(rules, "GET a.b.test/y", "/y");
    check(rules, "GET a.b.test/z", "/z");
    check(rules, "GET a.b.test/", "/");
    check(rules, "GET 192.168.0.40/x", "/");
    check(rules, "GET [::1]/x", "/");
}

#[test]
fn what_only_looks_like_a_parent_is_not_one() {
    let rules: &[(&[&str], &str)] = &[
        (&[], "/a"),
        (&[], "/a/b"),
        (&[], "/a-b"),
        (&[], "/a/b/c/d"),
        (&[], "/a!"),
    ];
    check(rules, "GET h/a/b-c", "/a");
    check(rules, "GET h/a-b/c", "/a-b");
    check(rules, "GET h/a!b", "404");
    check(rules, "GET h/a/b/c", "/a/b");
    check(rules, "GET h/a/b/c/dd", "/a/b");
    check(rules, "GET h/a//b", "/a");
    check(rules, "GET h//a", "404");
}

#[test]
fn a_host_of_many_labels_matches_a_wildcard_that_may_have_many() {
    let mut ingress = rule("one", &["*.b.test"], vec![request_match("/")]);
    Arc::make_mut(&mut ingress.hosts)[0].labels = WildcardLabels::One;
    let gateway = rule("many", &["*.test"], vec![request_match("/")]);
    let rules = with_not_found(vec![ingress, gateway]);
    check_rules(&rules, "GET a.b.test/", "one");
    check_rules(&rules, "GET a.a.b.test/", "many");
    check_rules(&rules, "GET b.test/", "many");
    check_rules(&rules, "GET test/", "404");
}

#[test]
fn a_listener_that_a_rule_is_not_for_does_not_reach_it() {
    let mut secure = rule("https", &[], vec![request_match("/a")]);
    secure.scope.http = false;
    let rules = with_not_found(vec![secure, rule("both", &[], vec![request_match("/")])]);
    check_rules(&rules, "GET h/a", "both");
    check_rules(&rules, "+GET h/a", "https");
}

#[test]
fn a_port_that_a_rule_is_not_for_does_not_reach_it() {
    let mut internal = rule("internal", &[], vec![request_match("/a")]);
    internal.scope.port = Some(81);
    let mut public = internal.clone();
    (public.field, public.scope.port) = ("public".into(), Some(80));
    let rules = with_not_found(vec![internal, public]);
    check_rules(&rules, "GET h:80/a", "public");
    check_rules(&rules, "GET h:81/a", "internal");
    check_rules(&rules, "GET h:82/a", "404");
    let (_, claims) = RouteTable::build(&rules);
    assert!(claims.is_empty(), "{claims:?}");
}

#[test]
fn a_host_of_another_listener_is_not_taken() {
    let mut shared = rule("shared", &[], vec![request_match("/")]);
    let except = ["admin.test", "*.own.test"].map(|name| Hostname::parse(name).unwrap());
    shared.scope.except = Some(except.into());
    let rules = with_not_found(vec![
        shared,
        rule("admin", &["admin.test"], vec![request_match("/a")]),
    ]);
    check_rules(&rules, "GET admin.test/a", "admin");
    check_rules(&rules, "GET admin.test/b", "404");
    check_rules(&rules, "GET a.b.own.test/a", "404");
    check_rules(&rules, "GET own.test/a", "shared");
}

#[test]
fn a_default_backend_is_below_every_rule() {
    let mut default = rule("default", &[], vec![request_match("/")]);
    default.is_default_backend = true;
    let other = rule("other", &[], vec![request_match("/x")]);
    let rules = with_not_found(vec![default, other]);
    check_rules(&rules, "GET h/x", "other");
    check_rules(&rules, "GET h/y", "default");
}

#[test]
fn lines_of_one_header_are_one_value() {
    let rules: &[(&[&str], &str)] = &[(&[], "/ x-h:a,_b"), (&[], "/ cookie:c=1;_d=2")];
    check(rules, "GET h/ x-h:a x-h:b", "/ x-h:a,_b");
    check(rules, "GET h/ x-h:a,_b", "/ x-h:a,_b");
    check(rules, "GET h/ x-h:a", "404");
    check(rules, "GET h/ x-h:a x-h:b x-h:c", "404");
    check(rules, "GET h/ cookie:c=1 cookie:d=2", "/ cookie:c=1;_d=2");
    check(&[(&[], "/ x-h:~a.*c")], "GET h/ x-h:a x-h:c", "/ x-h:~a.*c");
    // Only the first of two conditions on one header counts.
    check(&[(&[], "/ x-h:a X-H:b")], "GET h/ x-h:a", "/ x-h:a X-H:b");
}

#[test]
fn the_first_value_of_a_query_parameter_counts_decoded() {
    let rules: &[(&[&str], &str)] = &[(&[], "/ ?q=a_b"), (&[], "/ ?r=~[0-9]+")];
    check(rules, "GET h/?q=a%20b", "/ ?q=a_b");
    check(rules, "GET h/?x=1&%71=a%20b&q=c", "/ ?q=a_b");
    check(rules, "GET h/?q=c&q=a%20b", "404");
    check(rules, "GET h/?q=a+b", "404");
    check(rules, "GET h/?r=%31%32", "/ ?r=~[0-9]+");
    check(rules, "GET h/?r", "404");
    check(rules, "GET h/?q=%FF%", "404");
    check(rules, "GET h/", "404");
}

#[test]
fn who_claims_the_same_requests_is_found() {
    let claims = |texts: &[&str]| {
        let rules = texts
            .iter()
            .map(|t| rule(t, &["a.test"], vec![request_match(t)]));
        let (_, claims) = RouteTable::build(&with_not_found(rules.collect()));
        let pairs = claims.iter().map(|c| (c.rule.0, c.winner.0));
        pairs.collect::<Vec<_>>()
    };
    assert_eq!(claims(&["/a", "/b", "/a/", "/a"]), [(2, 0), (3, 0)]);
    assert_eq!(claims(&["/a", "=/a", "/a GET", "/a x:y", "~/a"]), []);
    assert_eq!(claims(&["/a x:y", "/a x:z", "/a x:y"]), [(2, 0)]);
    assert_eq!(claims(&["~/a", "~/b", "~/a"]), [(2, 0)]);
}

fn pattern(written: &str) -> Pattern {
    Pattern::parse(written, &mut Budget::default()).unwrap()
}
