//! Which kinds are read from the API server, and what of each object is kept?

use super::shelf::Shelf;
use crate::objects::{EndpointSlice, Secret, Set, wipe};
use config::name::Kind;
use gateway_api::apis::standard::gatewayclasses::GatewayClass;
use gateway_api::apis::standard::gateways::Gateway;
use gateway_api::apis::standard::httproutes::HttpRoute;
use gateway_api::apis::standard::referencegrants::ReferenceGrant;
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Service};
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

pub(super) const GATEWAY_GROUP: &str = "gateway.networking.k8s.io";
pub(super) const TLS_TYPE: &str = "kubernetes.io/tls";
/// The keys that are read of Secrets and ConfigMaps. The others never stay in memory.
const CERTIFICATE_KEYS: &[&str] = &["tls.crt", "tls.key"];
const AUTHORITY_KEYS: &[&str] = &["ca.crt"];

/// Where a kind is found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Definition {
    pub group: &'static str,
    /// The best one first. Which of them there are is asked of the API server where there are several.
    pub versions: &'static [&'static str],
    pub plural: &'static str,
    pub is_namespaced: bool,
}

/// The kinds that are always watched.
pub(super) const CORE: [Kind; 5] = [
    Kind::Ingress,
    Kind::IngressClass,
    Kind::Service,
    Kind::EndpointSlice,
    Kind::Secret,
];
/// The kinds that are watched while the API server has their definitions.
pub(super) const GATEWAY_API: [Kind; 4] = [
    Kind::GatewayClass,
    Kind::Gateway,
    Kind::HttpRoute,
    Kind::ReferenceGrant,
];

/// Where the kind is found. v1beta1 of the Gateway API's kinds has had the same fields as v1 since its release 1.0.
pub(crate) const fn definition(kind: Kind) -> Definition {
    const V1: &[&str] = &["v1"];
    const BOTH: &[&str] = &["v1", "v1beta1"];
    let (group, versions, plural, is_namespaced) = match kind {
        Kind::Ingress => ("networking.k8s.io", V1, "ingresses", true),
        Kind::IngressClass => ("networking.k8s.io", V1, "ingressclasses", false),
        Kind::Service => ("", V1, "services", true),
        Kind::EndpointSlice => ("discovery.k8s.io", V1, "endpointslices", true),
        Kind::Endpoints => ("", V1, "endpoints", true),
        Kind::Secret => ("", V1, "secrets", true),
        Kind::ConfigMap => ("", V1, "configmaps", true),
        Kind::ReferenceGrant => (GATEWAY_GROUP, BOTH, "referencegrants", true),
        Kind::Gateway => (GATEWAY_GROUP, BOTH, "gateways", true),
        Kind::GatewayClass => (GATEWAY_GROUP, BOTH, "gatewayclasses", false),
        Kind::HttpRoute => (GATEWAY_GROUP, BOTH, "httproutes", true),
        Kind::Namespace | Kind::Settings | Kind::Manifest => ("", V1, "namespaces", false),
    };
    Definition {
        group,
        versions,
        plural,
        is_namespaced,
    }
}

/// A kind that is watched.
pub(super) trait Watched: DeserializeOwned + Send + Sync + 'static {
    const KIND: Kind;
    /// Nothing but metadata is asked for.
    const IS_METADATA_ONLY: bool = false;
    /// The only labels and annotations that are read. None: any may be.
    const LABELS: Option<&'static [&'static str]> = Some(&[]);
    const HAS_ANNOTATIONS: bool = false;

    fn set(shelf: &mut Shelf) -> &mut Set<Self>;

    /// Drops the parts of an object that nobody reads, metadata aside.
    fn slim(_object: &mut Map<String, Value>) {}

    /// Whether the watch on all objects of the kind brings this one; else one on its name alone does.
    fn is_watched_in_bulk(&self) -> bool {
        true
    }
}

impl Watched for Ingress {
    const KIND: Kind = Kind::Ingress;
    const HAS_ANNOTATIONS: bool = true;

    fn set(shelf: &mut Shelf) -> &mut Set<Ingress> {
        &mut shelf.objects.ingresses
    }
}

impl Watched for IngressClass {
    const KIND: Kind = Kind::IngressClass;
    const HAS_ANNOTATIONS: bool = true;

    fn set(shelf: &mut Shelf) -> &mut Set<IngressClass> {
        &mut shelf.objects.ingress_classes
    }
}

impl Watched for Service {
    const KIND: Kind = Kind::Service;
    const HAS_ANNOTATIONS: bool = true;

    fn set(shelf: &mut Shelf) -> &mut Set<Service> {
        &mut shelf.objects.services
    }

    fn slim(object: &mut Map<String, Value>) {
        object.remove("status");
        keep_within(
            object,
            "spec",
            &["ports", "type", "externalName", "selector"],
        );
        // Whether there is a selector is all that counts.
        if let Some(selector) = map(object, "spec").and_then(|spec| map(spec, "selector")) {
            let mut is_first = true;
            selector.retain(|_, _| std::mem::take(&mut is_first));
        }
    }
}

