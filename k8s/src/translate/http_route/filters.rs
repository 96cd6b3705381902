//! What does a rule or a backend of an HTTPRoute change on the way?

mod headers;

use crate::translate::bounds::FILTERS_MAX;
use crate::translate::findings::{Findings, quoted};
use config::hostname::Hostname;
use config::model::{Filter, PathRewrite, Redirect};
use config::problem::ProblemCode;
use gateway_api::apis::standard::httproutes::{
    HttpRouteRulesFilters as Asked, HttpRouteRulesFiltersRequestRedirect as AskedRedirect,
    HttpRouteRulesFiltersRequestRedirectPathType as RedirectPathType,
    HttpRouteRulesFiltersRequestRedirectScheme as Scheme, HttpRouteRulesFiltersType as Type,
    HttpRouteRulesFiltersUrlRewrite as AskedRewrite,
    HttpRouteRulesFiltersUrlRewritePathType as RewritePathType,
};

const REDIRECT_STATUSES: &[i64] = &[301, 302, 303, 307, 308];
const REDIRECT_STATUS_DEFAULT: u16 = 302;

/// All or nothing: the error says which filter is wrong.
pub(super) fn translate(
    field: &str,
    asked: &[Asked],
    has_prefixes_only: bool,
    findings: &mut Findings<'_>,
) -> Result<Vec<Filter>, String> {
    if asked.len() > FILTERS_MAX {
        // None of them may be skipped.
        let expected =
            format!("at most {FILTERS_MAX} filters; these requests are answered with 500");
        let found = format!("has {} entries", asked.len());
        findings.error(ProblemCode::InvalidField, field, &*found, expected);
        return Err(format!("{field}: {found}"));
    }
    let mut filters: Vec<Filter> = Vec::new();
    let mut first_wrong = None;
    for (index, asked) in asked.iter().enumerate() {
        let field = format!("{field}[{index}]");
        let made = read(asked, has_prefixes_only).and_then(|filter| {
            check_once(&filters, &filter)?;
            Ok(headers::without_reserved(filter, &field, asked, findings))
        });
        match made {
            Ok(filter) => filters.push(filter),
            Err(wrong) => {
                let field = format!("{field}{}", wrong.field);
                let expected = format!(
                    "{}; a filter may not be skipped, so these requests are answered with 500",
                    wrong.expected
                );
                first_wrong.get_or_insert_with(|| format!("{field}: {}", wrong.found));
                findings.error(wrong.code, &field, wrong.found, expected);
            }
        }
    }
    match first_wrong {
        Some(sentence) => Err(sentence),
        None => Ok(filters),
    }
}

#[derive(Debug)]
struct Wrong {
    code: ProblemCode,
    /// Behind the filter's own, with its dot.
    field: String,
    found: String,
    expected: &'static str,
}

fn wrong(field: impl Into<String>, found: impl Into<String>, expected: &'static str) -> Wrong {
    Wrong {
        code: ProblemCode::InvalidField,
        field: field.into(),
        found: found.into(),
        expected,
    }
}

fn read(asked: &Asked, has_prefixes_only: bool) -> Result<Filter, Wrong> {
    let missing = |name: &str| {
        wrong(
            format!(".{name}"),
            "is missing",
            "the part that `type` names",
        )
    };
    match asked.r#type {
        Type::RequestHeaderModifier => {
            let name = "requestHeaderModifier";
            let asked = asked.request_header_modifier.as_ref();
            let asked = asked.ok_or_else(|| missing(name))?;
            let set = asked
                .set
                .iter()
                .flatten()
                .map(|one| (&one.name, &one.value));
            let add = asked
                .add
                .iter()
                .flatten()
                .map(|one| (&one.name, &one.value));
            let remove = asked.remove.iter().flatten();
            headers::change(name, set, add, remove).map(Filter::RequestHeaders)
        }
        Type::ResponseHeaderModifier => {
            let name = "responseHeaderModifier";
            let asked = asked.response_header_modifier.as_ref();
            let asked = asked.ok_or_else(|| missing(name))?;
            let set = asked
                .set
                .iter()
                .flatten()
                .map(|one| (&one.name, &one.value));
            let add = asked
                .add
                .iter()
                .flatten()
                .map(|one| (&one.name, &one.value));
            let remove = asked.remove.iter().flatten();
            headers::change(name, set, add, remove).map(Filter::ResponseHeaders)
        }
        Type::RequestRedirect => {
            let asked = asked.request_redirect.as_ref();
            redirect(
                asked.ok_or_else(|| missing("requestRedirect"))?,
                has_prefixes_only,
            )
        }
        Type::UrlRewrite => {
            let asked = asked.url_rewrite.as_ref();
            rewrite(
                asked.ok_or_else(|| missing("urlRewrite"))?,
                has_prefixes_only,
            )
        }
        Type::RequestMirror => Err(unsupported("RequestMirror")),
        Type::ExtensionRef => Err(unsupported("ExtensionRef")),
        Type::Cors => Err(unsupported("CORS")),
    }
}

fn unsupported(name: &str) -> Wrong {
    Wrong {
        code: ProblemCode::Unsupported,
        field: ".type".to_owned(),
        found: quoted(name),
        expected: "RequestHeaderModifier, ResponseHeaderModifier, RequestRedirect or URLRewrite, which this version has",
    }
}

