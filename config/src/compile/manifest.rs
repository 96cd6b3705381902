//! What would the author of a manifest write instead?

use crate::model::{EndpointSlice, Service, ServicePort};
use std::fmt::{Display, Write};
use std::net::IpAddr;

/// Lines for addresses in a suggestion; whoever has more of them has a program that writes manifests.
const ADDRESSES_MAX: usize = 16;

/// Instead of an ExternalName with an address: the same Service without one, and its Endpoints.
pub fn service_and_endpoints(service: &Service, address: IpAddr) -> String {
    let mut text = String::from("apiVersion: v1\nkind: Service\n");
    let name = &service.object.name;
    push(
        &mut text,
        format_args!(
            "metadata: {{ name: {}, namespace: {} }}",
            name.name, name.namespace
        ),
    );
    push(
        &mut text,
        format_args!("spec: {{ ports: [{}] }}", ports(service)),
    );
    text.push_str("---\napiVersion: v1\nkind: Endpoints\n");
    push(
        &mut text,
        format_args!(
            "metadata: {{ name: {}, namespace: {} }}",
            name.name, name.namespace
        ),
    );
    text.push_str("subsets:\n");
    push(
        &mut text,
        format_args!("- addresses: [{{ ip: {address:?} }}]"),
    );
    push(&mut text, format_args!("  ports: [{}]", ports(service)));
    text.trim_end().to_owned()
}

/// Instead of Endpoints v1: the same addresses as EndpointSlices.
pub fn endpoint_slices<'a>(
    service: &Service,
    slices: impl Iterator<Item = &'a EndpointSlice>,
) -> String {
    let name = &service.object.name;
    let mut text = String::new();
    for (number, slice) in (1..).zip(slices) {
        if number > 1 {
            text.push_str("---\n");
        }
        let is_v4 = slice
            .endpoints
            .iter()
            .all(|endpoint| endpoint.address.is_ipv4());
        text.push_str("apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n");
        push(&mut text, format_args!("  name: {}-{number}", name.name));
        push(&mut text, format_args!("  namespace: {}", name.namespace));
        push(
            &mut text,
            format_args!("  labels: {{ kubernetes.io/service-name: {} }}", name.name),
        );
        push(
            &mut text,
            format_args!("addressType: {}", if is_v4 { "IPv4" } else { "IPv6" }),
        );
        let ports: Vec<String> = slice.ports.iter().map(|p| port(&p.name, p.port)).collect();
        push(&mut text, format_args!("ports: [{}]", ports.join(", ")));
        text.push_str("endpoints:\n");
        for endpoint in slice.endpoints.iter().take(ADDRESSES_MAX) {
            push(
                &mut text,
                format_args!("- addresses: [{:?}]", endpoint.address.to_string()),
            );
        }
        if slice.endpoints.len() > ADDRESSES_MAX {
            push(
                &mut text,
                format_args!("# and {} more", slice.endpoints.len() - ADDRESSES_MAX),
            );
        }
    }
    text.trim_end().to_owned()
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

fn push(text: &mut String, line: impl Display) {
    // Writing to a String cannot fail.
    let _ = writeln!(text, "{line}");
}
