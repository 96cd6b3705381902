//! Which addresses serve a Service?

mod address;

use super::bounds;
use super::findings::{Findings, quoted};
use super::service::{is_tcp, protocol};
use crate::objects::{Endpoint as AskedEndpoint, EndpointSlice as AskedSlice, Object};
pub(super) use address::Allowed;
use config::model::{Endpoint, EndpointPort, EndpointSlice, SliceSource};
use config::name::{Kind, ObjectName};
use config::nearest::nearest;
use config::problem::{Problem, ProblemCode};
use k8s_openapi::api::core::v1::{
    EndpointAddress as AskedAddress, EndpointPort as AskedSubsetPort, EndpointSubset, Endpoints,
};
use k8s_openapi::api::discovery::v1::EndpointPort as AskedSlicePort;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// The label that says whose endpoints a slice has.
const SERVICE_LABEL: &str = "kubernetes.io/service-name";

/// The slices that one object comes to, and their Service.
pub(super) type Slices = Option<(ObjectName, Vec<Arc<EndpointSlice>>)>;

/// A slice without the label is nobody's.
pub(super) fn translate_slice(
    object: &Object<AskedSlice>,
    allowed: &Allowed,
) -> (Slices, Vec<Problem>) {
    let mut findings = Findings::of(Kind::EndpointSlice, object);
    let slice = &object.value;
    let Some(service) = service_of(slice) else {
        report_no_label(slice.metadata.labels.as_ref(), allowed, &mut findings);
        return (None, findings.into_problems());
    };
    let service = ObjectName::new(findings.namespace(), service);
    let asked = slice.ports.as_deref().unwrap_or_default();
    let asked = bounds::first(asked, bounds::PORTS_MAX, "ports", &mut findings).iter();
    let ports = asked.enumerate();
    let ports = ports.filter_map(|(index, port)| slice_port(index, port, &mut findings));
    let ports = each_name_once("ports", ports.collect(), &mut findings);
    let port_numbers: Vec<u16> = ports.iter().map(|port| port.port).collect();
    let mut reader = Reader {
        findings,
        allowed,
        ports: port_numbers,
        names: HashMap::new(),
    };
    let endpoints = match &*slice.address_type {
        "IPv4" | "IPv6" => reader.endpoints(slice),
        other => {
            let expected = "IPv4 or IPv6; the endpoints of this slice are not used";
            let field = "addressType";
            reader
                .findings
                .error(ProblemCode::Unsupported, field, quoted(other), expected);
            Vec::new()
        }
    };
    let findings = reader.findings;
    let made = EndpointSlice {
        object: findings.object.clone(),
        origin: findings.origin(""),
        source: SliceSource::Slice,
        ports,
        endpoints,
    };
    (
        Some((service, vec![Arc::new(made)])),
        findings.into_problems(),
    )
}

/// The name of the Service that a slice belongs to.
pub(crate) fn service_of(slice: &AskedSlice) -> Option<&str> {
    let labels = slice.metadata.labels.as_ref()?;
    let service = labels.get(SERVICE_LABEL)?;
    (!service.is_empty()).then_some(service)
}

/// Service `kubernetes` in namespace `default`: the API server writes its own addresses there.
pub(crate) fn is_of_the_api_server(slice: &AskedSlice) -> bool {
    slice.metadata.namespace.as_deref() == Some("default")
        && service_of(slice) == Some("kubernetes")
}

/// From a directory a slice is somebody's who wants it served. In a cluster other programs have slices for reasons of their own, so there only
/// a label that is nearly the right one is spoken of.
fn report_no_label(
    labels: Option<&BTreeMap<String, String>>,
    allowed: &Allowed,
    findings: &mut Findings<'_>,
) {
    let names = labels.iter().flat_map(|labels| labels.keys());
    let near = names.filter(|name| nearest(name, [SERVICE_LABEL]).is_some());
    let near = near.map(String::as_str).next();
    let found = match near {
        Some(name) if name == SERVICE_LABEL => format!("the label {SERVICE_LABEL} is empty"),
        Some(name) => format!("has the label {}, not {SERVICE_LABEL}", quoted(name)),
        None => format!("has no label {SERVICE_LABEL}"),
    };
    let expected =
        format!("{SERVICE_LABEL}: the name of a Service; these endpoints get no request");
    let code = ProblemCode::InvalidField;
    match allowed {
        Allowed::Everything => findings.warning(code, "metadata.labels", found, expected),
        Allowed::Remote { .. } if near.is_some() => {
            findings.info(code, "metadata.labels", found, expected);
        }
        Allowed::Remote { .. } => {}
    }
}

