//! In which form does a request go to its backend, and the response back?

use super::{Asked, path_rewrite};
use crate::live::InForce;
use crate::upstream::{BackendState, rewrite};
use config::hostname::Hostname;
use config::model::{Filter, HeaderChange};
use config::snapshot::{Action, Rule, RuleId};
use http::uri::PathAndQuery;
use http::{HeaderValue, Uri};
use pingora_error::{ErrorType, OrErr, Result};
use pingora_http::{RequestHeader, ResponseHeader};
use std::borrow::Cow;
use std::sync::Arc;

/// Where a request goes, decided once for all of its attempts.
#[derive(Debug)]
pub struct Forward {
    pub backend: Arc<BackendState>,
    rule: RuleId,
    /// Which of the rule's targets.
    target: usize,
    /// None: as received.
    path_and_query: Option<PathAndQuery>,
    /// None: as received.
    host: Option<HeaderValue>,
}

impl Forward {
    /// None: the path is not one, which the normal form excludes.
    pub(super) fn new(
        asked: &Asked<'_>,
        rule: &Rule,
        (at, target): (usize, &config::snapshot::WeightedTarget),
        backend: &Arc<BackendState>,
    ) -> Option<Forward> {
        let filters = || rule.filters.iter().chain(&target.filters);
        let path: Cow<'_, str> = match path_rewrite(filters()) {
            None => Cow::Borrowed(&*asked.normal.path),
            Some(change) => {
                let prefix = rewrite::matched_prefix(&rule.matches, &asked.normal.path);
                Cow::Owned(rewrite::apply(change, &asked.normal.path, prefix))
            }
        };
        let received = asked.request.uri.path();
        // `OPTIONS *` is about the server, not about the path that its rule was found by.
        let path_and_query = if *path == *received || received == "*" {
            None
        } else {
            Some(join(&path, asked.normal.query)?)
        };
        let mut hostnames = filters().filter_map(|filter| match filter {
            Filter::Rewrite { hostname, .. } => hostname.as_ref(),
            _ => None,
        });
        let host = hostnames.next_back().map(Hostname::suffix);
        Some(Forward {
            backend: backend.clone(),
            rule: asked.rule,
            target: at,
            path_and_query,
            host: match host {
                Some(host) => Some(HeaderValue::from_str(host).ok()?),
                None => None,
            },
        })
    }

    /// Gives the request for the backend its path and host: what matched is what is forwarded.
    pub fn rewrite(&self, request: &mut RequestHeader) -> Result<()> {
        let is_absolute_form = is_http1(request) && is_absolute(request.raw_path());
        if self.path_and_query.is_some() || is_absolute_form {
            let mut parts = request.uri.clone().into_parts();
            if is_http1(request) {
                // Towards a backend always origin form (RFC 9112 §3.2.1); Host says the rest.
                (parts.scheme, parts.authority) = (None, None);
            }
            parts.path_and_query = self.path_and_query.clone().or(parts.path_and_query);
            let uri =
                Uri::from_parts(parts).or_err(ErrorType::InternalError, "rewriting a path")?;
            request.set_uri(uri);
        }
        if let Some(host) = &self.host {
            request.insert_header(http::header::HOST, host.clone())?;
        }
        Ok(())
    }
}

/// The engine keeps the target as it came beside the URI, which has no authority even then; `set_uri` drops those bytes.
fn is_absolute(target: &[u8]) -> bool {
    !target.starts_with(b"/") && target != b"*"
}

fn is_http1(request: &RequestHeader) -> bool {
    request.version != http::Version::HTTP_2
}

fn join(path: &str, query: Option<&str>) -> Option<PathAndQuery> {
    let Some(query) = query else {
        return PathAndQuery::from_maybe_shared(bytes::Bytes::copy_from_slice(path.as_bytes()))
            .ok();
    };
    let mut text = String::with_capacity(path.len() + query.len() + 1);
    text.push_str(path);
    text.push('?');
    text.push_str(query);
    PathAndQuery::from_maybe_shared(bytes::Bytes::from(text)).ok()
}

/// Applies the filters of the rule, then those of the target, to the request.
pub fn apply_request_headers(
    in_force: &InForce,
    forward: &Forward,
    request: &mut RequestHeader,
) -> Result<()> {
    for filter in filters(in_force, forward) {
        let Filter::RequestHeaders(change) = filter else {
            continue;
        };
        for (name, value) in &change.set {
            request.insert_header(name.clone(), value.clone())?;
        }
        for (name, value) in &change.add {
            request.append_header(name.clone(), value.clone())?;
        }
        for name in &change.remove {
            request.remove_header(name);
        }
    }
    Ok(())
}

/// Applies the filters of the rule, then those of the target, to the response.
pub fn apply_response_headers(
    in_force: &InForce,
    forward: &Forward,
    response: &mut ResponseHeader,
) -> Result<()> {
    for filter in filters(in_force, forward) {
        if let Filter::ResponseHeaders(change) = filter {
            change_response(change, response)?;
        }
    }
    Ok(())
}

fn change_response(change: &HeaderChange, response: &mut ResponseHeader) -> Result<()> {
    for (name, value) in &change.set {
        response.insert_header(name.clone(), value.clone())?;
    }
    for (name, value) in &change.add {
        response.append_header(name.clone(), value.clone())?;
    }
    for name in &change.remove {
        response.remove_header(name);
    }
    Ok(())
}

fn filters<'a>(in_force: &'a InForce, forward: &Forward) -> impl Iterator<Item = &'a Filter> {
    let rule = in_force.snapshot.rule(forward.rule);
    let target = rule.and_then(|rule| match &rule.action {
        Action::Forward(targets) => targets.get(forward.target),
        Action::Redirect(_) | Action::Fail(_) | Action::NotFound => None,
    });
    let of_rule = rule.map(|rule| rule.filters.as_slice()).unwrap_or_default();
    let of_target = target.map(|one| one.filters.as_slice()).unwrap_or_default();
    of_rule.iter().chain(of_target)
}
