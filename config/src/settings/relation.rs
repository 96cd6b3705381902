//! Which settings must agree with each other?

use super::{Listener, Settings};
use crate::problem::Severity;
use std::net::SocketAddr;

/// Settings that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Disagreement {
    pub severity: Severity,
    /// The settings it is about, the one to change first.
    pub fields: Vec<String>,
    pub found: String,
    pub expected: String,
}

impl Settings {
    /// Every relation that does not hold, between settings and between bounds.
    pub(super) fn disagreements(&self) -> Vec<Disagreement> {
        let mut found = self.addresses_once();
        found.extend(self.somebody_listens());
        found.extend(self.somebody_is_not_trusted());
        found.extend(self.not_everybody_writes_addresses());
        found.extend(
            self.limits
                .disagreements()
                .into_iter()
                .map(|d| Disagreement {
                    severity: d.severity,
                    fields: d.keys.iter().map(|key| format!("limits.{key}")).collect(),
                    found: d.found,
                    expected: d.expected,
                }),
        );
        found
    }

    /// Port 0 is any free port, so it may stand there twice.
    fn addresses_once(&self) -> Vec<Disagreement> {
        let numbered = |name: &str, list: &[Listener]| -> Vec<_> {
            let list = list.iter().enumerate();
            list.map(|(at, l)| (format!("listeners.{name}[{at}]"), l.address))
                .collect()
        };
        let mut all = numbered("http", &self.http);
        all.extend(numbered("https", &self.https));
        all.push(("admin".to_owned(), self.admin));
        let earlier = |at: usize| all.get(..at).unwrap_or_default();
        let second = all.iter().enumerate().filter_map(|(at, (field, address))| {
            let mut earlier = earlier(at).iter();
            let (first, theirs) = earlier.find(|(_, theirs)| self.clash(*address, *theirs))?;
            let found = match address == theirs {
                true => format!("{address} is the address of {first} already"),
                false => format!(
                    "{address} and {theirs}, the address of {first}, take the same connections"
                ),
            };
            Some(Disagreement {
                severity: Severity::Error,
                fields: vec![field.clone(), first.clone()],
                found,
                expected: "each address once; [::] is every IPv4 address too".to_owned(),
            })
        });
        second.collect()
    }

    /// Can not both be bound? Sockets that share their ports may overlap; the admin address never shares its own.
    fn clash(&self, left: SocketAddr, right: SocketAddr) -> bool {
        let is_alone = !self.share_port || left == self.admin || right == self.admin;
        left.port() == right.port()
            && left.port() != 0
            && (left == right || (is_alone && (takes(left, right) || takes(right, left))))
    }

    fn somebody_listens(&self) -> Option<Disagreement> {
        let nobody = self.http.is_empty() && self.https.is_empty();
        nobody.then(|| Disagreement {
            severity: Severity::Error,
            fields: vec!["listeners.http".to_owned(), "listeners.https".to_owned()],
            found: "both lists are empty".to_owned(),
            expected: "a listener at least, or no list for the default".to_owned(),
        })
    }

    /// Without a list the PROXY protocol is believed from whoever connects.
    fn not_everybody_writes_addresses(&self) -> Option<Disagreement> {
        let lists = [("http", &self.http), ("https", &self.https)];
        let (name, at) = lists.into_iter().find_map(|(name, list)| {
            let at = list.iter().position(|listener| listener.proxy_protocol)?;
            Some((name, at))
        })?;
        self.trusted_proxies.is_empty().then(|| Disagreement {
            severity: Severity::Warning,
            fields: vec![format!("listeners.{name}[{at}].proxyProtocol")],
            found:
                "`trustedProxies` is empty, so everybody who connects may say which address it has"
                    .to_owned(),
            expected: "the addresses of the load balancers in `trustedProxies`".to_owned(),
        })
    }

    fn somebody_is_not_trusted(&self) -> Option<Disagreement> {
        let all = self
            .trusted_proxies
            .iter()
            .position(|network| network.is_everything())?;
        Some(Disagreement {
            severity: Severity::Warning,
            fields: vec![format!("trustedProxies[{all}]")],
            found: "every client is trusted to say who it is".to_owned(),
            expected: "the addresses of the load balancers before this edge alone".to_owned(),
        })
    }
}

/// `[::]` takes IPv4 too, 0.0.0.0 does not take IPv6.
fn takes(wide: SocketAddr, narrow: SocketAddr) -> bool {
    wide.ip().is_unspecified() && (wide.is_ipv6() || narrow.is_ipv4())
}
