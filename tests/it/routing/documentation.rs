//! Do the manifests of the Ingress documentation work as its text says?
//!
//! Taken over word for word from <https://kubernetes.io/docs/concepts/services-networking/ingress/>; `nginx-example` is a class of ours here.

use super::check;
use tests::authority::Authority;
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

const CLASS: &str = "
apiVersion: networking.k8s.io/v1
kind: IngressClass
metadata:
  labels:
    app.kubernetes.io/component: controller
  name: nginx-example
  annotations:
    ingressclass.kubernetes.io/is-default-class: \"true\"
spec:
  controller: edwardstech.dev/hedgerow
";

const MINIMAL: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: minimal-ingress
  annotations:
    nginx.ingress.kubernetes.io/rewrite-target: /
spec:
  ingressClassName: nginx-example
  rules:
  - http:
      paths:
      - path: /testpath
        pathType: Prefix
        backend:
          service:
            name: service1
            port:
              number: 80
";

const SINGLE_SERVICE: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: test-ingress
spec:
  defaultBackend:
    service:
      name: service1
      port:
        number: 80
";

const RESOURCE_BACKEND: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: ingress-resource-backend
spec:
  defaultBackend:
    resource:
      apiGroup: k8s.example.com
      kind: StorageBucket
      name: static-assets
  rules:
    - http:
        paths:
          - path: /icons
            pathType: ImplementationSpecific
            backend:
              resource:
                apiGroup: k8s.example.com
                kind: StorageBucket
                name: icon-assets
";

const FAN_OUT: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: simple-fanout-example
spec:
  rules:
  - host: foo.bar.com
    http:
      paths:
      - path: /foo
        pathType: Prefix
        backend:
          service:
            name: service1
            port:
              number: 4200
      - path: /bar
        pathType: Prefix
        backend:
          service:
            name: service2
            port:
              number: 8080
";

const VIRTUAL_HOSTS: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: name-virtual-host-ingress
spec:
  rules:
  - host: foo.bar.com
    http:
      paths:
      - pathType: Prefix
        path: \"/\"
        backend:
          service:
            name: service1
            port:
              number: 80
  - host: bar.foo.com
    http:
      paths:
      - pathType: Prefix
        path: \"/\"
        backend:
          service:
            name: service2
            port:
              number: 80
";

const VIRTUAL_HOSTS_AND_THE_REST: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: name-virtual-host-ingress-no-third-host
spec:
  rules:
  - host: first.bar.com
    http:
      paths:
      - pathType: Prefix
        path: \"/\"
        backend:
          service:
            name: service1
            port:
              number: 80
  - host: second.bar.com
    http:
      paths:
      - pathType: Prefix
        path: \"/\"
        backend:
          service:
            name: service2
            port:
              number: 80
  - http:
      paths:
      - pathType: Prefix
        path: \"/\"
        backend:
          service:
            name: service3
            port:
              number: 80
";

const WILDCARD_HOST: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: ingress-wildcard-host
spec:
  rules:
  - host: \"foo.bar.com\"
    http:
      paths:
      - pathType: Prefix
        path: \"/bar\"
        backend:
          service:
            name: service1
            port:
              number: 80
  - host: \"*.foo.com\"
    http:
      paths:
      - pathType: Prefix
        path: \"/foo\"
        backend:
          service:
            name: service2
            port:
              number: 80
";

const TLS: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: tls-example-ingress
spec:
  tls:
  - hosts:
      - https-example.foo.com
    secretName: testsecret-tls
  rules:
  - host: https-example.foo.com
    http:
      paths:
      - path: /
        pathType: Prefix
        backend:
          service:
            name: service1
            port:
              number: 80
";

