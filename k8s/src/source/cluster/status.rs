//! How is each kind doing?
//!
//! Written by the watches, read by whoever wants to tell: `/readyz?verbose`, metrics, problems. Nobody waits for anybody.

use super::fault::{Cause, Fault};
use super::kinds::{CORE, GATEWAY_API};
use super::shelf::Place;
use config::name::{Kind, ObjectName, ObjectRef};
use config::problem::{Problem, ProblemCode, Severity};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// A kind that does not answer as it should is waited for this many times; then the others are served without it.
const FAILURES_WAITED_FOR: u32 = 3;

/// One watch.
pub(super) type Key = (Kind, Place);

/// What an operator is told of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KindStatus {
    pub kind: Kind,
    pub state: KindState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KindState {
    /// All of it is known, and changes are followed.
    Synced,
    /// It was not told yet.
    Waiting,
    /// Its definition is not installed. Nothing is missing.
    NotInstalled,
    /// Not allowed and not needed: a kind without namespaces, where only some namespaces are watched.
    NotNeeded,
    /// What was known before is still in force.
    Failing(Fault),
}

impl KindState {
    /// True: there is nothing to be done about it.
    pub fn is_good(&self) -> bool {
        !matches!(self, KindState::Waiting | KindState::Failing(_))
    }
}

/// How the source is doing, shared by all who want to know.
#[derive(Debug, Default)]
pub struct SourceStatus {
    watches: Mutex<Watches>,
    lists: AtomicU64,
    events: AtomicU64,
    faults: [AtomicU64; Cause::ALL.len()],
    is_complete: AtomicBool,
}

#[derive(Debug, Default)]
struct Watches {
    by_key: BTreeMap<Key, WatchStatus>,
    /// Only some namespaces are watched.
    is_scoped: bool,
    /// The API server as a whole does not answer. Said once.
    outage: Option<(Fault, Instant)>,
    last_heard: Option<Instant>,
}

#[derive(Debug, Clone, Default)]
struct WatchStatus {
    has_synced: bool,
    fault: Option<Fault>,
    /// Answers in a row that were not the objects.
    failures: u32,
}

impl SourceStatus {
    /// The kinds that every cluster source watches, and those that are watched now.
    pub fn kinds(&self) -> Vec<KindStatus> {
        let watches = self.lock();
        let mut kinds: Vec<Kind> = CORE.into_iter().chain(GATEWAY_API).collect();
        kinds.extend(watches.by_key.keys().map(|(kind, _)| *kind));
        kinds.sort_unstable();
        kinds.dedup();
        let status = |kind| KindStatus {
            kind,
            state: watches.state(kind),
        };
        kinds.into_iter().map(status).collect()
    }

    /// Complete lists so far.
    pub fn lists(&self) -> u64 {
        self.lists.load(Ordering::Relaxed)
    }

    /// Single changes so far.
    pub fn events(&self) -> u64 {
        self.events.load(Ordering::Relaxed)
    }

    /// Failures so far.
    pub fn faults(&self) -> impl Iterator<Item = (Cause, u64)> {
        let counts = Cause::ALL.into_iter().zip(&self.faults);
        counts.map(|(cause, count)| (cause, count.load(Ordering::Relaxed)))
    }

    /// How long ago the API server told us anything. None: never.
    pub fn last_heard(&self) -> Option<Duration> {
        self.lock().last_heard.map(|then| then.elapsed())
    }

    /// Why the API server as a whole does not answer, if it does not.
    pub fn outage(&self) -> Option<Fault> {
        let watches = self.lock();
        watches.outage.as_ref().map(|(fault, _)| fault.clone())
    }

    /// All objects were known once, and the API server answers: what is in force is what it holds.
    pub fn is_current(&self) -> bool {
        self.is_complete.load(Ordering::Acquire) && self.lock().outage.is_none()
    }

