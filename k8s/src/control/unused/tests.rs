//! Is everything told of an object that is not used, and nothing that is not true?

use crate::control::build;
use crate::sample;

const SERVICE: &str = "
kind: Service
apiVersion: v1
metadata: { name: web, namespace: default }
spec: { ports: [{ port: 80 }] }
---
kind: Endpoints
apiVersion: v1
metadata: { name: web, namespace: default }
subsets: [{ addresses: [{ ip: 10.0.0.1 }], ports: [{ port: 80 }] }]
---
";

fn ingress(name: &str, spec: &str) -> String {
    format!(
        "kind: Ingress\napiVersion: networking.k8s.io/v1\n\
         metadata: {{ name: {name}, annotations: {{ hedgerow.edwardstech.dev/hold: soon }} }}\nspec: {spec}\n---\n"
    )
}

fn path(service: &str) -> String {
    format!(
        "{{ path: /, pathType: Prefix, backend: {{ service: {{ name: {service}, port: {{ number: 80 }} }} }} }}"
    )
}

/// The problems of this Ingress beside a right Service, as `code field`.
#[track_caller]
fn check(spec: &str, expected: &[&str]) {
    let objects = sample::objects(&format!("{SERVICE}{}", ingress("shop", spec)));
    let compiled = build(&objects, &sample::settings(), 1_800_000_000);
    let told = compiled.problems.iter();
    let told = told.filter(|problem| problem.object.to_string() == "Ingress default/shop");
    let mut told: Vec<String> = told
        .map(|problem| format!("{} {}", problem.code_str(), problem.field))
        .collect();
    told.sort();
    assert_eq!(told, expected, "{spec}");
    let rules = &compiled.snapshot.rules;
    assert!(
        rules
            .iter()
            .all(|rule| rule.object.name.name != "shop".into())
    );
}

const HOLD: &str = "invalid-annotation metadata.annotations[hedgerow.edwardstech.dev/hold]";

#[test]
fn a_misspelt_field_hides_no_other_problem_of_its_object() {
    check(
        &format!(
            "{{ rules: [{{ hosst: a.test, http: {{ paths: [{}, {}] }} }}] }}",
            path("web"),
            path("wbe").replace("/,", "/x,")
        ),
        &[
            HOLD,
            "no-certificate spec.rules[0].http.paths[0]",
            "no-such-service spec.rules[0].http.paths[1].backend.service",
            "unknown-field spec.rules[0].hosst",
        ],
    );
}

#[test]
fn what_is_below_a_misspelt_field_is_judged_as_well() {
    check(
        &format!(
            "{{ ruls: [{{ host: 5, htttp: {{ paths: [{}] }} }}] }}",
            path("wbe")
        ),
        &[
            HOLD,
            "invalid-field spec.ruls[0].host",
            "no-such-service spec.rules[0].http.paths[0].backend.service",
            "unknown-field spec.ruls",
            "unknown-field spec.ruls[0].htttp",
        ],
    );
}

#[test]
fn a_type_error_hides_no_problem_of_the_other_fields_and_makes_none() {
    let wrong = path("web").replace("number: 80", "number: \"80\"");
    check(
        &format!(
            "{{ rules: [{{ host: a.test, http: {{ paths: [{wrong}, {}] }} }}] }}",
            path("wbe").replace("/,", "/x,")
        ),
        &[
            HOLD,
            "invalid-field spec.rules[0].http.paths[0].backend.service.port.number",
            "no-such-service spec.rules[0].http.paths[1].backend.service",
        ],
    );
}

#[test]
fn an_object_without_a_name_is_judged_for_its_fields_too() {
    let text = "kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: { name: UPPER }\n\
                spec: { rules: [{ host: 5 }] }\n";
    let objects = sample::objects(text);
    let fields = objects.problems.iter().map(|problem| &*problem.field);
    let fields: Vec<&str> = fields.collect();
    assert_eq!(fields, ["metadata.name", "spec.rules[0].host"]);
    assert!(objects.ingresses.is_empty());
}

#[test]
fn the_hosts_of_unused_objects_are_known_as_far_as_they_can_be_read() {
    let text = [
        ingress(
            "misspelt",
            "{ rules: [{ hosst: a.test }, { host: \"*.b.test\" }] }",
        ),
        ingress("typed", "{ rules: [{ host: c.test, http: { paths: 5 } }] }"),
        ingress("unreadable", "{ rules: [{ host: [d.test] }] }"),
        ingress("open", "{ rules: [{ http: { paths: 5 } }] }"),
        "kind: HTTPRoute\napiVersion: gateway.networking.k8s.io/v1\nmetadata: { name: route }\n\
         spec: { hostnames: [e.test], rules: [{ backendRefs: [{ port: 80 }] }] }\n"
            .to_owned(),
    ]
    .concat();
    let hosts = super::hosts(&sample::objects(&text));
    let told = hosts.iter().map(|(object, hosts)| {
        let hosts = hosts.as_ref().map_or("?".to_owned(), |all| all.join(","));
        format!("{} {hosts}", object.name.name)
    });
    let told: Vec<String> = told.collect();
    assert_eq!(
        told,
        [
            "misspelt a.test,*.b.test",
            "open *",
            "typed c.test",
            "unreadable ?",
            "route e.test"
        ]
    );
}