/// One slice for each subset; an object without subsets gives an empty one, so that it is known to be there.
pub(super) fn translate_endpoints(
    object: &Object<Endpoints>,
    allowed: &Allowed,
) -> (Slices, Vec<Problem>) {
    let mut findings = Findings::of(Kind::Endpoints, object);
    let empty = [EndpointSubset::default()];
    let subsets = object.value.subsets.as_deref().unwrap_or_default();
    let subsets = if subsets.is_empty() { &empty } else { subsets };
    let mut slices = Vec::with_capacity(subsets.len());
    for (index, subset) in subsets.iter().enumerate() {
        let field = format!("subsets[{index}]");
        let list = format!("{field}.ports");
        let asked = subset.ports.as_deref().unwrap_or_default();
        let asked = bounds::first(asked, bounds::PORTS_MAX, &list, &mut findings).iter();
        let ports = asked.enumerate();
        let ports = ports
            .filter_map(|(at, port)| subset_port(&format!("{list}[{at}]"), port, &mut findings));
        let ports = each_name_once(&list, ports.collect(), &mut findings);
        let port_numbers: Vec<u16> = ports.iter().map(|port| port.port).collect();
        let mut reader = Reader {
            findings,
            allowed,
            ports: port_numbers,
            names: HashMap::new(),
        };
        let endpoints = reader.subset(&field, subset);
        findings = reader.findings;
        slices.push(Arc::new(EndpointSlice {
            object: findings.object.clone(),
            origin: findings.origin(&field),
            source: SliceSource::Endpoints,
            ports,
            endpoints,
        }));
    }
    (
        Some((object.name.clone(), slices)),
        findings.into_problems(),
    )
}

struct Reader<'a> {
    findings: Findings<'a>,
    allowed: &'a Allowed,
    ports: Vec<u16>,
    /// Names of nodes and zones: many endpoints share a few.
    names: HashMap<&'a str, Arc<str>>,
}

impl<'a> Reader<'a> {
    fn endpoints(&mut self, slice: &'a AskedSlice) -> Vec<Endpoint> {
        let is_v4 = slice.address_type == "IPv4";
        let endpoints = slice.endpoints.as_deref().unwrap_or_default();
        let max = bounds::ENDPOINTS_MAX;
        let endpoints = bounds::first(endpoints, max, "endpoints", &mut self.findings);
        let mut read = Vec::with_capacity(endpoints.len());
        for (index, endpoint) in endpoints.iter().enumerate() {
            read.extend(self.endpoint(&format!("endpoints[{index}]"), endpoint, is_v4));
        }
        read
    }

    fn endpoint(
        &mut self,
        field: &str,
        endpoint: &'a AskedEndpoint,
        is_v4: bool,
    ) -> Option<Endpoint> {
        if let Some(second) = endpoint.addresses.get(1) {
            self.findings.warning(
                ProblemCode::Unsupported,
                &format!("{field}.addresses[1]"),
                quoted(second),
                "one address in each endpoint: the others have no meaning (kube-proxy does not look at them either); write them as endpoints of their own",
            );
        }
        let field = format!("{field}.addresses[0]");
        let raw = endpoint.addresses.first().map_or("", |address| address);
        let address = self.address(&field, raw)?;
        if address.is_ipv4() != is_v4 {
            let expected = format!(
                "an {} address, as addressType says; this endpoint is not used",
                if is_v4 { "IPv4" } else { "IPv6" }
            );
            self.findings
                .error(ProblemCode::InvalidField, &field, quoted(raw), expected);
            return None;
        }
        let conditions = endpoint.conditions.clone().unwrap_or_default();
        // EndpointConditions: "A nil value should be interpreted as true" for ready and serving, as false for terminating.
        Some(Endpoint {
            address,
            ready: conditions.ready.unwrap_or(true),
            serving: conditions.serving.unwrap_or(true),
            terminating: conditions.terminating.unwrap_or(false),
            node: self.shared(endpoint.node_name.as_deref()),
            zone: self.shared(endpoint.zone.as_deref()),
        })
    }

