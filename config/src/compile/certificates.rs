//! Which certificate is wanted for which host, and which of them can be shown?

mod owners;
mod words;

use super::known::Known;
use crate::hostname::Hostname;
use crate::model::{Certificate, Model, Route, TlsHosts};
use crate::name::{Kind, ObjectName};
use crate::problem::Problem;
use crate::snapshot::{TlsEntry, TlsTable};
use owners::Owners;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// Stands for the namespace of every Gateway.
const GATEWAYS: &str = "";

/// One block of `spec.tls` or of a Gateway's listener, with a certificate that parses.
struct Wanted<'a> {
    route: &'a Route,
    block: &'a TlsHosts,
    secret: &'a ObjectName,
    certificate: &'a Arc<Certificate>,
}

/// The certificate of the oldest object is shown; one whose time is over (or has not come) only where there is no other. An Ingress counts
/// for the hosts that are its namespace's (`Owners`); a Gateway is the operator's own, and counts for every host.
pub fn compile(
    model: &Model,
    routes: &[&Route],
    now: i64,
    known: &Known<'_>,
    problems: &mut Vec<Problem>,
) -> TlsTable {
    let mut wanted = wanted(model, routes, known, problems);
    wanted.sort_by_key(|wanted| !is_in_time(wanted.certificate, now)); // Stable: the order of seniority otherwise.
    let mut tls = TlsTable::default();
    if !wanted.is_empty() {
        let mut shown = Shown {
            owners: &Owners::of(routes),
            first: HashMap::new(),
            wildcards: HashMap::new(),
            tls: &mut tls,
        };
        for (place, wanted) in wanted.iter().enumerate() {
            shown.take(place, wanted, now, problems);
        }
        shown.settle_below_wildcards(&wanted);
    }
    tls
}

fn wanted<'a>(
    model: &'a Model,
    routes: &[&'a Route],
    known: &Known<'_>,
    problems: &mut Vec<Problem>,
) -> Vec<Wanted<'a>> {
    let mut wanted = Vec::new();
    for route in routes {
        for block in &route.tls {
            let Some(secret) = &block.secret else {
                continue;
            };
            match model.certificates.get(secret) {
                Some(certificate) => wanted.push(Wanted {
                    route,
                    block,
                    secret,
                    certificate,
                }),
                None => problems.push(words::no_secret(route, block, secret, known)),
            }
        }
    }
    wanted
}

/// The table while it is made.
struct Shown<'a, 't> {
    owners: &'t Owners<'a>,
    /// Whose certificate is shown for a name as written.
    first: HashMap<&'a Hostname, &'a Route>,
    /// The first one of each namespace for a wildcard (by what is behind `*.`), by its place in the order; Gateways have no namespace here.
    wildcards: HashMap<(&'a str, &'a str), usize>,
    tls: &'t mut TlsTable,
}

impl<'a> Shown<'a, '_> {
    fn take(&mut self, place: usize, wanted: &Wanted<'a>, now: i64, problems: &mut Vec<Problem>) {
        let is_out_of_time = !is_in_time(wanted.certificate, now);
        if is_out_of_time {
            problems.push(wanted.out_of_time(now));
        }
        let namespace = &wanted.route.object.name.namespace;
        for host in wanted.hosts() {
            if !wanted.covers(host) {
                problems.push(wanted.not_covered(host));
                continue;
            }
            if !wanted.is_gateways() {
                self.tls.ask(namespace, host);
            }
            if host.is_wildcard() {
                let key = (wanted.owner(), host.suffix());
                self.wildcards.entry(key).or_insert(place);
            }
            if !wanted.is_gateways() && !self.owners.owns(namespace, host) {
                if !host.is_wildcard() || !self.owners.has_below(namespace, host) {
                    problems.push(wanted.not_owned(host, self.owners.is_nobodys(host)));
                }
            } else if self.tls.insert(wanted.entry(host)) {
                self.first.insert(host, wanted.route);
            } else if !is_out_of_time && let Some(first) = self.first.get(host) {
                let shown = self.tls.find(&host.to_string()).map(|entry| &entry.secret);
                let other = shown.filter(|shown| *shown != wanted.secret);
                problems.extend(other.map(|other| wanted.conflict(host, (first, other))));
            }
        }
    }

    /// Below a wildcard, a host has the certificate of its own namespaces or of a Gateway: not that of somebody else who has the wildcard.
    fn settle_below_wildcards(&mut self, wanted: &[Wanted<'a>]) {
        if self.wildcards.is_empty() {
            return;
        }
        let mut places: HashMap<&Hostname, Option<usize>> = HashMap::new();
        for (host, namespace) in self.owners.exact_names() {
            let Some(parent) = owners::parent(host).filter(|_| !self.tls.has(host)) else {
                continue;
            };
            let of = |namespace| self.wildcards.get(&(namespace, parent)).copied();
            let place = places.entry(host).or_default();
            let all = [*place, of(namespace), of(GATEWAYS)];
            *place = all.into_iter().flatten().min();
        }
        for (host, place) in places {
            let shown = self.tls.find(host.suffix()).map(|entry| &entry.secret);
            let own = place.and_then(|place| wanted.get(place));
            if shown == own.map(|own| own.secret) {
                continue;
            }
            match own {
                None => self.tls.hide(host),
                Some(own) => {
                    self.tls.insert(own.entry(host));
                }
            }
        }
    }
}

fn is_in_time(certificate: &Certificate, now: i64) -> bool {
    certificate.not_before <= now && now <= certificate.not_after
}

impl<'a> Wanted<'a> {
    /// An Ingress's block without hosts is for the hosts of its rules, a listener without one for all that its certificate names.
    fn hosts(&self) -> impl Iterator<Item = &'a Hostname> + use<'a> {
        let is_empty = self.block.hosts.is_empty();
        let rules = match is_empty {
            true => self.route.rules.as_slice(),
            false => &[],
        };
        let of_rules = rules.iter().flat_map(|rule| rule.hosts.iter());
        let names = match is_empty && self.is_gateways() {
            true => self.certificate.names.as_slice(),
            false => &[],
        };
        let hosts = self.block.hosts.iter().chain(names);
        let all = hosts.chain(of_rules.map(|host| &host.name));
        let mut seen = HashSet::new();
        all.filter(move |host| seen.insert(*host))
    }

    fn is_gateways(&self) -> bool {
        self.route.object.kind == Kind::Gateway
    }

    /// The namespace that answers for it.
    fn owner(&self) -> &'a str {
        match self.is_gateways() {
            true => GATEWAYS,
            false => &self.route.object.name.namespace,
        }
    }

    fn covers(&self, host: &Hostname) -> bool {
        match host.is_wildcard() {
            true => self.certificate.covers(&host.to_string()),
            false => self.certificate.covers(host.suffix()),
        }
    }

    fn entry(&self, host: &Hostname) -> TlsEntry {
        TlsEntry {
            host: host.clone(),
            secret: self.secret.clone(),
            certificate: self.certificate.clone(),
        }
    }
}
