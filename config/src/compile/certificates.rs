//! Which certificate is wanted for which host, and which of them can be shown?

use super::known::Known;
use crate::hostname::Hostname;
use crate::model::{Certificate, Model, Route, RouteRule, SslRedirect, TlsHosts};
use crate::name::{Kind, ObjectName};
use crate::problem::{Problem, ProblemCode, Severity};
use crate::snapshot::{TlsEntry, TlsTable};
use std::collections::HashSet;
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

/// One block of `spec.tls`, with a certificate that parses.
struct Wanted<'a> {
    route: &'a Route,
    block: &'a TlsHosts,
    secret: &'a ObjectName,
    certificate: &'a Arc<Certificate>,
}

/// The certificate of the oldest object is shown; one whose time is over (or has not come) only where there is no other.
pub fn compile(
    model: &Model,
    routes: &[&Route],
    now: i64,
    known: &Known<'_>,
    problems: &mut Vec<Problem>,
) -> TlsTable {
    let (valid, out_of_time) = wanted(model, routes, known, problems)
        .into_iter()
        .partition::<Vec<_>, _>(|wanted| is_in_time(wanted.certificate, now));
    let mut tls = TlsTable::default();
    for wanted in valid {
        insert(&mut tls, &wanted, problems);
    }
    for wanted in out_of_time {
        problems.push(wanted.out_of_time(now));
        for host in wanted.hosts() {
            if wanted.covers(host) {
                tls.insert(wanted.entry(host)); // What is in time is there already, and stays.
            } else {
                problems.push(wanted.not_covered(host));
            }
        }
    }
    report_uncovered(&tls, routes, problems);
    tls
}

fn wanted<'a>(
    model: &'a Model,
    routes: &[&'a Route],
    known: &Known<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<Wanted<'a>> {
    let mut wanted = Vec::new();
    for route in routes {
        for block in &route.tls {
            let Some(secret) = &block.secret else {
                continue;
            };
            match model.certificates.get(secret) {
                Some(certificate) => wanted.push(Wanted {
                    route,
                    block,
                    secret,
                    certificate,
                }),
                None => problems.push(no_secret(route, block, secret, known)),
            }
        }
    }
    wanted
}

fn insert(tls: &mut TlsTable, wanted: &Wanted<'_>, problems: &mut Vec<Problem>) {
    for host in wanted.hosts() {
        if !wanted.covers(host) {
            problems.push(wanted.not_covered(host));
            continue;
        }
        if !tls.insert(wanted.entry(host)) {
            let first = tls.find(&host.to_string()).map(|entry| &entry.secret);
            if let Some(first) = first.filter(|first| *first != wanted.secret) {
                problems.push(wanted.conflict(host, first));
            }
        }
    }
}

fn is_in_time(certificate: &Certificate, now: i64) -> bool {
    certificate.not_before <= now && now <= certificate.not_after
}

impl<'a> Wanted<'a> {
    /// A block without hosts is for the hosts of the object's rules.
    fn hosts(&self) -> impl Iterator<Item = &'a Hostname> + use<'a> {
        let rules = match self.block.hosts.is_empty() {
            true => self.route.rules.as_slice(),
            false => &[],
        };
        let of_rules = rules.iter().flat_map(|rule| rule.hosts.iter());
        let mut seen = HashSet::new();
        let all = self
            .block
            .hosts
            .iter()
            .chain(of_rules.map(|host| &host.name));
        all.filter(move |host| seen.insert(*host))
    }

    fn covers(&self, host: &Hostname) -> bool {
        match host.is_wildcard() {
            true => self.certificate.covers(&host.to_string()),
            false => self.certificate.covers(host.suffix()),
        }
    }

    fn entry(&self, host: &Hostname) -> TlsEntry {
        TlsEntry {
            host: host.clone(),
            secret: self.secret.clone(),
            certificate: self.certificate.clone(),
        }
    }

    fn not_covered(&self, host: &Hostname) -> Problem {
        let names: Vec<String> = self
            .certificate
            .names
            .iter()
            .map(ToString::to_string)
            .collect();
        let names = match names.as_slice() {
            [] => "no name".to_owned(),
            _ => names.join(", "),
        };
        self.problem(
            ProblemCode::InvalidCertificate,
            format!("the certificate in Secret {} is for {names}, not for {host}", self.secret),
            format!("a certificate for {host}; this one is not shown for it, another or the default certificate is"),
        )
    }

    fn out_of_time(&self, now: i64) -> Problem {
        let is_over = self.certificate.not_after < now;
        let (what, seconds) = match is_over {
            true => ("expired at", self.certificate.not_after),
            false => ("is not valid before", self.certificate.not_before),
        };
        let hint = match is_over {
            true => "",
            false => " (or the clock of this machine is wrong)",
        };
        self.problem(
            ProblemCode::InvalidCertificate,
            format!("the certificate in Secret {} {what} {}", self.secret, date(seconds)),
            format!("a certificate that is valid now{hint}; this one is still shown where no other is for its hosts"),
        )
    }

    fn conflict(&self, host: &Hostname, first: &ObjectName) -> Problem {
        self.problem(
            ProblemCode::Conflict,
            format!(
                "Secret {} for {host}, for which an older object names Secret {first}",
                self.secret
            ),
            format!("one Secret for each host; {first} is shown, because its object is older"),
        )
    }

    fn problem(&self, code: ProblemCode, found: String, expected: String) -> Problem {
        Problem {
            severity: Severity::Warning,
            code,
            object: self.route.object.clone(),
            field: self.block.field.clone(),
            found,
            expected,
            origin: self.block.origin.clone(),
        }
    }
}

fn date(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.to_string(),
        Err(_) => format!("second {seconds} since 1970"),
    }
}

fn no_secret(route: &Route, block: &TlsHosts, secret: &ObjectName, known: &Known<'_>) -> Problem {
    // Elsewhere than in an Ingress nothing depends on it.
    let meanwhile = match route.object.kind {
        Kind::Ingress if !route.rules.iter().any(always_redirects) => {
            ", and HTTP is not redirected"
        }
        _ => "",
    };
    Problem {
        severity: Severity::Warning,
        code: ProblemCode::NoSuchSecret,
        object: route.object.clone(),
        field: block.field.clone(),
        found: format!("no Secret {secret} with a certificate that can be used"),
        expected: format!(
            "a Secret of type kubernetes.io/tls{}; the default certificate is shown meanwhile{meanwhile}",
            known.secret_hint(secret)
        ),
        origin: block.origin.clone(),
    }
}

/// One problem for each host that rules have and no certificate is for. The rules that redirect come first: they lock the host out of HTTP too.
fn report_uncovered(tls: &TlsTable, routes: &[&Route], problems: &mut Vec<Problem>) {
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
            if !is_covered {
                problems.push(no_certificate(route, rule, host));
            }
        }
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

fn always_redirects(rule: &RouteRule) -> bool {
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
