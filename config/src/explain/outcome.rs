//! What does the rule that won do with the request?

use super::words;
use super::{
    ActionTaken, BackendExplained, Destination, EndpointExplained, FailureExplained, Target,
};
use crate::name::Kind;
use crate::reason::Reason;
use crate::snapshot::{Action, BackendId, Compiled, EndpointAddress, Failure, Rule};

/// Stands for the object where the command line says the address.
pub const OVERRIDE: &str = "--endpoint";

pub fn action(compiled: &Compiled, rule: &Rule) -> ActionTaken {
    match &rule.action {
        Action::Forward(targets) => {
            let whole = targets.last().map_or(0, |target| target.weight_until);
            let mut before = 0;
            let shares = targets.iter().map(|target| {
                let weight = target.weight_until.saturating_sub(before);
                before = target.weight_until;
                Target {
                    weight,
                    of: whole,
                    to: match &target.backend {
                        Ok(id) => backend(compiled, *id),
                        Err(failure) => Destination::Fail(explained(failure)),
                    },
                }
            });
            ActionTaken::Forward(shares.collect())
        }
        Action::Redirect(redirect) => ActionTaken::Redirect {
            status: redirect.status,
            to: words::redirect(redirect),
        },
        Action::Fail(failure) => ActionTaken::Fail(explained(failure)),
        Action::NotFound => ActionTaken::Fail(own(Reason::NoRule)),
    }
}

fn explained(failure: &Failure) -> FailureExplained {
    FailureExplained {
        status: failure.status,
        reason: failure.reason.as_str(),
        sentence: failure.sentence.clone(),
    }
}

/// An answer of the edge itself, by its reason.
pub fn own(reason: Reason) -> FailureExplained {
    FailureExplained {
        status: reason.status(),
        reason: reason.as_str(),
        sentence: reason.sentence().to_owned(),
    }
}

fn backend(compiled: &Compiled, id: BackendId) -> Destination {
    let Some(backend) = compiled.snapshot.backend(id) else {
        return Destination::Fail(own(Reason::Internal));
    };
    let endpoints = compiled.endpoints.get(&backend.key);
    let endpoints: &[EndpointAddress] = endpoints.map(|all| &**all).unwrap_or_default();
    Destination::Backend(BackendExplained {
        service: backend.label.to_string(),
        protocol: backend.protocol.as_str(),
        is_manual: backend.is_manual,
        policy: words::backend_policy(&backend.policy),
        endpoints: endpoints.iter().map(endpoint).collect(),
        failure: (!endpoints.iter().any(can_be_used)).then(|| own(Reason::NoEndpoint)),
    })
}

/// Those that are ready, and where none is, those that still serve while they terminate (KEP-1669).
fn can_be_used(endpoint: &EndpointAddress) -> bool {
    endpoint.ready || (endpoint.serving && endpoint.terminating)
}

fn endpoint(endpoint: &EndpointAddress) -> EndpointExplained {
    // Endpoints are written in objects of their own; only the command line makes them the Service's.
    let is_overridden = endpoint.object.kind == Kind::Service;
    EndpointExplained {
        address: endpoint.address.to_string(),
        state: match (endpoint.ready, endpoint.serving, endpoint.terminating) {
            (true, _, _) => "ready",
            (_, true, true) => "terminating, still serving",
            (_, _, true) => "terminating",
            (_, true, false) => "serving, not ready",
            _ => "not ready",
        },
        health: "unknown".to_owned(),
        object: match is_overridden {
            true => OVERRIDE.to_owned(),
            false => endpoint.object.to_string(),
        },
        origin: endpoint
            .origin
            .as_ref()
            .filter(|_| !is_overridden)
            .map(ToString::to_string),
    }
}