/// "Specifying the same filter multiple times is not supported unless explicitly indicated in the filter", and a redirect excludes a
/// rewrite (HTTPRouteRule.filters).
fn check_once(filters: &[Filter], filter: &Filter) -> Result<(), Wrong> {
    let same = std::mem::discriminant(filter);
    if filters
        .iter()
        .any(|other| std::mem::discriminant(other) == same)
    {
        return Err(wrong(
            ".type",
            "stands twice in one list",
            "each type of filter once",
        ));
    }
    let clashes = |other: &Filter| match filter {
        Filter::Redirect(_) => matches!(other, Filter::Rewrite { .. }),
        Filter::Rewrite { .. } => matches!(other, Filter::Redirect(_)),
        _ => false,
    };
    if filters.iter().any(clashes) {
        return Err(wrong(
            ".type",
            "a RequestRedirect and a URLRewrite stand in one list",
            "one of the two",
        ));
    }
    Ok(())
}

fn redirect(asked: &AskedRedirect, has_prefixes_only: bool) -> Result<Filter, Wrong> {
    let parent = ".requestRedirect";
    let status = asked.status_code.unwrap_or(REDIRECT_STATUS_DEFAULT.into());
    let status = u16::try_from(status)
        .ok()
        .filter(|status| REDIRECT_STATUSES.contains(&i64::from(*status)))
        .ok_or_else(|| {
            wrong(
                format!("{parent}.statusCode"),
                quoted(&status.to_string()),
                "301, 302, 303, 307 or 308",
            )
        })?;
    let port = asked.port.map(|port| {
        let parsed = u16::try_from(port).ok().filter(|port| *port > 0);
        let found = || {
            wrong(
                format!("{parent}.port"),
                quoted(&port.to_string()),
                "1 to 65535",
            )
        };
        parsed.ok_or_else(found)
    });
    let path = asked.path.as_ref().map(|path| match path.r#type {
        RedirectPathType::ReplaceFullPath => full(parent, path.replace_full_path.as_deref()),
        RedirectPathType::ReplacePrefixMatch => prefix(
            parent,
            path.replace_prefix_match.as_deref(),
            has_prefixes_only,
        ),
    });
    Ok(Filter::Redirect(Redirect {
        scheme: asked.scheme.as_ref().map(|scheme| match scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        }),
        hostname: hostname(parent, asked.hostname.as_deref())?,
        port: port.transpose()?,
        path: path.transpose()?,
        status,
    }))
}

fn rewrite(asked: &AskedRewrite, has_prefixes_only: bool) -> Result<Filter, Wrong> {
    let parent = ".urlRewrite";
    let path = asked.path.as_ref().map(|path| match path.r#type {
        RewritePathType::ReplaceFullPath => full(parent, path.replace_full_path.as_deref()),
        RewritePathType::ReplacePrefixMatch => prefix(
            parent,
            path.replace_prefix_match.as_deref(),
            has_prefixes_only,
        ),
    });
    Ok(Filter::Rewrite {
        hostname: hostname(parent, asked.hostname.as_deref())?,
        path: path.transpose()?,
    })
}

/// PreciseHostname: no wildcard.
fn hostname(parent: &str, raw: Option<&str>) -> Result<Option<Hostname>, Wrong> {
    let Some(raw) = raw else {
        return Ok(None);
    };
    let parsed = Hostname::parse(raw).ok().filter(|name| !name.is_wildcard());
    let found = || {
        wrong(
            format!("{parent}.hostname"),
            quoted(raw),
            "a host name without a wildcard",
        )
    };
    parsed.ok_or_else(found).map(Some)
}

fn full(parent: &str, raw: Option<&str>) -> Result<PathRewrite, Wrong> {
    let field = format!("{parent}.path.replaceFullPath");
    let raw = raw.ok_or_else(|| wrong(&field, "is missing", "a path as in /shop"))?;
    Ok(PathRewrite::Full(read_path(&field, raw)?))
}

/// Empty takes the prefix away.
fn prefix(parent: &str, raw: Option<&str>, has_prefixes_only: bool) -> Result<PathRewrite, Wrong> {
    let field = format!("{parent}.path.replacePrefixMatch");
    let raw = raw.ok_or_else(|| wrong(&field, "is missing", "a path as in /shop"))?;
    if !has_prefixes_only {
        return Err(wrong(
            field,
            "a match of this rule is not a PathPrefix",
            "replaceFullPath, or PathPrefix in all of its matches",
        ));
    }
    if raw.is_empty() {
        return Ok(PathRewrite::Prefix(String::new()));
    }
    Ok(PathRewrite::Prefix(read_path(&field, raw)?))
}

/// In normal form, as every path that we send.
fn read_path(field: &str, raw: &str) -> Result<String, Wrong> {
    let normal = config::path::parse_match_path(raw).map_err(|error| {
        wrong(
            field,
            format!("{} {error}", quoted(raw)),
            "a path as in /shop, without a query",
        )
    })?;
    Ok(normal.into_owned())
}

#[cfg(test)]
mod tests;
