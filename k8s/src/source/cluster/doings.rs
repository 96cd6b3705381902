//! What is done for a kind that is known only at run time?

use super::kinds::{NamespaceName, Watched};
use super::shelf::{Place, Shelf};
use super::watch::{self, Watch};
use crate::objects::{EndpointSlice, Secret};
use config::name::Kind;
use gateway_api::apis::standard::gatewayclasses::GatewayClass;
use gateway_api::apis::standard::gateways::Gateway;
use gateway_api::apis::standard::httproutes::HttpRoute;
use gateway_api::apis::standard::referencegrants::ReferenceGrant;
use k8s_openapi::api::core::v1::{ConfigMap, Endpoints, Service};
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use tokio::task::AbortHandle;

pub(super) struct Doings {
    /// Begins a watch.
    pub spawn: fn(Watch) -> AbortHandle,
    /// Forgets what a watch brought.
    pub clear: fn(&mut Shelf, &Place),
}

pub(super) const fn doings(kind: Kind) -> Doings {
    match kind {
        Kind::Ingress => of::<Ingress>(),
        Kind::IngressClass => of::<IngressClass>(),
        Kind::Service => of::<Service>(),
        Kind::EndpointSlice => of::<EndpointSlice>(),
        Kind::Endpoints => of::<Endpoints>(),
        Kind::Secret => of::<Secret>(),
        Kind::ConfigMap => of::<ConfigMap>(),
        Kind::ReferenceGrant => of::<ReferenceGrant>(),
        Kind::Gateway => of::<Gateway>(),
        Kind::GatewayClass => of::<GatewayClass>(),
        Kind::HttpRoute => of::<HttpRoute>(),
        Kind::Namespace | Kind::Settings | Kind::Manifest => of::<NamespaceName>(),
    }
}

const fn of<K: Watched>() -> Doings {
    Doings {
        spawn: |watch| tokio::spawn(watch::follow::<K>(watch)).abort_handle(),
        clear: |shelf, place| shelf.replace::<K>(place, Vec::new()),
    }
}
