//! Is each document taken for what it is, and is one object's mistake its own?

use crate::objects::{Any, Objects};
use crate::source::directory::gather_stdin;
use crate::source::manifest;
use crate::source::yaml::Notation;
use config::name::ObjectName;
use proptest::prelude::*;

fn objects(text: &str) -> (Vec<String>, Vec<String>) {
    let contents = manifest::read(text.as_bytes(), Notation::Yaml, &"f".into());
    let names = contents.objects.iter();
    let problems = contents.problems.iter();
    (
        names.map(|object| object.reference().to_string()).collect(),
        problems.map(ToString::to_string).collect(),
    )
}

fn check(text: &str, names: &[&str], problems: &[&str]) {
    let (found, told) = objects(text);
    assert_eq!(found, names, "{text}");
    assert_eq!(told, problems, "{text}");
}

const META: &str = "metadata: {name: a}";

#[test]
fn every_kind_is_read_in_each_of_its_versions() {
    for (version, kind, name) in [
        ("networking.k8s.io/v1", "Ingress", "Ingress default/a"),
        ("networking.k8s.io/v1", "IngressClass", "IngressClass a"),
        ("v1", "Service", "Service default/a"),
        (
            "discovery.k8s.io/v1",
            "EndpointSlice",
            "EndpointSlice default/a",
        ),
        ("v1", "Endpoints", "Endpoints default/a"),
        ("v1", "Secret", "Secret default/a"),
        ("v1", "ConfigMap", "ConfigMap default/a"),
        (
            "gateway.networking.k8s.io/v1beta1",
            "GatewayClass",
            "GatewayClass a",
        ),
        (
            "gateway.networking.k8s.io/v1",
            "Gateway",
            "Gateway default/a",
        ),
        (
            "gateway.networking.k8s.io/v1beta1",
            "HTTPRoute",
            "HTTPRoute default/a",
        ),
        (
            "gateway.networking.k8s.io/v1",
            "HTTPRoute",
            "HTTPRoute default/a",
        ),
        (
            "gateway.networking.k8s.io/v1beta1",
            "ReferenceGrant",
            "ReferenceGrant default/a",
        ),
        (
            "gateway.networking.k8s.io/v1",
            "ReferenceGrant",
            "ReferenceGrant default/a",
        ),
    ] {
        let spec = match kind {
            "EndpointSlice" => "addressType: IPv4\nendpoints: []",
            "GatewayClass" => "spec: {controllerName: x/y}",
            "Gateway" => "spec: {gatewayClassName: x, listeners: []}",
            "HTTPRoute" => "spec: {}",
            "ReferenceGrant" => "spec: {from: [], to: []}",
            _ => "",
        };
        let text = format!("apiVersion: {version}\nkind: {kind}\n{META}\n{spec}\n");
        check(&text, &[name], &[]);
    }
}

#[test]
fn a_kind_of_ours_in_a_wrong_version_is_told_and_others_are_passed_over() {
    check(
        &format!("apiVersion: extensions/v1beta1\nkind: Ingress\n{META}\n"),
        &[],
        &[
            "f:1: Ingress default/a: apiVersion: \"extensions/v1beta1\"; networking.k8s.io/v1; the object is not read",
        ],
    );
    check(
        &format!("kind: Service\n{META}\n"),
        &[],
        &["f:1: Service default/a: apiVersion: nothing; v1; the object is not read"],
    );
    check(
        &format!("apiVersion: gateway.networking.k8s.io/v1alpha2\nkind: Gateway\n{META}\n"),
        &[],
        &[
            "f:1: Gateway default/a: apiVersion: \"gateway.networking.k8s.io/v1alpha2\"; \
         gateway.networking.k8s.io/v1 or gateway.networking.k8s.io/v1beta1; the object is not read",
        ],
    );
    check(
        &format!("{META}\nkind: ingress\napiVersion: networking.k8s.io/v1\n"),
        &[],
        &["f:2: Manifest f: kind: \"ingress\"; Ingress; the object is not read"],
    );
    check(
        &format!("apiVersion: v1\n{META}\n"),
        &[],
        &["f:1: Manifest f: kind: nothing; a kind, such as Ingress; the object is not read"],
    );
    check(
        "just words\n",
        &[],
        &["f:1: Manifest f: text; an object with apiVersion, kind and metadata; it is passed over"],
    );
    for other in [
        "apiVersion: networking.istio.io/v1\nkind: Gateway\n",
        "apiVersion: serving.knative.dev/v1\nkind: Service\n",
        "apiVersion: gateway.networking.k8s.io/v1alpha2\nkind: TCPRoute\n",
        "apiVersion: v1\nkind: ServiceAccount\n",
        "apiVersion: apps/v1\nkind: Deployment\n",
        "kind: Kustomization\n",
        "image: {tag: 1}\n",
        "---\n---\n",
    ] {
        check(other, &[], &[]);
    }
}

