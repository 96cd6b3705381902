//! What became of the objects of the Gateway API, in the words of its specification?
//!
//! The words are reasons of conditions. What is wrong in detail is in the problems; this is for whoever looks at the status.

use super::gateway::{self, GatewayView, Surroundings, Verdict};
use super::grant::{GATEWAY_GROUP, Grants, Reference};
use super::http_route::{Fate, fate};
use super::secret;
use crate::objects::{Object, Objects};
use config::name::ObjectName;
use config::settings::Settings;
use gateway_api::apis::standard::gateways::{Gateway, GatewayListeners, GatewayListenersTlsMode};
use gateway_api::apis::standard::httproutes::{
    HttpRoute, HttpRouteParentRefs, HttpRouteRulesBackendRefs,
};
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// A reason, or None: all is well.
pub(crate) type Wrong = Option<&'static str>;

/// A Gateway of ours.
#[derive(Debug)]
pub(crate) struct GatewayOutcome<'a> {
    pub object: &'a Arc<Object<Gateway>>,
    pub listeners: Vec<ListenerOutcome<'a>>,
}

#[derive(Debug)]
pub(crate) struct ListenerOutcome<'a> {
    pub name: &'a str,
    /// Why nothing attaches to it.
    pub accepted: Wrong,
    /// Which of its references is wrong.
    pub resolved: Wrong,
    /// HTTPRoutes may attach to it.
    pub takes_http_routes: bool,
    pub attached_routes: usize,
}

/// An HTTPRoute with a parent of ours, or one that may once have had one.
#[derive(Debug)]
pub(crate) struct RouteOutcome<'a> {
    pub object: &'a Arc<Object<HttpRoute>>,
    /// Those that are ours.
    pub parents: Vec<ParentOutcome<'a>>,
}

#[derive(Debug)]
pub(crate) struct ParentOutcome<'a> {
    pub reference: &'a HttpRouteParentRefs,
    pub accepted: Wrong,
    pub resolved: Wrong,
}

/// Gateways of ours and all routes.
#[derive(Debug)]
pub(crate) struct Outcomes<'a> {
    pub gateways: Vec<GatewayOutcome<'a>>,
    pub routes: Vec<RouteOutcome<'a>>,
}

