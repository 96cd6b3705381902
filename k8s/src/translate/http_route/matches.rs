//! Which requests does a rule of an HTTPRoute take?

use crate::translate::findings::{Findings, quoted};
use config::model::{HeaderMatch, PathMatch, QueryMatch, RequestMatch, TextMatch};
use config::problem::ProblemCode;
use gateway_api::apis::standard::httproutes::{
    HttpRouteRules, HttpRouteRulesMatches, HttpRouteRulesMatchesHeaders,
    HttpRouteRulesMatchesHeadersType, HttpRouteRulesMatchesMethod, HttpRouteRulesMatchesPath,
    HttpRouteRulesMatchesPathType, HttpRouteRulesMatchesQueryParams,
    HttpRouteRulesMatchesQueryParamsType,
};
use http::{HeaderName, Method};
use regex::{Regex, RegexBuilder};

/// Bytes that one compiled expression may take: thousands of them have to fit into a small machine.
const REGEX_BYTES_MAX: usize = 256 * 1024;

/// Wrong matches are reported and left out: without its condition a match would take requests of other rules.
pub(super) fn translate(
    field: &str,
    rule: &HttpRouteRules,
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
    let mut matches = Vec::new();
    for (index, asked) in asked.iter().enumerate() {
        let field = format!("{field}.matches[{index}]");
        match read(&field, asked) {
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

fn read(field: &str, asked: &HttpRouteRulesMatches) -> Result<RequestMatch, Wrong> {
    let headers = asked.headers.as_deref().unwrap_or_default();
    let query = asked.query_params.as_deref().unwrap_or_default();
    Ok(RequestMatch {
        path: read_path(&format!("{field}.path"), asked.path.as_ref())?,
        method: asked.method.as_ref().map(method),
        headers: read_headers(field, headers)?,
        query: read_query(field, query)?,
    })
}

/// HTTPPathMatch: PathPrefix and `/` are the defaults.
fn read_path(field: &str, path: Option<&HttpRouteRulesMatchesPath>) -> Result<PathMatch, Wrong> {
    let raw = path.and_then(|path| path.value.as_deref()).unwrap_or("/");
    let field = format!("{field}.value");
    let parsed = match path.and_then(|path| path.r#type.as_ref()) {
        Some(HttpRouteRulesMatchesPathType::RegularExpression) => {
            return Ok(PathMatch::Regex(whole(&field, raw)?));
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
                TextMatch::Regex(whole(&format!("{field}.value"), &header.value)?)
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
) -> Result<Vec<QueryMatch>, Wrong> {
    let mut query: Vec<QueryMatch> = Vec::new();
    for (index, parameter) in asked.iter().enumerate() {
        if query.iter().any(|other| other.name == parameter.name) {
            continue;
        }
        let value = match parameter.r#type {
            None | Some(HttpRouteRulesMatchesQueryParamsType::Exact) => {
                TextMatch::Exact(parameter.value.clone())
            }
            Some(HttpRouteRulesMatchesQueryParamsType::RegularExpression) => {
                let field = format!("{field}.queryParams[{index}].value");
                TextMatch::Regex(whole(&field, &parameter.value)?)
            }
        };
        query.push(QueryMatch {
            name: parameter.name.clone(),
            value,
        });
    }
    Ok(query)
}

/// An expression that has to take the whole text. Time is linear in the text, whatever the expression.
fn whole(field: &str, raw: &str) -> Result<Regex, Wrong> {
    // Parsed alone first: what is wrong must not be hidden or made right by our own brackets, as in `a)(b`.
    let build = |raw: &str| {
        RegexBuilder::new(raw)
            .size_limit(REGEX_BYTES_MAX)
            .dfa_size_limit(REGEX_BYTES_MAX)
            .build()
    };
    build(raw)
        .and_then(|_| build(&format!("^(?:{raw})$")))
        .map_err(|error| Wrong {
            field: field.to_owned(),
            found: format!("{} is not a regular expression: {error}", quoted(raw)),
            expected: "an expression in the syntax of RE2, at most 256 KiB when compiled",
        })
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
