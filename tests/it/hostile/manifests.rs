//! Does a hostile manifest or settings file hurt anybody but its author?

use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

/// Every kind that is read, with its API version.
const KINDS: [(&str, &str); 11] = [
    ("networking.k8s.io/v1", "Ingress"),
    ("networking.k8s.io/v1", "IngressClass"),
    ("v1", "Service"),
    ("v1", "Endpoints"),
    ("v1", "Secret"),
    ("v1", "ConfigMap"),
    ("discovery.k8s.io/v1", "EndpointSlice"),
    ("gateway.networking.k8s.io/v1", "Gateway"),
    ("gateway.networking.k8s.io/v1", "GatewayClass"),
    ("gateway.networking.k8s.io/v1", "HTTPRoute"),
    ("gateway.networking.k8s.io/v1beta1", "ReferenceGrant"),
];

async fn shop() -> (Edge, Origin) {
    let origin = Origin::start("a").await;
    let site = manifest::join(&[
        manifest::ingress("shop", "shop.test", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
    ]);
    (Edge::start(&site).await, origin)
}

/// Writes the file, waits until somebody is told of it, and asks for the neighbour.
async fn check(edge: &Edge, name: &str, bytes: &[u8]) {
    std::fs::write(edge.manifests().join(name), bytes).expect("writes");
    edge.until(name, |now| {
        let mut origins = now
            .problems
            .iter()
            .filter_map(|problem| problem.origin.as_ref());
        origins.any(|origin| origin.file.ends_with(name))
    })
    .await;
    assert_eq!(edge.get("http://shop.test/").await.status, 200, "{name}");
}

#[tokio::test(flavor = "multi_thread")]
async fn text_that_is_no_manifest_hurts_no_neighbour() {
    let (edge, _origin) = shop().await;
    let deep = format!("a: {}{}\n", "[".repeat(50_000), "]".repeat(50_000));
    let deep_blocks: String = (0..5_000)
        .map(|depth| format!("{}a:\n", " ".repeat(depth)))
        .collect();
    let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..12 {
        let before = vec![format!("*a{}", level - 1); 9].join(", ");
        bomb.push_str(&format!("a{level}: &a{level} [{before}]\n"));
    }
    let text = "x".repeat(1024 * 1024);
    let large = format!(
        "kind: ConfigMap\napiVersion: v1\nmetadata: {{ name: [] }}\ndata: {{ x: {text} }}\n"
    );
    for (name, bytes) in [
        ("deep.yaml", deep.as_bytes()),
        ("deep-blocks.yaml", deep_blocks.as_bytes()),
        ("bomb.yaml", bomb.as_bytes()),
        ("own-alias.yaml", b"a: &a [*a]\n"),
        ("no-alias.yaml", b"a: *nowhere\n"),
        (
            "latin-1.yaml",
            b"kind: Ingress\nmetadata: { name: caf\xe9 }\n",
        ),
        ("nul.yaml", b"kind: Ingress\0\n"),
        ("binary.yaml", &[0xff, 0xfe, 0, 1, 2, 3, 0x80, 0x90]),
        ("tab.yaml", b"kind:\n\tIngress\n"),
        ("twice.yaml", b"kind: Ingress\nkind: Service\n"),
        ("half.json", b"{\"kind\": \"Ingress\", \"spec\": {"),
        (
            "deep.json",
            format!("{{\"a\": {}1{}}}", "[".repeat(50_000), "]".repeat(50_000)).as_bytes(),
        ),
        ("large.yaml", large.as_bytes()),
        ("too-large.yaml", &vec![b'#'; 16 * 1024 * 1024 + 1]),
        ("tag.yaml", b"!!python/object:os.system [x]\n- : {\n"),
    ] {
        check(&edge, name, bytes).await;
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_types_in_every_kind_hurt_no_neighbour() {
    let (edge, _origin) = shop().await;
    for (version, kind) in KINDS {
        let mut documents = Vec::new();
        for (number, wrong) in [
            "spec: 7\nsubsets: 7\ndata: 7\nports: 7\nendpoints: 7",
            "spec: [x]\nsubsets: {a: b}\ndata: [x]\nports: {a: b}\nendpoints: {a: b}",
            "spec: { rules: x, parentRefs: 7, hostnames: 9, listeners: x, ports: x, from: x, to: x, controller: [], controllerName: [] }\nsubsets: [x]\ndata: { a: [x] }\nports: [x]\nendpoints: [x]",
            "spec: { rules: [{ http: [], matches: {}, backendRefs: x, host: [] }], ports: [{ port: x }], listeners: [{ port: x }], from: [7], to: [7] }\nsubsets: [{ addresses: x, ports: [{ port: -1 }] }]\nendpoints: [{ addresses: x }]\nports: [{ port: 99999999999 }]\ndata: { tls.crt: 'not base64!' }\ntype: [kubernetes.io/tls]\naddressType: 7",
            "spec: null\nsubsets: null\nmetadata: { annotations: [x], labels: x, name: '../../x', creationTimestamp: yesterday }",
        ]
        .into_iter()
        .enumerate()
        {
            let metadata = if wrong.contains("metadata") {
                String::new()
            } else {
                format!("metadata: {{ name: wrong-{number}, namespace: default }}\n")
            };
            documents.push(format!("apiVersion: {version}\nkind: {kind}\n{metadata}{wrong}\n"));
        }
        check(
            &edge,
            &format!("{}.yaml", kind.to_lowercase()),
            manifest::join(&documents).as_bytes(),
        )
        .await;
    }
    edge.stop().await;
}
