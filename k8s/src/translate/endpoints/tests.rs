//! Are endpoints translated as their specifications say?

use crate::sample;
use crate::translate::Translator;
use config::model::{EndpointSlice, Model, SliceSource};
use config::name::ObjectName;

fn slice(body: &str) -> String {
    format!(
        "kind: EndpointSlice\napiVersion: discovery.k8s.io/v1\nmetadata: {{ name: web-1, namespace: shop, labels: {{ kubernetes.io/service-name: web }} }}\n{body}"
    )
}

fn endpoints(body: &str) -> String {
    format!("kind: Endpoints\napiVersion: v1\nmetadata: {{ name: web, namespace: shop }}\n{body}")
}

/// Each address with its state, and the ports, as in `10.0.0.1 ready serving | http:80`.
fn lines(model: &Model) -> Vec<String> {
    let slices = model.endpoints.get(&ObjectName::new("shop", "web"));
    let mut lines: Vec<String> = slices
        .into_iter()
        .flatten()
        .map(|slice| line(slice))
        .collect();
    lines.sort();
    lines
}

fn line(slice: &EndpointSlice) -> String {
    let states = |endpoint: &config::model::Endpoint| {
        let states = [
            (endpoint.ready, " ready"),
            (endpoint.serving, " serving"),
            (endpoint.terminating, " terminating"),
        ];
        let states = states.iter().filter(|(is_so, _)| *is_so);
        states.map(|(_, word)| *word).collect::<String>()
    };
    let mut words: Vec<String> = slice
        .endpoints
        .iter()
        .map(|endpoint| format!("{}{}", endpoint.address, states(endpoint)))
        .collect();
    words.push("|".to_owned());
    let ports = slice.ports.iter();
    words.extend(ports.map(|port| format!("{}:{}", port.name, port.port)));
    words.join(" ")
}

#[track_caller]
fn check(yaml: &str, expected: &[&str], problems: &[&str]) {
    let (model, found) = sample::translate(yaml);
    assert_eq!(lines(&model), expected, "{yaml}\n{found:#?}");
    assert_eq!(sample::problems(&found), problems, "{yaml}");
}

#[test]
fn conditions_that_are_not_written_are_true_but_for_terminating() {
    for (conditions, expected) in [
        ("", "10.0.0.1 ready serving | :80"),
        (", conditions: {}", "10.0.0.1 ready serving | :80"),
        (", conditions: { ready: false }", "10.0.0.1 serving | :80"),
        (
            ", conditions: { ready: false, serving: false }",
            "10.0.0.1 | :80",
        ),
        (
            ", conditions: { ready: false, serving: true, terminating: true }",
            "10.0.0.1 serving terminating | :80",
        ),
    ] {
        let body = format!(
            "addressType: IPv4\nports: [{{ port: 80 }}]\nendpoints: [{{ addresses: [10.0.0.1]{conditions} }}]\n"
        );
        check(&slice(&body), &[expected], &[]);
    }
}

#[test]
fn a_slice_has_one_family_and_each_endpoint_one_address() {
    check(
        &slice(
            "addressType: IPv6\nports: [{ name: http, port: 80 }]\nendpoints: [{ addresses: [\"fd00::1\"] }]\n",
        ),
        &["fd00::1 ready serving | http:80"],
        &[],
    );
    check(
        &slice(
            "addressType: IPv4\nports: [{ port: 80 }]\nendpoints:\n- addresses: [\"fd00::1\"]\n- addresses: [web.test]\n- addresses: []\n- addresses: [10.0.0.1, 10.0.0.2]\n",
        ),
        &["10.0.0.1 ready serving | :80"],
        &[
            "error invalid-field endpoints[0].addresses[0]:7",
            "error invalid-field endpoints[1].addresses[0]:8",
            "error invalid-field endpoints[2].addresses[0]:9",
            "warning unsupported endpoints[3].addresses[1]:10",
        ],
    );
    check(
        &slice(
            "addressType: FQDN\nports: [{ port: 80 }]\nendpoints: [{ addresses: [web.test] }]\n",
        ),
        &["| :80"],
        &["error unsupported addressType:4"],
    );
}

#[test]
fn only_tcp_ports_with_a_number_count() {
    check(
        &slice(
            "addressType: IPv4\nports: [{ name: a, port: 80, protocol: TCP }, { name: b, port: 53, protocol: UDP }, { name: c }, { name: d, port: 70000 }]\nendpoints: []\n",
        ),
        &["| a:80"],
        &["error invalid-field ports[3].port:5"],
    );
}

#[test]
fn the_subsets_of_endpoints_are_slices_of_their_own() {
    check(
        &endpoints(
            "subsets:\n- addresses: [{ ip: 192.168.0.50 }]\n  notReadyAddresses: [{ ip: 192.168.0.51 }]\n  ports: [{ port: 3001 }]\n- addresses: [{ ip: \"fd00::1\" }]\n  ports: [{ name: http, port: 80 }, { name: dns, port: 53, protocol: UDP }]\n",
        ),
        &[
            "192.168.0.50 ready serving 192.168.0.51 | :3001",
            "fd00::1 ready serving | http:80",
        ],
        &[],
    );
    check(&endpoints(""), &["|"], &[]);
    check(
        &endpoints("subsets: [{ addresses: [{ ip: vm.home.lan }], ports: [{ port: 0 }] }]\n"),
        &["|"],
        &[
            "error invalid-field subsets[0].addresses[0].ip:4",
            "error invalid-field subsets[0].ports[0].port:4",
        ],
    );
}

