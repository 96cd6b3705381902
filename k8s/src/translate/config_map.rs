//! Which authorities does a ConfigMap name?

use super::findings::Findings;
use crate::objects::Object;
use config::name::Kind;
use config::problem::{Problem, ProblemCode};
use k8s_openapi::api::core::v1::ConfigMap;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use std::sync::Arc;

/// As in BackendTLSPolicy: `caCertificateRefs` of Gateway API read the same key.
const AUTHORITY_KEY: &str = "ca.crt";

/// Certificates of authorities, DER.
pub(super) type Authorities = Arc<Vec<Vec<u8>>>;

/// None: there is none that can be used.
pub(super) fn translate(object: &Object<ConfigMap>) -> (Option<Authorities>, Vec<Problem>) {
    let mut findings = Findings::of(Kind::ConfigMap, object);
    let found = match parse(&object.value) {
        Ok(authorities) => return (Some(Arc::new(authorities)), findings.into_problems()),
        Err(found) => found,
    };
    findings.error(
        ProblemCode::InvalidCertificate,
        "data.ca.crt",
        found,
        "one or more certificates in PEM form; backends that need them are not trusted meanwhile",
    );
    (None, findings.into_problems())
}

fn parse(config_map: &ConfigMap) -> Result<Vec<Vec<u8>>, String> {
    let text = config_map.data.as_ref();
    let binary = config_map.binary_data.as_ref();
    let pem = text
        .and_then(|all| all.get(AUTHORITY_KEY))
        .map(String::as_bytes)
        .or_else(|| {
            binary
                .and_then(|all| all.get(AUTHORITY_KEY))
                .map(|bytes| &*bytes.0)
        });
    let pem = pem.ok_or_else(|| "is missing".to_owned())?;
    let authorities = CertificateDer::pem_slice_iter(pem)
        .map(|der| der.map(|der| der.to_vec()))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| format!("has a certificate that does not parse: {error}"))?;
    if authorities.is_empty() {
        return Err("has no certificate in PEM form".to_owned());
    }
    Ok(authorities)
}

#[cfg(test)]
mod tests;
