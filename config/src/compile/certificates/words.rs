//! What is said where a certificate is not shown as it was asked for?

use super::{Wanted, always_redirects};
use crate::compile::known::Known;
use crate::hostname::Hostname;
use crate::model::{Route, RouteRule, TlsHosts};
use crate::name::{Kind, ObjectName};
use crate::problem::{Problem, ProblemCode, Severity};

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

impl Wanted<'_> {
    pub fn not_covered(&self, host: &Hostname) -> Problem {
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

    pub fn out_of_time(&self, now: i64) -> Problem {
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

    /// `first`: the object that came first, and the Secret that is shown for it.
    pub fn conflict(&self, host: &Hostname, first: (&Route, &ObjectName)) -> Problem {
        let (first, shown) = first;
        let why = match (first.created, self.route.created) {
            _ if first.object == self.route.object => "it comes first".to_owned(),
            (ours, theirs) if ours == theirs => {
                "both are of one age, and its namespace/name comes first".to_owned()
            }
            (None, _) => format!(
                "{} has no creationTimestamp, so it counts as older",
                first.object
            ),
            _ => format!("{} is older", first.object),
        };
        self.problem(
            ProblemCode::Conflict,
            format!(
                "Secret {} for {host}, for which {} names Secret {shown}",
                self.secret, first.object
            ),
            format!("one Secret for each host; {shown} is shown, because {why}"),
        )
    }

    /// The host is of other namespaces' rules, or of nobody's.
    pub fn not_owned(&self, host: &Hostname, is_nobodys: bool) -> Problem {
        let namespace = &self.route.object.name.namespace;
        if is_nobodys {
            let expected = format!(
                "a rule for {host}; without one it is answered with 404, and the default certificate is shown for it"
            );
            let problem = self.problem(
                ProblemCode::NoCertificate,
                format!("{host}, which no rule is for"),
                expected,
            );
            return Problem {
                severity: Severity::Info,
                ..problem
            };
        }
        self.problem(
            ProblemCode::Conflict,
            format!("{host}, which rules of other namespaces are for"),
            format!(
                "a rule of namespace {namespace} for {host}; Secret {} is not shown for it, and their requests are not redirected for its sake",
                self.secret
            ),
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

pub fn no_secret(
    route: &Route,
    block: &TlsHosts,
    secret: &ObjectName,
    known: &Known<'_>,
) -> Problem {
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

pub fn no_certificate(route: &Route, rule: &RouteRule, host: &Hostname) -> Problem {
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
