//! To which listeners does a route attach, and for which hosts?

mod fate;
mod reach;

use crate::translate::bounds::{self, HOSTNAMES_MAX, PARENTS_MAX};
use crate::translate::findings::{Findings, quoted};
use crate::translate::gateway::{GatewayView, Gateways, ListenerView};
use crate::translate::grant::GATEWAY_GROUP;
use config::hostname::{Hostname, WildcardLabels};
use config::model::ListenerScope;
use config::name::ObjectName;
use config::nearest::nearest;
use config::problem::ProblemCode;
pub(in crate::translate) use fate::{Fate, fate};
use gateway_api::apis::standard::httproutes::{HttpRouteParentRefs, HttpRouteSpec};
use reach::Reached;
use std::fmt;

/// A host that a route is reached by, and how. None: every host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Attachment {
    pub host: Option<Hostname>,
    pub scope: ListenerScope,
}

impl fmt::Display for Attachment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.host {
            Some(host) => write!(f, "{host}")?,
            None => f.write_str("*")?,
        }
        write!(f, " {:?}", self.scope)
    }
}

/// Each host once for each way. Empty: the route is not ours, or nothing of ours takes it, which is reported then.
pub(super) fn attach(
    spec: &HttpRouteSpec,
    gateways: &Gateways,
    findings: &mut Findings<'_>,
) -> Vec<Attachment> {
    let mut reached = Vec::new();
    let mut hostnames = None;
    let parents = spec.parent_refs.as_deref().unwrap_or_default();
    for (index, parent) in parents.iter().take(PARENTS_MAX).enumerate() {
        let field = format!("spec.parentRefs[{index}]");
        let Some((name, view)) = gateway(&field, parent, gateways, findings) else {
            continue;
        };
        // Judged only once the route is known to be ours, and once.
        let hostnames = hostnames.get_or_insert_with(|| {
            bounds::first(parents, PARENTS_MAX, "spec.parentRefs", findings);
            read_hostnames(spec, findings)
        });
        let Some(hostnames) = hostnames else {
            break;
        };
        let mut attempt = Attempt {
            field: &field,
            gateway: &name,
            hostnames,
            findings: &mut *findings,
        };
        attempt.attach(parent, view, &mut reached);
    }
    reach::attachments(reached)
}

/// A Gateway of ours. Other kinds of parent, and others' Gateways, are not spoken of.
fn gateway<'a>(
    field: &str,
    parent: &HttpRouteParentRefs,
    gateways: &'a Gateways,
    findings: &mut Findings<'_>,
) -> Option<(ObjectName, &'a GatewayView)> {
    let group = parent.group.as_deref().unwrap_or(GATEWAY_GROUP);
    let kind = parent.kind.as_deref().unwrap_or("Gateway");
    if group != GATEWAY_GROUP || kind != "Gateway" {
        return None;
    }
    let namespace = parent.namespace.as_deref();
    let namespace = namespace.unwrap_or_else(|| findings.namespace());
    let name = ObjectName::new(namespace, &parent.name);
    if let Some(found) = gateways.get(&name) {
        return found.as_deref().map(|view| (name, view));
    }
    let same_namespace = gateways
        .keys()
        .filter(|other| other.namespace == name.namespace);
    let hint = match nearest(&name.name, same_namespace.map(|other| &*other.name)) {
        Some(other) => format!("; the nearest is {}", quoted(other)),
        None => String::new(),
    };
    findings.warning(
        ProblemCode::NoSuchGateway,
        &format!("{field}.name"),
        format!("there is no Gateway {name}"),
        format!("a Gateway that exists{hint}; this route is not served by it"),
    );
    None
}

