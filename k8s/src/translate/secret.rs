//! Which certificate is in a Secret?

use super::findings::{Findings, quoted};
use crate::objects::{Object, Secret};
use config::model::{Certificate, CertificateError};
use config::name::Kind;
use config::problem::{Problem, ProblemCode};
use std::sync::Arc;

/// <https://kubernetes.io/docs/concepts/configuration/secret/#tls-secrets>
const TLS_TYPE: &str = "kubernetes.io/tls";
const CHAIN_KEY: &str = "tls.crt";
const PRIVATE_KEY: &str = "tls.key";
/// Every problem ends like this: `control` keeps what was right.
const MEANWHILE: &str =
    "meanwhile the certificate that was right before stays in force, if there was one";

/// None: what is in it is not fit to be shown.
pub(super) fn translate(object: &Object<Secret>) -> (Option<Arc<Certificate>>, Vec<Problem>) {
    let mut findings = Findings::of(Kind::Secret, object);
    match parse(&object.value) {
        Ok(certificate) => (Some(Arc::new(certificate)), findings.into_problems()),
        Err(wrong) => {
            let expected = format!("{}; {MEANWHILE}", wrong.expected);
            let code = ProblemCode::InvalidCertificate;
            findings.error(code, wrong.field, wrong.found, expected);
            (None, findings.into_problems())
        }
    }
}

struct Wrong {
    field: &'static str,
    found: String,
    expected: &'static str,
}

fn parse(secret: &Secret) -> Result<Certificate, Wrong> {
    let kind = secret.type_.as_deref().unwrap_or("Opaque");
    if kind != TLS_TYPE {
        return Err(Wrong {
            field: "type",
            found: quoted(kind),
            expected: "kubernetes.io/tls",
        });
    }
    let chain = entry(secret, CHAIN_KEY).ok_or_else(|| missing("data.tls.crt"))?;
    let key = entry(secret, PRIVATE_KEY).ok_or_else(|| missing("data.tls.key"))?;
    Certificate::parse(chain, key).map_err(|error| wrong_certificate(&error))
}

fn missing(field: &'static str) -> Wrong {
    Wrong {
        field,
        found: "is missing".to_owned(),
        expected: "both tls.crt and tls.key, in PEM form",
    }
}

fn wrong_certificate(error: &CertificateError) -> Wrong {
    let (field, expected) = match error {
        CertificateError::NoCertificate | CertificateError::BadCertificate(_) => (
            "data.tls.crt",
            "a certificate in PEM form, with its chain behind it",
        ),
        CertificateError::NoKey | CertificateError::UnsupportedKey => (
            "data.tls.key",
            "the private key of the certificate, in PEM form",
        ),
        CertificateError::KeyMismatch => ("data", "a certificate and its own private key"),
    };
    Wrong {
        field,
        found: error.to_string(),
        expected,
    }
}

/// `stringData` is merged into `data` by the API server and wins; in a file it stands as written.
fn entry<'a>(secret: &'a Secret, key: &str) -> Option<&'a [u8]> {
    let written = secret.string_data.as_ref().and_then(|all| all.get(key));
    if let Some(text) = written {
        return Some(text.as_bytes());
    }
    let bytes = secret.data.as_ref()?.get(key)?;
    Some(&bytes.0)
}

#[cfg(test)]
mod tests;
