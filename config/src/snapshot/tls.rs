//! Which certificate is shown for a name?

use crate::hostname::Hostname;
use crate::model::Certificate;
use crate::name::ObjectName;
use std::collections::HashMap;
use std::sync::Arc;

/// Certificates by host. An exact name wins over a wildcard; a wildcard stands for one label.
#[derive(Debug, Default)]
pub struct TlsTable {
    exact: HashMap<Box<str>, Shown>,
    wildcard: HashMap<Box<str>, Arc<TlsEntry>>,
    /// The namespaces whose Ingresses have a certificate for a name in `spec.tls`, shown or not.
    asking_exact: HashMap<Box<str>, Vec<Arc<str>>>,
    /// By what is behind `*.`.
    asking_wildcard: HashMap<Box<str>, Vec<Arc<str>>>,
}

/// One host with a real certificate.
#[derive(Debug)]
pub struct TlsEntry {
    pub host: Hostname,
    pub secret: ObjectName,
    pub certificate: Arc<Certificate>,
}

/// None: the default certificate, although a wildcard covers the name.
type Shown = Option<Arc<TlsEntry>>;

impl TlsTable {
    /// The first entry for a host stays: the caller brings them in order of precedence. False: there was one.
    pub fn insert(&mut self, entry: TlsEntry) -> bool {
        let suffix: Box<str> = entry.host.suffix().into();
        if self.has(&entry.host) {
            return false;
        }
        if entry.host.is_wildcard() {
            self.wildcard.insert(suffix, Arc::new(entry));
        } else {
            self.exact.insert(suffix, Some(Arc::new(entry)));
        }
        true
    }

    /// Shows the default certificate for an exact name that has no entry of its own.
    pub(crate) fn hide(&mut self, host: &Hostname) {
        self.exact.entry(host.suffix().into()).or_insert(None);
    }

    /// An entry of its own, not the one of a wildcard that covers it.
    pub(crate) fn has(&self, host: &Hostname) -> bool {
        match host.is_wildcard() {
            true => self.wildcard.contains_key(host.suffix()),
            false => self.exact.contains_key(host.suffix()),
        }
    }

    /// The entry for a name in normal form (an SNI, or a request's host).
    pub fn find(&self, host: &str) -> Option<&Arc<TlsEntry>> {
        if let Some(shown) = self.exact.get(host) {
            return shown.as_ref();
        }
        let (_, suffix) = host.split_once('.')?;
        self.wildcard.get(suffix)
    }

    /// The entry that was made for this very host.
    pub fn entry(&self, host: &Hostname) -> Option<&Arc<TlsEntry>> {
        match host.is_wildcard() {
            true => self.wildcard.get(host.suffix()),
            false => self.exact.get(host.suffix())?.as_ref(),
        }
    }

    pub fn entries(&self) -> impl Iterator<Item = &Arc<TlsEntry>> {
        let exact = self.exact.values().filter_map(Option::as_ref);
        exact.chain(self.wildcard.values())
    }

    /// An Ingress of this namespace has a certificate for this host.
    pub fn ask(&mut self, namespace: &Arc<str>, host: &Hostname) {
        let map = match host.is_wildcard() {
            true => &mut self.asking_wildcard,
            false => &mut self.asking_exact,
        };
        let asking = map.entry(host.suffix().into()).or_default();
        if !asking.contains(namespace) {
            asking.push(namespace.clone());
        }
    }

    /// Does an Ingress of this namespace have a certificate for this name? What others have says nothing about its rules.
    pub fn is_asked_for(&self, namespace: &str, host: &str) -> bool {
        let has = |asking: Option<&Vec<Arc<str>>>| {
            asking.is_some_and(|all| all.iter().any(|of| **of == *namespace))
        };
        let wildcard = host.split_once('.').map(|(_, suffix)| suffix);
        has(self.asking_exact.get(host))
            || wildcard.is_some_and(|suffix| has(self.asking_wildcard.get(suffix)))
    }
}
