//! Where is a client sent instead of being served here?

use super::Asked;
use super::location::{Location, default_port};
use crate::response::own::Answer;
use crate::upstream::rewrite;
use config::hostname::Hostname;
use config::model::{Redirect, SslRedirect};
use config::name::Kind;
use config::reason::Reason;
use config::settings::{Listener, Settings};
use config::snapshot::Rule;
use std::borrow::Cow;

/// RFC 8555 §8.3: an authority asks here over plain HTTP, and does not like redirects to hosts without a certificate.
const ACME_PREFIX: &str = "/.well-known/acme-challenge/";
/// The status of our own redirects: the method stays (RFC 9110 §15.4.9).
const PERMANENT: u16 = 308;

/// The ports that clients dial.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicPorts {
    /// None: there is no such listener.
    pub http: Option<u16>,
    pub https: Option<u16>,
}

impl PublicPorts {
    /// Those of the first listeners.
    pub fn of(settings: &Settings) -> PublicPorts {
        let first = |listeners: &[Listener]| {
            let listener = listeners.first()?;
            Some(listener.public_port.unwrap_or(listener.address.port()))
        };
        PublicPorts {
            http: first(&settings.http),
            https: first(&settings.https),
        }
    }
}

/// The redirect to HTTPS, and the one to the canonical host; where both are due, one redirect does both.
pub(super) fn to_public_name(asked: &Asked<'_>, rule: &Rule) -> Result<(), Answer> {
    if asked.normal.path.starts_with(ACME_PREFIX) {
        return Ok(());
    }
    let host = &*asked.normal.host;
    let canonical = rule.policy.canonical_host.as_ref();
    let canonical = canonical
        .filter(|name| !name.is_wildcard())
        .map(Hostname::suffix);
    let wanted_host = canonical.unwrap_or(host);
    let to_https = !asked.client.is_https && wants_https(asked, rule, wanted_host);
    if wanted_host == host && !to_https {
        return Ok(());
    }
    let is_https = to_https || asked.client.is_https;
    let ports = PublicPorts::of(&asked.in_force.settings);
    let (scheme, port) = if is_https {
        ("https", ports.https)
    } else {
        ("http", ports.http)
    };
    let location = Location {
        scheme,
        host: wanted_host,
        port: port.unwrap_or(default_port(scheme)),
        path: &asked.normal.path,
        query: asked.normal.query,
    };
    Err(answer(location, PERMANENT))
}

/// Plain HTTP is redirected by itself only for an Ingress (an HTTPRoute has its filter), only where a real certificate for the host is
/// loaded, and never on `localhost`, where nobody has one.
fn wants_https(asked: &Asked<'_>, rule: &Rule, host: &str) -> bool {
    if host.is_empty() || is_localhost(host) || asked.in_force.settings.https.is_empty() {
        return false;
    }
    match rule.policy.ssl_redirect {
        SslRedirect::Never => false,
        SslRedirect::Always => true,
        SslRedirect::Auto => {
            rule.object.kind == Kind::Ingress && asked.in_force.snapshot.tls.find(host).is_some()
        }
    }
}

fn is_localhost(host: &str) -> bool {
    host == "localhost"
        || host.ends_with(".localhost")
        || host == "[::1]"
        || host
            .parse::<std::net::Ipv4Addr>()
            .is_ok_and(|address| address.is_loopback())
}

/// What an HTTPRoute's redirect filter asks for (Gateway API, HTTPRequestRedirectFilter).
pub(super) fn by_filter(asked: &Asked<'_>, rule: &Rule, filter: &Redirect) -> Answer {
    let own_scheme = if asked.connection.listener.is_https {
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
    match location.to_header() {
        Some(location) => Answer::redirect(status, location),
        None => Answer::of(Reason::BadPath),
    }
}
