//! Which certificate is shown for a name?

use crate::hostname::Hostname;
use crate::model::Certificate;
use crate::name::ObjectName;
use std::collections::HashMap;
use std::sync::Arc;

/// Certificates by host. An exact name wins over a wildcard; a wildcard stands for one label.
#[derive(Debug, Default)]
pub struct TlsTable {
    exact: HashMap<Box<str>, Arc<TlsEntry>>,
    wildcard: HashMap<Box<str>, Arc<TlsEntry>>,
}

/// One host with a real certificate.
#[derive(Debug)]
pub struct TlsEntry {
    pub host: Hostname,
    pub secret: ObjectName,
    pub certificate: Arc<Certificate>,
}

impl TlsTable {
    /// The first entry for a host stays: the caller brings them in order of precedence. False: there was one.
    pub fn insert(&mut self, entry: TlsEntry) -> bool {
        let map = if entry.host.is_wildcard() {
            &mut self.wildcard
        } else {
            &mut self.exact
        };
        if map.contains_key(entry.host.suffix()) {
            return false;
        }
        map.insert(entry.host.suffix().into(), Arc::new(entry));
        true
    }

    /// The entry for a name in normal form (an SNI, or a request's host).
    pub fn find(&self, host: &str) -> Option<&Arc<TlsEntry>> {
        if let Some(entry) = self.exact.get(host) {
            return Some(entry);
        }
        let (_, suffix) = host.split_once('.')?;
        self.wildcard.get(suffix)
    }

    pub fn entries(&self) -> impl Iterator<Item = &Arc<TlsEntry>> {
        self.exact.values().chain(self.wildcard.values())
    }
}
