//! Which addresses does a Service have?

use super::{Address, Known, tell};
use crate::source::cluster::{Backoff, Fault, Lease};
use config::name::ObjectName;
use futures_util::StreamExt;
use k8s_openapi::api::core::v1::Service;
use kube::Api;
use kube::runtime::watcher::{self, Event};
use std::pin::pin;

/// Tells the addresses of this Service, whenever they change. Returns why it cannot go on.
pub(super) async fn follow(
    lease: &Lease,
    name: &ObjectName,
    known: &Known,
    backoff: &mut Backoff,
) -> Fault {
    let api: Api<Service> = Api::namespaced(lease.client.clone(), &name.namespace);
    let config = watcher::Config::default().fields(&format!("metadata.name={}", name.name));
    let mut events = pin!(watcher::watcher(api, config));
    let mut is_there = false;
    while let Some(event) = events.next().await {
        match event {
            // Said before the first list: it is no success.
            Ok(Event::Init) => {
                is_there = false;
                continue;
            }
            Ok(Event::InitApply(service) | Event::Apply(service)) => {
                is_there = true;
                tell(known, addresses(&service));
            }
            // A Service that is not there has no address.
            Ok(Event::InitDone) if is_there => {}
            Ok(Event::InitDone | Event::Delete(_)) => tell(known, Vec::new()),
            Err(error) => return Fault::of_watch(&error),
        }
        backoff.succeeded();
    }
    Fault::of_watch(&watcher::Error::NoResourceVersion)
}

/// What its load balancer says, then its external addresses; the name that an ExternalName stands for.
pub(super) fn addresses(service: &Service) -> Vec<Address> {
    let balancer = (service.status.as_ref()).and_then(|status| status.load_balancer.as_ref());
    let entries = balancer.and_then(|balancer| balancer.ingress.as_deref());
    let entries = entries.unwrap_or_default().iter();
    let balanced = entries.filter_map(|entry| entry.ip.as_deref().or(entry.hostname.as_deref()));
    let spec = service.spec.as_ref();
    let external = spec.and_then(|spec| spec.external_ips.as_deref());
    let external = external.unwrap_or_default().iter().map(String::as_str);
    let name = spec.and_then(|spec| spec.external_name.as_deref());
    let all = balanced.chain(external).chain(name);
    all.filter(|text| !text.is_empty())
        .map(Address::parse)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(service: serde_json::Value, expected: &[&str]) {
        let service = serde_json::from_value(service).unwrap();
        let expected: Vec<Address> = expected.iter().map(|text| Address::parse(text)).collect();
        assert_eq!(addresses(&service), expected);
    }

    #[test]
    fn a_service_has_the_addresses_of_its_load_balancer_and_its_external_ones() {
        use serde_json::json;
        check(json!({}), &[]);
        check(
            json!({ "spec": { "type": "ClusterIP", "clusterIP": "10.96.0.7" } }),
            &[],
        );
        check(
            json!({
                "spec": { "externalIPs": ["198.51.100.7"] },
                "status": { "loadBalancer": { "ingress": [{ "ip": "203.0.113.7" }, { "hostname": "lb.test" }] } },
            }),
            &["203.0.113.7", "lb.test", "198.51.100.7"],
        );
        check(
            json!({ "spec": { "type": "ExternalName", "externalName": "edge.test" } }),
            &["edge.test"],
        );
    }
}
