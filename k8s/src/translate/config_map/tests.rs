//! Are the authorities of a ConfigMap found?

use crate::sample;
use config::name::ObjectName;

const SERVICE: &str = "kind: Service\napiVersion: v1\nmetadata: { name: web, namespace: web, annotations: { hedgerow.edwardstech.dev/backend-protocol: https, hedgerow.edwardstech.dev/backend-ca: homelab } }\nspec: { ports: [{ port: 443 }] }\n---\n";

fn config_map(name: &str, key: &str, text: &str) -> String {
    let text = text.trim().replace('\n', "\n    ");
    format!(
        "kind: ConfigMap\napiVersion: v1\nmetadata: {{ name: {name}, namespace: web }}\ndata:\n  {key}: |\n    {text}\n"
    )
}

#[track_caller]
fn check(config_map: &str, authorities: Option<usize>, problems: &[&str]) {
    let (model, found) = sample::translate(&format!("{SERVICE}{config_map}"));
    let name = ObjectName::new("web", "homelab");
    let count = model.authorities.get(&name).map(|all| all.len());
    assert_eq!(count, authorities);
    assert_eq!(sample::problems(&found), problems);
}

#[test]
fn every_certificate_of_ca_crt_is_an_authority() {
    let years = (2020, 2120);
    let (one, key) = sample::certificate(&["ca"], years);
    let (two, _) = sample::certificate(&["other ca"], years);
    check(&config_map("homelab", "ca.crt", &one), Some(1), &[]);
    let both = format!("{one}{two}");
    check(&config_map("homelab", "ca.crt", &both), Some(2), &[]);
    let whole = "error invalid-certificate data.ca.crt:10";
    check(&config_map("homelab", "ca.crt", "nothing"), None, &[whole]);
    check(&config_map("homelab", "ca.crt", &key), None, &[whole]);
    let parent = "error invalid-certificate data.ca.crt:9";
    check(&config_map("homelab", "ca.pem", &one), None, &[parent]);
}

#[test]
fn a_config_map_that_nobody_refers_to_is_not_looked_into() {
    check(&config_map("other", "ca.crt", "nothing"), None, &[]);
}