impl Watched for EndpointSlice {
    const KIND: Kind = Kind::EndpointSlice;
    const LABELS: Option<&'static [&'static str]> = Some(&["kubernetes.io/service-name"]);

    fn set(shelf: &mut Shelf) -> &mut Set<EndpointSlice> {
        &mut shelf.objects.endpoint_slices
    }

    fn slim(object: &mut Map<String, Value>) {
        for endpoint in items(object, "endpoints") {
            keep(endpoint, &["addresses", "conditions", "nodeName", "zone"]);
        }
    }
}

impl Watched for Endpoints {
    const KIND: Kind = Kind::Endpoints;

    fn set(shelf: &mut Shelf) -> &mut Set<Endpoints> {
        &mut shelf.objects.endpoints
    }

    fn slim(object: &mut Map<String, Value>) {
        for subset in items(object, "subsets") {
            for list in ["addresses", "notReadyAddresses"] {
                for address in items(subset, list) {
                    keep(address, &["ip", "nodeName"]);
                }
            }
        }
    }

    fn is_watched_in_bulk(&self) -> bool {
        false
    }
}

impl Watched for Secret {
    const KIND: Kind = Kind::Secret;

    fn set(shelf: &mut Shelf) -> &mut Set<Secret> {
        &mut shelf.objects.secrets
    }

    fn slim(object: &mut Map<String, Value>) {
        let is_tls = object.get("type").and_then(Value::as_str) == Some(TLS_TYPE);
        let keys = if is_tls { CERTIFICATE_KEYS } else { &[] };
        for (key, value) in map(object, "data").into_iter().flatten() {
            if !keys.contains(&&**key) {
                wipe(value);
            }
        }
        keep_within(object, "data", keys);
    }

    fn is_watched_in_bulk(&self) -> bool {
        self.type_.as_deref() == Some(TLS_TYPE)
    }
}

impl Watched for ConfigMap {
    const KIND: Kind = Kind::ConfigMap;

    fn set(shelf: &mut Shelf) -> &mut Set<ConfigMap> {
        &mut shelf.objects.config_maps
    }

    fn slim(object: &mut Map<String, Value>) {
        keep_within(object, "data", AUTHORITY_KEYS);
        keep_within(object, "binaryData", AUTHORITY_KEYS);
    }

    fn is_watched_in_bulk(&self) -> bool {
        false
    }
}

impl Watched for ReferenceGrant {
    const KIND: Kind = Kind::ReferenceGrant;

    fn set(shelf: &mut Shelf) -> &mut Set<ReferenceGrant> {
        &mut shelf.objects.reference_grants
    }
}

impl Watched for Gateway {
    const KIND: Kind = Kind::Gateway;
    const HAS_ANNOTATIONS: bool = true;

    fn set(shelf: &mut Shelf) -> &mut Set<Gateway> {
        &mut shelf.objects.gateways
    }
}

impl Watched for GatewayClass {
    const KIND: Kind = Kind::GatewayClass;
    const HAS_ANNOTATIONS: bool = true;

    fn set(shelf: &mut Shelf) -> &mut Set<GatewayClass> {
        &mut shelf.objects.gateway_classes
    }
}

impl Watched for HttpRoute {
    const KIND: Kind = Kind::HttpRoute;
    const HAS_ANNOTATIONS: bool = true;

    fn set(shelf: &mut Shelf) -> &mut Set<HttpRoute> {
        &mut shelf.objects.http_routes
    }
}

/// A namespace, of which nothing but the name is read: whether it is selected is for the API server to say.
#[derive(Debug, Deserialize)]
pub(super) struct NamespaceName {}

impl Watched for NamespaceName {
    const KIND: Kind = Kind::Namespace;
    const IS_METADATA_ONLY: bool = true;

    fn set(shelf: &mut Shelf) -> &mut Set<NamespaceName> {
        &mut shelf.namespaces
    }
}

pub(super) fn map<'a>(
    object: &'a mut Map<String, Value>,
    key: &str,
) -> Option<&'a mut Map<String, Value>> {
    object.get_mut(key).and_then(Value::as_object_mut)
}

pub(super) fn keep(object: &mut Map<String, Value>, keys: &[&str]) {
    object.retain(|key, _| keys.contains(&&**key));
}

fn keep_within(object: &mut Map<String, Value>, key: &str, keys: &[&str]) {
    if let Some(inner) = map(object, key) {
        keep(inner, keys);
    }
}

fn items<'a>(
    object: &'a mut Map<String, Value>,
    key: &str,
) -> impl Iterator<Item = &'a mut Map<String, Value>> {
    let list = object.get_mut(key).and_then(Value::as_array_mut);
    list.into_iter().flatten().filter_map(Value::as_object_mut)
}