    fn subset(&mut self, field: &str, subset: &'a EndpointSubset) -> Vec<Endpoint> {
        let lists = [
            ("addresses", &subset.addresses, true),
            ("notReadyAddresses", &subset.not_ready_addresses, false),
        ];
        let mut endpoints = Vec::new();
        for (list, addresses, ready) in lists {
            for (index, address) in addresses.iter().flatten().enumerate() {
                let field = format!("{field}.{list}[{index}].ip");
                endpoints.extend(self.subset_endpoint(&field, address, ready));
            }
        }
        endpoints
    }

    fn subset_endpoint(
        &mut self,
        field: &str,
        address: &'a AskedAddress,
        ready: bool,
    ) -> Option<Endpoint> {
        Some(Endpoint {
            address: self.address(field, &address.ip)?,
            ready,
            serving: ready,
            terminating: false,
            node: self.shared(address.node_name.as_deref()),
            zone: None,
        })
    }

    fn shared(&mut self, name: Option<&'a str>) -> Option<Arc<str>> {
        let name = name?;
        Some(
            self.names
                .entry(name)
                .or_insert_with(|| name.into())
                .clone(),
        )
    }

    fn address(&mut self, field: &str, raw: &str) -> Option<std::net::IpAddr> {
        let Ok(address) = raw.parse() else {
            let expected = "an IP address; this endpoint is not used";
            self.findings
                .error(ProblemCode::InvalidField, field, quoted(raw), expected);
            return None;
        };
        if let Err(refusal) = self.allowed.check(address, &self.ports) {
            let expected = format!("an address that is not {refusal}; this endpoint is not used");
            self.findings
                .error(ProblemCode::RefusedEndpoint, field, quoted(raw), expected);
            return None;
        }
        Some(address)
    }
}

/// A Service finds its port by the name, so two of one name would double every address.
fn each_name_once(
    field: &str,
    ports: Vec<EndpointPort>,
    findings: &mut Findings<'_>,
) -> Vec<EndpointPort> {
    let mut kept: Vec<EndpointPort> = Vec::with_capacity(ports.len());
    for port in ports {
        if !kept.iter().any(|other| other.name == port.name) {
            kept.push(port);
            continue;
        }
        let found = match &*port.name {
            "" => format!("{} is a second port without a name", port.port),
            name => format!("{} is a second port named {}", port.port, quoted(name)),
        };
        let expected = "another name for each port; the first one counts";
        findings.error(ProblemCode::InvalidField, field, found, expected);
    }
    kept
}

fn slice_port(
    index: usize,
    port: &AskedSlicePort,
    findings: &mut Findings<'_>,
) -> Option<EndpointPort> {
    // A port without a number means every port, which says nothing about where HTTP is.
    let number = port.port?;
    if !is_tcp(port.protocol.as_deref()) {
        return None;
    }
    let number = port_number(&format!("ports[{index}].port"), number, findings)?;
    Some(EndpointPort {
        name: port.name.as_deref().unwrap_or_default().into(),
        port: number,
        protocol: protocol(port.app_protocol.as_deref()),
    })
}

fn subset_port(
    field: &str,
    port: &AskedSubsetPort,
    findings: &mut Findings<'_>,
) -> Option<EndpointPort> {
    if !is_tcp(port.protocol.as_deref()) {
        return None;
    }
    let number = port_number(&format!("{field}.port"), port.port, findings)?;
    Some(EndpointPort {
        name: port.name.as_deref().unwrap_or_default().into(),
        port: number,
        protocol: protocol(port.app_protocol.as_deref()),
    })
}

fn port_number(field: &str, number: i32, findings: &mut Findings<'_>) -> Option<u16> {
    match u16::try_from(number) {
        Ok(number) if number > 0 => Some(number),
        _ => {
            let expected = "a number from 1 to 65535; this port is passed over";
            let found = quoted(&number.to_string());
            findings.error(ProblemCode::InvalidField, field, found, expected);
            None
        }
    }
}

#[cfg(test)]
mod tests;