/// Empty: every host. None: hosts are named, and none is right, so that the route can take no request.
fn read_hostnames(spec: &HttpRouteSpec, findings: &mut Findings<'_>) -> Option<Vec<Hostname>> {
    let raw = spec.hostnames.as_deref().unwrap_or_default();
    let raw = bounds::first(raw, HOSTNAMES_MAX, "spec.hostnames", findings);
    let mut hostnames = Vec::new();
    for (index, raw) in raw.iter().enumerate() {
        match Hostname::parse(raw) {
            Ok(name) => hostnames.push(name),
            Err(error) => findings.error(
                ProblemCode::InvalidField,
                &format!("spec.hostnames[{index}]"),
                format!("{} {error}", quoted(raw)),
                "a host name as in shop.example.com or *.example.com; this host is not served",
            ),
        }
    }
    (raw.is_empty() || !hostnames.is_empty()).then_some(hostnames)
}

struct Attempt<'a, 'f> {
    field: &'a str,
    gateway: &'a ObjectName,
    hostnames: &'a [Hostname],
    findings: &'a mut Findings<'f>,
}

impl Attempt<'_, '_> {
    fn attach(
        &mut self,
        parent: &HttpRouteParentRefs,
        view: &GatewayView,
        reached: &mut Vec<Reached>,
    ) {
        let named: Vec<&ListenerView> = view
            .listeners
            .iter()
            .filter(|listener| is_named(parent, listener))
            .collect();
        if named.is_empty() {
            return self.report_no_listener(parent, view);
        }
        let namespace = self.findings.namespace().to_owned();
        let allowing: Vec<&ListenerView> = named
            .into_iter()
            .filter(|listener| listener.allowed.allow(&self.gateway.namespace, &namespace))
            .collect();
        if allowing.is_empty() {
            let expected = format!(
                "a listener of Gateway {} whose allowedRoutes take HTTPRoutes of namespace {namespace}; this route is not served by it",
                self.gateway
            );
            let found = "no listener there allows this route";
            return self
                .findings
                .error(ProblemCode::NotGranted, self.field, found, expected);
        }
        let mut found = Vec::new();
        let mut lost = Vec::new();
        for listener in &allowing {
            for host in common_hosts(listener.hostname.as_ref(), self.hostnames) {
                match isolated(view, listener, host.as_ref()) {
                    Ok(except) => found.push(Reached::new(listener, host, except)),
                    Err(other) => lost.push((host, listener, other)),
                }
            }
        }
        if found.is_empty() && lost.is_empty() {
            self.report_no_common_host(&allowing);
        }
        lost.retain(|(host, ..)| found.iter().all(|one| one.host != *host));
        for (host, listener, other) in lost {
            self.report_taken(host.as_ref(), listener, other);
        }
        for one in found {
            reach::push(reached, one);
        }
    }

    /// A more specific listener takes the host, and this route is not attached to it.
    fn report_taken(
        &mut self,
        host: Option<&Hostname>,
        listener: &ListenerView,
        other: &ListenerView,
    ) {
        let host = host.map(Hostname::to_string).unwrap_or_default();
        let found = format!(
            "{} is a host of listener {} of Gateway {}, which this route is not attached to",
            quoted(&host),
            quoted(&other.name),
            self.gateway
        );
        let expected = format!(
            "a host that listener {} has for itself; this one is not served through it",
            quoted(&listener.name)
        );
        self.findings
            .error(ProblemCode::NotGranted, self.field, found, expected);
    }

    fn report_no_listener(&mut self, parent: &HttpRouteParentRefs, view: &GatewayView) {
        let wanted = parent.section_name.as_deref();
        let names = view.listeners.iter().map(|listener| &*listener.name);
        let list: Vec<String> = view
            .listeners
            .iter()
            .map(|listener| format!("{} (port {})", quoted(&listener.name), listener.port))
            .collect();
        let hint = match wanted.and_then(|wanted| nearest(wanted, names)) {
            Some(name) => format!("; the nearest is {}", quoted(name)),
            None => String::new(),
        };
        let (part, found) = match (wanted, parent.port) {
            (Some(wanted), _) => ("sectionName", quoted(wanted)),
            (None, Some(port)) => ("port", quoted(&port.to_string())),
            (None, None) => ("name", "a Gateway without a usable listener".to_owned()),
        };
        let expected = format!(
            "a listener of Gateway {}, which has {}{hint}; this route is not served by it",
            self.gateway,
            if list.is_empty() {
                "none that can be used".to_owned()
            } else {
                list.join(", ")
            }
        );
        let field = format!("{}.{part}", self.field);
        self.findings
            .error(ProblemCode::NoSuchGateway, &field, found, expected);
    }

