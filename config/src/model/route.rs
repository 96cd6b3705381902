//! Which requests go where, as one Ingress or HTTPRoute says it?

use super::policy::{BackendPolicy, RoutePolicy};
use crate::hostname::{Hostname, WildcardLabels};
use crate::name::{ObjectName, ObjectRef, Origin};
use crate::pattern::Pattern;
use http::{HeaderName, HeaderValue, Method};
use std::sync::Arc;

/// One object with rules: an Ingress or an HTTPRoute.
#[derive(Debug, Clone)]
pub struct Route {
    pub object: ObjectRef,
    /// `metadata.creationTimestamp` in seconds since 1970. Missing ones are equal and count as the oldest.
    pub created: Option<i64>,
    pub origin: Option<Origin>,
    pub rules: Vec<RouteRule>,
    /// Backends that no request reaches, because their rule is wrong. They are judged all the same: an author learns of everything at once.
    pub lost: Vec<LostReference>,
    /// Ingress `spec.tls`.
    pub tls: Vec<TlsHosts>,
    /// A digest of everything above, for `hedgerow_config_digest`.
    pub digest: u64,
}

/// Requests that match any of `matches`, for any of `hosts`, through the listeners in `scope`. What a snapshot keeps of it is shared with it.
#[derive(Debug, Clone)]
pub struct RouteRule {
    /// The field of the object that asks for this, as in `spec.rules[0].http.paths[1]`.
    pub field: Arc<str>,
    pub origin: Option<Origin>,
    /// Empty: every host.
    pub hosts: Arc<[HostMatch]>,
    /// Never empty.
    pub matches: Arc<[RequestMatch]>,
    pub scope: ListenerScope,
    /// An Ingress's `defaultBackend`: below every other rule of every object.
    pub is_default_backend: bool,
    pub filters: Vec<Filter>,
    /// Empty with a redirect among the filters, or where an HTTPRoute names none (500 by its specification).
    pub backends: Vec<WeightedReference>,
    pub policy: Arc<RoutePolicy>,
}

/// A backend of a rule that serves nothing, or something else.
#[derive(Debug, Clone)]
pub struct LostReference {
    /// The field of the rule, as in `RouteRule`.
    pub field: Arc<str>,
    pub origin: Option<Origin>,
    pub reference: WeightedReference,
}

impl RouteRule {
    /// Of all its backends.
    pub fn whole_weight(&self) -> u32 {
        let weights = self.backends.iter().map(|one| one.weight);
        weights.fold(0, u32::saturating_add)
    }

    /// What is left of a rule that takes no request.
    pub fn into_lost(self) -> impl Iterator<Item = LostReference> {
        let (field, origin) = (self.field, self.origin);
        self.backends
            .into_iter()
            .map(move |reference| LostReference {
                field: field.clone(),
                origin: origin.clone(),
                reference,
            })
    }
}

/// A host name, and how many labels its wildcard stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostMatch {
    pub name: Hostname,
    pub labels: WildcardLabels,
}

/// Through which listeners a rule is reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListenerScope {
    pub http: bool,
    pub https: bool,
    /// The public port of the listeners; none: whatever it is.
    pub port: Option<u16>,
    /// Hosts that more specific listeners of the same Gateway and port take, so that no rule of this one may (GEP-1713).
    pub except: Option<Arc<[Hostname]>>,
}

impl ListenerScope {
    pub const ALL: ListenerScope = ListenerScope {
        http: true,
        https: true,
        port: None,
        except: None,
    };
}

/// All of these hold.
#[derive(Debug, Clone)]
pub struct RequestMatch {
    pub path: PathMatch,
    pub method: Option<Method>,
    pub headers: Vec<HeaderMatch>,
    pub query: Vec<QueryMatch>,
}

/// A path in normal form (`crate::path`), and how it is compared.
#[derive(Debug, Clone)]
pub enum PathMatch {
    Exact(Arc<str>),
    /// By path element: `/foo` takes `/foo`, `/foo/` and `/foo/bar`, not `/foobar`. Without a trailing slash, but for `/` itself.
    Prefix(Arc<str>),
    /// The whole path matches.
    Regex(Pattern),
}

#[derive(Debug, Clone)]
pub struct HeaderMatch {
    pub name: HeaderName,
    pub value: TextMatch,
}

/// The first value of this query parameter, percent-decoded.
#[derive(Debug, Clone)]
pub struct QueryMatch {
    pub name: String,
    pub value: TextMatch,
}

#[derive(Debug, Clone)]
pub enum TextMatch {
    Exact(String),
    Regex(Pattern),
}

/// What happens to a request or response on its way (Gateway API HTTPRouteFilter).
#[derive(Debug, Clone)]
pub enum Filter {
    RequestHeaders(HeaderChange),
    ResponseHeaders(HeaderChange),
    Redirect(Redirect),
    Rewrite {
        hostname: Option<Hostname>,
        path: Option<PathRewrite>,
    },
}

#[derive(Debug, Clone, Default)]
pub struct HeaderChange {
    pub set: Vec<(HeaderName, HeaderValue)>,
    pub add: Vec<(HeaderName, HeaderValue)>,
    pub remove: Vec<HeaderName>,
}

#[derive(Debug, Clone)]
pub enum PathRewrite {
    Full(String),
    /// Replaces the matched prefix.
    Prefix(String),
}

#[derive(Debug, Clone)]
pub struct Redirect {
    /// `http` or `https`; none keeps the request's.
    pub scheme: Option<&'static str>,
    pub hostname: Option<Hostname>,
    pub port: Option<u16>,
    pub path: Option<PathRewrite>,
    /// 301, 302, 303, 307 or 308.
    pub status: u16,
}

#[derive(Debug, Clone)]
pub struct WeightedReference {
    pub weight: u32,
    /// The field that names it, as in `backend.service`.
    pub field: String,
    pub origin: Option<Origin>,
    pub reference: BackendReference,
    pub filters: Vec<Filter>,
    /// What the route's annotations say of the backend; where it is none, the Service's own holds.
    pub policy: Option<Arc<BackendPolicy>>,
}

#[derive(Debug, Clone)]
pub enum BackendReference {
    Service {
        service: ObjectName,
        port: PortReference,
    },
    /// The reference itself is wrong (another kind, not granted); the translation has reported it.
    Invalid { sentence: String },
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PortReference {
    Number(u16),
    Name(Arc<str>),
}

/// Hosts that one Secret is for (Ingress `spec.tls[]`).
#[derive(Debug, Clone)]
pub struct TlsHosts {
    pub field: String,
    pub origin: Option<Origin>,
    pub hosts: Vec<Hostname>,
    pub secret: Option<ObjectName>,
}
