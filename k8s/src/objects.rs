//! Which objects are there, by kind and name, whichever way they arrived?

use config::name::{ObjectName, Origin};
use config::problem::Problem;
use gateway_api::apis::standard::gatewayclasses::GatewayClass;
use gateway_api::apis::standard::gateways::Gateway;
use gateway_api::apis::standard::httproutes::HttpRoute;
use gateway_api::apis::standard::referencegrants::ReferenceGrant;
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Secret, Service};
use k8s_openapi::api::discovery::v1::EndpointSlice;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use std::collections::HashMap;
use std::sync::Arc;

/// One object as it arrived.
#[derive(Debug)]
pub struct Object<K> {
    pub value: K,
    /// Namespace (empty for kinds without one; `default` where a manifest names none) and name.
    pub name: ObjectName,
    /// Equal revisions are equal content: uid and resourceVersion from the API server, a hash of the text from a file.
    pub revision: u64,
    /// The file, and the line of each field. None from the API server.
    pub lines: Option<Lines>,
}

/// Where the fields of one object stand in their file.
#[derive(Debug, Clone)]
pub struct Lines {
    pub file: Arc<str>,
    /// Digest of a field's path (as in `spec.rules[0].host`) and its line, sorted by digest. The empty path is the object.
    pub fields: Box<[(u64, u32)]>,
}

impl Lines {
    /// The place of a field, or of its nearest parent that is written down.
    pub fn origin(&self, field: &str) -> Option<Origin> {
        let mut path = field;
        loop {
            let key = config::digest::of(&[path.as_bytes()]);
            if let Ok(at) = self
                .fields
                .binary_search_by_key(&key, |(digest, _)| *digest)
            {
                let line = self.fields.get(at).map_or(1, |(_, line)| *line);
                return Some(Origin {
                    file: self.file.clone(),
                    line,
                });
            }
            if path.is_empty() {
                return None;
            }
            let cut = path.rfind(['.', '[']).unwrap_or(0);
            path = path.get(..cut).unwrap_or_default();
        }
    }
}

impl<K> Object<K> {
    pub fn origin(&self, field: &str) -> Option<Origin> {
        self.lines.as_ref().and_then(|lines| lines.origin(field))
    }
}

/// All objects of one kind.
pub type Set<K> = HashMap<ObjectName, Arc<Object<K>>>;

/// The whole input at one moment. Cloning it is cheap enough for a change: objects are shared.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    pub ingresses: Set<Ingress>,
    pub ingress_classes: Set<IngressClass>,
    pub services: Set<Service>,
    pub endpoint_slices: Set<EndpointSlice>,
    pub endpoints: Set<Endpoints>,
    pub secrets: Set<Secret>,
    pub config_maps: Set<ConfigMap>,
    pub reference_grants: Set<ReferenceGrant>,
    pub gateways: Set<Gateway>,
    pub gateway_classes: Set<GatewayClass>,
    pub http_routes: Set<HttpRoute>,
    /// What the source itself found: files that do not parse, unknown fields, the same object twice.
    pub problems: Vec<Problem>,
    /// True: a directory. Class-less Ingresses are ours without any IngressClass, endpoints may be loopback.
    pub is_directory: bool,
}
