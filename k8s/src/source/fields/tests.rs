//! Is an author told what is wrong with each field, and what would be right?

use super::*;
use crate::objects::Secret;
use gateway_api::apis::standard::httproutes::HttpRoute;
use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::networking::v1::Ingress;
use serde_json::json;

fn check<K: DeserializeOwned>(value: Value, expected: &[&str]) {
    let Reading { object, faults, .. } = read::<K>(value.clone(), Privacy::Public);
    assert_eq!(told(&faults), expected, "{value}");
    let has_errors = faults.iter().any(|fault| fault.severity == Severity::Error);
    assert_eq!(object.is_none(), has_errors, "{value}");
}

fn told(faults: &[FieldFault]) -> Vec<String> {
    let one = |fault: &FieldFault| {
        let severity = match fault.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Info => "info",
        };
        format!(
            "{severity} {}: {}; {}",
            fault.field, fault.found, fault.expected
        )
    };
    // The sentence behind each misspelt field is always the same.
    let all = faults.iter().map(one);
    all.map(|text| text.replace(&format!("; {MISSPELT}"), "; (misspelt)"))
        .collect()
}

#[test]
fn a_key_that_would_widen_a_rule_takes_the_object_out() {
    let path = json!({"pth": "/a", "pathType": "Prefix", "backend": {"service": {"name": "x"}}});
    for rule in [
        json!({"hots": "a.test"}),
        json!({"hostname": "a.test"}),
        json!({"hosts": ["a.test"]}),
        json!({"host": "a.test", "http": {"paths": [path]}}),
    ] {
        let reading = read::<Ingress>(json!({"spec": {"rules": [rule]}}), Privacy::Public);
        assert_eq!(reading.object, None, "{rule}");
    }
    for spec in [
        json!({"hostname": ["a.test"]}),
        json!({"rules": [{"match": []}]}),
        json!({"rules": [{"matchs": []}]}),
        json!({"parentRef": []}),
    ] {
        let value = json!({"metadata": {}, "spec": spec});
        let reading = read::<HttpRoute>(value, Privacy::Public);
        assert_eq!(reading.object, None, "{spec}");
    }
    // What the other kinds, and other edges, call the same thing.
    for spec in [
        json!({"host": "a.test"}),
        json!({"domains": ["a.test"]}),
        json!({"rules": [{"path": "/a", "backendRefs": []}]}),
        json!({"rules": [{"headers": {"a": "b"}}]}),
        json!({"rules": [{"matches": [{"query": {"a": "b"}}]}]}),
        json!({"rules": [{"matches": [{"verb": "GET"}]}]}),
        json!({"rules": [{"matches": [{"path": {"exact": "/adm"}}]}]}),
    ] {
        let value = json!({"metadata": {}, "spec": spec});
        let reading = read::<HttpRoute>(value, Privacy::Public);
        assert_eq!(reading.object, None, "{spec}");
    }
    for rule in [
        json!({"domain": "a.test"}),
        json!({"hostnames": ["a.test"]}),
        json!({"http": {"paths": [{"pathPrefix": "/a", "pathType": "Prefix", "backend": {}}]}}),
    ] {
        let reading = read::<Ingress>(json!({"spec": {"rules": [rule]}}), Privacy::Public);
        assert_eq!(reading.object, None, "{rule}");
    }
    let misplaced = json!({"metadata": {"namespce": "x"}});
    assert_eq!(read::<Ingress>(misplaced, Privacy::Public).object, None);
}

#[test]
fn fields_of_a_newer_version_cost_nothing() {
    let mut spec = json!({"rules": [{"name": "n", "retry": {}, "sessionPersistence": {}}]});
    spec["useDefaultGateways"] = json!("All");
    let value = json!({"metadata": {}, "spec": spec});
    let reading = read::<HttpRoute>(value, Privacy::Public);
    assert!(reading.object.is_some(), "{:?}", reading.faults);
}

#[test]
fn a_right_object_has_no_faults() {
    check::<Ingress>(
        json!({"metadata": {"name": "a", "annotations": {"any.org/x": "y"}}, "spec": {"rules": [{"host": "x"}], "tls": null}}),
        &[],
    );
    check::<Service>(
        json!({"spec": {"ports": [{"port": 80, "targetPort": "http"}]}}),
        &[],
    );
}

