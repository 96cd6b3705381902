//! What does the value of an annotation say?

use super::Refusal;
use config::hostname::Hostname;
use config::limits::Limits;
use config::limits::bound::Bound;
use config::model::{LoadBalance, Protocol};
use config::name::ObjectName;

/// Limits with one bound as the value says, so that forms and ranges are those of the settings.
pub(super) fn bounded(key: &str, raw: &str) -> Result<Limits, Refusal> {
    let mut limits = Limits::default();
    let bound = Bound::find(key).ok_or_else(|| wrong("is for a bound that does not exist"))?;
    bound.set(&mut limits, raw).map_err(Refusal::Wrong)?;
    Ok(limits)
}

/// Statuses between commas, sorted, each once.
pub(super) fn statuses(raw: &str) -> Result<Vec<u16>, Refusal> {
    let mut list = Vec::new();
    for word in raw.split(',') {
        let word = word.trim();
        let is_number = word.len() == 3 && word.bytes().all(|b| b.is_ascii_digit());
        match word.parse() {
            Ok(status) if is_number && (500..600).contains(&status) => list.push(status),
            Ok(_) if is_number => return Err(wrong("has a status that no retry can cure")),
            _ => return Err(wrong("is not a list of statuses with commas between them")),
        }
    }
    list.sort_unstable();
    list.dedup();
    Ok(list)
}

/// In capitals too, as ingress-nginx writes them.
pub(super) fn protocol(raw: &str) -> Result<Protocol, Refusal> {
    match raw.to_ascii_lowercase().as_str() {
        "http" => Ok(Protocol::Http1),
        "h2c" => Ok(Protocol::H2c),
        "https" => Ok(Protocol::Https),
        "grpc" => Err(wrong(
            "is not a protocol by itself: gRPC in the clear is h2c",
        )),
        "grpcs" => Err(wrong("is not a protocol by itself: gRPC over TLS is https")),
        "h2" | "http2" => Err(wrong("is h2c in the clear and https over TLS")),
        _ => Err(wrong("is none of them")),
    }
}

pub(super) fn load_balance(raw: &str) -> Result<LoadBalance, Refusal> {
    match raw {
        "p2c" => Ok(LoadBalance::PowerOfTwoChoices),
        "round-robin" => Ok(LoadBalance::RoundRobin),
        "hash" => Err(Refusal::Later),
        _ => Err(wrong("is none of them")),
    }
}

/// An exact name.
pub(super) fn parse_hostname(raw: &str) -> Result<Hostname, Refusal> {
    let name = Hostname::parse(raw).map_err(|error| Refusal::Wrong(error.to_string()))?;
    match name.is_wildcard() {
        true => Err(wrong("is a wildcard, where one name is needed")),
        false => Ok(name),
    }
}

/// Names of ConfigMaps are RFC 1123 subdomains
/// (<https://kubernetes.io/docs/concepts/overview/working-with-objects/names/>).
pub(super) fn name_of_config_map(namespace: &str, raw: &str) -> Result<ObjectName, Refusal> {
    if raw.contains('/') {
        return Err(wrong("names a namespace; it is always the object's own"));
    }
    let is_label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
    };
    if raw.len() > 253 || !raw.split('.').all(is_label) {
        return Err(wrong("is not a name that Kubernetes gives a ConfigMap"));
    }
    Ok(ObjectName::new(namespace, raw))
}

/// True for the first word, false for the second.
pub(super) fn on_or_off(raw: &str, (on, off): (&str, &str)) -> Result<bool, Refusal> {
    if raw == on || raw == off {
        return Ok(raw == on);
    }
    Err(wrong("is neither"))
}

fn wrong(error: &str) -> Refusal {
    Refusal::Wrong(error.to_owned())
}
