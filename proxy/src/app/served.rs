//! What does a configuration serve, in one line?

use crate::app::paint::count;
use crate::live::InForce;
use config::snapshot::{Action, Compiled, Rule, Snapshot};
use serde::Serialize;
use std::collections::BTreeSet;

/// Hosts that the one line names; the rest are counted.
const HOSTS_NAMED_MAX: usize = 5;

/// Numbers of what is in force. The last rule of every snapshot, which answers 404, does not count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Served {
    /// Ingresses and HTTPRoutes with at least one rule.
    pub routes: usize,
    pub rules: usize,
    /// In order of the alphabet; `*` stands for a rule without a host.
    pub hosts: Vec<String>,
    pub backends: usize,
    pub endpoints: usize,
    /// Hosts with a certificate.
    pub certificates: usize,
}

impl Served {
    /// Of a compilation that nobody serves.
    pub fn of(compiled: &Compiled) -> Served {
        let endpoints = compiled.endpoints.values().map(|set| set.len()).sum();
        Served::of_snapshot(&compiled.snapshot, endpoints)
    }

    /// Of what is in force right now.
    pub fn of_in_force(in_force: &InForce) -> Served {
        let counts = in_force
            .backends
            .iter()
            .flat_map(|backend| backend.pool.counts());
        let endpoints: i64 = counts.sum();
        Served::of_snapshot(&in_force.snapshot, usize::try_from(endpoints).unwrap_or(0))
    }

    fn of_snapshot(snapshot: &Snapshot, endpoints: usize) -> Served {
        let rules: Vec<&Rule> = snapshot
            .rules
            .iter()
            .filter(|rule| !matches!(rule.action, Action::NotFound))
            .collect();
        let objects: BTreeSet<_> = rules.iter().map(|rule| &rule.object).collect();
        let mut hosts = BTreeSet::new();
        for rule in &rules {
            if rule.hosts.is_empty() {
                hosts.insert("*".to_owned());
            }
            hosts.extend(rule.hosts.iter().map(|host| host.name.to_string()));
        }
        Served {
            routes: objects.len(),
            rules: rules.len(),
            hosts: hosts.into_iter().collect(),
            backends: snapshot.backends.len(),
            endpoints,
            certificates: snapshot.tls.entries().count(),
        }
    }

    /// As in `edwardstech.dev: 1 route with 2 rules, 2 backends with 3 endpoints, no certificate`.
    pub fn line(&self) -> String {
        if self.rules == 0 {
            return "nothing: no Ingress and no HTTPRoute has a rule that is served here"
                .to_owned();
        }
        let certificates = match self.certificates {
            0 => "no certificate".to_owned(),
            some => count(some, "host with a certificate", "hosts with a certificate"),
        };
        format!(
            "{}: {} with {}, {} with {}, {certificates}",
            self.host_names(),
            count(self.routes, "route", "routes"),
            count(self.rules, "rule", "rules"),
            count(self.backends, "backend", "backends"),
            count(self.endpoints, "endpoint", "endpoints"),
        )
    }

    fn host_names(&self) -> String {
        let named: Vec<&str> = self
            .hosts
            .iter()
            .take(HOSTS_NAMED_MAX)
            .map(|host| if host == "*" { "every host" } else { host })
            .collect();
        let more = self.hosts.len().saturating_sub(HOSTS_NAMED_MAX);
        match more {
            0 => named.join(", "),
            more => format!("{} and {more} more", named.join(", ")),
        }
    }
}
