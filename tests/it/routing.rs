//! Which backend answers an Ingress's host and path, through the whole edge?

mod classes;
mod documentation;
mod hosts;
mod paths;
mod shared_hosts;
mod site;

use tests::client::Request;
use tests::edge::Edge;

/// One path of an Ingress: `("Prefix", "/foo", "web")`. The Service's port is 80.
type Row<'a> = (&'a str, &'a str, &'a str);

/// An Ingress of the class `hedgerow` with one host and these paths.
fn ingress(name: &str, host: &str, rows: &[Row<'_>]) -> String {
    ingress_in("default", name, "", host, rows)
}

/// The same in any namespace, with more lines of metadata.
fn ingress_in(namespace: &str, name: &str, more: &str, host: &str, rows: &[Row<'_>]) -> String {
    let host = match host {
        "" => String::new(),
        host => format!("host: \"{host}\", "),
    };
    let paths: Vec<String> = rows
        .iter()
        .map(|(kind, path, service)| {
            format!(
                "{{ path: \"{path}\", pathType: {kind}, backend: {{ service: {{ name: {service}, port: {{ number: 80 }} }} }} }}"
            )
        })
        .collect();
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{ name: {name}, namespace: {namespace}{more} }}\n\
         spec: {{ ingressClassName: hedgerow, rules: [{{ {host}http: {{ paths: [{}] }} }}] }}\n",
        paths.join(", ")
    )
}

/// An Ingress that names nothing but where everything else goes.
fn default_backend(name: &str, service: &str) -> String {
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{ name: {name}, namespace: default }}\n\
         spec: {{ ingressClassName: hedgerow, defaultBackend: {{ service: {{ name: {service}, port: {{ number: 80 }} }} }} }}\n"
    )
}

/// Asks over HTTP. `expected` is the origin's name; empty: the edge's own 404.
async fn check(edge: &Edge, host: &str, target: &str, expected: &str) {
    let reply = edge
        .send(&Request::new("GET", &format!("http://{host}{target}")))
        .await;
    let status = if expected.is_empty() { 404 } else { 200 };
    assert_eq!(
        (reply.status, reply.served_by()),
        (status, expected),
        "{host} {target}: {reply:?}"
    );
    assert_eq!(reply.is_ours(), expected.is_empty(), "{host} {target}");
}
