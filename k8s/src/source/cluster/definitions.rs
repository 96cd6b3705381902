//! Which kinds of the Gateway API does the API server have?
//!
//! They may be installed at any time, go away and come back. Everybody who may log in may ask for this, so it works with rights in a
//! single namespace too.

use super::access::Access;
use super::backoff::Backoff;
use super::fault::{Cause, Fault, Remedy};
use super::kinds::{GATEWAY_API, GATEWAY_GROUP, definition};
use super::status::SourceStatus;
use config::name::Kind;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResourceList;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often they are looked for.
const INTERVAL: Duration = Duration::from_secs(10);
/// One question has this long.
const TIMEOUT: Duration = Duration::from_secs(10);
/// A kind that was there is gone when it was not there so often in a row: an API server that starts does not know all of its own.
const LOOKS_UNTIL_GONE: u32 = 2;
const VERSIONS: [&str; 2] = ["v1", "v1beta1"];

/// The kinds that there are, each with the version to use.
pub(super) type Served = BTreeMap<Kind, &'static str>;

/// Sends on which kinds there are, when that changes. Ends when nobody listens any more.
pub(super) async fn follow(
    access: Arc<Access>,
    status: Arc<SourceStatus>,
    served: watch::Sender<Option<Served>>,
) {
    let mut backoff = Backoff::default();
    let mut sight = Sight::default();
    while !served.is_closed() {
        let wait = match look(&access).await {
            Ok(seen) => {
                status.answered();
                backoff.succeeded();
                let now = sight.saw(seen);
                served.send_if_modified(|last| {
                    let is_other = last.as_ref() != Some(now);
                    if is_other {
                        *last = Some(now.clone());
                    }
                    is_other
                });
                INTERVAL
            }
            Err(fault) => {
                status.failed(None, &fault);
                // Whoever may not even ask this gets what there is without the Gateway API.
                if fault.cause == Cause::Forbidden && served.borrow().is_none() {
                    served.send_replace(Some(Served::new()));
                }
                backoff.next(fault.retry_after)
            }
        };
        tokio::select! {
            () = served.closed() => return,
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// What was seen so far.
#[derive(Debug, Default)]
struct Sight {
    served: Served,
    /// How often in a row a kind was not there that had been.
    missed: BTreeMap<Kind, u32>,
}

impl Sight {
    fn saw(&mut self, seen: Served) -> &Served {
        for kind in GATEWAY_API {
            if let Some(version) = seen.get(&kind) {
                self.missed.remove(&kind);
                self.served.insert(kind, version);
                continue;
            }
            let missed = self.missed.entry(kind).or_default();
            *missed = missed.saturating_add(1);
            if *missed >= LOOKS_UNTIL_GONE {
                self.served.remove(&kind);
            }
        }
        &self.served
    }
}

async fn look(access: &Access) -> Result<Served, Fault> {
    let lease = access.lease().await?;
    let mut served = Served::new();
    for version in VERSIONS {
        let api_version = format!("{GATEWAY_GROUP}/{version}");
        let asked = lease.client.list_api_group_resources(&api_version);
        let answer = match tokio::time::timeout(TIMEOUT, asked).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => {
                let fault = Fault::of_client(&error);
                if fault.remedy == Remedy::Reconnect {
                    access.renew(&lease);
                }
                match fault.cause {
                    Cause::Missing => continue,
                    _ => return Err(fault),
                }
            }
            Err(_) => {
                let message = "the API server does not say which kinds it has".to_owned();
                return Err(Fault::new(Cause::Unreachable, message));
            }
        };
        note(&answer, version, &mut served);
    }
    Ok(served)
}

/// The versions come in the order of preference.
fn note(answer: &APIResourceList, version: &'static str, served: &mut Served) {
    for kind in GATEWAY_API {
        let plural = definition(kind).plural;
        let is_there = answer.resources.iter().any(|one| one.name == plural);
        if is_there {
            served.entry(kind).or_insert(version);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(sight: &mut Sight, seen: &[Kind], expected: &[Kind]) {
        let seen = seen.iter().map(|kind| (*kind, "v1")).collect();
        let found: Vec<Kind> = sight.saw(seen).keys().copied().collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_kind_is_there_at_once_and_gone_when_it_was_missed_twice() {
        let mut sight = Sight::default();
        check(&mut sight, &[], &[]);
        check(&mut sight, &[Kind::HttpRoute], &[Kind::HttpRoute]);
        check(&mut sight, &[], &[Kind::HttpRoute]);
        check(&mut sight, &[Kind::HttpRoute], &[Kind::HttpRoute]);
        check(&mut sight, &[], &[Kind::HttpRoute]);
        check(&mut sight, &[], &[]);
        check(&mut sight, &[Kind::HttpRoute], &[Kind::HttpRoute]);
    }

    #[test]
    fn the_better_version_is_used() {
        let list = |names: &[&str]| APIResourceList {
            resources: names
                .iter()
                .map(
                    |name| k8s_openapi::apimachinery::pkg::apis::meta::v1::APIResource {
                        name: (*name).to_owned(),
                        ..Default::default()
                    },
                )
                .collect(),
            ..Default::default()
        };
        let mut served = Served::new();
        note(
            &list(&["httproutes", "httproutes/status"]),
            "v1",
            &mut served,
        );
        note(
            &list(&["httproutes", "referencegrants"]),
            "v1beta1",
            &mut served,
        );
        let expected = [(Kind::ReferenceGrant, "v1beta1"), (Kind::HttpRoute, "v1")];
        assert_eq!(served, Served::from(expected));
    }
}
