//! At which addresses are our objects served?
//!
//! Those of the settings, or those of a Service, or those of the nodes where our own Service has a ready endpoint. Each way reads only what
//! it needs, and only while the settings name it.

mod nodes;
mod service;

use super::changed_ever;
use crate::source::cluster::{Access, Backoff, Cause, Fault, Lease};
use config::settings::{Publish, Settings};
use serde_json::{Value, json};
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::watch;

/// What a client may dial.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Address {
    Ip(IpAddr),
    Name(String),
}

impl Address {
    /// What somebody wrote into an object.
    pub fn parse(text: &str) -> Address {
        match text.parse() {
            Ok(address) => Address::Ip(address),
            Err(_) => Address::Name(text.to_owned()),
        }
    }

    /// As in `status.loadBalancer.ingress`.
    pub fn entry(&self) -> Value {
        match self {
            Address::Ip(address) => json!({ "ip": address }),
            Address::Name(name) => json!({ "hostname": name }),
        }
    }
}

/// Known addresses, and None where they are not known.
pub(super) type Known = watch::Sender<Option<Vec<Address>>>;

/// Follows what the settings name. Ends only when it is dropped.
pub(super) async fn follow(
    access: Arc<Access>,
    mut settings: watch::Receiver<Arc<Settings>>,
    known: Known,
) {
    loop {
        let publish = settings.borrow_and_update().publish.clone();
        // What was known of another source of addresses says nothing of this one.
        known.send_if_modified(|last| last.take().is_some());
        let has_changed = async {
            loop {
                changed_ever(&mut settings).await;
                if settings.borrow_and_update().publish != publish {
                    return;
                }
            }
        };
        let following = async {
            match &publish {
                Publish::Addresses(addresses) => {
                    let addresses = addresses.iter().copied().map(Address::Ip);
                    tell(&known, addresses.collect());
                }
                Publish::Service(_) | Publish::Nodes(_) => keep_on(&access, &publish, &known).await,
            }
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = has_changed => {}
            () = following => {}
        }
    }
}

/// Sorted, each once.
fn tell(known: &Known, mut addresses: Vec<Address>) {
    addresses.sort_unstable();
    addresses.dedup();
    known.send_if_modified(|last| {
        let is_other = last.as_ref() != Some(&addresses);
        if is_other {
            *last = Some(addresses);
        }
        is_other
    });
}

/// Begins again whenever the API server does not answer; what was known then stays known.
async fn keep_on(access: &Access, publish: &Publish, known: &Known) {
    let mut backoff = Backoff::default();
    loop {
        let fault = match access.lease().await {
            Ok(lease) => {
                let fault = follow_one(&lease, publish, known, &mut backoff).await;
                if matches!(
                    fault.cause,
                    Cause::Unauthorized | Cause::Tls | Cause::Access
                ) {
                    access.renew(&lease);
                }
                fault
            }
            Err(fault) => fault,
        };
        tracing::debug!(error = %fault, "the addresses to publish cannot be read");
        tokio::time::sleep(backoff.next(fault.retry_after)).await;
    }
}

/// Returns why it cannot go on.
async fn follow_one(
    lease: &Lease,
    publish: &Publish,
    known: &Known,
    backoff: &mut Backoff,
) -> Fault {
    match publish {
        Publish::Service(name) => service::follow(lease, name, known, backoff).await,
        Publish::Nodes(name) => nodes::follow(lease, name, known, backoff).await,
        Publish::Addresses(_) => std::future::pending().await,
    }
}
