//! How does a story write its manifests in one line?
//!
//! Everything is in the namespace `default`, for the class `hedgerow`, unless the story writes its own YAML.

use std::fmt::Write as _;
use std::net::SocketAddr;

/// A path of an Ingress: `("/api", "backend", 3001)` is Prefix, to that Service and port.
pub type Path<'a> = (&'a str, &'a str, u16);

/// Several documents as one file.
pub fn join(documents: &[String]) -> String {
    documents.join("---\n")
}

/// An Ingress with one host (empty: every host) and Prefix paths.
pub fn ingress(name: &str, host: &str, paths: &[Path<'_>]) -> String {
    ingress_with(name, host, paths, "", "")
}

/// The same with a `tls` block that names a Secret of the same namespace.
pub fn ingress_tls(name: &str, host: &str, secret: &str, paths: &[Path<'_>]) -> String {
    let tls = format!("  tls: [{{ hosts: [\"{host}\"], secretName: {secret} }}]\n");
    ingress_with(name, host, paths, &tls, "")
}

/// The same with annotations of our own prefix: `("hold", "5s")`.
pub fn ingress_annotated(
    name: &str,
    host: &str,
    paths: &[Path<'_>],
    annotations: &[(&str, &str)],
) -> String {
    ingress_with(name, host, paths, "", &annotation_lines(annotations))
}

fn ingress_with(name: &str, host: &str, paths: &[Path<'_>], tls: &str, more: &str) -> String {
    let mut text = format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: {name}\n  namespace: default\n{more}spec:\n  \
         ingressClassName: hedgerow\n{tls}  rules:\n"
    );
    match host {
        "" => text.push_str("    - http:\n        paths:\n"),
        host => write!(
            text,
            "    - host: \"{host}\"\n      http:\n        paths:\n"
        )
        .unwrap(),
    }
    for (path, service, port) in paths {
        writeln!(
            text,
            "          - {{ path: \"{path}\", pathType: Prefix, backend: {{ service: {{ name: {service}, port: {{ number: {port} }} }} }} }}"
        )
        .unwrap();
    }
    text
}

/// A Service without a selector, and an EndpointSlice for each address (several ports on one machine need several slices).
pub fn service(name: &str, port: u16, addresses: &[SocketAddr]) -> String {
    service_annotated(name, port, addresses, &[])
}

/// The same with annotations of our own prefix on the Service.
pub fn service_annotated(
    name: &str,
    port: u16,
    addresses: &[SocketAddr],
    annotations: &[(&str, &str)],
) -> String {
    let lines = annotation_lines(annotations);
    let mut documents = vec![format!(
        "apiVersion: v1\nkind: Service\nmetadata:\n  name: {name}\n  namespace: default\n{lines}spec:\n  ports: [{{ port: {port} }}]\n"
    )];
    for (number, address) in addresses.iter().enumerate() {
        documents.push(slice(name, number + 1, *address));
    }
    join(&documents)
}

/// The EndpointSlice `SERVICE-NUMBER` with one ready address.
pub fn slice(service: &str, number: usize, address: SocketAddr) -> String {
    let family = if address.is_ipv4() { "IPv4" } else { "IPv6" };
    format!(
        "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: {service}-{number}\n  namespace: default\n  \
         labels: {{ kubernetes.io/service-name: {service} }}\naddressType: {family}\nports: [{{ name: \"\", port: {port} }}]\n\
         endpoints: [{{ addresses: [\"{ip}\"] }}]\n",
        port = address.port(),
        ip = address.ip(),
    )
}

fn annotation_lines(annotations: &[(&str, &str)]) -> String {
    if annotations.is_empty() {
        return String::new();
    }
    let mut text = "  annotations:\n".to_owned();
    for (name, value) in annotations {
        writeln!(text, "    hedgerow.edwardstech.dev/{name}: \"{value}\"").unwrap();
    }
    text
}

/// The smallest site: everything of `shop.test` goes to the Service `web` with these addresses.
pub fn shop(addresses: &[SocketAddr]) -> String {
    shop_annotated(addresses, &[])
}

/// The same with annotations of our own prefix on the Ingress.
pub fn shop_annotated(addresses: &[SocketAddr], annotations: &[(&str, &str)]) -> String {
    join(&[
        ingress_annotated("shop", "shop.test", &[("/", "web", 80)], annotations),
        service("web", 80, addresses),
    ])
}