/// A Service with every port that the examples name.
fn service(origin: &Origin) -> String {
    let (name, address) = (&origin.name, origin.address);
    let ports = [("web", 80), ("app", 4200), ("alt", 8080)];
    let listed = ports.map(|(port, number)| format!("{{ name: {port}, port: {number} }}"));
    let slice = ports.map(|(port, _)| format!("{{ name: {port}, port: {} }}", address.port()));
    format!(
        "apiVersion: v1\nkind: Service\nmetadata: {{ name: {name} }}\nspec: {{ ports: [{}] }}\n---\n\
         apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{ name: {name}-1, labels: {{ kubernetes.io/service-name: {name} }} }}\n\
         addressType: IPv4\nports: [{}]\nendpoints: [{{ addresses: [\"{}\"] }}]\n",
        listed.join(", "),
        slice.join(", "),
        address.ip()
    )
}

/// Manifest, and who answers what. Empty: 404.
type Example = (
    &'static str,
    &'static [(&'static str, &'static str, &'static str)],
);

const EXAMPLES: &[Example] = &[
    (
        MINIMAL,
        &[
            ("any.test", "/testpath", "service1"),
            ("127.0.0.1", "/testpath/x", "service1"),
            ("any.test", "/", ""),
            ("any.test", "/testpathx", ""),
        ],
    ),
    (
        SINGLE_SERVICE,
        &[
            ("any.test", "/", "service1"),
            ("127.0.0.1", "/x", "service1"),
        ],
    ),
    (
        FAN_OUT,
        &[
            ("foo.bar.com", "/foo", "service1"),
            ("foo.bar.com", "/bar/x", "service2"),
            ("foo.bar.com", "/", ""),
            ("bar.foo.com", "/foo", ""),
        ],
    ),
    (
        VIRTUAL_HOSTS,
        &[
            ("foo.bar.com", "/", "service1"),
            ("bar.foo.com", "/x", "service2"),
            ("foo.foo.com", "/", ""),
        ],
    ),
    (
        VIRTUAL_HOSTS_AND_THE_REST,
        &[
            ("first.bar.com", "/", "service1"),
            ("second.bar.com", "/", "service2"),
            ("third.bar.com", "/", "service3"),
            ("127.0.0.1", "/", "service3"),
        ],
    ),
    (
        WILDCARD_HOST,
        &[
            ("foo.bar.com", "/bar", "service1"),
            ("foo.bar.com", "/foo", ""),
            ("bar.foo.com", "/foo", "service2"),
            ("baz.bar.foo.com", "/foo", ""),
            ("foo.com", "/foo", ""),
        ],
    ),
];

async fn start(authority: Authority) -> (Edge, Vec<Origin>) {
    let (mut origins, mut documents) = (Vec::new(), vec![CLASS.to_owned()]);
    for name in ["service1", "service2", "service3"] {
        let origin = Origin::start(name).await;
        documents.push(service(&origin));
        origins.push(origin);
    }
    let base = manifest::join(&documents);
    let edge = Edge::start_given(authority, &[("base.yaml", &base)], |_| {}).await;
    (edge, origins)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_manifest_of_the_documentation_routes_as_its_text_says() {
    let (edge, _origins) = start(Authority::default()).await;
    for (manifest, requests) in EXAMPLES {
        edge.write("example.yaml", manifest).await;
        for (host, target, expected) in *requests {
            check(&edge, host, target, expected).await;
        }
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_resource_as_backend_keeps_its_path_and_says_that_it_is_not_served() {
    let (edge, _origins) = start(Authority::default()).await;
    edge.write("example.yaml", RESOURCE_BACKEND).await;
    for target in ["/icons/a.png", "/"] {
        let reply = edge.get(&format!("http://any.test{target}")).await;
        assert_eq!((reply.status, reply.is_ours()), (503, true), "{target}");
    }
    let problems = edge.admin("/problems").await.text();
    assert!(problems.contains("ingress-resource-backend"), "{problems}");
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_tls_example_is_served_over_https_with_its_secret() {
    let authority = Authority::default();
    let secret = authority.secret("testsecret-tls", &["https-example.foo.com"]);
    let (edge, _origins) = start(authority).await;
    edge.write("example.yaml", &manifest::join(&[TLS.to_owned(), secret]))
        .await;
    let reply = edge.get("https://https-example.foo.com/").await;
    assert_eq!((reply.status, reply.served_by()), (200, "service1"));
    assert_eq!(edge.get("http://https-example.foo.com/").await.status, 308);
    edge.stop().await;
}
