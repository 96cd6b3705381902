//! What does a search find that looks at every rule?

use super::super::paths::is_below;
use super::*;
use crate::model::PathMatch;
use crate::snapshot::RuleId;
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::sync::Arc;

/// The least by `Precedence` of all that match.
pub fn find(rules: &[Rule], request: &RequestView<'_>) -> RuleId {
    let mut best: Option<Precedence> = None;
    for (rule, id) in rules.iter().zip((0..).map(RuleId)) {
        let hosts: Vec<Option<&HostMatch>> = match rule.hosts.is_empty() {
            true => vec![None],
            false => rule.hosts.iter().map(Some).collect(),
        };
        for host in hosts {
            for (at, wanted) in rule.matches.iter().enumerate() {
                let precedence = Precedence::of(rule, id, host, at, wanted);
                if matches(rule, host, wanted, request) && best.is_none_or(|b| precedence < b) {
                    best = Some(precedence);
                }
            }
        }
    }
    let last = RuleId(u32::try_from(rules.len()).unwrap() - 1);
    best.map_or(last, |precedence| precedence.seniority)
}

fn matches(
    rule: &Rule,
    host: Option<&HostMatch>,
    wanted: &RequestMatch,
    request: &RequestView<'_>,
) -> bool {
    let in_scope = (request.is_https && rule.scope.https) || (!request.is_https && rule.scope.http);
    let in_scope = in_scope
        && (rule.scope.port.is_none() || request.port.is_none() || rule.scope.port == request.port);
    let mut except = rule.scope.except.iter().flat_map(|except| except.iter());
    let in_scope = in_scope && !except.any(|name| name.covers(request.host, WildcardLabels::Many));
    let path = match &wanted.path {
        PathMatch::Exact(path) => **path == *request.path,
        PathMatch::Regex(regex) => regex.is_match(request.path),
        PathMatch::Prefix(path) => is_below(request.path, path.trim_end_matches('/')),
    };
    in_scope
        && path
        && host.is_none_or(|host| host.name.covers(request.host, host.labels))
        && wanted.method.as_ref().is_none_or(|m| m == request.method)
        && wanted.headers.iter().enumerate().all(|(at, header)| {
            let values = request.headers.get_all(&header.name).iter();
            let joined: Vec<&str> = values.map(|v| v.to_str().unwrap()).collect();
            let separator = if header.name == "cookie" { "; " } else { ", " };
            let earlier = &wanted.headers[..at];
            earlier.iter().any(|e| e.name == header.name)
                || (!joined.is_empty() && text_is(&header.value, &joined.join(separator)))
        })
        && wanted.query.iter().all(|query| {
            let pairs = request.query.unwrap_or_default().split('&');
            let mut pairs = pairs.map(|pair| pair.split_once('=').unwrap_or((pair, "")));
            pairs
                .find(|(name, _)| unescape(name) == query.name)
                .is_some_and(|(_, value)| text_is(&query.value, &unescape(value)))
        })
}

fn unescape(text: &str) -> String {
    text.replace("%20", " ")
        .replace("%71", "q")
        .replace("%31", "1")
        .replace("%32", "2")
}

fn text_is(wanted: &TextMatch, text: &str) -> bool {
    match wanted {
        TextMatch::Exact(exact) => exact == text,
        TextMatch::Regex(regex) => regex.is_match(text),
    }
}

fn path() -> impl Strategy<Value = String> {
    proptest::collection::vec(select(vec!["a", "b", "a-b", "ab", ""]), 0..5)
        .prop_map(|segments| format!("/{}", segments.join("/")))
}

fn condition() -> impl Strategy<Value = String> {
    let word = select(vec![" GET", " POST", " x:1", " y:1", " ?q=1", " ?r=~[12]"]);
    prop_oneof![
        4 => Just(String::new()),
        1 => proptest::collection::btree_set(word, 1..3).prop_map(|w| w.into_iter().collect::<String>()),
    ]
}

fn any_match() -> impl Strategy<Value = RequestMatch> {
    let regex = select(vec!["~/a/.*", "~/(a|b)", "~.*b"]).prop_map(str::to_owned);
    let path = prop_oneof![
        8 => path().prop_map(|p| p.replace("//", "/")),
        3 => path().prop_map(|p| format!("={}", p.replace("//", "/"))),
        1 => regex,
    ];
    (path, condition()).prop_map(|(path, condition)| {
        let path = path.replace("//", "/").replace("//", "/");
        request_match(&format!("{path}{condition}"))
    })
}

/// Names that are near each other, exact and wildcard.
fn host_names(len: usize) -> Vec<String> {
    let name = |at: usize| match at % 5 {
        0 => format!("h{}.test", at / 5),
        1 => format!("*.h{}.test", at / 10),
        2 => format!("a.h{}.test", at / 10),
        3 => format!("b.a.h{}.test", at / 10),
        _ => format!("*.a.h{}.test", at / 10),
    };
    (0..len).map(name).collect()
}

