//! What may stand in `hedgerow.yaml`?

mod resolve;

use super::form::{
    ClassName, Demand, FILE_BYTES_MAX, LabelSelector, Namespace, Port, Series, Share, Suffix,
    too_large,
};
use super::network::Network;
use super::report::Report;
use super::yaml::{Entries, Group, Item, Leaf, List, line_of};
use super::{AccessLogFormat, Settings};
use crate::limits::Limits;
use crate::name::ObjectName;
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Deserializer};
use serde_saphyr::UserMessageFormatter;
use serde_saphyr::options::{DuplicateKeyPolicy, NonFiniteFloatPolicy};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
struct SettingsRaw {
    /// Where clients are accepted. At run time listeners come and go with this list.
    listeners: Option<Group<ListenersRaw>>,
    /// Several processes share the listeners' ports (SO_REUSEPORT). For the chart's rollouts alone: without it a second process on the
    /// same port is refused, with it the second one silently takes half of the requests.
    share_port: Option<Leaf<bool>>,
    /// Metrics, readiness and what an operator may ask. It has no password: leave it on loopback, or let a network policy guard it.
    admin: Option<Leaf<SocketAddr>>,
    /// Where Kubernetes objects come from: one of `cluster` and `directory`.
    source: Option<Group<SourceRaw>>,
    /// Class names that count as ours when the source has no IngressClass of that name.
    ingress_classes: Option<List<Leaf<ClassName>>>,
    /// What the status of our objects says of where they are served, with the API server as the source. Not set: nothing is published.
    publish: Option<Group<PublishRaw>>,
    /// Status, conditions and events are written to the API server, by one edge of all that share its Lease. Not set: in a pod they are, and
    /// elsewhere they are not, so that an edge on a laptop changes nothing.
    report: Option<Leaf<bool>>,
    /// Whose `X-Forwarded-*` is believed: the load balancers before this edge. Never a pod network: every pod could be anybody.
    trusted_proxies: Option<List<Leaf<Network>>>,
    /// What is shown where no certificate fits: a TLS Secret, or two files. Not set: a self-signed one, made at start.
    default_certificate: Option<Item<ObjectName, CertificateFilesRaw>>,
    /// One line per request, on standard output.
    access_log: Option<Group<AccessLogRaw>>,
    /// What Prometheus is told.
    metrics: Option<Group<MetricsRaw>>,
    /// Services of type ExternalName. Not in this version: they are refused, whatever the list says.
    external_name: Option<Group<ExternalNameRaw>>,
    /// What outlives the process.
    state: Option<Group<StateRaw>>,
    /// `Via` is added to what is forwarded (RFC 9110 §7.6.3). Off, because nginx backends stop compressing when they see it.
    via: Option<Leaf<bool>>,
    /// Every bound; see the table of limits.
    #[schemars(with = "Option<Limits>")]
    limits: Option<Group<Entries>>,
    /// Certificates by themselves. Not in this version.
    #[schemars(with = "Option<Later>")]
    acme: Option<Group<Entries>>,
}

/// Shown in the documentation for what is not in this version.
type Later = Leaf<String>;

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(inline)]
struct ListenersRaw {
    /// Plain HTTP.
    http: Option<List<Item<SocketAddr, ListenerRaw>>>,
    /// HTTPS.
    https: Option<List<Item<SocketAddr, ListenerRaw>>>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(inline)]
struct ListenerRaw {
    /// Where to listen. `[::]` is every address of both families; without IPv6 it falls back to 0.0.0.0.
    address: Option<Leaf<SocketAddr>>,
    /// What clients dial, where something before this edge maps ports: redirects and `X-Forwarded-Port` say it. Not set: the port of the address.
    public_port: Option<Leaf<Port>>,
    /// Whether every connection begins with a PROXY protocol header (v1 or v2). It is never guessed: a guess would let clients write their own address.
    /// With an empty `trustedProxies` everybody who connects is believed; with networks in it, others are refused.
    proxy_protocol: Option<Leaf<Demand>>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(inline)]
