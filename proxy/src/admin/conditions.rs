//! Is this edge ready to serve, and if not, what is missing?

use crate::observe::report_metrics::{self, Reporting};
use crate::observe::source_metrics::{Ask, SourceReport};
use arc_swap::ArcSwapOption;
use std::fmt;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

/// What must hold before a load balancer may send requests here. Set by those who bring it about, read by probes; nobody waits.
#[derive(Default)]
pub struct Conditions {
    synced: AtomicBool,
    snapshot: AtomicBool,
    listeners: AtomicBool,
    /// Some listener has no address now. After the start this is no condition: the others serve.
    is_unbound: AtomicBool,
    certificates: AtomicBool,
    draining: AtomicBool,
    /// Once all held, the start is over for good.
    has_started: AtomicBool,
    /// Why the settings file was refused. The last good settings are in force, so this is no condition.
    settings_problem: ArcSwapOption<String>,
    /// Asks the source of objects how each kind is doing.
    source: OnceLock<Ask>,
    /// Asks whoever writes to the API server how that goes.
    report: OnceLock<report_metrics::Ask>,
}

impl fmt::Debug for Conditions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.each()).finish()
    }
}

/// One condition at one moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Condition {
    /// The stable word.
    pub name: &'static str,
    pub holds: bool,
    /// What it means if it does not hold.
    pub missing: &'static str,
}

impl Conditions {
    /// All sources have told everything they know, or the last good objects were restored.
    pub fn set_synced(&self) {
        self.set(&self.synced);
    }

    /// The first configuration is in force.
    pub fn set_snapshot(&self) {
        self.set(&self.snapshot);
    }

    /// Every listener of the settings is bound, or not. An edge that has started stays ready: one port that an edit of the settings asks
    /// for in vain is no reason to take those out that serve.
    pub fn set_listeners(&self, are_bound: bool) {
        self.is_unbound.store(!are_bound, Ordering::Release);
        let holds = are_bound || self.has_started();
        self.listeners.store(holds, Ordering::Release);
        self.set_started();
    }

    /// Some listener of the settings could not be bound.
    pub fn is_unbound(&self) -> bool {
        self.is_unbound.load(Ordering::Acquire)
    }

    /// The stop has begun.
    pub fn is_draining(&self) -> bool {
        self.draining.load(Ordering::Acquire)
    }

    /// The certificates that exist are loaded. Those that do not exist yet are not waited for: ACME needs us to be up.
    pub fn set_certificates(&self) {
        self.set(&self.certificates);
    }

    /// The stop has begun: load balancers should look elsewhere. There is no way back.
    pub fn set_draining(&self) {
        self.draining.store(true, Ordering::Release);
    }

    /// What is wrong with the settings file; none: it is in force.
    pub fn set_settings_problem(&self, problem: Option<String>) {
        self.settings_problem.store(problem.map(Arc::new));
    }

    pub fn settings_problem(&self) -> Option<Arc<String>> {
        self.settings_problem.load_full()
    }

    /// There is a source that can be asked how it is doing. The first one counts.
    pub fn set_source(&self, ask: Ask) {
        let _ = self.source.set(ask);
    }

    /// None: the source has nothing to tell.
    pub fn source(&self) -> Option<SourceReport> {
        self.source.get().map(|ask| ask())
    }

    /// There is somebody who writes to the API server. The first one counts.
    pub fn set_report(&self, ask: report_metrics::Ask) {
        let _ = self.report.set(ask);
    }

    /// None: nothing is written to an API server.
    pub fn report(&self) -> Option<Reporting> {
        self.report.get().map(|ask| ask())
    }

    /// Everything holds.
    pub fn is_ready(&self) -> bool {
        self.each().iter().all(|condition| condition.holds)
    }

    /// Everything but the stop has held at once before: the start-up probe's question.
    pub fn has_started(&self) -> bool {
        self.has_started.load(Ordering::Acquire)
    }

    /// In the order in which they come true.
    pub fn each(&self) -> [Condition; 5] {
        let condition = |name, flag: &AtomicBool, missing| Condition {
            name,
            holds: flag.load(Ordering::Acquire),
            missing,
        };
        let mut draining = condition("not-draining", &self.draining, "the edge is stopping");
        draining.holds = !draining.holds;
        [
            condition(
                "sources-synced",
                &self.synced,
                "the source of objects has not told everything yet",
            ),
            condition(
                "snapshot-live",
                &self.snapshot,
                "no configuration is in force yet",
            ),
            condition(
                "certificates-loaded",
                &self.certificates,
                "the certificates that exist are not loaded yet",
            ),
            condition(
                "listeners-bound",
                &self.listeners,
                "not every listener has its address",
            ),
            draining,
        ]
    }

    fn set(&self, flag: &AtomicBool) {
        flag.store(true, Ordering::Release);
        self.set_started();
    }

    fn set_started(&self) {
        let all = self.each();
        if all.iter().all(|condition| condition.holds) {
            self.has_started.store(true, Ordering::Release);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(conditions: &Conditions, missing: &[&str], has_started: bool) {
        let each = conditions.each();
        let names: Vec<&str> = each.iter().filter(|c| !c.holds).map(|c| c.name).collect();
        assert_eq!(names, missing);
        assert_eq!(conditions.is_ready(), missing.is_empty());
        assert_eq!(conditions.has_started(), has_started);
    }

    #[test]
    fn an_edge_is_ready_only_when_everything_is() {
        let conditions = Conditions::default();
        check(
            &conditions,
            &[
                "sources-synced",
                "snapshot-live",
                "certificates-loaded",
                "listeners-bound",
            ],
            false,
        );
        conditions.set_synced();
        conditions.set_snapshot();
        conditions.set_certificates();
        check(&conditions, &["listeners-bound"], false);
        conditions.set_listeners(true);
        check(&conditions, &[], true);
    }

    #[test]
    fn a_start_is_over_once_even_if_the_edge_stops_being_ready() {
        let conditions = Conditions::default();
        conditions.set_synced();
        conditions.set_snapshot();
        conditions.set_certificates();
        conditions.set_listeners(true);
        conditions.set_draining();
        check(&conditions, &["not-draining"], true);
    }

    #[test]
    fn a_listener_that_cannot_be_bound_later_is_told_and_takes_nothing_out() {
        let conditions = Conditions::default();
        conditions.set_listeners(false);
        conditions.set_synced();
        conditions.set_snapshot();
        conditions.set_certificates();
        check(&conditions, &["listeners-bound"], false);
        conditions.set_listeners(true);
        assert!(!conditions.is_unbound());
        conditions.set_listeners(false);
        assert!(conditions.is_unbound());
        check(&conditions, &[], true);
    }

    #[test]
    fn a_wrong_settings_file_does_not_make_the_edge_unready() {
        let conditions = Conditions::default();
        conditions.set_settings_problem(Some("line 3".into()));
        assert_eq!(
            conditions.settings_problem().as_deref().map(String::as_str),
            Some("line 3")
        );
        check(
            &conditions,
            &[
                "sources-synced",
                "snapshot-live",
                "certificates-loaded",
                "listeners-bound",
            ],
            false,
        );
        conditions.set_settings_problem(None);
        assert_eq!(conditions.settings_problem(), None);
    }
}
