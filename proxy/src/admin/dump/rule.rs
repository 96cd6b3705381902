//! What does a rule look like to an operator?

use config::hostname::WildcardLabels;
use config::model::{Filter, HostMatch, PathMatch, Redirect, RequestMatch, TextMatch};
use config::snapshot::{Action, Failure, Rule, Snapshot, WeightedTarget};
use serde::Serialize;

#[derive(Debug, Serialize)]
pub struct RuleJson<'a> {
    /// `Ingress website/site`.
    object: String,
    field: &'a str,
    /// `file:line`.
    #[serde(skip_serializing_if = "Option::is_none")]
    origin: Option<String>,
    /// Empty: every host. `**.` where a wildcard stands for more than one label.
    hosts: Vec<String>,
    matches: Vec<MatchJson<'a>>,
    listeners: Vec<&'static str>,
    /// Absent: every port of those listeners.
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// Hosts that another listener of the same Gateway takes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    except: Vec<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    default_backend: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filters: Vec<FilterJson<'a>>,
    action: ActionJson<'a>,
}

#[derive(Debug, Serialize)]
struct MatchJson<'a> {
    path: PathJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    method: Option<&'a str>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<NamedJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    query: Vec<NamedJson<'a>>,
}

#[derive(Debug, Serialize)]
struct PathJson<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    value: &'a str,
}

/// A match on a header or a query parameter, without the value.
#[derive(Debug, Serialize)]
struct NamedJson<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    name: &'a str,
}

/// A filter by its name in Gateway API, and the names of the fields that it touches.
#[derive(Debug, Serialize)]
struct FilterJson<'a> {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    fields: Vec<&'a str>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "kebab-case")]
enum ActionJson<'a> {
    Forward(Vec<TargetJson<'a>>),
    Redirect(RedirectJson<'a>),
    Fail(FailureJson<'a>),
    /// The last rule of every configuration; the dump leaves it out.
    NotFound,
}

#[derive(Debug, Serialize)]
struct TargetJson<'a> {
    weight: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    backend: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    fail: Option<FailureJson<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    filters: Vec<FilterJson<'a>>,
}

#[derive(Debug, Serialize)]
struct RedirectJson<'a> {
    status: u16,
    #[serde(skip_serializing_if = "Option::is_none")]
    scheme: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    hostname: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    port: Option<u16>,
    /// The path is another one, too.
    changes_path: bool,
}

#[derive(Debug, Serialize)]
struct FailureJson<'a> {
    status: u16,
    reason: &'static str,
    sentence: &'a str,
}

impl<'a> RuleJson<'a> {
    pub fn new(snapshot: &'a Snapshot, rule: &'a Rule) -> RuleJson<'a> {
        let scopes = [(rule.scope.http, "http"), (rule.scope.https, "https")];
        let listeners = scopes.into_iter().filter(|(is_in, _)| *is_in);
        let except = rule.scope.except.iter().flat_map(|except| except.iter());
        RuleJson {
            object: rule.object.to_string(),
            field: &rule.field,
            origin: rule.origin.as_ref().map(ToString::to_string),
            hosts: rule.hosts.iter().map(host).collect(),
            matches: rule.matches.iter().map(MatchJson::new).collect(),
            listeners: listeners.map(|(_, name)| name).collect(),
            port: rule.scope.port,
            except: except.map(|name| format!("{name}")).collect(),
            default_backend: rule.is_default_backend,
            filters: rule.filters.iter().map(FilterJson::new).collect(),
            action: ActionJson::new(snapshot, &rule.action),
        }
    }
}

fn host(host: &HostMatch) -> String {
    if host.name.is_wildcard() && host.labels == WildcardLabels::Many {
        format!("*{}", host.name)
    } else {
        host.name.to_string()
    }
}

impl<'a> MatchJson<'a> {
    fn new(one: &'a RequestMatch) -> MatchJson<'a> {
        let (kind, value) = match &one.path {
            PathMatch::Exact(path) => ("Exact", &**path),
            PathMatch::Prefix(path) => ("Prefix", &**path),
            PathMatch::Regex(regex) => ("RegularExpression", regex.as_str()),
        };
        let headers = one.headers.iter();
        let query = one.query.iter();
        MatchJson {
            path: PathJson { kind, value },
            method: one.method.as_ref().map(http::Method::as_str),
            headers: headers
                .map(|field| NamedJson::new(field.name.as_str(), &field.value))
                .collect(),
            query: query
                .map(|parameter| NamedJson::new(&parameter.name, &parameter.value))
                .collect(),
        }
    }
}

impl<'a> NamedJson<'a> {
    fn new(name: &'a str, value: &TextMatch) -> NamedJson<'a> {
        let kind = match value {
            TextMatch::Exact(_) => "Exact",
            TextMatch::Regex(_) => "RegularExpression",
        };
        NamedJson { kind, name }
    }
}

impl<'a> FilterJson<'a> {
    fn new(filter: &'a Filter) -> FilterJson<'a> {
        let (kind, change) = match filter {
            Filter::RequestHeaders(change) => ("RequestHeaderModifier", Some(change)),
            Filter::ResponseHeaders(change) => ("ResponseHeaderModifier", Some(change)),
            Filter::Redirect(_) => ("RequestRedirect", None),
            Filter::Rewrite { .. } => ("URLRewrite", None),
        };
        let fields = change.into_iter().flat_map(|change| {
            let set = change.set.iter().chain(&change.add).map(|(name, _)| name);
            set.chain(&change.remove).map(http::HeaderName::as_str)
        });
        FilterJson {
            kind,
            fields: fields.collect(),
        }
    }
}

impl<'a> ActionJson<'a> {
    fn new(snapshot: &'a Snapshot, action: &'a Action) -> ActionJson<'a> {
        match action {
            Action::Forward(targets) => ActionJson::Forward(forward(snapshot, targets)),
            Action::Redirect(redirect) => ActionJson::Redirect(RedirectJson::new(redirect)),
            Action::Fail(failure) => ActionJson::Fail(FailureJson::new(failure)),
            Action::NotFound => ActionJson::NotFound,
        }
    }
}

/// The weights themselves, out of their running sums.
fn forward<'a>(snapshot: &'a Snapshot, targets: &'a [WeightedTarget]) -> Vec<TargetJson<'a>> {
    let mut before = 0;
    let target = |target: &'a WeightedTarget| {
        let weight = target.weight_until.saturating_sub(before);
        before = target.weight_until;
        let id = target.backend.as_ref().ok();
        let backend = id.and_then(|id| snapshot.backend(*id));
        TargetJson {
            weight,
            backend: backend.map(|backend| &*backend.label),
            fail: target.backend.as_ref().err().map(FailureJson::new),
            filters: target.filters.iter().map(FilterJson::new).collect(),
        }
    };
    targets.iter().map(target).collect()
}

impl<'a> RedirectJson<'a> {
    fn new(redirect: &'a Redirect) -> RedirectJson<'a> {
        RedirectJson {
            status: redirect.status,
            scheme: redirect.scheme,
            hostname: redirect.hostname.as_ref().map(ToString::to_string),
            port: redirect.port,
            changes_path: redirect.path.is_some(),
        }
    }
}

impl<'a> FailureJson<'a> {
    fn new(failure: &'a Failure) -> FailureJson<'a> {
        FailureJson {
            status: failure.status,
            reason: failure.reason.as_str(),
            sentence: &failure.sentence,
        }
    }
}