fn any_rule(names: Vec<String>) -> impl Strategy<Value = Rule> {
    let hosts = proptest::collection::vec(select(names), 0..3);
    let matches = proptest::collection::vec(any_match(), 1..3);
    let port = select(vec![None, None, None, Some(80), Some(8443)]);
    let flags = (any::<bool>(), 0..8_u8, 0..20_u8, port);
    (hosts, matches, flags).prop_map(|(hosts, matches, (is_one_label, scope, default, port))| {
        let hosts: Vec<&str> = hosts.iter().map(String::as_str).collect();
        let mut rule = rule("", &hosts, matches);
        for host in Arc::make_mut(&mut rule.hosts) {
            if is_one_label {
                host.labels = WildcardLabels::One;
            }
        }
        rule.scope.http = scope != 0;
        rule.scope.https = scope != 1;
        rule.scope.port = port;
        rule.is_default_backend = default == 0;
        rule
    })
}

/// A request for one of the names, in one of its spellings.
fn any_request(names: Vec<String>) -> impl Strategy<Value = String> {
    let spelling = select(vec!["", ".", ":80", ".:8443", ":"]);
    let front = select(vec!["", "", "x.", "x.y.", "a."]);
    let method = select(vec!["GET", "POST", "+GET"]);
    let tail = select(vec![
        "",
        "?q=1",
        "?r=2&q=1 x:1",
        " x:1 y:1",
        " x:1 x:1",
        "?q=2 y:1",
    ]);
    let host = (select(names), front, spelling, any::<bool>());
    (method, host, path(), tail).prop_map(
        |(method, (name, front, spelling, is_loud), path, tail)| {
            let mut host = format!("{front}{}{spelling}", name.trim_start_matches("*."));
            if is_loud {
                host = host.to_ascii_uppercase();
            }
            format!("{method} {host}{path}{tail}")
        },
    )
}

fn case(hosts_len: usize) -> impl Strategy<Value = (Vec<Rule>, Vec<String>)> {
    let names = host_names(hosts_len);
    let rules = proptest::collection::vec(any_rule(names.clone()), hosts_len..=hosts_len + 5);
    (rules, proptest::collection::vec(any_request(names), 40))
}

#[track_caller]
fn agree(rules: Vec<Rule>, requests: &[String]) {
    let rules = with_not_found(rules);
    let (table, _) = RouteTable::build(&rules);
    for text in requests {
        let asked = Asked::parse(text);
        assert_eq!(
            table.find(&asked.view()),
            find(&rules, &asked.view()),
            "{text}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn one_host_is_searched_like_the_reference((rules, requests) in case(1)) {
        agree(rules, &requests);
    }

    #[test]
    fn the_order_of_rules_changes_only_ties((rules, requests) in case(6), swaps in any::<[Index; 8]>()) {
        let name = |mut rules: Vec<Rule>| {
            for rule in &mut rules {
                let paths: Vec<_> = rule.matches.iter().map(|m| format!("{m:?}")).collect();
                rule.field = format!("{:?} {paths:?} {:?} {}", rule.hosts, rule.scope, rule.is_default_backend).into();
            }
            rules
        };
        let before = name(rules);
        let mut after = before.clone();
        for pair in swaps.chunks(2) {
            let (from, to) = (pair[0].index(after.len()), pair[1].index(after.len()));
            after.swap(from, to);
        }
        let (before, after) = (with_not_found(before), with_not_found(after));
        let (first, second) = (RouteTable::build(&before).0, RouteTable::build(&after).0);
        for text in &requests {
            let asked = Asked::parse(text);
            let won = |table: &RouteTable, rules: &[Rule]| {
                let id = table.find(&asked.view());
                rules[id.index()].clone()
            };
            let (left, right) = (won(&first, &before), won(&second, &after));
            let tie = reference_rank(&left, &asked) == reference_rank(&right, &asked);
            prop_assert!(left.field == right.field || tie, "{text}");
        }
    }
}

/// The best precedence of one rule alone, without its seniority.
fn reference_rank(rule: &Rule, asked: &Asked) -> Option<String> {
    let hosts = rule.hosts.iter().map(Some);
    let any = rule.hosts.is_empty().then_some(None);
    let mut best: Option<Precedence> = None;
    for host in hosts.chain(any) {
        for wanted in rule.matches.iter() {
            let precedence = Precedence::of(rule, RuleId(0), host, 0, wanted);
            if matches(rule, host, wanted, &asked.view()) && best.is_none_or(|b| precedence < b) {
                best = Some(precedence);
            }
        }
    }
    best.map(|best| format!("{best:?}"))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(30))]

    #[test]
    fn a_hundred_hosts_are_searched_like_the_reference((rules, requests) in case(100)) {
        agree(rules, &requests);
    }

    #[test]
    fn a_hundred_and_one_hosts_are_searched_like_the_reference((rules, requests) in case(101)) {
        agree(rules, &requests);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1, max_shrink_iters: 0, ..ProptestConfig::default() })]

    #[test]
    fn ten_thousand_hosts_are_searched_like_the_reference((rules, requests) in case(10_000)) {
        agree(rules, &requests);
    }
}
