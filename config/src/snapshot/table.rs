//! Which rule comes first for this host and path?

use super::RuleId;
use http::{HeaderMap, Method};

/// What routing looks at. Host and path are in normal form.
#[derive(Debug, Clone, Copy)]
pub struct RequestView<'a> {
    pub is_https: bool,
    pub host: &'a str,
    pub method: &'a Method,
    pub path: &'a str,
    pub query: Option<&'a str>,
    pub headers: &'a HeaderMap,
}

/// Rules in an order that finds the first match quickly.
#[derive(Debug, Default)]
pub struct RouteTable {}

impl RouteTable {
    pub fn find(&self, _request: &RequestView<'_>) -> RuleId {
        RuleId(0)
    }
}
