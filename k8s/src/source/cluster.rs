//! How does an API server become objects, and follow its changes?
//!
//! One task per watch (`watch`) brings changes, and this one puts them on the shelf and sends what is complete. There is no timer: whatever
//! arrived while it was busy is one change. Which watches there are follows from what is known (`plan`): the definitions that are installed,
//! the namespaces that are selected, what the objects refer to.

mod access;
mod arrival;
mod backoff;
mod definitions;
mod doings;
mod fault;
mod kinds;
mod plan;
mod shelf;
mod status;
mod watch;

pub(crate) use access::{Access, Lease};
pub use access::{is_anywhere, is_in_pod};
pub(crate) use backoff::Backoff;
pub use fault::{Cause, Fault};
pub(crate) use kinds::definition;
pub use status::{KindState, KindStatus, SourceStatus};
pub(crate) use watch::resource;

use crate::control::Wanted;
use crate::objects::Objects;
use crate::translate::Translator;
use config::settings::Settings;
use definitions::Served;
use doings::doings;
use plan::{Known, Scope};
use shelf::Shelf;
use status::Key;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{mpsc, watch as channel};
use tokio::task::AbortHandle;
use watch::{News, Watch};

/// Changes that wait. A list is one.
const NEWS_MAX: usize = 1_024;

/// What to read.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// None: the service account of a pod, or what kubectl would take.
    pub kubeconfig: Option<PathBuf>,
    /// Empty: all.
    pub namespaces: Vec<String>,
    /// Only namespaces with these labels.
    pub selector: Option<String>,
    /// What was good last: sent at once, and of each kind in force until its list is complete.
    pub restored: Option<Arc<Objects>>,
}

/// What is heard from the rest of the program.
pub struct Inputs {
    pub settings: channel::Receiver<Arc<Settings>>,
    /// What the objects refer to, once they were sent.
    pub wanted: channel::Receiver<Wanted>,
}

/// Sends the objects of an API server: first when all of them are known, then whenever something changes. Ends when nobody listens any more.
///
/// An API server that does not answer is waited for; `status` says why.
pub async fn follow(
    options: Options,
    inputs: Inputs,
    status: Arc<SourceStatus>,
    objects: channel::Sender<Option<Arc<Objects>>>,
) {
    let access = Arc::new(Access::new(options.kubeconfig));
    let (served_sender, served) = channel::channel(None);
    let (news, inbox) = mpsc::channel(NEWS_MAX);
    let looking = definitions::follow(access.clone(), status.clone(), served_sender);
    let _looking = Task(tokio::spawn(looking).abort_handle());
    let scope = Scope::new(options.namespaces, options.selector);
    if scope.is_list() {
        status.set_scoped();
    }
    let mut shelf = Shelf::default();
    if let Some(restored) = options.restored {
        shelf.objects = Objects::clone(&restored);
        objects.send_replace(Some(restored));
    }
    let follower = Follower {
        known: Known::new(scope),
        access,
        status,
        news,
        shelf,
        tasks: BTreeMap::new(),
        tasks_begun: 0,
        phase: Phase::Listing,
        objects,
    };
    follower.run(inputs, inbox, served).await;
}

/// How far the start is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Not every kind is complete.
    Listing,
    /// What the objects refer to is not complete.
    Gathering,
    /// Objects were sent. From now on each change is.
    Following,
}

struct Follower {
    known: Known,
    access: Arc<Access>,
    status: Arc<SourceStatus>,
    news: mpsc::Sender<News>,
    shelf: Shelf,
    tasks: BTreeMap<Key, Running>,
    tasks_begun: u64,
    phase: Phase,
    objects: channel::Sender<Option<Arc<Objects>>>,
}

struct Running {
    number: u64,
    version: &'static str,
    _task: Task,
}

