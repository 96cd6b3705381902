//! Is a Service translated as its specification says?

use crate::sample;
use crate::translate::Translator;
use config::model::{Model, Protocol, Service, ServiceKind};
use config::name::ObjectName;
use config::problem::Problems;
use config::settings::EndpointOverride;

fn yaml(spec: &str) -> String {
    format!(
        "kind: Service\napiVersion: v1\nmetadata: {{ name: web, namespace: shop }}\nspec: {{ {spec} }}\n"
    )
}

fn service(model: &Model) -> &Service {
    &model.services[&ObjectName::new("shop", "web")]
}

#[track_caller]
fn check(spec: &str, ports: &[(&str, u16, Option<Protocol>)], problems: &[&str]) {
    let (model, found) = sample::translate(&yaml(spec));
    let service = service(&model);
    let found_ports: Vec<_> = service
        .ports
        .iter()
        .map(|port| (&*port.name, port.port, port.protocol))
        .collect();
    assert_eq!(found_ports, ports, "{spec}");
    assert_eq!(sample::problems(&found), problems, "{spec}");
}

#[test]
fn a_port_has_its_name_and_its_number() {
    check("ports: [{ port: 80 }]", &[("", 80, None)], &[]);
    check(
        "ports: [{ name: a, port: 80, targetPort: 8080 }, { name: b, port: 81, protocol: TCP }]",
        &[("a", 80, None), ("b", 81, None)],
        &[],
    );
    check("clusterIP: None", &[], &[]);
}

#[test]
fn only_app_protocol_says_what_a_port_speaks() {
    for (written, expected) in [
        ("kubernetes.io/h2c", Some(Protocol::H2c)),
        ("kubernetes.io/ws", Some(Protocol::Http1)),
        ("kubernetes.io/wss", Some(Protocol::Https)),
        ("http", Some(Protocol::Http1)),
        ("https", Some(Protocol::Https)),
        ("HTTPS", Some(Protocol::Https)),
        ("grpc", Some(Protocol::H2c)),
        ("mysql", None),
        ("example.com/own", None),
    ] {
        let spec = format!("ports: [{{ port: 80, appProtocol: {written} }}]");
        check(&spec, &[("", 80, expected)], &[]);
    }
    check(
        "ports: [{ name: https, port: 443 }]",
        &[("https", 443, None)],
        &[],
    );
}

#[test]
fn ports_of_other_protocols_are_passed_over_and_wrong_numbers_said() {
    check(
        "ports: [{ name: dns, port: 53, protocol: UDP }, { name: web, port: 80 }]",
        &[("web", 80, None)],
        &[],
    );
    check(
        "ports: [{ port: 0 }, { port: 65536 }, { port: 80 }]",
        &[("", 80, None)],
        &[
            "error invalid-field spec.ports[0].port:4",
            "error invalid-field spec.ports[1].port:4",
        ],
    );
}

#[test]
fn the_kind_is_what_the_endpoints_come_from() {
    let kind = |spec: &str| service(&sample::translate(&yaml(spec)).0).kind.clone();
    let manual = ServiceKind::Cluster {
        has_selector: false,
    };
    let selected = ServiceKind::Cluster { has_selector: true };
    assert_eq!(kind("ports: [{ port: 80 }]"), manual);
    assert_eq!(kind("selector: {}"), manual);
    for spec in [
        "",
        "type: ClusterIP, ",
        "type: NodePort, ",
        "type: LoadBalancer, ",
        "clusterIP: None, ",
    ] {
        assert_eq!(kind(&format!("{spec}selector: {{ app: web }}")), selected);
    }
    assert_eq!(
        kind("type: ExternalName, externalName: 192.168.0.50"),
        ServiceKind::ExternalName("192.168.0.50".into())
    );
}

#[track_caller]
fn overridden(overrides: &[(&str, Option<u16>)]) -> (Model, Problems) {
    let mut settings = sample::settings();
    settings.endpoints = overrides
        .iter()
        .map(|(name, port)| EndpointOverride {
            service: ObjectName::new("shop", name),
            port: *port,
            address: ([127, 0, 0, 1], 3001).into(),
        })
        .collect();
    let objects = sample::objects(&yaml(
        "ports: [{ port: 80 }, { name: b, port: 81 }], selector: { app: web }",
    ));
    Translator::default().translate(&objects, &settings)
}

#[test]
fn the_command_line_says_where_a_service_is() {
    let address = ([127, 0, 0, 1], 3001).into();
    let (model, problems) = overridden(&[("web", None), ("web", Some(81))]);
    assert_eq!(problems, []);
    assert_eq!(
        service(&model).kind,
        ServiceKind::Override(vec![(None, address), (Some(81), address)])
    );
    let (plain, _) = overridden(&[]);
    assert_ne!(service(&plain).digest, service(&model).digest);
}

#[test]
fn an_override_that_fits_nothing_names_the_nearest() {
    for (overrides, found, hint) in [
        (
            ("wbe", None),
            "there is no Service shop/wbe",
            "the nearest is shop/web",
        ),
        (
            ("web", Some(82)),
            "Service shop/web has no port 82",
            "80, 81",
        ),
    ] {
        let (_, problems) = overridden(&[overrides]);
        assert_eq!(problems.len(), 1);
        assert_eq!(problems[0].found, found);
        assert!(
            problems[0].expected.contains(hint),
            "{}",
            problems[0].expected
        );
    }
}

#[test]
fn the_digest_tells_meaning_and_not_place_or_status() {
    let digest = |yaml: &str| service(&sample::translate(yaml).0).digest;
    let plain = yaml("ports: [{ port: 80 }]");
    let moved = format!("# a comment\n\n{plain}status: {{ loadBalancer: {{}} }}\n");
    assert_eq!(digest(&plain), digest(&moved));
    for other in [
        yaml("ports: [{ port: 81 }]"),
        yaml("ports: [{ port: 80, appProtocol: https }]"),
        yaml("ports: [{ port: 80 }], selector: { app: web }"),
        plain.replace(
            "namespace: shop",
            "namespace: shop, annotations: { hedgerow.edwardstech.dev/hold: 8s }",
        ),
    ] {
        assert_ne!(digest(&plain), digest(&other), "{other}");
    }
}
