//! Is a client sent to HTTPS, or to another name of its host, before its rule acts?

use crate::hostname::Hostname;
use crate::model::SslRedirect;
use crate::name::Kind;
use crate::settings::{Listener, Settings};
use crate::snapshot::{Rule, Snapshot};

/// RFC 8555 §8.3: an authority asks here over plain HTTP, and does not like redirects to hosts without a certificate.
const ACME_PREFIX: &str = "/.well-known/acme-challenge/";

/// What the decision depends on.
#[derive(Debug, Clone, Copy)]
pub struct Asked<'a> {
    pub settings: &'a Settings,
    pub snapshot: &'a Snapshot,
    /// The rule that takes the request.
    pub rule: &'a Rule,
    /// In normal form; empty: HTTP/1.0 without Host.
    pub host: &'a str,
    /// In normal form.
    pub path: &'a str,
    /// The client's own connection is encrypted.
    pub is_https: bool,
}

/// Where a client is sent, with its path and query unchanged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PublicName<'a> {
    pub scheme: &'static str,
    pub host: &'a str,
    /// What clients dial.
    pub port: u16,
    pub cause: Cause,
}

/// Why a client is sent elsewhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cause {
    /// Plain HTTP to HTTPS.
    Https,
    /// `canonical-host` names another host of the rule.
    CanonicalHost,
    /// One redirect does both.
    Both,
}

impl Cause {
    /// For `hedgerow why`.
    pub fn sentence(self) -> &'static str {
        match self {
            Cause::Https => "plain HTTP is sent to HTTPS",
            Cause::CanonicalHost => "the route has another canonical-host",
            Cause::Both => "plain HTTP is sent to HTTPS, and the route has another canonical-host",
        }
    }
}

/// The redirect to HTTPS, and the one to the canonical host; where both are due, one redirect does both. None: the rule acts.
pub fn redirect<'a>(asked: &Asked<'a>) -> Option<PublicName<'a>> {
    if asked.path.starts_with(ACME_PREFIX) {
        return None;
    }
    let canonical = asked.rule.policy.canonical_host.as_ref();
    let canonical = canonical
        .filter(|name| !name.is_wildcard())
        .map(Hostname::suffix);
    let host = canonical.unwrap_or(asked.host);
    let to_https = !asked.is_https && wants_https(asked, host);
    let cause = match (to_https, host != asked.host) {
        (false, false) => return None,
        (true, false) => Cause::Https,
        (false, true) => Cause::CanonicalHost,
        (true, true) => Cause::Both,
    };
    let (scheme, listeners, usual) = match asked.is_https || to_https {
        true => ("https", &asked.settings.https, 443),
        false => ("http", &asked.settings.http, 80),
    };
    Some(PublicName {
        scheme,
        host,
        port: listeners.first().map_or(usual, public_port),
        cause,
    })
}

fn public_port(listener: &Listener) -> u16 {
    listener.public_port.unwrap_or(listener.address.port())
}

/// Plain HTTP is redirected by itself only for an Ingress (an HTTPRoute has its filter), only where an Ingress of its own namespace has a real
/// certificate for the host, and never on `localhost`, where nobody has one.
fn wants_https(asked: &Asked<'_>, host: &str) -> bool {
    if host.is_empty() || is_localhost(host) || asked.settings.https.is_empty() {
        return false;
    }
    match asked.rule.policy.ssl_redirect {
        SslRedirect::Never => false,
        SslRedirect::Always => true,
        SslRedirect::Auto => {
            let object = &asked.rule.object;
            let tls = &asked.snapshot.tls;
            object.kind == Kind::Ingress && tls.is_asked_for(&object.name.namespace, host)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compile::tests::site::Site;
    use crate::model::RoutePolicy;

    /// Of `http://HOST/PATH`, or `https://`: scheme, host, port.
    fn ask(ssl: SslRedirect, canonical: &str, url: &str) -> Option<(&'static str, String, u16)> {
        let site = Site::edwardstech()
            .tls("website/tls", &["edwardstech.dev"])
            .certificate("website/tls", &["edwardstech.dev"], (0, 10))
            .change(|route| {
                for rule in &mut route.rules {
                    rule.policy = RoutePolicy {
                        ssl_redirect: ssl,
                        canonical_host: Hostname::parse(canonical).ok(),
                        ..RoutePolicy::default()
                    }
                    .into();
                }
            });
        let snapshot = site.compile().snapshot;
        let mut settings = Settings::default();
        settings.http[0].public_port = Some(8080);
        let (scheme, rest) = url.split_once("://").unwrap();
        let slash = rest.find('/').unwrap();
        let asked = Asked {
            settings: &settings,
            snapshot: &snapshot,
            rule: &snapshot.rules[0],
            host: &rest[..slash],
            path: &rest[slash..],
            is_https: scheme == "https",
        };
        redirect(&asked).map(|name| (name.scheme, name.host.to_owned(), name.port))
    }

    #[track_caller]
    fn check(ssl: SslRedirect, canonical: &str, url: &str, expected: Option<(&str, &str, u16)>) {
        let found = ask(ssl, canonical, url);
        let found = found
            .as_ref()
            .map(|(scheme, host, port)| (*scheme, &**host, *port));
        assert_eq!(found, expected, "{url}");
    }

    #[test]
    fn plain_http_is_sent_to_https_where_there_is_a_certificate() {
        let https = Some(("https", "edwardstech.dev", 443));
        let other = Some(("https", "other.test", 443));
        check(SslRedirect::Auto, "", "http://edwardstech.dev/x", https);
        check(SslRedirect::Auto, "", "https://edwardstech.dev/x", None);
        check(SslRedirect::Auto, "", "http://other.test/x", None);
        check(SslRedirect::Always, "", "http://other.test/x", other);
        check(SslRedirect::Never, "", "http://edwardstech.dev/x", None);
        check(SslRedirect::Always, "", "http://localhost/x", None);
        check(SslRedirect::Always, "", "http://127.0.0.1/x", None);
        let challenge = "http://edwardstech.dev/.well-known/acme-challenge/token";
        check(SslRedirect::Always, "", challenge, None);
    }

    #[test]
    fn one_redirect_goes_to_https_and_to_the_canonical_host() {
        let name = "edwardstech.dev";
        let plain = Some(("http", name, 8080));
        let secure = Some(("https", name, 443));
        check(
            SslRedirect::Auto,
            name,
            "http://www.edwardstech.dev/",
            secure,
        );
        check(
            SslRedirect::Never,
            name,
            "http://www.edwardstech.dev/",
            plain,
        );
        check(
            SslRedirect::Never,
            name,
            "https://www.edwardstech.dev/",
            secure,
        );
        check(SslRedirect::Never, name, "http://edwardstech.dev/", None);
    }
}