    /// Every class is known that says whose an object is. While one kind of them cannot be read, an object that seems to be nobody's may be ours.
    pub(crate) fn knows_classes(&self) -> bool {
        let watches = self.lock();
        let states = [Kind::IngressClass, Kind::GatewayClass].map(|kind| watches.state(kind));
        !states
            .iter()
            .any(|state| matches!(state, KindState::Failing(_) | KindState::Waiting))
    }

    pub(super) fn set_complete(&self) {
        self.is_complete.store(true, Ordering::Release);
    }

    /// The routes of some kind and place are known.
    pub(super) fn has_routes(&self) -> bool {
        let watches = self.lock();
        let mut all = watches.by_key.iter();
        all.any(|((kind, _), watch)| {
            matches!(kind, Kind::Ingress | Kind::HttpRoute) && watch.has_synced
        })
    }

    pub(super) fn set_scoped(&self) {
        self.lock().is_scoped = true;
    }

    pub(super) fn begin(&self, key: &Key) {
        self.lock().by_key.entry(key.clone()).or_default();
    }

    pub(super) fn end(&self, key: &Key) {
        self.lock().by_key.remove(key);
    }

    /// A list is complete.
    pub(super) fn synced(&self, key: &Key) {
        self.lists.fetch_add(1, Ordering::Relaxed);
        let mut watches = self.lock();
        watches.heard();
        if let Some(watch) = watches.by_key.get_mut(key) {
            watch.has_synced = true;
            watch.recovered(key);
        }
    }

    /// A single change arrived.
    pub(super) fn changed(&self, key: &Key) {
        self.events.fetch_add(1, Ordering::Relaxed);
        let mut watches = self.lock();
        watches.heard();
        if let Some(watch) = watches.by_key.get_mut(key) {
            watch.recovered(key);
        }
    }

    /// A watch goes on, and there is just nothing new.
    pub(super) fn quiet(&self, key: &Key) {
        let mut watches = self.lock();
        if let Some(watch) = watches.by_key.get_mut(key) {
            watch.recovered(key);
        }
    }

    /// The API server answered something else.
    pub(super) fn answered(&self) {
        self.lock().heard();
    }

    pub(super) fn failed(&self, key: Option<&Key>, fault: &Fault) {
        if let Some(at) = Cause::ALL.iter().position(|cause| *cause == fault.cause)
            && let Some(count) = self.faults.get(at)
        {
            count.fetch_add(1, Ordering::Relaxed);
        }
        let mut watches = self.lock();
        match fault.cause.is_of_the_server() {
            // A watch that is cut is no outage: the next answer says which it is.
            true if fault.had_begun => {}
            true => watches.begin_outage(fault),
            false => watches.heard(),
        }
        let is_not_needed = key.is_some_and(|key| watches.is_not_needed(key, fault));
        if let Some(key) = key
            && let Some(watch) = watches.by_key.get_mut(key)
        {
            watch.failed(key, fault, is_not_needed);
        }
    }

    /// True: nothing more is to be expected of this watch for now.
    pub(super) fn is_settled(&self, key: &Key) -> bool {
        let watches = self.lock();
        let watch = watches.by_key.get(key);
        // Without the selected namespaces nobody knows what else there is.
        let is_vital = key.0 == Kind::Namespace;
        watch.is_some_and(|watch| watch.has_synced || (watch.has_given_up() && !is_vital))
    }

    /// What an operator has to do something about.
    pub(super) fn problems(&self) -> Vec<Problem> {
        let watches = self.lock();
        let all = watches.by_key.iter();
        all.filter_map(|(key, watch)| {
            let fault = watch.fault.as_ref()?;
            let is_silent = fault.cause.is_of_the_server()
                || watches.is_not_needed(key, fault)
                || !watch.has_given_up();
            (!is_silent).then(|| problem(key, fault))
        })
        .collect()
    }

