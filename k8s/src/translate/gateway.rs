//! Which listeners does a Gateway ask for, and which certificates do they show?

mod allowed;
mod listener;

use super::class::CONTROLLER;
use super::findings::{Findings, quoted};
use super::grant::Grants;
use super::{created_seconds, digest, policy};
use crate::objects::{Object, Objects};
pub(super) use allowed::AllowedRoutes;
use config::hostname::Hostname;
use config::model::{Route, TlsHosts};
use config::name::{Kind, ObjectName};
use config::problem::{Problem, ProblemCode};
use config::settings::{Listener as OurListener, Settings};
use gateway_api::apis::standard::gateways::Gateway;
use std::collections::HashMap;
use std::sync::Arc;

/// Whose Gateway it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    Ours,
    /// Another controller's: not touched, not spoken of.
    Theirs,
    /// Its GatewayClass does not exist.
    NoClass,
}

/// A Gateway of ours, as routes see it.
#[derive(Debug)]
pub(super) struct GatewayView {
    pub listeners: Vec<ListenerView>,
}

/// A listener that routes can attach to.
#[derive(Debug)]
pub(super) struct ListenerView {
    pub name: String,
    /// As written: we listen where the settings say, not here.
    pub port: i32,
    pub is_https: bool,
    /// The port of ours that it is reached by; none: every one that speaks its protocol.
    pub public_port: Option<u16>,
    /// None: every host.
    pub hostname: Option<Hostname>,
    pub allowed: AllowedRoutes,
}

/// What a Gateway comes to. Its route has no rules, only the hosts and Secrets of its listeners.
#[derive(Debug, Clone, Default)]
pub(super) struct Made {
    /// None: not ours.
    pub view: Option<Arc<GatewayView>>,
    pub route: Option<Arc<Route>>,
}

/// All Gateways; None: not ours.
pub(super) type Gateways = HashMap<ObjectName, Option<Arc<GatewayView>>>;

/// What a Gateway's translation needs beside the Gateway.
pub(super) struct Surroundings<'a> {
    pub grants: Grants<'a>,
    pub http_ports: Vec<u16>,
    pub https_ports: Vec<u16>,
}

impl<'a> Surroundings<'a> {
    pub fn of(objects: &'a Objects, settings: &Settings) -> Surroundings<'a> {
        Surroundings {
            grants: Grants::of(objects),
            http_ports: public_ports(&settings.http),
            https_ports: public_ports(&settings.https),
        }
    }

    /// Of our listeners that speak HTTPS, or HTTP.
    fn ports(&self, is_https: bool) -> &[u16] {
        match is_https {
            true => &self.https_ports,
            false => &self.http_ports,
        }
    }

    /// Equal surroundings have equal digests.
    pub fn digest(&self, objects: &Objects) -> u64 {
        let ports = |ports: &[u16]| -> Vec<u8> {
            ports.iter().flat_map(|port| port.to_le_bytes()).collect()
        };
        config::digest::of(&[
            &digest::of_set(&objects.reference_grants).to_le_bytes(),
            &ports(&self.http_ports),
            &ports(&self.https_ports),
        ])
    }
}

fn public_ports(listeners: &[OurListener]) -> Vec<u16> {
    let port = |listener: &OurListener| listener.public_port.unwrap_or(listener.address.port());
    listeners.iter().map(port).collect()
}

pub(super) fn verdict(objects: &Objects, gateway: &Object<Gateway>) -> Verdict {
    let class = ObjectName::new("", &gateway.value.spec.gateway_class_name);
    match objects.gateway_classes.get(&class) {
        Some(class) if class.value.spec.controller_name == CONTROLLER => Verdict::Ours,
        Some(_) => Verdict::Theirs,
        None => Verdict::NoClass,
    }
}

pub(super) fn translate(
    object: &Object<Gateway>,
    verdict: Verdict,
    surroundings: &Surroundings<'_>,
) -> (Made, Vec<Problem>) {
    let mut findings = Findings::of(Kind::Gateway, object);
    match verdict {
        Verdict::Theirs => return (Made::default(), Vec::new()),
        Verdict::NoClass => {
            report_no_class(&object.value, &mut findings);
            return (Made::default(), findings.into_problems());
        }
        Verdict::Ours => {}
    }
    policy::report_misplaced(&object.value.metadata, &mut findings);
    let (listeners, tls) =
        listener::translate(&object.value.spec.listeners, &mut findings, surroundings);
    let route = route_of(object, &findings, tls);
    let made = Made {
        view: Some(Arc::new(GatewayView { listeners })),
        route,
    };
    (made, findings.into_problems())
}

fn route_of(
    object: &Object<Gateway>,
    findings: &Findings<'_>,
    tls: Vec<TlsHosts>,
) -> Option<Arc<Route>> {
    if tls.is_empty() {
        return None;
    }
    let asked: Vec<(Vec<String>, Option<String>)> = tls
        .iter()
        .map(|block| {
            let hosts = block.hosts.iter().map(Hostname::to_string).collect();
            (hosts, block.secret.as_ref().map(ObjectName::to_string))
        })
        .collect();
    Some(Arc::new(Route {
        object: findings.object.clone(),
        created: created_seconds(&object.value.metadata),
        origin: findings.origin(""),
        rules: Vec::new(),
        lost: Vec::new(),
        tls,
        digest: digest::of_route(&findings.object, &object.value.metadata, &asked),
    }))
}

fn report_no_class(gateway: &Gateway, findings: &mut Findings<'_>) {
    let name = &gateway.spec.gateway_class_name;
    let expected = format!(
        "so nobody serves this Gateway. To serve it here, add:\napiVersion: gateway.networking.k8s.io/v1\nkind: GatewayClass\nmetadata:\n  name: {}\nspec:\n  controllerName: {CONTROLLER}",
        super::class::yaml_name(name)
    );
    findings.warning(
        ProblemCode::NoSuchGateway,
        "spec.gatewayClassName",
        format!("there is no GatewayClass {}", quoted(name)),
        expected,
    );
}

#[cfg(test)]
mod tests;
