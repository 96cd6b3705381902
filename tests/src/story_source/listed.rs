//! What does the API server itself say that there is?
//!
//! Lists of everything at one moment, read without the source that is under test: what an edge has in force is compared with them.

use crate::cluster::api::Api;
use config::name::ObjectName;
use k8s::objects::{Object, Objects, Set};
use serde::de::DeserializeOwned;
use serde_json::Value;
use std::net::SocketAddr;
use std::sync::Arc;

const NETWORKING: &str = "/apis/networking.k8s.io/v1";
const GATEWAY: &str = "/apis/gateway.networking.k8s.io";

/// Of every namespace. A list without a resource version holds every write that was answered before it.
pub async fn objects(api: &Api, api_server: SocketAddr) -> Objects {
    let path = |group: &str, kind: &str| format!("{group}/{kind}");
    let core = "/api/v1";
    let mut objects = Objects {
        api_server: Arc::new([api_server]),
        ..Objects::default()
    };
    (
        objects.ingresses,
        objects.ingress_classes,
        objects.services,
        objects.endpoint_slices,
        objects.endpoints,
        objects.secrets,
        objects.config_maps,
        objects.reference_grants,
        objects.gateways,
        objects.gateway_classes,
        objects.http_routes,
    ) = tokio::join!(
        all(api, path(NETWORKING, "ingresses")),
        all(api, path(NETWORKING, "ingressclasses")),
        all(api, path(core, "services")),
        all(api, path("/apis/discovery.k8s.io/v1", "endpointslices")),
        all(api, path(core, "endpoints")),
        all(api, path(core, "secrets")),
        all(api, path(core, "configmaps")),
        all(api, path(GATEWAY, "v1beta1/referencegrants")),
        all(api, path(GATEWAY, "v1/gateways")),
        all(api, path(GATEWAY, "v1/gatewayclasses")),
        all(api, path(GATEWAY, "v1/httproutes")),
    );
    // An edge asks for those of its Services alone.
    let services = objects.services.clone();
    Arc::make_mut(&mut objects.endpoints).retain(|name, _| services.contains_key(name));
    objects
}

async fn all<K: DeserializeOwned>(api: &Api, path: String) -> Set<K> {
    let mut list = api.get(&path).await;
    let Value::Array(items) = list["items"].take() else {
        panic!("{path} is no list");
    };
    let objects = items.into_iter().map(|item| {
        let text = |key: &str| {
            item["metadata"][key]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        };
        let name = ObjectName::new(&text("namespace"), &text("name"));
        let value = serde_json::from_value(item);
        let object = Object {
            value: value.unwrap_or_else(|error| panic!("{path}: {name}: {error}")),
            name: name.clone(),
            // Looked at once, so nobody asks what has changed.
            revision: 0,
            lines: None,
        };
        (name, Arc::new(object))
    });
    Arc::new(objects.collect())
}