impl<'a> Outcomes<'a> {
    pub fn of(objects: &'a Objects, settings: &Settings) -> Outcomes<'a> {
        let around = Surroundings::of(objects, settings);
        let all = objects.gateways.values();
        let ours = all.filter(|object| gateway::verdict(objects, object) == Verdict::Ours);
        let ours: Vec<_> = ours
            .filter_map(|object| {
                let (made, _) = gateway::translate(object, Verdict::Ours, &around);
                Some((object, made.view?))
            })
            .collect();
        let views: HashMap<&ObjectName, &GatewayView> = (ours.iter())
            .map(|(object, view)| (&object.name, &**view))
            .collect();
        let mut attached = BTreeMap::new();
        let judge = Judge {
            objects,
            grants: &around.grants,
            views: &views,
        };
        let routes = objects.http_routes.values();
        let routes = routes
            .map(|route| judge.route(route, &mut attached))
            .collect();
        let gateways = ours.iter().map(|(object, view)| GatewayOutcome {
            object,
            listeners: (object.value.spec.listeners.iter())
                .map(|listener| judge.listener(object, listener, view, &attached))
                .collect(),
        });
        Outcomes {
            gateways: gateways.collect(),
            routes,
        }
    }
}

/// Routes by Gateway and listener.
type Attached = BTreeMap<(ObjectName, String), usize>;

struct Judge<'a, 'v> {
    objects: &'a Objects,
    grants: &'v Grants<'a>,
    views: &'v HashMap<&'v ObjectName, &'v GatewayView>,
}

impl<'a> Judge<'a, '_> {
    fn route(
        &self,
        object: &'a Arc<Object<HttpRoute>>,
        attached: &mut Attached,
    ) -> RouteOutcome<'a> {
        let spec = &object.value.spec;
        let own = &*object.name.namespace;
        let mut parents = Vec::new();
        let mut resolved = None;
        let mut seen = Attached::new();
        for reference in spec.parent_refs.iter().flatten() {
            let group = reference.group.as_deref().unwrap_or(GATEWAY_GROUP);
            let kind = reference.kind.as_deref().unwrap_or("Gateway");
            let namespace = reference.namespace.as_deref().unwrap_or(own);
            let name = ObjectName::new(namespace, &reference.name);
            let Some(view) = self.views.get(&name) else {
                continue;
            };
            if group != GATEWAY_GROUP || kind != "Gateway" {
                continue;
            }
            let accepted = match fate(spec, own, reference, (&name, view)) {
                Fate::Attached(listeners) => {
                    let keys = listeners.into_iter().map(|one| (name.clone(), one));
                    seen.extend(keys.map(|key| (key, 1)));
                    None
                }
                Fate::NoMatchingParent => Some("NoMatchingParent"),
                Fate::NotAllowedByListeners => Some("NotAllowedByListeners"),
                Fate::NoMatchingListenerHostname => Some("NoMatchingListenerHostname"),
            };
            parents.push(ParentOutcome {
                reference,
                accepted,
                resolved: *resolved.get_or_insert_with(|| self.references(object)),
            });
        }
        // A route counts once, however often it names a listener.
        for key in seen.into_keys() {
            *attached.entry(key).or_default() += 1;
        }
        RouteOutcome { object, parents }
    }

    fn references(&self, object: &Object<HttpRoute>) -> Wrong {
        let rules = object.value.spec.rules.iter().flatten();
        let mut backends = rules.flat_map(|rule| rule.backend_refs.iter().flatten());
        backends.find_map(|backend| self.backend(&object.name.namespace, backend))
    }

    fn backend(&self, own: &str, asked: &HttpRouteRulesBackendRefs) -> Wrong {
        let group = asked.group.as_deref().unwrap_or_default();
        let kind = asked.kind.as_deref().unwrap_or("Service");
        if !group.is_empty() || kind != "Service" {
            return Some("InvalidKind");
        }
        let namespace = asked.namespace.as_deref().unwrap_or(own);
        let is_granted = self.grants.allow(&Reference {
            from_kind: "HTTPRoute",
            from_namespace: own,
            to_kind: "Service",
            to_namespace: namespace,
            to_name: &asked.name,
        });
        if !is_granted {
            return Some("RefNotPermitted");
        }
        let service = ObjectName::new(namespace, &asked.name);
        let service = self.objects.services.get(&service);
        let spec = service.and_then(|service| service.value.spec.as_ref());
        let mut ports = spec
            .into_iter()
            .flat_map(|spec| spec.ports.iter().flatten());
        let is_there = ports.any(|port| Some(port.port) == asked.port);
        (!is_there).then_some("BackendNotFound")
    }

    fn listener<'l>(
        &self,
        gateway: &Object<Gateway>,
        listener: &'l GatewayListeners,
        view: &GatewayView,
        attached: &Attached,
    ) -> ListenerOutcome<'l> {
        let is_usable = view.listeners.iter().any(|one| one.name == listener.name);
        let key = (gateway.name.clone(), listener.name.clone());
        let (takes_http_routes, has_other_kinds) = kinds(listener);
        let resolved = self.certificates(&gateway.name.namespace, listener);
        ListenerOutcome {
            name: &listener.name,
            accepted: (!is_usable).then(|| refusal(listener)),
            resolved: resolved.or(has_other_kinds.then_some("InvalidRouteKinds")),
            takes_http_routes: takes_http_routes && is_known(listener),
            attached_routes: attached.get(&key).copied().unwrap_or(0),
        }
    }

    /// Of a listener that speaks TLS.
    fn certificates(&self, own: &str, listener: &GatewayListeners) -> Wrong {
        if listener.protocol != "HTTPS" || is_passed_through(listener) {
            return None;
        }
        let references = listener.tls.as_ref();
        let references = references.and_then(|tls| tls.certificate_refs.as_deref());
        let references = references.unwrap_or_default();
        if references.is_empty() {
            return Some("InvalidCertificateRef");
        }
        references.iter().find_map(|reference| {
            let group = reference.group.as_deref().unwrap_or_default();
            let kind = reference.kind.as_deref().unwrap_or("Secret");
            if !group.is_empty() || kind != "Secret" {
                return Some("InvalidCertificateRef");
            }
            let namespace = reference.namespace.as_deref().unwrap_or(own);
            let is_granted = self.grants.allow(&Reference {
                from_kind: "Gateway",
                from_namespace: own,
                to_kind: "Secret",
                to_namespace: namespace,
                to_name: &reference.name,
            });
            if !is_granted {
                return Some("RefNotPermitted");
            }
            let name = ObjectName::new(namespace, &reference.name);
            let secret = self.objects.secrets.get(&name);
            let is_good = secret.is_some_and(|secret| secret::translate(secret).0.is_some());
            (!is_good).then_some("InvalidCertificateRef")
        })
    }
}

/// Whether HTTPRoutes are among the kinds that it allows, and whether others are, which we do not know.
fn kinds(listener: &GatewayListeners) -> (bool, bool) {
    let allowed = listener.allowed_routes.as_ref();
    let Some(kinds) = allowed.and_then(|allowed| allowed.kinds.as_ref()) else {
        return (true, false);
    };
    let is_ours = |group: Option<&str>, kind: &str| {
        group.unwrap_or(GATEWAY_GROUP) == GATEWAY_GROUP && kind == "HTTPRoute"
    };
    let mut ours = kinds
        .iter()
        .map(|one| is_ours(one.group.as_deref(), &one.kind));
    let count = ours.clone().filter(|is_ours| *is_ours).count();
    (count > 0 || kinds.is_empty(), ours.any(|is_ours| !is_ours))
}

fn refusal(listener: &GatewayListeners) -> &'static str {
    match is_known(listener) {
        true => "Invalid",
        false => "UnsupportedProtocol",
    }
}

/// A protocol that we speak.
fn is_known(listener: &GatewayListeners) -> bool {
    matches!(&*listener.protocol, "HTTP" | "HTTPS") && !is_passed_through(listener)
}

fn is_passed_through(listener: &GatewayListeners) -> bool {
    let mode = listener.tls.as_ref().and_then(|tls| tls.mode.as_ref());
    mode == Some(&GatewayListenersTlsMode::Passthrough)
}
