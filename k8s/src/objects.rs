//! Which objects are there, by kind and name, whichever way they arrived?

mod secret;
mod slice;

pub use secret::Secret;
pub(crate) use secret::wipe;
pub use slice::{Endpoint, EndpointSlice};

use config::name::{Kind, ObjectName, ObjectRef, Origin};
use config::problem::Problem;
use gateway_api::apis::standard::gatewayclasses::GatewayClass;
use gateway_api::apis::standard::gateways::Gateway;
use gateway_api::apis::standard::httproutes::HttpRoute;
use gateway_api::apis::standard::referencegrants::ReferenceGrant;
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Service};
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use std::collections::HashMap;
use std::net::SocketAddr;
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

/// All objects of one kind. Shared, because a change touches one kind, and whoever still looks at the last version keeps it.
pub type Set<K> = Arc<HashMap<ObjectName, Arc<Object<K>>>>;

/// An object that was written and is not used, because it may mean something else than it says. What it was before stays in force.
#[derive(Debug, Clone)]
pub struct Unused {
    pub reference: ObjectRef,
    /// Of an Ingress or HTTPRoute, as far as they can be read. None: it may be for any host.
    pub hosts: Option<Vec<String>>,
    /// What it seems to mean, for its other problems alone. None: too much of it is wrong.
    pub draft: Option<Any>,
    /// Fields that the draft lacks, because their type is wrong.
    pub left_out: Vec<String>,
    /// True: all that is wrong is behind its hosts and paths, so that the draft takes no more requests than were meant. Where nothing was good
    /// before, it holds its paths, which fail, against a broader rule of somebody else.
    pub keeps_paths: bool,
}

impl Unused {
    fn is_same_as(&self, other: &Unused) -> bool {
        let revision = |unused: &Unused| unused.draft.as_ref().map(Any::revision);
        self.reference == other.reference
            && self.hosts == other.hosts
            && self.left_out == other.left_out
            && revision(self) == revision(other)
    }
}

/// The whole input at one moment. Cloning it is cheap: sets are shared.
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
    /// Objects that are there and not used.
    pub unused: Vec<Arc<Unused>>,
    /// What the source itself found: files that do not parse, unknown fields, the same object twice.
    pub problems: Vec<Problem>,
    /// True: a directory. Class-less Ingresses are ours without any IngressClass, endpoints may be loopback.
    pub is_directory: bool,
    /// Where the API server is, as far as it is known: no endpoint may be there.
    pub api_server: Arc<[SocketAddr]>,
}

/// One object of any kind.
#[derive(Debug, Clone)]
pub enum Any {
    Ingress(Arc<Object<Ingress>>),
    IngressClass(Arc<Object<IngressClass>>),
    Service(Arc<Object<Service>>),
    EndpointSlice(Arc<Object<EndpointSlice>>),
    Endpoints(Arc<Object<Endpoints>>),
    Secret(Arc<Object<Secret>>),
    ConfigMap(Arc<Object<ConfigMap>>),
    ReferenceGrant(Arc<Object<ReferenceGrant>>),
    Gateway(Arc<Object<Gateway>>),
    GatewayClass(Arc<Object<GatewayClass>>),
    HttpRoute(Arc<Object<HttpRoute>>),
}

impl Any {
    pub fn reference(&self) -> ObjectRef {
        let (kind, name, _, _) = self.facts();
        ObjectRef {
            kind,
            name: name.clone(),
        }
    }

    /// See [`Object::revision`].
    pub fn revision(&self) -> u64 {
        self.facts().2
    }

    /// Where the object begins.
    pub fn origin(&self) -> Option<Origin> {
        self.facts().3.and_then(|lines| lines.origin(""))
    }

    /// Adds the object, in place of one of the same name.
    pub fn insert_into(&self, objects: &mut Objects) {
        match self {
            Any::Ingress(object) => insert(&mut objects.ingresses, object),
            Any::IngressClass(object) => insert(&mut objects.ingress_classes, object),
            Any::Service(object) => insert(&mut objects.services, object),
            Any::EndpointSlice(object) => insert(&mut objects.endpoint_slices, object),
            Any::Endpoints(object) => insert(&mut objects.endpoints, object),
            Any::Secret(object) => insert(&mut objects.secrets, object),
            Any::ConfigMap(object) => insert(&mut objects.config_maps, object),
            Any::ReferenceGrant(object) => insert(&mut objects.reference_grants, object),
            Any::Gateway(object) => insert(&mut objects.gateways, object),
            Any::GatewayClass(object) => insert(&mut objects.gateway_classes, object),
            Any::HttpRoute(object) => insert(&mut objects.http_routes, object),
        }
    }

    fn facts(&self) -> (Kind, &ObjectName, u64, Option<&Lines>) {
        match self {
            Any::Ingress(object) => object.facts(Kind::Ingress),
            Any::IngressClass(object) => object.facts(Kind::IngressClass),
            Any::Service(object) => object.facts(Kind::Service),
            Any::EndpointSlice(object) => object.facts(Kind::EndpointSlice),
            Any::Endpoints(object) => object.facts(Kind::Endpoints),
            Any::Secret(object) => object.facts(Kind::Secret),
            Any::ConfigMap(object) => object.facts(Kind::ConfigMap),
            Any::ReferenceGrant(object) => object.facts(Kind::ReferenceGrant),
            Any::Gateway(object) => object.facts(Kind::Gateway),
            Any::GatewayClass(object) => object.facts(Kind::GatewayClass),
            Any::HttpRoute(object) => object.facts(Kind::HttpRoute),
        }
    }
}

impl<K> Object<K> {
    fn facts(&self, kind: Kind) -> (Kind, &ObjectName, u64, Option<&Lines>) {
        (kind, &self.name, self.revision, self.lines.as_ref())
    }
}

fn insert<K>(set: &mut Set<K>, object: &Arc<Object<K>>) {
    Arc::make_mut(set).insert(object.name.clone(), object.clone());
}

impl Objects {
    /// Whether both hold the very same objects and problems: nothing needs to be translated again.
    pub fn is_same_as(&self, other: &Objects) -> bool {
        same(&self.ingresses, &other.ingresses)
            && same(&self.ingress_classes, &other.ingress_classes)
            && same(&self.services, &other.services)
            && same(&self.endpoint_slices, &other.endpoint_slices)
            && same(&self.endpoints, &other.endpoints)
            && same(&self.secrets, &other.secrets)
            && same(&self.config_maps, &other.config_maps)
            && same(&self.reference_grants, &other.reference_grants)
            && same(&self.gateways, &other.gateways)
            && same(&self.gateway_classes, &other.gateway_classes)
            && same(&self.http_routes, &other.http_routes)
            && self.unused.len() == other.unused.len()
            && (self.unused.iter().zip(&other.unused)).all(|(one, other)| one.is_same_as(other))
            && self.problems == other.problems
            && self.is_directory == other.is_directory
            && self.api_server == other.api_server
    }
}

fn same<K>(left: &Set<K>, right: &Set<K>) -> bool {
    let is_there = |(name, object): (&ObjectName, &Arc<Object<K>>)| {
        right
            .get(name)
            .is_some_and(|other| Arc::ptr_eq(object, other))
    };
    Arc::ptr_eq(left, right) || (left.len() == right.len() && left.iter().all(is_there))
}
