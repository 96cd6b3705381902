//! Where is a client sent instead of being served here?

use super::Asked;
use super::location::{Location, default_port};
use crate::response::own::Answer;
use crate::upstream::rewrite;
use config::hostname::Hostname;
use config::model::Redirect;
use config::public_name;
use config::reason::Reason;
use config::snapshot::Rule;
use std::borrow::Cow;

/// The redirect to HTTPS, and the one to the canonical host.
pub(super) fn to_public_name(asked: &Asked<'_>, rule: &Rule) -> Result<(), Answer> {
    let elsewhere = public_name::redirect(&public_name::Asked {
        settings: &asked.in_force.settings,
        snapshot: &asked.in_force.snapshot,
        rule,
        host: &asked.normal.host,
        path: &asked.normal.path,
        is_https: asked.client.is_https,
    });
    let Some(elsewhere) = elsewhere else {
        return Ok(());
    };
    let location = Location {
        scheme: elsewhere.scheme,
        host: elsewhere.host,
        port: match elsewhere.port {
            0 => asked.in_force.ports.port(elsewhere.scheme == "https"),
            port => port,
        },
        path: &asked.normal.path,
        query: asked.normal.query,
    };
    // The method stays (RFC 9110 §15.4.9).
    Err(answer(location, Reason::Redirected.status()))
}

/// What an HTTPRoute's redirect filter asks for (Gateway API, HTTPRequestRedirectFilter).
pub(super) fn by_filter(asked: &Asked<'_>, rule: &Rule, filter: &Redirect) -> Answer {
    // What the client speaks, also where a trusted proxy in front has terminated TLS.
    let own_scheme = if asked.client.is_https {
        "https"
    } else {
        "http"
    };
    let path = match &filter.path {
        None => Cow::Borrowed(&*asked.normal.path),
        Some(change) => {
            let prefix = rewrite::matched_prefix(&rule.matches, &asked.normal.path);
            Cow::Owned(rewrite::apply(change, &asked.normal.path, prefix))
        }
    };
    let hostname = filter.hostname.as_ref().map(Hostname::suffix);
    // "If redirect scheme is not-empty, the redirect port MUST be the well-known port associated with the redirect scheme. If redirect scheme
    // is empty, the redirect port MUST be the Gateway Listener port."
    let port = match (filter.port, filter.scheme) {
        (Some(port), _) => port,
        (None, Some(scheme)) => default_port(scheme),
        (None, None) => asked.connection.listener.public_port,
    };
    let location = Location {
        scheme: filter.scheme.unwrap_or(own_scheme),
        host: hostname.unwrap_or(&asked.normal.host),
        port,
        path: &path,
        query: asked.normal.query,
    };
    answer(location, filter.status)
}

fn answer(location: Location<'_>, status: u16) -> Answer {
    if location.host.is_empty() {
        // HTTP/1.0 without Host: there is no name to send the client to.
        return Answer::of(Reason::BadHost).closing(true);
    }
    match location.to_header() {
        Some(location) => Answer::redirect(status, location),
        None => Answer::of(Reason::BadPath),
    }
}
