//! How is a rule, and why it does not match, said to a person?

use super::Place;
use crate::duration;
use crate::model::{
    BackendPolicy, LoadBalance, PathMatch, PathRewrite, Redirect, RoutePolicy, SslRedirect,
    TextMatch,
};
use crate::snapshot::{Mismatch, RequestView, Rule, Snapshot};
use std::collections::BTreeMap;
use std::time::Duration;

/// `edwardstech.dev/api, GET, header x-version: v2`.
pub fn asks_for(rule: &Rule, host_index: usize, match_index: usize) -> String {
    let host = rule.hosts.get(host_index);
    let mut text = host.map_or_else(|| "any host, ".to_owned(), |host| host.name.to_string());
    if rule.is_default_backend {
        return "default backend".to_owned();
    }
    let Some(wanted) = rule.matches.get(match_index) else {
        return text;
    };
    match &wanted.path {
        PathMatch::Prefix(path) => text.push_str(path),
        PathMatch::Exact(path) => text.push_str(&format!("{path} (Exact)")),
        PathMatch::Regex(regex) => text.push_str(&format!(" path like {}", regex.as_str())),
    }
    if let Some(method) = &wanted.method {
        text.push_str(&format!(", {method}"));
    }
    for header in &wanted.headers {
        text.push_str(&format!(
            ", header {}: {}",
            header.name,
            value(&header.value)
        ));
    }
    for query in &wanted.query {
        text.push_str(&format!(", query {}={}", query.name, value(&query.value)));
    }
    text
}

fn value(text: &TextMatch) -> String {
    match text {
        TextMatch::Exact(text) => text.clone(),
        TextMatch::Regex(regex) => format!("like {}", regex.as_str()),
    }
}

/// The path does not match: the search never came to this rule.
pub fn path_mismatch(snapshot: &Snapshot, place: Place, request: &RequestView<'_>) -> String {
    let rule = snapshot.rule(place.rule);
    let wanted = rule.and_then(|rule| rule.matches.get(place.match_index));
    let path = request.path;
    match wanted.map(|wanted| &wanted.path) {
        Some(PathMatch::Prefix(prefix)) => format!("path: {path} is not below {prefix}"),
        Some(PathMatch::Exact(exact)) => format!("path: {path} is not {exact}"),
        Some(PathMatch::Regex(regex)) => {
            format!("path: {path} does not match {}", regex.as_str())
        }
        None => "path".to_owned(),
    }
}

/// Host and path match, something else does not. Values of headers are not repeated: they may be secret.
pub fn mismatch(
    snapshot: &Snapshot,
    place: Place,
    mismatch: Mismatch,
    request: &RequestView<'_>,
) -> String {
    let rule = snapshot.rule(place.rule);
    let wanted = rule.and_then(|rule| rule.matches.get(place.match_index));
    let host = rule.and_then(|rule| rule.hosts.get(place.host_index));
    match mismatch {
        Mismatch::Listener if request.is_https => "listener: the rule is for http alone".to_owned(),
        Mismatch::Listener => "listener: the rule is for https alone".to_owned(),
        Mismatch::Port => "listener: the rule is for another port".to_owned(),
        Mismatch::OtherListener => format!(
            "listener: another listener of its Gateway takes {}",
            request.host
        ),
        Mismatch::HostLabels => {
            let name = host.map(|host| host.name.to_string()).unwrap_or_default();
            format!(
                "host: {} has more than one label where the * of {name} stands for one (Ingress)",
                request.host
            )
        }
        Mismatch::Method => {
            let method = wanted.and_then(|wanted| wanted.method.as_ref());
            let method = method.map(|method| method.as_str()).unwrap_or_default();
            format!("method: {} is not {method}", request.method)
        }
        Mismatch::Header(at) => {
            let Some(header) = wanted.and_then(|wanted| wanted.headers.get(at)) else {
                return "header".to_owned();
            };
            let what = match request.headers.contains_key(&header.name) {
                true => "has another value than",
                false => "is missing, it would have to be",
            };
            format!("header: {} {what} {}", header.name, value(&header.value))
        }
        Mismatch::Query(at) => match wanted.and_then(|wanted| wanted.query.get(at)) {
            Some(query) => format!("query: {} is not {}", query.name, value(&query.value)),
            None => "query".to_owned(),
        },
    }
}

/// Where a redirect leads, with `…` for what stays as it is.
pub fn redirect(redirect: &Redirect) -> String {
    let scheme = redirect.scheme.unwrap_or("…");
    let host = redirect.hostname.as_ref();
    let host = host.map_or_else(|| "…".to_owned(), ToString::to_string);
    let port = redirect.port.map(|port| format!(":{port}"));
    let path = match &redirect.path {
        None => "/…".to_owned(),
        Some(PathRewrite::Full(path)) => path.clone(),
        Some(PathRewrite::Prefix(prefix)) => format!("{prefix}…"),
    };
    format!("{scheme}://{host}{}{path}", port.unwrap_or_default())
}

/// The names are those of the annotations.
pub fn route_policy(policy: &RoutePolicy) -> BTreeMap<&'static str, String> {
    let ssl_redirect = match policy.ssl_redirect {
        SslRedirect::Auto => None,
        SslRedirect::Always => Some("always"),
        SslRedirect::Never => Some("never"),
    };
    let statuses: Vec<String> = policy.retry_on.iter().map(u16::to_string).collect();
    let parts = [
        ("request-timeout", time(policy.request_timeout)),
        ("attempt-timeout", time(policy.attempt_timeout)),
        ("attempts", policy.attempts.map(|n| n.to_string())),
        (
            "retry-on",
            (!statuses.is_empty()).then(|| statuses.join(", ")),
        ),
        (
            "body-size-max",
            policy.body_bytes_max.map(|n| format!("{n} bytes")),
        ),
        ("ssl-redirect", ssl_redirect.map(str::to_owned)),
        (
            "encoded-slash",
            policy.refuse_encoded_slash.then(|| "refuse".to_owned()),
        ),
        (
            "canonical-host",
            policy.canonical_host.as_ref().map(ToString::to_string),
        ),
    ];
    present(parts)
}

pub fn backend_policy(policy: &BackendPolicy) -> BTreeMap<&'static str, String> {
    let load_balance = policy.load_balance.map(|way| match way {
        LoadBalance::PowerOfTwoChoices => "p2c",
        LoadBalance::RoundRobin => "round-robin",
    });
    let parts = [
        (
            "backend-protocol",
            policy.protocol.map(|p| p.as_str().to_owned()),
        ),
        ("connect-timeout", time(policy.connect_timeout)),
        ("response-timeout", time(policy.response_timeout)),
        ("idle-timeout", time(policy.idle_timeout)),
        ("hold", time(policy.hold)),
        ("keep-alive", time(policy.keep_alive)),
        ("load-balance", load_balance.map(str::to_owned)),
        ("backend-ca", policy.ca.as_ref().map(ToString::to_string)),
        (
            "backend-name",
            policy.server_name.as_ref().map(ToString::to_string),
        ),
    ];
    present(parts)
}

fn time(duration: Option<Duration>) -> Option<String> {
    duration.map(duration::format)
}

fn present<const N: usize>(
    parts: [(&'static str, Option<String>); N],
) -> BTreeMap<&'static str, String> {
    let present = parts
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    present.collect()
}
