//! How is one kind followed in one place?

use super::access::{Access, Lease};
use super::arrival::Arrived;
use super::backoff::Backoff;
use super::fault::{Cause, Fault, Remedy};
use super::kinds::{TLS_TYPE, Watched, definition};
use super::shelf::{Place, Shelf};
use super::status::{Key, SourceStatus};
use config::name::Kind;
use futures_util::{Stream, StreamExt};
use kube::Api;
use kube::core::ApiResource;
use kube::runtime::watcher::{self, Event};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::mpsc;

/// Objects of one page of a list: 200 Ingresses are about half a MiB of JSON.
const PAGE_OBJECTS: u32 = 200;
/// The API server itself gives up a list after 60 s.
const LIST_TIMEOUT: Duration = Duration::from_secs(65);
/// After a failure: a watch that has said nothing for so long goes on, else it would have failed again by now.
const QUIET_TIME: Duration = Duration::from_secs(15);

/// What one watch found.
pub(super) struct News {
    pub key: Key,
    /// Which of the watches with this key: one that was ended may still be heard.
    pub number: u64,
    /// None: how it is doing has changed.
    pub change: Option<Change>,
}

pub(super) type Change = Box<dyn FnOnce(&mut Shelf) + Send>;

/// One watch, and what it needs.
#[derive(Clone)]
pub(super) struct Watch {
    pub key: Key,
    pub number: u64,
    /// Of the kind, as the API server has it.
    pub version: &'static str,
    pub labels: Option<String>,
    pub access: Arc<Access>,
    pub status: Arc<SourceStatus>,
    pub news: mpsc::Sender<News>,
}

/// Nobody listens any more.
struct Closed;

/// Follows until nobody listens any more.
pub(super) async fn follow<K: Watched>(watch: Watch) {
    let mut backoff = Backoff::default();
    loop {
        let fault = match watch.access.lease().await {
            Ok(lease) => match watch.lists::<K>(&lease, &mut backoff).await {
                Ok(fault) => fault,
                Err(Closed) => return,
            },
            Err(fault) => match watch.failed(&fault).await {
                Ok(()) => fault,
                Err(Closed) => return,
            },
        };
        tokio::time::sleep(backoff.next(fault.retry_after)).await;
    }
}

impl Watch {
    /// Lists, and then watches until that has to begin anew. Returns why.
    async fn lists<K: Watched>(
        &self,
        lease: &Lease,
        backoff: &mut Backoff,
    ) -> Result<Fault, Closed> {
        let api = self.api::<K>(lease);
        let mut events = pin!(watcher::watcher(api, self.config()));
        let mut list = None;
        let mut is_in_doubt = false;
        loop {
            let next = self.next(&mut events, list.is_some(), is_in_doubt).await;
            let fault = match next {
                Some(Ok(event)) => {
                    let is_first = matches!(event, Event::Init);
                    if !is_first {
                        backoff.succeeded();
                        is_in_doubt = false;
                    }
                    self.take(event, &mut list).await?;
                    continue;
                }
                Some(Err(fault)) => fault,
                None => {
                    is_in_doubt = false;
                    self.status.quiet(&self.key);
                    self.send(None).await?;
                    continue;
                }
            };
            list = None;
            self.failed(&fault).await?;
            if fault.had_begun {
                backoff.succeeded();
            }
            match fault.remedy {
                Remedy::Resume => {}
                Remedy::List => return Ok(fault),
                Remedy::Reconnect => {
                    self.access.renew(lease);
                    return Ok(fault);
                }
            }
            is_in_doubt = true;
            tokio::time::sleep(backoff.next(fault.retry_after)).await;
        }
    }

    /// None: it has been quiet for long enough to know that the watch goes on.
    async fn next<K: Watched>(
        &self,
        events: &mut (impl Stream<Item = watcher::Result<Event<Arrived<K>>>> + Unpin),
        is_listing: bool,
        is_in_doubt: bool,
    ) -> Option<Result<Event<Arrived<K>>, Fault>> {
        let patience = match (is_listing, is_in_doubt) {
            (true, _) => LIST_TIMEOUT,
            (false, true) => QUIET_TIME,
            (false, false) => Duration::MAX,
        };
        match tokio::time::timeout(patience, events.next()).await {
            Ok(Some(Ok(event))) => Some(Ok(event)),
            Ok(Some(Err(error))) => Some(Err(Fault::of_watch(&error))),
            Ok(None) => Some(Err(unanswered("the watch ended"))),
            Err(_) if is_listing => Some(Err(unanswered("the list was not answered in time"))),
            Err(_) => None,
        }
    }

    async fn take<K: Watched>(
        &self,
        event: Event<Arrived<K>>,
        list: &mut Option<Vec<Arrived<K>>>,
    ) -> Result<(), Closed> {
        let place = self.key.1.clone();
        let change: Change = match event {
            Event::Init => {
                *list = Some(Vec::new());
                return Ok(());
            }
            Event::InitApply(one) => {
                list.get_or_insert_default().push(one);
                return Ok(());
            }
            Event::InitDone => {
                self.status.synced(&self.key);
                let all = list.take().unwrap_or_default();
                Box::new(move |shelf| shelf.replace(&place, all))
            }
            Event::Apply(one) => {
                self.status.changed(&self.key);
                Box::new(move |shelf| shelf.put(&place, one))
            }
            Event::Delete(one) => {
                self.status.changed(&self.key);
                Box::new(move |shelf| shelf.remove::<K>(&place, &one.name))
            }
        };
        self.send(Some(change)).await
    }

    async fn failed(&self, fault: &Fault) -> Result<(), Closed> {
        self.status.failed(Some(&self.key), fault);
        self.send(None).await
    }

    async fn send(&self, change: Option<Change>) -> Result<(), Closed> {
        let news = News {
            key: self.key.clone(),
            number: self.number,
            change,
        };
        self.news.send(news).await.map_err(|_| Closed)
    }

    fn api<K: Watched>(&self, lease: &Lease) -> Api<Arrived<K>> {
        let resource = resource(self.key.0, self.version);
        let client = lease.client.clone();
        match &self.key.1 {
            Place::All => Api::all_with(client, &resource),
            Place::Namespace(namespace) => Api::namespaced_with(client, namespace, &resource),
            Place::Name(name) | Place::Alone(name) => {
                Api::namespaced_with(client, &name.namespace, &resource)
            }
        }
    }

    /// Only TLS Secrets are asked for, and others by their name where something refers to them: the rest is never sent to us.
    fn config(&self) -> watcher::Config {
        let fields = match &self.key {
            (_, Place::Name(name) | Place::Alone(name)) => {
                Some(format!("metadata.name={}", name.name))
            }
            (Kind::Secret, _) => Some(format!("type={TLS_TYPE}")),
            _ => None,
        };
        watcher::Config {
            field_selector: fields,
            label_selector: self.labels.clone(),
            page_size: Some(PAGE_OBJECTS),
            ..watcher::Config::default()
        }
    }
}

fn unanswered(what: &str) -> Fault {
    Fault::new(Cause::Unreachable, what.to_owned())
}

pub(crate) fn resource(kind: Kind, version: &str) -> ApiResource {
    let definition = definition(kind);
    let api_version = match definition.group {
        "" => version.to_owned(),
        group => format!("{group}/{version}"),
    };
    ApiResource {
        group: definition.group.to_owned(),
        version: version.to_owned(),
        api_version,
        kind: kind.as_str().to_owned(),
        plural: definition.plural.to_owned(),
    }
}
