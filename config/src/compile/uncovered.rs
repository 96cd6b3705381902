//! Which hosts have rules and no certificate?

use crate::hostname::Hostname;
use crate::model::{Route, RouteRule, SslRedirect};
use crate::name::Kind;
use crate::problem::{Problem, ProblemCode, Problems, Severity};
use crate::snapshot::TlsTable;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Top-level domains that browsers open over HTTPS alone, whatever the site says (the HSTS preload list).
const HSTS_PRELOADED: &[&str] = &[
    "android",
    "app",
    "bank",
    "boo",
    "channel",
    "chrome",
    "dad",
    "day",
    "dev",
    "esq",
    "fly",
    "foo",
    "gle",
    "gmail",
    "google",
    "hangout",
    "how",
    "ing",
    "insurance",
    "meet",
    "meme",
    "mov",
    "new",
    "nexus",
    "page",
    "phd",
    "play",
    "prof",
    "rsvp",
    "youtube",
    "zip",
];

/// What was said of each host the last time: a site without certificates has thousands of such problems, and a change concerns one.
#[derive(Debug, Default)]
pub struct Memo(HashMap<Hostname, Said>);

#[derive(Debug)]
struct Said {
    redirects: bool,
    problem: Arc<Problem>,
}

impl Memo {
    /// One problem for each host that rules have and no certificate is for. The rules that redirect come first: they lock the host out of
    /// HTTP too.
    pub fn report(&mut self, tls: &TlsTable, routes: &[&Route], problems: &mut Problems) {
        let mut before = std::mem::take(&mut self.0);
        let mut seen: HashSet<&Hostname> = HashSet::with_capacity(routes.len());
        for redirects in [true, false] {
            let mut last = None; // The rules of one object mostly have the same host.
            for (route, rule, host) in hosts_over_https(routes) {
                let is_due = always_redirects(rule) == redirects;
                if !is_due || last.replace(host) == Some(host) || !seen.insert(host) {
                    continue;
                }
                if host.suffix() == "localhost" {
                    continue; // On the machine itself nobody expects one.
                }
                let is_covered = match host.is_wildcard() {
                    true => tls.find(&host.to_string()).is_some(),
                    false => tls.find(host.suffix()).is_some(),
                };
                if is_covered {
                    continue;
                }
                let known = before.remove(host);
                let known = known.filter(|said| said.is_of(route, rule));
                let said = known.unwrap_or_else(|| Said::of(route, rule, host));
                problems.push(said.problem.clone());
                self.0.insert(host.clone(), said);
            }
        }
    }
}

impl Said {
    fn of(route: &Route, rule: &RouteRule, host: &Hostname) -> Said {
        Said {
            redirects: always_redirects(rule),
            problem: Arc::new(no_certificate(route, rule, host)),
        }
    }

    /// These are all that the words depend on, beside the host.
    fn is_of(&self, route: &Route, rule: &RouteRule) -> bool {
        let problem = &self.problem;
        problem.object == route.object
            && *problem.field == *rule.field
            && problem.origin == rule.origin
            && self.redirects == always_redirects(rule)
    }
}

fn hosts_over_https<'a>(
    routes: &'a [&'a Route],
) -> impl Iterator<Item = (&'a Route, &'a RouteRule, &'a Hostname)> {
    let rules = routes
        .iter()
        .flat_map(|route| route.rules.iter().map(move |rule| (*route, rule)));
    rules
        .filter(|(_, rule)| rule.scope.https)
        .flat_map(|(route, rule)| rule.hosts.iter().map(move |host| (route, rule, &host.name)))
}

pub fn always_redirects(rule: &RouteRule) -> bool {
    rule.policy.ssl_redirect == SslRedirect::Always
}

fn no_certificate(route: &Route, rule: &RouteRule, host: &Hostname) -> Problem {
    let is_ingress = route.object.kind == Kind::Ingress;
    let wanted = match is_ingress {
        true => "spec.tls with a Secret for it",
        false => "a listener of its Gateway with certificateRefs for it",
    };
    let top = host.suffix().rsplit('.').next().unwrap_or_default();
    let (severity, expected) = if always_redirects(rule) {
        let why = format!(
            "{wanted}, or no ssl-redirect: HTTP is redirected to HTTPS, which is answered with the default certificate, and browsers refuse that"
        );
        (Severity::Warning, why)
    } else if HSTS_PRELOADED.contains(&top) {
        let why = format!(
            "{wanted}: browsers have .{top} on their HSTS preload list, so they open it over HTTPS alone and refuse the default certificate; no browser will show this site"
        );
        (Severity::Warning, why)
    } else {
        // An HTTPRoute redirects only where it says so, certificate or not.
        let meanwhile = match is_ingress {
            true => ", and HTTP is not redirected",
            false => "",
        };
        let what = format!(
            "{wanted}, where HTTPS is wanted; HTTPS is answered with the default certificate{meanwhile}"
        );
        (Severity::Info, what)
    };
    Problem {
        severity,
        code: ProblemCode::NoCertificate,
        object: route.object.clone(),
        field: rule.field.to_string(),
        found: format!("no certificate for {host}"),
        expected,
        origin: rule.origin.clone(),
    }
}
