//! How do two nodes tell that they serve the same?

use crate::digest;
use crate::model::{BackendPolicy, LoadBalance, Model, Route};
use crate::name::ObjectRef;
use crate::snapshot::Backend;
use std::time::Duration;

/// A gauge holds 53 bits exactly; 48 are enough and print short.
const DIGEST_MASK: u64 = 0xffff_ffff_ffff;

/// Over routes with the certificates they want, and the Services that they lead to. Endpoints and the bytes of certificates
/// differ from node to node for a while; this does not.
pub fn of(model: &Model, routes: &[&Route], backends: &[Backend]) -> u64 {
    // Routes come in the order of seniority, backends in the order of routes: the same everywhere.
    let mut bytes = Vec::with_capacity(8 * (routes.len() + 2 * backends.len()));
    for route in routes {
        let name = &route.object.name;
        let created = route.created.map_or([0; 9], |seconds| {
            let mut tagged = [1; 9];
            for (to, from) in tagged.iter_mut().skip(1).zip(seconds.to_le_bytes()) {
                *to = from;
            }
            tagged
        });
        let digest = digest::of(&[
            route.object.kind.as_str().as_bytes(),
            name.namespace.as_bytes(),
            name.name.as_bytes(),
            &created,
            &route.digest.to_le_bytes(),
        ]);
        bytes.extend_from_slice(&digest.to_le_bytes());
    }
    for backend in backends {
        let service = model.services.get(&backend.key.service);
        let digest = digest::of(&[
            backend.label.as_bytes(),
            &backend.key.policy.to_le_bytes(),
            &service.map_or(0, |service| service.digest).to_le_bytes(),
        ]);
        bytes.extend_from_slice(&digest.to_le_bytes());
    }
    digest::of(&[&bytes]) & DIGEST_MASK
}

/// Every object with rules and the digest of what it asks for, the oldest first: for telling what changed.
pub fn objects(routes: &[&Route]) -> Vec<(ObjectRef, u64)> {
    let objects = routes
        .iter()
        .map(|route| (route.object.clone(), route.digest));
    objects.collect()
}

/// The same on every node and in every version, which `Hash` does not promise.
pub fn of_policy(policy: &BackendPolicy) -> u64 {
    let protocol = policy.protocol.map_or("", |protocol| protocol.as_str());
    let load_balance = match policy.load_balance {
        None => "",
        Some(LoadBalance::PowerOfTwoChoices) => "p2c",
        Some(LoadBalance::RoundRobin) => "round-robin",
    };
    let ca = policy.ca.as_ref();
    let server_name = policy.server_name.as_ref().map(ToString::to_string);
    digest::of(&[
        protocol.as_bytes(),
        load_balance.as_bytes(),
        ca.map_or("", |ca| &ca.namespace).as_bytes(),
        ca.map_or("", |ca| &ca.name).as_bytes(),
        server_name.unwrap_or_default().as_bytes(),
        &nanoseconds(policy.connect_timeout),
        &nanoseconds(policy.response_timeout),
        &nanoseconds(policy.idle_timeout),
        &nanoseconds(policy.hold),
        &nanoseconds(policy.keep_alive),
    ])
}

fn nanoseconds(duration: Option<Duration>) -> [u8; 16] {
    // No duration that can be written comes near the maximum, which stands for none.
    duration.map_or(u128::MAX, |d| d.as_nanos()).to_le_bytes()
}