/// A task that ends with whoever began it.
struct Task(AbortHandle);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Follower {
    async fn run(
        mut self,
        mut inputs: Inputs,
        mut inbox: mpsc::Receiver<News>,
        mut served: channel::Receiver<Option<Served>>,
    ) {
        let mut batch = Vec::new();
        let mut has_control = true;
        loop {
            self.plan();
            self.advance(&mut inputs).await;
            tokio::select! {
                () = self.objects.closed() => return,
                _ = inbox.recv_many(&mut batch, NEWS_MAX) => self.take(&mut batch),
                Ok(()) = served.changed() => {
                    self.known.served.clone_from(&served.borrow_and_update());
                }
                changed = inputs.wanted.changed(), if has_control && self.phase == Phase::Following => {
                    has_control = changed.is_ok();
                    self.known.wanted = inputs.wanted.borrow_and_update().clone();
                }
            }
        }
    }

    fn take(&mut self, batch: &mut Vec<News>) {
        for news in batch.drain(..) {
            let is_current = |running: &Running| running.number == news.number;
            if let Some(change) = news.change
                && self.tasks.get(&news.key).is_some_and(is_current)
            {
                change(&mut self.shelf);
            }
        }
    }

    /// Begins the watches that are needed now, and ends the others.
    fn plan(&mut self) {
        self.known.learn(&self.shelf);
        let planned = self.known.plan(&self.shelf);
        let ended = self.tasks.extract_if(.., |key, running| {
            planned.get(key) != Some(&running.version)
        });
        let ended: Vec<Key> = ended.map(|(key, _)| key).collect();
        for key in ended {
            // With another version the same watch begins again, and what is known stays until its list is complete.
            if !planned.contains_key(&key) {
                self.status.end(&key);
                (doings(key.0).clear)(&mut self.shelf, &key.1);
            }
        }
        for (key, version) in planned {
            if !self.tasks.contains_key(&key) {
                self.begin(key, version);
            }
        }
    }

    fn begin(&mut self, key: Key, version: &'static str) {
        self.tasks_begun += 1;
        self.status.begin(&key);
        let watch = Watch {
            labels: self.known.labels_of(key.0),
            key: key.clone(),
            number: self.tasks_begun,
            version,
            access: self.access.clone(),
            status: self.status.clone(),
            news: self.news.clone(),
        };
        let running = Running {
            number: self.tasks_begun,
            version,
            _task: Task((doings(key.0).spawn)(watch)),
        };
        self.tasks.insert(key, running);
    }

    /// Sends what is complete. At the start that takes two rounds: only who knows all objects knows what they refer to.
    async fn advance(&mut self, inputs: &mut Inputs) {
        while self.phase != Phase::Following && self.is_complete() {
            if self.phase == Phase::Gathering {
                self.phase = Phase::Following;
                break;
            }
            self.phase = Phase::Gathering;
            let settings = inputs.settings.borrow().clone();
            self.known.wanted = wanted(self.shelf.objects.clone(), settings).await;
            self.plan();
        }
        if self.phase == Phase::Following {
            self.send();
            // In this order: who asks whether the objects are those of the API server looks at them next.
            self.status.set_complete();
        }
    }

    /// Who may not read a single route knows nothing: that is no reason to answer 404 to everybody.
    fn is_complete(&self) -> bool {
        self.known.is_certain()
            && self.status.has_routes()
            && self.tasks.keys().all(|key| self.status.is_settled(key))
    }

    fn send(&mut self) {
        let mut problems: Vec<_> = self.shelf.faults.values().cloned().collect();
        problems.extend(self.status.problems());
        problems.extend(self.known.problems());
        let objects = &mut self.shelf.objects;
        objects.problems = problems;
        let api_server = self.known.api_server(self.access.addresses());
        if *objects.api_server != *api_server {
            objects.api_server = api_server.into();
        }
        let objects = &self.shelf.objects;
        self.objects.send_if_modified(|last| {
            let is_same = last.as_ref().is_some_and(|last| last.is_same_as(objects));
            if !is_same {
                *last = Some(Arc::new(objects.clone()));
            }
            !is_same
        });
    }
}

/// What the objects refer to. A translation panics never; if it did, everything would be found out a moment later.
async fn wanted(objects: Objects, settings: Arc<Settings>) -> Wanted {
    let found = tokio::task::spawn_blocking(move || {
        let mut translator = Translator::default();
        translator.translate(&objects, &settings);
        Arc::new(translator.references(&settings))
    });
    found.await.unwrap_or_default()
}
