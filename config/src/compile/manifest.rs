//! What would the author of a manifest write instead?

use crate::model::{Endpoint, EndpointSlice, PortReference, Service, ServicePort};
use std::net::IpAddr;

/// Lines for addresses in a suggestion; whoever has more of them has a program that writes manifests.
const ADDRESSES_MAX: usize = 16;

/// Where a rule names the port of a Service without ports by a name, its number has to come from somewhere.
const PORT_WITHOUT_NUMBER: u16 = 80;

/// Instead of an ExternalName with an address: the same Service without one, and its Endpoints. An ExternalName needs no ports, so the one that the
/// rule asks for is written where there are none.
pub fn service_and_endpoints(service: &Service, address: IpAddr, wanted: &PortReference) -> String {
    let name = &service.object.name;
    let metadata = format!(
        "metadata: {{ name: {}, namespace: {} }}",
        name.name, name.namespace
    );
    let ports = match (service.ports.as_slice(), wanted) {
        ([], PortReference::Number(number)) => port("", *number),
        ([], PortReference::Name(name)) => port(name, PORT_WITHOUT_NUMBER),
        _ => ports(service),
    };
    format!(
        "apiVersion: v1\nkind: Service\n{metadata}\nspec: {{ ports: [{ports}] }}\n---\napiVersion: v1\nkind: Endpoints\n{metadata}\nsubsets:\n- addresses: [{{ ip: \"{address}\" }}]\n  ports: [{ports}]"
    )
}

/// Instead of Endpoints v1: the same addresses as EndpointSlices, one for each subset and family of addresses.
pub fn endpoint_slices<'a>(
    service: &Service,
    slices: impl Iterator<Item = &'a EndpointSlice>,
) -> String {
    let mut texts = Vec::new();
    for slice in slices {
        for family in ["IPv4", "IPv6"] {
            let endpoints = slice.endpoints.iter();
            let endpoints = endpoints.filter(|one| one.address.is_ipv4() == (family == "IPv4"));
            let endpoints: Vec<&Endpoint> = endpoints.collect();
            if !endpoints.is_empty() {
                let number = texts.len() + 1;
                texts.push(endpoint_slice(service, number, slice, family, &endpoints));
            }
        }
    }
    texts.join("\n---\n")
}

fn endpoint_slice(
    service: &Service,
    number: usize,
    slice: &EndpointSlice,
    family: &str,
    endpoints: &[&Endpoint],
) -> String {
    let name = &service.object.name;
    let ports: Vec<String> = slice.ports.iter().map(|p| port(&p.name, p.port)).collect();
    let mut text = format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: {0}-{number}\n  namespace: {1}\n  labels: {{ kubernetes.io/service-name: {0} }}\naddressType: {family}\nports: [{2}]\nendpoints:",
        name.name,
        name.namespace,
        ports.join(", ")
    );
    for endpoint in endpoints.iter().take(ADDRESSES_MAX) {
        text.push_str(&format!("\n- addresses: [\"{}\"]", endpoint.address));
        // Nothing said means ready.
        if !endpoint.ready {
            text.push_str("\n  conditions: { ready: false }");
        }
    }
    if endpoints.len() > ADDRESSES_MAX {
        text.push_str(&format!("\n# and {} more", endpoints.len() - ADDRESSES_MAX));
    }
    text
}

fn ports(service: &Service) -> String {
    let all = service.ports.iter();
    let all: Vec<String> = all
        .map(
            |ServicePort {
                 name, port: number, ..
             }| port(name, *number),
        )
        .collect();
    all.join(", ")
}

fn port(name: &str, number: u16) -> String {
    if name.is_empty() {
        return format!("{{ port: {number} }}");
    }
    format!("{{ name: {name}, port: {number} }}")
}
