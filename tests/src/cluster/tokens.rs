//! What does a token say whose issuer's clock is off?

use super::Cluster;
use super::access::Credentials;
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use serde_json::{Value, json};
use std::time::{SystemTime, UNIX_EPOCH};

/// RFC 7515 section 2: base64url without padding.
fn coded(bytes: &[u8]) -> String {
    let text = crate::authority::base64(bytes);
    text.trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_")
}

impl Cluster {
    /// A token of a ServiceAccount that is there, signed with the cluster's own key as the API server does (RFC 7519), valid from so many
    /// seconds from now until so many.
    pub async fn token_between(
        &self,
        (namespace, name): (&str, &str),
        (from, until): (i64, i64),
    ) -> Credentials {
        let api = self.api(&self.admin()).await;
        let path = format!("/api/v1/namespaces/{namespace}/serviceaccounts/{name}");
        let account: Value = api.get(&path).await;
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
        let now = i64::try_from(now.as_secs()).unwrap();
        let claims = json!({
            "iss": "https://kubernetes.default.svc", "aud": ["https://kubernetes.default.svc"],
            "sub": format!("system:serviceaccount:{namespace}:{name}"),
            "iat": now + from, "nbf": now + from, "exp": now + until,
            "kubernetes.io": {
                "namespace": namespace,
                "serviceaccount": { "name": name, "uid": account["metadata"]["uid"] },
            },
        });
        Credentials {
            name: format!("{namespace}-{name}"),
            certificate: None,
            token: Some(self.sign(&claims)),
        }
    }

    fn sign(&self, claims: &Value) -> String {
        let pem = std::fs::read(self.path("sa.key")).unwrap();
        let der = PrivateKeyDer::from_pem_slice(&pem).unwrap();
        let random = SystemRandom::new();
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, der.secret_der(), &random).unwrap();
        let head = json!({ "alg": "ES256", "typ": "JWT" });
        let parts = [head.to_string(), claims.to_string()].map(|part| coded(part.as_bytes()));
        let text = parts.join(".");
        let signature = key.sign(&random, text.as_bytes()).unwrap();
        format!("{text}.{}", coded(signature.as_ref()))
    }
}