#[test]
fn a_misspelt_field_is_an_error_with_the_right_spelling() {
    check::<Ingress>(
        json!({"spec": {"ingressclassname": "x"}}),
        &[
            "error spec.ingressclassname: a field \"ingressclassname\" that this kind does not have; \
         ingressClassName; (misspelt)",
        ],
    );
    check::<Ingress>(
        json!({"spec": {"rules": [{"host": "x"}, {"hosts": "y", "http": {"path": []}}]}}),
        &[
            "error spec.rules[1].hosts: a field \"hosts\" that this kind does not have; host; (misspelt)",
            "error spec.rules[1].http.path: a field \"path\" that this kind does not have; paths; (misspelt)",
        ],
    );
    check::<HttpRoute>(
        json!({"metadata": {}, "spec": {"hostname": ["x"], "rules": [{"backendRefs": [{"name": "a", "wieght": 1}]}]}}),
        &[
            "error spec.hostname: a field \"hostname\" that this kind does not have; hostnames; (misspelt)",
            "error spec.rules[0].backendRefs[0].wieght: a field \"wieght\" that this kind does not have; \
             weight; (misspelt)",
        ],
    );
}

#[test]
fn a_strange_field_is_a_warning_with_the_known_ones() {
    check::<Ingress>(
        json!({"spec": {"colour": "red"}}),
        &[
            "warning spec.colour: a field \"colour\" that this kind does not have; \
         one of defaultBackend, ingressClassName, rules, tls; it is ignored",
        ],
    );
}

#[test]
fn a_wrong_type_names_what_is_there_and_what_would_be_right() {
    check::<Service>(
        json!({"spec": {"ports": [{"port": "80"}]}}),
        &["error spec.ports[0].port: the text \"80\"; a whole number, without quotes"],
    );
    check::<Service>(
        json!({"spec": {"ports": [{"port": 80.5}]}}),
        &["error spec.ports[0].port: the number 80.5; a whole number"],
    );
    check::<Ingress>(
        json!({"metadata": {"annotations": {"a.b/c": true}}}),
        &["error metadata.annotations[a.b/c]: the boolean true; a string: put quotes around it"],
    );
    check::<Ingress>(
        json!({"spec": {"rules": {"host": "x"}}}),
        &["error spec.rules: a map; a list"],
    );
    check::<Ingress>(
        json!({"spec": {"rules": ["x"]}}),
        &["error spec.rules[0]: the text \"x\"; a map of the fields of IngressRule"],
    );
    check::<Ingress>(
        json!({"spec": 5}),
        &["error spec: the number 5; a map of the fields of IngressSpec"],
    );
    check::<HttpRoute>(
        json!({"metadata": {}, "spec": {"rules": [{"backendRefs": [{}]}]}}),
        &["error spec.rules[0].backendRefs[0].name: nothing; a value: the field is required"],
    );
    check::<HttpRoute>(
        json!({"metadata": {}, "spec": {"rules": [{"matches": [{"method": "FETCH"}]}]}}),
        &[
            "error spec.rules[0].matches[0].method: the text \"FETCH\"; one of `GET`, `HEAD`, `POST`, `PUT`, \
           `DELETE`, `CONNECT`, `OPTIONS`, `TRACE`, `PATCH`",
        ],
    );
}

#[test]
fn several_wrong_fields_are_all_found() {
    check::<Service>(
        json!({"spec": {"type": 1, "ports": [{"port": "x", "naem": "a"}, {"port": []}], "clusterip": "None"}}),
        &[
            "error spec.type: the number 1; a string: put quotes around it",
            "error spec.ports[0].port: the text \"x\"; a whole number, without quotes",
            "error spec.ports[1].port: a list; a whole number",
            "error spec.clusterip: a field \"clusterip\" that this kind does not have; clusterIP; (misspelt)",
            "error spec.ports[0].naem: a field \"naem\" that this kind does not have; name; (misspelt)",
        ],
    );
    // What was taken out to go on is not told as missing.
    check::<HttpRoute>(
        json!({"metadata": {}, "spec": {"rules": [{"backendRefs": [{"name": 5}]}]}}),
        &["error spec.rules[0].backendRefs[0].name: the number 5; a string: put quotes around it"],
    );
}

#[test]
fn a_long_value_is_cut() {
    let faults = read::<Ingress>(json!({"spec": "x".repeat(1000)}), Privacy::Public).faults;
    assert!(faults[0].found.len() < 60, "{}", faults[0].found);
}

#[test]
fn no_value_of_a_secret_is_ever_told() {
    let secret = "hunter2!";
    for value in [
        json!({"data": {"password": secret}}),
        json!({"data": secret}),
        json!({"data": {"password": [secret]}}),
        json!({"stringData": {"password": 2222}}),
        json!({"type": [secret], "stringData": {"a": {secret: 1}}}),
    ] {
        let faults = read::<Secret>(value.clone(), Privacy::Secret).faults;
        let told = told(&faults).join("\n");
        assert!(!faults.is_empty(), "{value}");
        assert!(!told.contains("hunter") && !told.contains("2222"), "{told}");
    }
    let faults = read::<Secret>(json!({"data": {"a": "*"}}), Privacy::Secret).faults;
    assert_eq!(
        told(&faults),
        [
            "error data.a: text that is not right here; base64 under data; plain text goes under stringData"
        ]
    );
}
