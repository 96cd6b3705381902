//! For which hosts was an object meant that is not in force?

use crate::objects::Any;
use config::name::Kind;
use serde::Serialize;
use serde_json::Value;

/// Hosts of one object that are looked at. With more of them it may be for any.
const HOSTS_MAX: usize = 256;

/// The host names of an Ingress or HTTPRoute as they are written, `*` for every host. None: some of them cannot be read, or the kind has none.
pub fn of(object: &Value, kind: Kind) -> Option<Vec<String>> {
    let spec = object.get("spec")?;
    match kind {
        Kind::Ingress => of_ingress(spec),
        Kind::HttpRoute => list(spec.get("hostnames")?, |host| {
            Some(host.as_str()?.to_owned())
        }),
        _ => None,
    }
}

/// The same of what an object seems to mean.
pub fn of_draft(draft: &Any, left_out: &[String]) -> Option<Vec<String>> {
    let is_host = |path: &String| path.ends_with(".host") || path.contains(".hostnames");
    if left_out.iter().any(is_host) {
        return None;
    }
    match draft {
        Any::Ingress(ingress) => of(&written(&ingress.value)?, Kind::Ingress),
        Any::HttpRoute(route) => of(&written(&route.value)?, Kind::HttpRoute),
        _ => None,
    }
}

fn written(object: &impl Serialize) -> Option<Value> {
    serde_json::to_value(object).ok()
}

/// An Ingress's rule without a host is a rule for all of them, and so is its default backend.
fn of_ingress(spec: &Value) -> Option<Vec<String>> {
    let mut hosts = match spec.get("rules") {
        Some(rules) => list(rules, |rule| match rule.as_object()?.get("host") {
            None | Some(Value::Null) => Some("*".to_owned()),
            Some(host) => Some(host.as_str()?.to_owned()),
        })?,
        None => Vec::new(),
    };
    if spec.get("defaultBackend").is_some() {
        hosts.push("*".to_owned());
    }
    (!hosts.is_empty()).then_some(hosts)
}

fn list(list: &Value, one: impl Fn(&Value) -> Option<String>) -> Option<Vec<String>> {
    let items = list.as_array().filter(|items| items.len() <= HOSTS_MAX)?;
    let hosts: Option<Vec<String>> = items.iter().map(one).collect();
    hosts.filter(|hosts| !hosts.is_empty())
}
