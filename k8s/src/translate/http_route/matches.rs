//! Which requests does a rule of an HTTPRoute take?

use crate::translate::bounds::{self, CONDITIONS_MAX, MATCHES_MAX, MATCHES_OF_ROUTE_MAX};
use crate::translate::findings::{Findings, quoted};
use config::model::{HeaderMatch, PathMatch, QueryMatch, RequestMatch, TextMatch};
use config::pattern::{Budget, Pattern};
use config::problem::ProblemCode;
use gateway_api::apis::standard::httproutes::{
    HttpRouteRules, HttpRouteRulesMatches, HttpRouteRulesMatchesHeaders,
    HttpRouteRulesMatchesHeadersType, HttpRouteRulesMatchesMethod, HttpRouteRulesMatchesPath,
    HttpRouteRulesMatchesPathType, HttpRouteRulesMatchesQueryParams,
    HttpRouteRulesMatchesQueryParamsType,
};
use http::{HeaderName, Method};

/// What is left for the rules of one HTTPRoute.
pub(super) struct Left {
    matches: usize,
    patterns: Budget,
}

impl Default for Left {
    fn default() -> Left {
        Left {
            matches: MATCHES_OF_ROUTE_MAX,
            patterns: Budget::default(),
        }
    }
}

impl Left {
    fn take<'a, T>(&mut self, asked: &'a [T], field: &str, findings: &mut Findings<'_>) -> &'a [T] {
        let taken = asked.get(..self.matches).unwrap_or(asked);
        self.matches -= taken.len();
        if taken.len() < asked.len() {
            findings.error(
                ProblemCode::InvalidField,
                field,
                format!("brings the matches of all rules above {MATCHES_OF_ROUTE_MAX}"),
                format!(
                    "at most so many, as the API server enforces; {} of these count",
                    taken.len()
                ),
            );
        }
        taken
    }
}

/// Wrong matches are reported and left out: without its condition a match would take requests of other rules.
pub(super) fn translate(
    field: &str,
    rule: &HttpRouteRules,
    left: &mut Left,
    findings: &mut Findings<'_>,
) -> Vec<RequestMatch> {
    let asked = rule.matches.as_deref().unwrap_or_default();
    if asked.is_empty() {
        return vec![RequestMatch {
            path: PathMatch::Prefix("/".into()),
            method: None,
            headers: Vec::new(),
            query: Vec::new(),
        }];
    }
    let list = format!("{field}.matches");
    let asked = left.take(
        bounds::first(asked, MATCHES_MAX, &list, findings),
        &list,
        findings,
    );
    let mut matches = Vec::new();
    for (index, asked) in asked.iter().enumerate() {
        let field = format!("{field}.matches[{index}]");
        match read(&field, asked, &mut left.patterns) {
            Ok(one) => matches.push(one),
            Err(wrong) => {
                let expected = format!("{}; this match is left out", wrong.expected);
                findings.error(
                    ProblemCode::InvalidField,
                    &wrong.field,
                    wrong.found,
                    expected,
                );
            }
        }
    }
    matches
}

struct Wrong {
    field: String,
    found: String,
    expected: &'static str,
}

fn read(
    field: &str,
    asked: &HttpRouteRulesMatches,
    budget: &mut Budget,
) -> Result<RequestMatch, Wrong> {
    let headers = asked.headers.as_deref().unwrap_or_default();
    let query = asked.query_params.as_deref().unwrap_or_default();
    for (name, entries) in [("headers", headers.len()), ("queryParams", query.len())] {
        if entries > CONDITIONS_MAX {
            return Err(Wrong {
                field: format!("{field}.{name}"),
                found: format!("has {entries} entries"),
                expected: "at most 16",
            });
        }
    }
    Ok(RequestMatch {
        path: read_path(&format!("{field}.path"), asked.path.as_ref(), budget)?,
        method: asked.method.as_ref().map(method),
        headers: read_headers(field, headers, budget)?,
        query: read_query(field, query, budget)?,
    })
}

