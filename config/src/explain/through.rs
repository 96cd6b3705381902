//! Through which listener would this request come?

use crate::settings::{Listener, Settings};
use crate::snapshot::RequestView;
use serde::Serialize;
use std::fmt;

/// The listener of the settings that a request is taken to come through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Through {
    /// None: the settings have no listener for the scheme, so that nobody takes the request.
    pub address: Option<String>,
    /// What clients dial.
    pub public_port: Option<u16>,
    /// The port of the URL, where no listener of its scheme has it: the first one is taken instead.
    pub port_that_none_has: Option<u16>,
}

/// The listener with the request's port, else the first one of its scheme.
pub(super) fn of(settings: &Settings, request: &RequestView<'_>) -> Through {
    let listeners = match request.is_https {
        true => &settings.https,
        false => &settings.http,
    };
    let asked = |listener: &&Listener| request.port == Some(public_port(listener));
    let exact = listeners.iter().find(asked);
    let taken = exact.or_else(|| listeners.first());
    Through {
        address: taken.map(|listener| listener.address.to_string()),
        public_port: taken.map(public_port),
        port_that_none_has: request.port.filter(|_| exact.is_none()),
    }
}

fn public_port(listener: &Listener) -> u16 {
    listener.public_port.unwrap_or(listener.address.port())
}

impl fmt::Display for Through {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(address), Some(port)) = (&self.address, self.public_port) else {
            return write!(
                f,
                "none: the settings have no listener for this scheme, so nobody takes this request"
            );
        };
        write!(f, "{address} (public port {port})")?;
        match self.port_that_none_has {
            Some(asked) => write!(
                f,
                "; none has port {asked}, so this is what that one would do"
            ),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::{HeaderMap, Method};

    #[track_caller]
    fn check(is_https: bool, port: Option<u16>, expected: &str) {
        let at = |address: &str, public_port| Listener {
            public_port,
            ..Listener::at(address.parse().unwrap())
        };
        let settings = Settings {
            http: vec![at("127.0.0.1:8080", None), at("127.0.0.1:8081", Some(80))],
            https: Vec::new(),
            ..Settings::default()
        };
        let request = RequestView {
            is_https,
            port,
            host: "a.test",
            method: &Method::GET,
            path: "/",
            query: None,
            headers: &HeaderMap::new(),
        };
        assert_eq!(of(&settings, &request).to_string(), expected);
    }

    #[test]
    fn the_listener_is_named_and_what_none_of_them_has() {
        check(false, None, "127.0.0.1:8080 (public port 8080)");
        check(false, Some(80), "127.0.0.1:8081 (public port 80)");
        check(
            false,
            Some(9),
            "127.0.0.1:8080 (public port 8080); none has port 9, so this is what that one would do",
        );
        check(
            true,
            Some(443),
            "none: the settings have no listener for this scheme, so nobody takes this request",
        );
    }
}
