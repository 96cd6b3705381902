//! What is in force, told without secrets?
//!
//! Values of headers and query parameters may be credentials (a route may match on them or set them), so only their names are told. Of
//! certificates, names and times; keys have no way out of rustls.

mod backend;
mod rule;

use crate::live::InForce;
use backend::BackendJson;
use config::snapshot::{Action, TlsEntry};
use jiff::Timestamp;
use rule::RuleJson;
use serde::Serialize;

/// The first field of the document. Fields may be added; none changes its meaning without another schema.
const SCHEMA: &str = "hedgerow.config/v1";

/// The whole of `/config`.
#[derive(Debug, Serialize)]
pub struct ConfigJson<'a> {
    schema: &'static str,
    version: u64,
    published_at: String,
    /// Twelve hexadecimal digits.
    digest: String,
    rules: Vec<RuleJson<'a>>,
    backends: Vec<BackendJson<'a>>,
    certificates: Vec<CertificateJson>,
}

impl<'a> ConfigJson<'a> {
    pub fn new(in_force: &'a InForce) -> ConfigJson<'a> {
        let snapshot = &*in_force.snapshot;
        let mut certificates: Vec<_> = snapshot
            .tls
            .entries()
            .map(|entry| CertificateJson::new(entry))
            .collect();
        certificates.sort_by(|a, b| a.host.cmp(&b.host));
        ConfigJson {
            schema: SCHEMA,
            version: in_force.version,
            published_at: in_force.published_at.to_string(),
            digest: format!("{:012x}", snapshot.digest),
            rules: snapshot
                .rules
                .iter()
                .filter(|rule| !matches!(rule.action, Action::NotFound))
                .map(|rule| RuleJson::new(snapshot, rule))
                .collect(),
            backends: snapshot
                .backends
                .iter()
                .zip(&in_force.backends)
                .map(|(backend, state)| BackendJson::new(backend, &state.pool))
                .collect(),
            certificates,
        }
    }
}

#[derive(Debug, Serialize)]
struct CertificateJson {
    /// The host that it is shown for.
    host: String,
    secret: String,
    /// The names in it.
    names: Vec<String>,
    not_before: Option<String>,
    not_after: Option<String>,
}

impl CertificateJson {
    fn new(entry: &TlsEntry) -> CertificateJson {
        let certificate = &*entry.certificate;
        let time = |seconds| {
            Timestamp::from_second(seconds)
                .ok()
                .map(|time| time.to_string())
        };
        CertificateJson {
            host: entry.host.to_string(),
            secret: entry.secret.to_string(),
            names: certificate.names.iter().map(ToString::to_string).collect(),
            not_before: time(certificate.not_before),
            not_after: time(certificate.not_after),
        }
    }
}
