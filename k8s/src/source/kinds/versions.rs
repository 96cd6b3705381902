//! Is a document of a kind and version that this program reads?

use super::super::node::{Content, Node};
use config::name::Kind;
use config::nearest::nearest_within;
use config::problem::{ProblemCode, Severity};

/// A kind that is read: its group (empty is the core group), and the versions it is read in, the best one first.
struct Known {
    kind: Kind,
    group: &'static str,
    versions: &'static [&'static str],
}

const GATEWAY: &str = "gateway.networking.k8s.io";
/// v1beta1 of the Gateway API's kinds has had the same fields as v1 since its release 1.0.
const KNOWN: [Known; 11] = [
    known(Kind::Ingress, "networking.k8s.io", &["v1"]),
    known(Kind::IngressClass, "networking.k8s.io", &["v1"]),
    known(Kind::Service, "", &["v1"]),
    known(Kind::EndpointSlice, "discovery.k8s.io", &["v1"]),
    known(Kind::Endpoints, "", &["v1"]),
    known(Kind::Secret, "", &["v1"]),
    known(Kind::ConfigMap, "", &["v1"]),
    known(Kind::ReferenceGrant, GATEWAY, &["v1beta1", "v1"]),
    known(Kind::Gateway, GATEWAY, &["v1", "v1beta1"]),
    known(Kind::GatewayClass, GATEWAY, &["v1", "v1beta1"]),
    known(Kind::HttpRoute, GATEWAY, &["v1", "v1beta1"]),
];
/// Groups in which a kind of ours in a wrong version is a slip, and not another project's kind of the same name: Istio has a Gateway, too,
/// and Knative a Service.
const GROUPS: [&str; 7] = [
    "",
    "core",
    "apps",
    "extensions",
    "networking.k8s.io",
    "discovery.k8s.io",
    GATEWAY,
];

const fn known(kind: Kind, group: &'static str, versions: &'static [&'static str]) -> Known {
    Known {
        kind,
        group,
        versions,
    }
}

impl Known {
    fn api_versions(&self) -> impl Iterator<Item = String> {
        self.versions.iter().map(|version| match self.group {
            "" => (*version).to_owned(),
            group => format!("{group}/{version}"),
        })
    }
}

/// What a document is.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing is written there.
    Empty,
    /// Another kind, by its name; empty if it names none.
    PassedOver(String),
    Ours(Kind),
    Wrong(Wrong),
}

/// Why a document is not read although its author seems to want it.
#[derive(Debug, PartialEq, Eq)]
pub struct Wrong {
    pub severity: Severity,
    pub code: ProblemCode,
    /// The kind, where it is certain.
    pub kind: Option<Kind>,
    pub field: &'static str,
    pub found: String,
    pub expected: String,
}

pub fn judge(document: &Node) -> Verdict {
    if document.content == Content::Null {
        return Verdict::Empty;
    }
    if !matches!(document.content, Content::Map(_)) {
        return Verdict::Wrong(Wrong {
            severity: Severity::Warning,
            code: ProblemCode::UnreadableManifest,
            kind: None,
            field: "",
            found: document.sort().to_owned(),
            expected: "an object with apiVersion, kind and metadata; it is passed over".into(),
        });
    }
    let version = document.text("apiVersion");
    let Some(kind) = document.text("kind") else {
        return without_kind(document, version);
    };
    let group = version.map(|version| version.split_once('/').map_or("", |(group, _)| group));
    if let Some(known) = KNOWN.iter().find(|known| known.kind.as_str() == kind) {
        return version_of(known, version, group);
    }
    slip(kind, group).map_or_else(|| Verdict::PassedOver(kind.to_owned()), Verdict::Wrong)
}

/// Values of a Helm chart, a package.json: a folder of manifests has such neighbours. With an apiVersion it is a slip.
fn without_kind(document: &Node, version: Option<&str>) -> Verdict {
    let found = match (document.child("kind"), version) {
        (Some(entry), _) => entry.value.sort(),
        (None, Some(_)) => "nothing",
        (None, None) => return Verdict::PassedOver(String::new()),
    };
    Verdict::Wrong(Wrong {
        severity: Severity::Error,
        code: ProblemCode::InvalidField,
        kind: None,
        field: "kind",
        found: found.to_owned(),
        expected: "a kind, such as Ingress; the object is not read".into(),
    })
}

fn version_of(known: &Known, version: Option<&str>, group: Option<&str>) -> Verdict {
    if version.is_some_and(|version| known.api_versions().any(|right| right == version)) {
        return Verdict::Ours(known.kind);
    }
    if group.is_some_and(|group| !GROUPS.contains(&group)) {
        return Verdict::PassedOver(known.kind.as_str().to_owned());
    }
    let right: Vec<String> = known.api_versions().collect();
    Verdict::Wrong(Wrong {
        severity: Severity::Error,
        code: ProblemCode::InvalidField,
        kind: Some(known.kind),
        field: "apiVersion",
        found: version.map_or_else(|| "nothing".to_owned(), |version| format!("{version:?}")),
        expected: format!("{}; the object is not read", right.join(" or ")),
    })
}

/// `kind: ingress` and `kind: Ingres`. Only in the kind's own group, and only one letter: TCPRoute is no misspelt HTTPRoute.
fn slip(kind: &str, group: Option<&str>) -> Option<Wrong> {
    let group = group?;
    let names = KNOWN
        .iter()
        .filter(|known| known.group == group)
        .map(|known| known.kind.as_str());
    let meant = nearest_within(kind, names, 1)?;
    Some(Wrong {
        severity: Severity::Error,
        code: ProblemCode::InvalidField,
        kind: None,
        field: "kind",
        found: format!("{kind:?}"),
        expected: format!("{meant}; the object is not read"),
    })
}