#[test]
fn slices_and_endpoints_of_one_service_stand_side_by_side() {
    let yaml = format!(
        "{}---\n{}---\n{}",
        slice("addressType: IPv4\nports: [{ port: 80 }]\nendpoints: [{ addresses: [10.0.0.1] }]\n"),
        slice("addressType: IPv4\nports: [{ port: 80 }]\nendpoints: [{ addresses: [10.0.0.2] }]\n")
            .replace("web-1", "web-2"),
        endpoints("subsets: [{ addresses: [{ ip: 10.0.0.1 }], ports: [{ port: 80 }] }]\n"),
    );
    let (model, _) = sample::translate(&yaml);
    let slices = &model.endpoints[&ObjectName::new("shop", "web")];
    let mut sources: Vec<SliceSource> = slices.iter().map(|slice| slice.source).collect();
    sources.sort();
    assert_eq!(
        sources,
        [
            SliceSource::Slice,
            SliceSource::Slice,
            SliceSource::Endpoints
        ]
    );
}

#[test]
fn a_cluster_may_not_name_the_edges_own_addresses_and_a_directory_may() {
    for (address, port, is_refused) in [
        ("127.0.0.1", 80, true),
        ("127.1.2.3", 80, true),
        ("::1", 80, true),
        ("::ffff:127.0.0.1", 80, true),
        ("169.254.169.254", 80, true),
        ("::ffff:169.254.169.254", 80, true),
        ("fe80::1", 80, true),
        ("192.168.0.40", 9180, true),
        ("::ffff:192.168.0.40", 9180, true),
        ("192.168.0.40", 80, false),
        ("192.168.0.50", 9180, false),
        ("fd00::1", 80, false),
    ] {
        let subsets = format!(
            "subsets: [{{ addresses: [{{ ip: \"{address}\" }}], ports: [{{ port: {port} }}] }}]\n"
        );
        let family = if address.contains(':') {
            "IPv6"
        } else {
            "IPv4"
        };
        let list = format!(
            "addressType: {family}\nports: [{{ port: {port} }}]\nendpoints: [{{ addresses: [\"{address}\"] }}]\n"
        );
        for yaml in [endpoints(&subsets), slice(&list)] {
            let mut objects = sample::objects(&yaml);
            let (_, problems) = Translator::default().translate(&objects, &sample::settings());
            assert_eq!(problems, [], "{address}");
            objects.is_directory = false;
            let (model, problems) = Translator::default().translate(&objects, &sample::settings());
            let codes: Vec<String> = problems.iter().map(|problem| problem.code_str()).collect();
            let all = model.endpoints.values().flatten();
            let left: usize = all.map(|slice| slice.endpoints.len()).sum();
            let expected: &[&str] = if is_refused {
                &["refused-endpoint"]
            } else {
                &[]
            };
            assert_eq!(codes, expected, "{address}");
            assert_eq!(left, usize::from(!is_refused), "{address}");
        }
    }
}

#[test]
fn an_address_that_no_host_has_is_refused_from_everywhere() {
    for address in ["0.0.0.0", "224.0.0.1", "255.255.255.255"] {
        let yaml = endpoints(&format!(
            "subsets: [{{ addresses: [{{ ip: {address} }}], ports: [{{ port: 80 }}] }}]\n"
        ));
        for is_directory in [true, false] {
            let mut objects = sample::objects(&yaml);
            objects.is_directory = is_directory;
            let (_, problems) = Translator::default().translate(&objects, &sample::settings());
            assert_eq!(problems.len(), 1, "{address}");
            assert_eq!(problems[0].code_str(), "refused-endpoint");
        }
    }
}

#[test]
fn a_slice_that_names_no_service_is_said() {
    let body = "addressType: IPv4\nports: [{ port: 80 }]\nendpoints: [{ addresses: [10.0.0.1] }]\n";
    let label = "kubernetes.io/service-name: web";
    for (labels, words, in_cluster) in [
        ("app: web", "has no label kubernetes.io/service-name", 0),
        (
            "kubernetes.io/servicename: web",
            "`kubernetes.io/servicename`, not",
            1,
        ),
        ("kubernetes.io/service-name: \"\"", "is empty", 1),
    ] {
        let mut objects = sample::objects(&slice(body).replace(label, labels));
        let (model, problems) = Translator::default().translate(&objects, &sample::settings());
        assert!(model.endpoints.is_empty());
        assert_eq!(sample::problems(&problems).len(), 1, "{labels}");
        assert!(problems[0].found.contains(words), "{}", problems[0]);
        assert_eq!(problems[0].severity, config::problem::Severity::Warning);
        objects.is_directory = false;
        let (_, problems) = Translator::default().translate(&objects, &sample::settings());
        let infos = problems
            .iter()
            .filter(|p| p.severity == config::problem::Severity::Info);
        assert_eq!(
            (problems.len(), infos.count()),
            (in_cluster, in_cluster),
            "{labels}"
        );
    }
}