    fn lock(&self) -> MutexGuard<'_, Watches> {
        // What a panic leaves behind here is at worst a word that is not up to date.
        self.watches.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Watches {
    fn state(&self, kind: Kind) -> KindState {
        let first = (kind, Place::All);
        let theirs = self.by_key.range(first..);
        let theirs: Vec<_> = theirs.take_while(|(key, _)| key.0 == kind).collect();
        if theirs.is_empty() {
            return match GATEWAY_API.contains(&kind) {
                true => KindState::NotInstalled,
                false => KindState::Waiting,
            };
        }
        for (key, watch) in &theirs {
            if let Some(fault) = &watch.fault {
                return match self.is_not_needed(key, fault) {
                    true => KindState::NotNeeded,
                    false => KindState::Failing(fault.clone()),
                };
            }
        }
        match theirs.iter().all(|(_, watch)| watch.has_synced) {
            true => KindState::Synced,
            false => KindState::Waiting,
        }
    }

    /// With rights in some namespaces only, classes cannot be read; the settings name ours.
    fn is_not_needed(&self, key: &Key, fault: &Fault) -> bool {
        let is_class = matches!(key.0, Kind::IngressClass | Kind::GatewayClass);
        self.is_scoped && is_class && fault.cause == Cause::Forbidden
    }

    fn begin_outage(&mut self, fault: &Fault) {
        if self.outage.is_none() {
            tracing::warn!(
                cause = fault.cause.as_str(),
                error = %fault,
                "the API server does not answer; what was read before stays in force"
            );
            self.outage = Some((fault.clone(), Instant::now()));
        }
    }

    fn heard(&mut self) {
        self.last_heard = Some(Instant::now());
        if let Some((_, since)) = self.outage.take() {
            let seconds = since.elapsed().as_secs();
            tracing::info!(seconds, "the API server answers again");
        }
    }
}

impl WatchStatus {
    fn recovered(&mut self, (kind, place): &Key) {
        self.failures = 0;
        let Some(fault) = self.fault.take() else {
            return;
        };
        if !fault.cause.is_of_the_server() {
            tracing::info!(%kind, %place, "can be read again");
        }
    }

    fn failed(&mut self, (kind, place): &Key, fault: &Fault, is_not_needed: bool) {
        let is_same = self
            .fault
            .as_ref()
            .is_some_and(|last| last.cause == fault.cause);
        if !fault.cause.is_of_the_server() {
            self.failures = self.failures.saturating_add(1);
        }
        if is_same || fault.cause.is_of_the_server() || fault.had_begun {
            tracing::debug!(%kind, %place, error = %fault, "cannot be read");
        } else if is_not_needed {
            tracing::info!(%kind, %place, error = %fault, "is not read, and need not be");
        } else {
            tracing::warn!(
                %kind,
                %place,
                cause = fault.cause.as_str(),
                error = %fault,
                "cannot be read; it is tried again, and what was read before stays in force"
            );
        }
        // A watch that is cut is resumed: what we have is complete.
        if !fault.had_begun {
            self.fault = Some(fault.clone());
        }
    }

    fn has_given_up(&self) -> bool {
        let Some(fault) = &self.fault else {
            return false;
        };
        match fault.cause {
            Cause::Forbidden | Cause::Missing => true,
            Cause::Refused => self.failures >= FAILURES_WAITED_FOR,
            _ => false,
        }
    }
}

fn problem((kind, place): &Key, fault: &Fault) -> Problem {
    let name = match place {
        Place::All => ObjectName::new("", "*"),
        Place::Namespace(namespace) => ObjectName::new(namespace, "*"),
        Place::Name(name) | Place::Alone(name) => name.clone(),
    };
    let expected = match fault.cause {
        Cause::Forbidden => {
            "the right to get, list and watch them; it is tried again, and what was read before stays in force"
        }
        _ => "an answer; it is asked again, and what was read before stays in force",
    };
    Problem {
        severity: Severity::Error,
        code: ProblemCode::UnreadableKind,
        object: ObjectRef { kind: *kind, name },
        field: String::new(),
        found: format!("cannot be read from the API server: {fault}"),
        expected: expected.to_owned(),
        origin: None,
    }
}

#[cfg(test)]
mod tests;
