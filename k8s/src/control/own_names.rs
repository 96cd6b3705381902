//! For which hosts is a certificate that is named without any?

use config::model::{Model, Route};
use std::sync::Arc;

/// A listener without a host name, or an Ingress with TLS and no host at all, shows a certificate for the certificate's own names.
pub(super) fn fill(model: &mut Model) {
    for route in &mut model.routes {
        if !is_open(route) {
            continue;
        }
        let mut filled = Route::clone(route);
        for block in &mut filled.tls {
            let certificate = block.secret.as_ref();
            let certificate = certificate.and_then(|name| model.certificates.get(name));
            if let Some(certificate) = certificate.filter(|_| block.hosts.is_empty()) {
                block.hosts.clone_from(&certificate.names);
            }
        }
        *route = Arc::new(filled);
    }
}

/// Some block has neither hosts of its own nor, for want of a rule with a host, those of the rules.
fn is_open(route: &Route) -> bool {
    route.tls.iter().any(|block| block.hosts.is_empty())
        && route.rules.iter().all(|rule| rule.hosts.is_empty())
}
