//! What is said where a certificate is not shown as it was asked for?

use super::Wanted;
use crate::compile::known::Known;
use crate::compile::uncovered::always_redirects;
use crate::hostname::Hostname;
use crate::model::{Route, TlsHosts};
use crate::name::{Kind, ObjectName};
use crate::problem::{Problem, ProblemCode, Severity};

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