#[test]
fn names_and_namespaces_must_be_right() {
    let ingress = |metadata: &str| {
        format!("apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata: {metadata}\n")
    };
    check(&ingress("{name: a, namespace: b}"), &["Ingress b/a"], &[]);
    check(
        &ingress("{name: a.b-c, namespace: ''}"),
        &["Ingress default/a.b-c"],
        &[],
    );
    let is_told = |metadata: &str, expected: &str| {
        let (found, told) = objects(&ingress(metadata));
        assert!(
            found.is_empty() && told[0].contains(expected),
            "{metadata}: {told:?}"
        );
    };
    is_told("{}", "metadata.name: nothing");
    is_told("{generateName: a-}", "metadata.name: generateName");
    is_told("{name: Frontend}", "metadata.name: \"Frontend\"");
    is_told("{name: a_b}", "metadata.name: \"a_b\"");
    is_told("{name: a.}", "metadata.name");
    is_told(
        "{name: 80}",
        "metadata.name: a number; text: put quotes around it",
    );
    is_told("{name: a, namespace: a.b}", "metadata.namespace: \"a.b\"");
    is_told("[]", "metadata.name: nothing");
    let long = "a".repeat(254);
    is_told(&format!("{{name: {long}}}"), "metadata.name");
    check(
        "apiVersion: networking.k8s.io/v1\nkind: Ingress\n",
        &[],
        &["f:1: Ingress default/: metadata: nothing; metadata with a name"],
    );
}

#[test]
fn lists_are_unrolled_with_lines() {
    let text = "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: Service\n  metadata: {name: a}\n\
                - apiVersion: v1\n  kind: Pod\n- apiVersion: v1\n  kind: Secret\n  metadata:\n    name: B\n";
    let (found, told) = objects(text);
    assert_eq!(found, ["Service default/a"]);
    assert!(
        told[0].starts_with("f:12: Secret default/B: metadata.name"),
        "{told:?}"
    );
    check(
        "apiVersion: networking.k8s.io/v1\nkind: IngressList\nitems:\n- metadata: {name: a}\n- metadata: {name: b}\n",
        &["Ingress default/a", "Ingress default/b"],
        &[],
    );
    check(
        "apiVersion: v1\nkind: List\nitems: 5\n",
        &[],
        &[
            "f:1: Manifest f: items: something else than a list; a list of objects; none of them is read",
        ],
    );
    check("apiVersion: v1\nkind: List\nitems:\n", &[], &[]);
}

#[test]
fn what_the_server_writes_is_neither_kept_nor_held_against_it() {
    let text = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: a\n  managedFields: [{x: 1}]\n  annotations:\n    \
                kubectl.kubernetes.io/last-applied-configuration: '{}'\n    b:\nstatus: {anything: 1}\n";
    let contents = manifest::read(text.as_bytes(), Notation::Yaml, &"f".into());
    assert_eq!(contents.problems, []);
    let Any::Ingress(ingress) = &contents.objects[0] else {
        panic!("{contents:?}");
    };
    let metadata = &ingress.value.metadata;
    assert_eq!(metadata.managed_fields, None);
    assert_eq!(metadata.namespace.as_deref(), Some("default"));
    let annotations = metadata.annotations.as_ref().unwrap();
    assert_eq!(
        annotations.iter().collect::<Vec<_>>(),
        [(&"b".to_owned(), &String::new())]
    );
    assert_eq!(ingress.origin("metadata.annotations.b").unwrap().line, 8);
}

