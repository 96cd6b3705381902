//! What does one listener of a Gateway take, and what does it show?

use super::allowed;
use super::{ListenerView, Surroundings};
use crate::translate::bounds;
use crate::translate::findings::{Findings, quoted};
use crate::translate::grant::{self, Reference};
use config::hostname::Hostname;
use config::model::TlsHosts;
use config::name::ObjectName;
use config::problem::ProblemCode;
use gateway_api::apis::standard::gateways::{
    GatewayListeners, GatewayListenersTlsCertificateRefs, GatewayListenersTlsMode,
};

/// The listeners that routes can attach to, and the hosts and Secrets of those that speak TLS.
pub(super) fn translate(
    listeners: &[GatewayListeners],
    findings: &mut Findings<'_>,
    surroundings: &Surroundings<'_>,
) -> (Vec<ListenerView>, Vec<TlsHosts>) {
    let listeners = bounds::first(listeners, bounds::LISTENERS_MAX, "spec.listeners", findings);
    let mut views: Vec<ListenerView> = Vec::new();
    let mut tls = Vec::new();
    for (index, listener) in listeners.iter().enumerate() {
        let field = format!("spec.listeners[{index}]");
        if views.iter().any(|view| view.name == listener.name) {
            let expected = "another name for each listener; this one is passed over";
            findings.error(
                ProblemCode::InvalidField,
                &format!("{field}.name"),
                quoted(&listener.name),
                expected,
            );
            continue;
        }
        let Some(view) = view(&field, listener, findings, surroundings) else {
            continue;
        };
        report_port(
            &field,
            listener,
            surroundings.ports(view.is_https),
            findings,
        );
        if view.is_https {
            tls.extend(certificates(
                &field,
                listener,
                &view,
                findings,
                surroundings,
            ));
        }
        views.push(view);
    }
    (views, tls)
}

/// None: nothing can attach to this listener.
fn view(
    field: &str,
    listener: &GatewayListeners,
    findings: &mut Findings<'_>,
    surroundings: &Surroundings<'_>,
) -> Option<ListenerView> {
    let is_https = is_https(field, listener, findings)?;
    let ours = surroundings.ports(is_https);
    let port = u16::try_from(listener.port).ok();
    let hostname = match listener.hostname.as_deref() {
        None | Some("") => None,
        Some(raw) => match Hostname::parse(raw) {
            Ok(name) => Some(name),
            Err(error) => {
                findings.error(
                    ProblemCode::InvalidField,
                    &format!("{field}.hostname"),
                    format!("{} {error}", quoted(raw)),
                    "a host name as in shop.example.com or *.example.com; nothing attaches to this listener",
                );
                return None;
            }
        },
    };
    Some(ListenerView {
        name: listener.name.clone(),
        port: listener.port,
        is_https,
        // Where there is one alone, there is nothing to tell apart.
        public_port: port.filter(|port| ours.len() > 1 && ours.contains(port)),
        hostname,
        allowed: allowed::translate(field, listener.allowed_routes.as_ref(), findings),
    })
}

fn is_https(field: &str, listener: &GatewayListeners, findings: &mut Findings<'_>) -> Option<bool> {
    let mode = listener.tls.as_ref().and_then(|tls| tls.mode.as_ref());
    if mode == Some(&GatewayListenersTlsMode::Passthrough) {
        findings.error(
            ProblemCode::Unsupported,
            &format!("{field}.tls.mode"),
            "`Passthrough`",
            "Terminate; nothing attaches to this listener",
        );
        return None;
    }
    match &*listener.protocol {
        "HTTP" => Some(false),
        "HTTPS" => Some(true),
        other => {
            findings.error(
                ProblemCode::Unsupported,
                &format!("{field}.protocol"),
                quoted(other),
                "HTTP or HTTPS; nothing attaches to this listener",
            );
            None
        }
    }
}

/// We listen where the settings say.
fn report_port(
    field: &str,
    listener: &GatewayListeners,
    ours: &[u16],
    findings: &mut Findings<'_>,
) {
    if ours.iter().any(|port| i32::from(*port) == listener.port) {
        return;
    }
    let list: Vec<String> = ours.iter().map(u16::to_string).collect();
    let expected = match list.len() {
        0 => format!(
            "no listener of this edge speaks {}; add one to the settings",
            listener.protocol
        ),
        _ => format!(
            "{}: the settings say where this edge speaks {}, and what attaches to this listener is served there",
            list.join(" or "),
            listener.protocol
        ),
    };
    findings.info(
        ProblemCode::Unsupported,
        &format!("{field}.port"),
        quoted(&listener.port.to_string()),
        expected,
    );
}

fn certificates(
    field: &str,
    listener: &GatewayListeners,
    view: &ListenerView,
    findings: &mut Findings<'_>,
    surroundings: &Surroundings<'_>,
) -> Vec<TlsHosts> {
    let references = listener.tls.as_ref();
    let references = references.and_then(|tls| tls.certificate_refs.as_deref());
    let references = references.unwrap_or_default();
    if references.is_empty() {
        findings.error(
            ProblemCode::InvalidField,
            &format!("{field}.tls.certificateRefs"),
            "names no Secret",
            "a Secret of type kubernetes.io/tls; meanwhile the default certificate is shown",
        );
    }
    let list = format!("{field}.tls.certificateRefs");
    let references = bounds::first(references, bounds::CERTIFICATES_MAX, &list, findings);
    let mut tls = Vec::new();
    for (index, reference) in references.iter().enumerate() {
        let field = format!("{field}.tls.certificateRefs[{index}]");
        let Some(secret) = secret(&field, reference, findings, surroundings) else {
            continue;
        };
        tls.push(TlsHosts {
            origin: findings.origin(&field),
            field,
            hosts: view.hostname.iter().cloned().collect(),
            secret: Some(secret),
        });
    }
    tls
}

fn secret(
    field: &str,
    reference: &GatewayListenersTlsCertificateRefs,
    findings: &mut Findings<'_>,
    surroundings: &Surroundings<'_>,
) -> Option<ObjectName> {
    let group = reference.group.as_deref().unwrap_or_default();
    let kind = reference.kind.as_deref().unwrap_or("Secret");
    if !group.is_empty() || kind != "Secret" {
        findings.error(
            ProblemCode::Unsupported,
            field,
            format!("names a {} of group {}", quoted(kind), quoted(group)),
            "a Secret; meanwhile the default certificate is shown",
        );
        return None;
    }
    let own = findings.namespace().to_owned();
    let namespace = reference.namespace.as_deref().unwrap_or(&own);
    let wanted = Reference {
        from_kind: "Gateway",
        from_namespace: &own,
        to_kind: "Secret",
        to_namespace: namespace,
        to_name: &reference.name,
    };
    if !surroundings.grants.allow(&wanted) {
        grant::report(field, &wanted, "the default certificate is shown", findings);
        return None;
    }
    Some(ObjectName::new(namespace, &reference.name))
}