struct SourceRaw {
    /// The API server. In a pod with its service account, elsewhere with KUBECONFIG, `--kubeconfig` or `~/.kube/config`, as kubectl does.
    #[serde(deserialize_with = "even_if_empty")]
    cluster: Option<Group<ClusterRaw>>,
    /// A directory of manifests.
    directory: Option<Group<DirectoryRaw>>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(inline)]
struct ClusterRaw {
    /// Namespaces that are watched. Empty: all. With a list, rights in those namespaces are enough.
    namespaces: Option<List<Leaf<Namespace>>>,
    /// Instead of a list: namespaces with these labels, as `kubectl --selector` takes it (`edge=yes,team in (a,b)`). They come and go at run time.
    namespace_selector: Option<Leaf<LabelSelector>>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(inline)]
struct DirectoryRaw {
    /// The directory; a relative one begins at the working directory.
    path: Option<Leaf<PathBuf>>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(inline)]
struct PublishRaw {
    /// These addresses.
    addresses: Option<List<Leaf<IpAddr>>>,
    /// The addresses of this Service: what its load balancer says, and its external addresses. With `nodes`, our own Service.
    service: Option<Leaf<ObjectName>>,
    /// The addresses of the nodes where this edge is ready, which is where `service` has a ready endpoint. External ones if they have such.
    nodes: Option<Leaf<bool>>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(inline)]
struct CertificateFilesRaw {
    /// The certificate and its chain, PEM.
    cert_file: Option<Leaf<PathBuf>>,
    /// Its key, PEM.
    key_file: Option<Leaf<PathBuf>>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(inline)]
struct AccessLogRaw {
    /// `json`: one object per line; `common`: Common Log Format.
    format: Option<Leaf<AccessLogFormat>>,
    /// The part of requests that is logged. Answers of 500 and above always are.
    sampling: Option<Leaf<Share>>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(inline)]
struct MetricsRaw {
    /// Time series at most. Beyond it the histograms of backends, then the younger routes and backends fold into `other`.
    series_max: Option<Leaf<Series>>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(inline)]
struct ExternalNameRaw {
    /// Names and suffixes that an ExternalName may have.
    allow: Option<List<Leaf<Suffix>>>,
}

#[derive(Default, Deserialize, JsonSchema)]
#[serde(default, rename_all = "camelCase")]
#[schemars(inline)]
struct StateRaw {
    /// Where the last good objects are kept, so that a restart without the API server still serves. Only for the API server as the source.
    directory: Option<Leaf<PathBuf>>,
}

/// The JSON schema of the file: keys, forms and what they mean.
pub(super) fn schema() -> Schema {
    schemars::schema_for!(SettingsRaw)
}

/// Reads a settings file; what is wrong with it goes into the report, and then the result must not be used.
pub(super) fn read(text: &str, report: &mut Report<'_>) -> Settings {
    if text.len() > FILE_BYTES_MAX {
        report.error("", 1, too_large(text.len()), "at most 1Mi");
        return Settings::default();
    }
    let options = serde_saphyr::options! {
        duplicate_keys: DuplicateKeyPolicy::PassThrough,
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        strict_booleans: true,
        with_snippet: false,
    };
    match serde_saphyr::from_str_with_options::<Option<Group<SettingsRaw>>>(text, options) {
        Ok(file) => match report.group("", file) {
            Some(raw) => resolve::resolve(raw, report),
            None => Settings::default(),
        },
        Err(error) => {
            let line = error.location().map_or(1, line_of);
            // The wording for users: the other one speaks to programmers. It ends with line and column.
            let found = error.render_with_formatter(&UserMessageFormatter);
            report.error("", line, found, "YAML 1.2, one document");
            Settings::default()
        }
    }
}

/// `cluster:` with nothing behind it is a cluster with every default, not a cluster left out.
fn even_if_empty<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Group<ClusterRaw>>, D::Error> {
    Group::deserialize(deserializer).map(Some)
}
