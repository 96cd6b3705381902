//! What does a story about the cluster source need?

use config::settings::{Settings, Source};
use proxy::live::InForce;
use std::collections::BTreeSet;
use std::path::PathBuf;
use tests::edge::Edge;

/// Where the API server keeps Ingresses.
pub const INGRESS: &str = "/apis/networking.k8s.io/v1/ingresses";
/// One endpoint for the Service NAME.
pub const SLICE: &str = "apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: NAME-1\n  \
    labels: { kubernetes.io/service-name: NAME }\naddressType: IPv4\nports: [{ name: '', port: 80 }]\n\
    endpoints: [{ addresses: [192.0.2.7] }]\n";

/// An edge that reads the API server of this kubeconfig.
pub async fn edge(kubeconfig: PathBuf, change: impl FnOnce(&mut Settings)) -> Edge {
    Edge::start_with("", |settings| {
        settings.source = Source::Cluster {
            namespaces: Vec::new(),
            namespace_selector: None,
            kubeconfig: Some(kubeconfig),
        };
        change(settings);
    })
    .await
}

pub fn classes() -> String {
    "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata: { name: hedgerow }\n\
     spec: { controller: edwardstech.dev/hedgerow }\n"
        .to_owned()
}

/// `NAME.test` goes to the Service `web`, or to the one of its own name.
pub fn ingress(name: &str) -> String {
    let service = match name.starts_with("web") {
        true => "web",
        false => name,
    };
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {{ name: {name}, namespace: default }}\nspec:\n  \
         ingressClassName: hedgerow\n  rules: [{{ host: {name}.test, http: {{ paths: [{{ path: /, pathType: Prefix, \
         backend: {{ service: {{ name: {service}, port: {{ number: 80 }} }} }} }}] }} }}]\n"
    )
}

pub fn service(name: &str) -> String {
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{ name: {name}, namespace: default }}\nspec: {{ selector: {{ app: {name} }}, ports: [{{ port: 80 }}] }}\n"
    )
}

/// ServiceAccount `default/edge` may read these, anywhere.
pub fn grant(resources: &[&str]) -> String {
    let groups = "[networking.k8s.io, '', discovery.k8s.io]";
    role(
        "ClusterRole",
        "ClusterRoleBinding",
        groups,
        &resources.join(", "),
    )
}

/// The same account may read everything that an edge reads, in one namespace.
pub fn scoped(namespace: &str) -> String {
    let resources = "ingresses, services, endpointslices, endpoints, secrets, configmaps, gateways, httproutes, referencegrants";
    let groups = "[networking.k8s.io, '', discovery.k8s.io, gateway.networking.k8s.io]";
    let role = role("Role", "RoleBinding", groups, resources);
    role.replace(
        "{ name: edge }",
        &format!("{{ name: edge, namespace: {namespace} }}"),
    )
}

fn role(kind: &str, binding: &str, groups: &str, resources: &str) -> String {
    format!(
        "apiVersion: rbac.authorization.k8s.io/v1\nkind: {kind}\nmetadata: {{ name: edge }}\n\
         rules: [{{ apiGroups: {groups}, resources: [{resources}], verbs: [get, list, watch] }}]\n---\n\
         apiVersion: rbac.authorization.k8s.io/v1\nkind: {binding}\nmetadata: {{ name: edge }}\n\
         roleRef: {{ apiGroup: rbac.authorization.k8s.io, kind: {kind}, name: edge }}\n\
         subjects: [{{ kind: ServiceAccount, name: edge, namespace: default }}]\n"
    )
}

/// The hosts with a rule.
pub fn names(in_force: &InForce) -> BTreeSet<String> {
    let rules = in_force.snapshot.rules.iter();
    let hosts = rules.flat_map(|rule| rule.hosts.iter());
    hosts.map(|host| host.name.to_string()).collect()
}

/// `NAME.test` has a rule, and the Service `NAME` an endpoint.
pub fn is_served(in_force: &InForce, name: &str) -> bool {
    let mut backends = in_force.backends.iter();
    let has_endpoint = backends.any(|backend| {
        let is_its_own = backend.label.starts_with(&format!("default/{name}:"));
        is_its_own && backend.pool.counts().iter().sum::<i64>() == 1
    });
    names(in_force).contains(&format!("{name}.test")) && has_endpoint
}