#[test]
fn string_data_is_data() {
    let text = "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: b25l, b: b25l}\nstringData: {b: two, c: ''}\n";
    let secrets = gather_stdin(text).objects.secrets;
    let secret = &secrets[&ObjectName::new("default", "a")].value;
    let data = secret.data.as_ref().unwrap();
    let text = |key: &str| String::from_utf8(data[key].0.clone()).unwrap();
    assert_eq!([text("a"), text("b"), text("c")], ["one", "two", ""]);
    assert_eq!(secret.string_data, None);
}

#[test]
fn a_revision_covers_the_value_and_the_lines_and_nothing_else() {
    let revision = |text: &str| {
        let contents = manifest::read(text.as_bytes(), Notation::Yaml, &"f".into());
        contents.objects[0].revision()
    };
    let text = format!("apiVersion: v1\nkind: Service\n{META}\nspec:\n  type: ClusterIP\n");
    assert_eq!(
        revision(&text),
        revision(&text.replace("ClusterIP", "\"ClusterIP\" # c"))
    );
    assert_ne!(
        revision(&text),
        revision(&text.replace("ClusterIP", "NodePort"))
    );
    // Translation is remembered by revision, and its problems name lines.
    assert_ne!(revision(&text), revision(&format!("# c\n{text}")));
}

fn names(objects: &Objects) -> Vec<String> {
    let services = objects.services.values().map(|service| &service.name);
    let mut names: Vec<String> = services.map(ToString::to_string).collect();
    names.sort_unstable();
    names
}

proptest! {
    /// Whatever stands in another document of the file, the objects of this one are there.
    #[test]
    fn a_neighbour_costs_an_object_nothing(noise in "[ -~\n]{0,80}", before in any::<bool>()) {
        // A directive is no neighbour: it belongs to the document after it.
        prop_assume!(!noise.lines().any(|line| line.starts_with('%')));
        let service = format!("apiVersion: v1\nkind: Service\n{META}\n");
        let text = match before {
            true => format!("{noise}\n---\n{service}"),
            false => format!("{service}---\n{noise}\n"),
        };
        let loaded = gather_stdin(&text);
        prop_assert_eq!(names(&loaded.objects), ["default/a"]);
    }

    /// A file cut anywhere is read without a panic, and never holds an object that the whole one does not.
    #[test]
    fn a_half_written_file_makes_up_no_objects(cut in 0usize..400) {
        let text: String = (0..5)
            .map(|number| format!("---\napiVersion: v1\nkind: Service\nmetadata:\n  name: service-{number}\n  namespace: here\n"))
            .collect();
        let whole = names(&gather_stdin(&text).objects);
        let half = names(&gather_stdin(text.get(..cut).unwrap_or(&text)).objects);
        let known = half.iter().filter(|name| whole.contains(name)).count();
        // The one that is cut may have lost the end of its name or its namespace.
        prop_assert!(half.len() - known <= 1, "{half:?}");
    }
}

#[test]
fn a_wrong_backend_leaves_the_paths_where_they_are() {
    #[track_caller]
    fn check(path: &str, expected: bool) {
        let text = format!(
            "kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: {{ name: a }}\nspec: {{ rules: [{{ host: a.test, http: {{ paths: [{path}] }} }}] }}\n"
        );
        let contents = manifest::read(text.as_bytes(), Notation::Yaml, &"a.yaml".into());
        let keeps: Vec<bool> = contents.broken.iter().map(|one| one.keeps_paths).collect();
        assert_eq!(keeps, [expected], "{path}");
    }
    let backend = "backend: { service: { name: x, port: { number: \"80\" } } }";
    check(
        &format!("{{ path: /api, pathType: Prefix, {backend} }}"),
        true,
    );
    check(
        &format!("{{ path: [/api], pathType: Prefix, {backend} }}"),
        false,
    );
    check(
        "{ path: /api, pathType: Prefix, backend: { servce: { name: x, port: { number: 80 } } } }",
        true,
    );
}