/// HTTPPathMatch: PathPrefix and `/` are the defaults.
fn read_path(
    field: &str,
    path: Option<&HttpRouteRulesMatchesPath>,
    budget: &mut Budget,
) -> Result<PathMatch, Wrong> {
    let raw = path.and_then(|path| path.value.as_deref()).unwrap_or("/");
    let field = format!("{field}.value");
    let parsed = match path.and_then(|path| path.r#type.as_ref()) {
        Some(HttpRouteRulesMatchesPathType::RegularExpression) => {
            return Ok(PathMatch::Regex(pattern(&field, raw, budget)?));
        }
        Some(HttpRouteRulesMatchesPathType::Exact) => config::path::exact(raw),
        None | Some(HttpRouteRulesMatchesPathType::PathPrefix) => config::path::prefix(raw),
    };
    parsed.map_err(|error| Wrong {
        field,
        found: format!("{} {error}", quoted(raw)),
        expected: "a path as in /shop",
    })
}

/// "Only the first entry with an equivalent name MUST be considered for a match" (HTTPHeaderMatch).
fn read_headers(
    field: &str,
    asked: &[HttpRouteRulesMatchesHeaders],
    budget: &mut Budget,
) -> Result<Vec<HeaderMatch>, Wrong> {
    let mut headers: Vec<HeaderMatch> = Vec::new();
    for (index, header) in asked.iter().enumerate() {
        let field = format!("{field}.headers[{index}]");
        let name = HeaderName::try_from(&*header.name).map_err(|_| Wrong {
            field: format!("{field}.name"),
            found: format!("{} is not the name of a header", quoted(&header.name)),
            expected: "a name as in X-Version",
        })?;
        if headers.iter().any(|other| other.name == name) {
            continue;
        }
        let value = match header.r#type {
            None | Some(HttpRouteRulesMatchesHeadersType::Exact) => {
                TextMatch::Exact(header.value.clone())
            }
            Some(HttpRouteRulesMatchesHeadersType::RegularExpression) => {
                TextMatch::Regex(pattern(&format!("{field}.value"), &header.value, budget)?)
            }
        };
        headers.push(HeaderMatch { name, value });
    }
    Ok(headers)
}

/// "Only the first entry with an equivalent name MUST be considered" (HTTPQueryParamMatch).
fn read_query(
    field: &str,
    asked: &[HttpRouteRulesMatchesQueryParams],
    budget: &mut Budget,
) -> Result<Vec<QueryMatch>, Wrong> {
    let mut query: Vec<QueryMatch> = Vec::new();
    for (index, parameter) in asked.iter().enumerate() {
        if parameter.name.is_empty() {
            return Err(Wrong {
                field: format!("{field}.queryParams[{index}].name"),
                found: "is empty".to_owned(),
                expected: "the name of a query parameter",
            });
        }
        if query.iter().any(|other| other.name == parameter.name) {
            continue;
        }
        let value = match parameter.r#type {
            None | Some(HttpRouteRulesMatchesQueryParamsType::Exact) => {
                TextMatch::Exact(parameter.value.clone())
            }
            Some(HttpRouteRulesMatchesQueryParamsType::RegularExpression) => {
                let field = format!("{field}.queryParams[{index}].value");
                TextMatch::Regex(pattern(&field, &parameter.value, budget)?)
            }
        };
        query.push(QueryMatch {
            name: parameter.name.clone(),
            value,
        });
    }
    Ok(query)
}

fn pattern(field: &str, raw: &str, budget: &mut Budget) -> Result<Pattern, Wrong> {
    Pattern::parse(raw, budget).map_err(|error| Wrong {
        field: field.to_owned(),
        found: format!("{} {error}", quoted_pattern(raw)),
        expected: "an expression in the syntax of RE2",
    })
}

/// A backslash stays what it is: doubled, it would be another expression.
fn quoted_pattern(raw: &str) -> String {
    let mut text = String::with_capacity(raw.len() + 2);
    for character in raw.chars() {
        match character.is_control() {
            true => text.extend(character.escape_debug()),
            false => text.push(character),
        }
    }
    format!("`{text}`")
}

fn method(method: &HttpRouteRulesMatchesMethod) -> Method {
    match method {
        HttpRouteRulesMatchesMethod::Get => Method::GET,
        HttpRouteRulesMatchesMethod::Head => Method::HEAD,
        HttpRouteRulesMatchesMethod::Post => Method::POST,
        HttpRouteRulesMatchesMethod::Put => Method::PUT,
        HttpRouteRulesMatchesMethod::Delete => Method::DELETE,
        HttpRouteRulesMatchesMethod::Connect => Method::CONNECT,
        HttpRouteRulesMatchesMethod::Options => Method::OPTIONS,
        HttpRouteRulesMatchesMethod::Trace => Method::TRACE,
        HttpRouteRulesMatchesMethod::Patch => Method::PATCH,
    }
}