    fn report_no_common_host(&mut self, listeners: &[&ListenerView]) {
        let list: Vec<String> = listeners
            .iter()
            .filter_map(|listener| listener.hostname.as_ref())
            .map(Hostname::to_string)
            .collect();
        let expected = format!(
            "a host that Gateway {} listens for ({}); this route is not served by it",
            self.gateway,
            list.join(", ")
        );
        let found = "names no host of that Gateway";
        self.findings
            .error(ProblemCode::InvalidField, "spec.hostnames", found, expected);
    }
}

fn is_named(parent: &HttpRouteParentRefs, listener: &ListenerView) -> bool {
    parent
        .section_name
        .as_ref()
        .is_none_or(|name| *name == listener.name)
        && parent.port.is_none_or(|port| port == listener.port)
}

/// A request is for the most specific listener of its Gateway and port (GEP-1713): one that is less specific has the host without the hosts
/// of the others. The error is a listener that has all of it.
fn isolated<'v>(
    view: &'v GatewayView,
    listener: &ListenerView,
    host: Option<&Hostname>,
) -> Result<Vec<Hostname>, &'v ListenerView> {
    let mut except = Vec::new();
    for other in &view.listeners {
        let is_beside = other.port == listener.port && other.is_https == listener.is_https;
        let Some(name) = other.hostname.as_ref().filter(|_| is_beside) else {
            continue;
        };
        let own = listener.hostname.as_ref();
        if own.is_some_and(|own| !lies_within(name, own)) {
            continue;
        }
        match host {
            Some(host) if host == name || lies_within(host, name) => return Err(other),
            Some(host) if !lies_within(name, host) => {}
            _ => except.push(name.clone()),
        }
    }
    Ok(except)
}

/// The hosts that a listener and a route have in common (HTTPRouteSpec.hostnames). None: every host.
fn common_hosts(listener: Option<&Hostname>, route: &[Hostname]) -> Vec<Option<Hostname>> {
    if route.is_empty() {
        return vec![listener.cloned()];
    }
    let Some(listener) = listener else {
        return route.iter().cloned().map(Some).collect();
    };
    route
        .iter()
        .filter_map(|host| common(listener, host))
        .map(|host| Some(host.clone()))
        .collect()
}

/// The narrower one of two names, if it lies within the wider one.
fn common<'a>(a: &'a Hostname, b: &'a Hostname) -> Option<&'a Hostname> {
    if a == b || lies_within(a, b) {
        return Some(a);
    }
    lies_within(b, a).then_some(b)
}

fn lies_within(narrow: &Hostname, wide: &Hostname) -> bool {
    // What stands before the suffix of a wildcard is one label or more, so `*.a.example.com` lies within `*.example.com`.
    wide.is_wildcard() && wide.covers(narrow.suffix(), WildcardLabels::Many)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(a: &str, b: &str, expected: Option<&str>) {
        let parse = |raw| Hostname::parse(raw).unwrap();
        let (a, b) = (parse(a), parse(b));
        let expected = expected.map(parse);
        assert_eq!(common(&a, &b), expected.as_ref(), "{a} {b}");
        assert_eq!(common(&b, &a), expected.as_ref(), "{b} {a}");
    }

    #[test]
    fn two_names_have_the_narrower_one_in_common() {
        check("a.example.com", "a.example.com", Some("a.example.com"));
        check("a.example.com", "b.example.com", None);
        check("*.example.com", "a.example.com", Some("a.example.com"));
        check("*.example.com", "b.a.example.com", Some("b.a.example.com"));
        check("*.example.com", "example.com", None);
        check("*.example.com", "*.a.example.com", Some("*.a.example.com"));
        check("*.example.com", "*.example.com", Some("*.example.com"));
        check("*.example.com", "*.example.net", None);
        check("*.example.com", "badexample.com", None);
    }
}
