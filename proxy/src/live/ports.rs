//! Which ports did listeners on port 0 get?

use config::settings::{Listener, Settings};
use std::sync::atomic::{AtomicU16, Ordering};

/// The ports of the first listener of each scheme, which redirects name. One for all configurations of an edge: sockets survive them.
/// 0: not bound yet.
#[derive(Debug, Default)]
pub struct PortsInUse {
    http: AtomicU16,
    https: AtomicU16,
}

impl PortsInUse {
    pub fn set(&self, is_https: bool, port: u16) {
        self.of(is_https).store(port, Ordering::Relaxed);
    }

    pub fn port(&self, is_https: bool) -> u16 {
        self.of(is_https).load(Ordering::Relaxed)
    }

    /// Writes what nobody could know before into settings that are shown.
    pub fn fill(&self, settings: &mut Settings) {
        let Settings { http, https, .. } = settings;
        for (listeners, is_https) in [(http, false), (https, true)] {
            let first = listeners.first_mut();
            if let Some(first) = first.filter(|first: &&mut Listener| first.dialled_port() == 0) {
                first.public_port = Some(self.port(is_https));
            }
        }
    }

    fn of(&self, is_https: bool) -> &AtomicU16 {
        match is_https {
            true => &self.https,
            false => &self.http,
        }
    }
}
