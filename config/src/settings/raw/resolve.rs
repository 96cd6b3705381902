//! What does a settings file come to?

use super::{
    AccessLogRaw, CertificateFilesRaw, ExternalNameRaw, ListenerRaw, PublishRaw, SettingsRaw,
    SourceRaw,
};
use crate::limits::Limits;
use crate::limits::bound::{BOUNDS, Bound};
use crate::name::ObjectName;
use crate::settings::form::{Demand, quoted};
use crate::settings::report::Report;
use crate::settings::yaml::{Entries, Group, Item, List};
use crate::settings::{AccessLog, DefaultCertificate, Listener, Publish, Settings, Source};
use std::net::SocketAddr;

/// Every value that is right, and a default for every other; what is wrong is in the report.
pub fn resolve(raw: SettingsRaw, report: &mut Report<'_>) -> Settings {
    let default = Settings::default();
    if let Some(acme) = &raw.acme {
        let found = "is of a later version".to_owned();
        report.error(
            "acme",
            acme.line,
            found,
            "not in this version: leave it out",
        );
    }
    let listeners = report.group("listeners", raw.listeners).unwrap_or_default();
    let metrics = report.group("metrics", raw.metrics).unwrap_or_default();
    let state = report.group("state", raw.state).unwrap_or_default();
    Settings {
        http: read_listeners("listeners.http", listeners.http, report).unwrap_or(default.http),
        https: read_listeners("listeners.https", listeners.https, report).unwrap_or(default.https),
        share_port: report
            .leaf("sharePort", raw.share_port)
            .unwrap_or(default.share_port),
        admin: report.leaf("admin", raw.admin).unwrap_or(default.admin),
        source: read_source(raw.source, report).unwrap_or(default.source),
        ingress_classes: match raw.ingress_classes {
            Some(list) => {
                let names = report.leaves("ingressClasses", Some(list));
                names.into_iter().map(|name| name.0).collect()
            }
            None => default.ingress_classes,
        },
        publish: read_publish(raw.publish, report).unwrap_or(default.publish),
        report: report.leaf("report", raw.report),
        trusted_proxies: report.leaves("trustedProxies", raw.trusted_proxies),
        default_certificate: read_default_certificate(raw.default_certificate, report),
        access_log: read_access_log(raw.access_log, report),
        series_max: report
            .leaf("metrics.seriesMax", metrics.series_max)
            .map_or(default.series_max, |series| series.0),
        external_names: read_external_names(raw.external_name, report),
        state_directory: report
            .leaf("state.directory", state.directory)
            .unwrap_or(default.state_directory),
        via: report.leaf("via", raw.via).unwrap_or(default.via),
        limits: read_limits(raw.limits, report),
        endpoints: Vec::new(),
    }
}

fn read_listeners(
    field: &str,
    list: Option<List<Item<SocketAddr, ListenerRaw>>>,
    report: &mut Report<'_>,
) -> Option<Vec<Listener>> {
    let items = report.list(field, list)?.into_iter().enumerate();
    let listeners = items.filter_map(|(at, item)| {
        let field = format!("{field}[{at}]");
        match item {
            Item::Short(address) => report.leaf(&field, Some(address)).map(Listener::at),
            Item::Long(group) => read_listener(&field, group, report),
        }
    });
    Some(listeners.collect())
}

fn read_listener(
    field: &str,
    group: Group<ListenerRaw>,
    report: &mut Report<'_>,
) -> Option<Listener> {
    let (line, is_clear) = (group.line, group.strangers.is_empty());
    let raw = report.group(field, Some(group))?;
    if raw.address.is_none() && is_clear {
        let found = "has no address".to_owned();
        report.error(field, line, found, r#"address: "[::]:80", for example"#);
    }
    let address = report.leaf(&format!("{field}.address"), raw.address);
    let public_port = report.leaf(&format!("{field}.publicPort"), raw.public_port);
    let demand = report.leaf(&format!("{field}.proxyProtocol"), raw.proxy_protocol);
    Some(Listener {
        address: address?,
        public_port: public_port.map(|port| port.0),
        proxy_protocol: demand == Some(Demand::Required),
    })
}

fn read_source(group: Option<Group<SourceRaw>>, report: &mut Report<'_>) -> Option<Source> {
    let (line, is_clear) = group.as_ref().map(|g| (g.line, g.strangers.is_empty()))?;
    let raw = report.group("source", group)?;
    let cluster = report.group("source.cluster", raw.cluster);
    let directory = report.group("source.directory", raw.directory);
    match (cluster, directory) {
        (Some(_), Some(_)) => {
            let found = "names both cluster and directory".to_owned();
            report.error("source", line, found, "one of them");
            None
        }
        (Some(cluster), None) => {
            let names = report.leaves("source.cluster.namespaces", cluster.namespaces);
            let field = "source.cluster.namespaceSelector";
            let selector = report.leaf(field, cluster.namespace_selector);
            if selector.is_some() && !names.is_empty() {
                let found = "stands beside namespaces".to_owned();
                report.error(field, line, found, "one of the two");
            }
            Some(Source::Cluster {
                namespaces: names.into_iter().map(|name| name.0).collect(),
                namespace_selector: selector.map(|selector| selector.0),
                kubeconfig: None,
            })
        }
        (None, Some(directory)) => {
            if directory.path.is_none() {
                let found = "names no path".to_owned();
                report.error(
                    "source.directory",
                    line,
                    found,
                    "path: ./manifests, for example",
                );
            }
            let path = report.leaf("source.directory.path", directory.path)?;
            Some(Source::Directory { path })
        }
        (None, None) => {
            if is_clear {
                let found = "names neither cluster nor directory".to_owned();
                report.error(
                    "source",
                    line,
                    found,
                    "cluster: {} or directory: { path: DIR }",
                );
            }
            None
        }
    }
}

fn read_publish(group: Option<Group<PublishRaw>>, report: &mut Report<'_>) -> Option<Publish> {
    let line = group.as_ref()?.line;
    let raw = report.group("publish", group)?;
    let is_list = raw.addresses.is_some();
    let addresses = report.leaves("publish.addresses", raw.addresses);
    let service = report.leaf("publish.service", raw.service);
    let nodes = report.leaf("publish.nodes", raw.nodes) == Some(true);
    if is_list && (service.is_some() || nodes) {
        let found = "names addresses beside service or nodes".to_owned();
        report.error("publish", line, found, "one of them");
    }
    match service {
        Some(service) if nodes => Some(Publish::Nodes(service)),
        Some(service) => Some(Publish::Service(service)),
        None if nodes => {
            let expected = "service: NAMESPACE/NAME beside it, our own Service, whose ready endpoints say which nodes";
            let found = "names nodes alone".to_owned();
            report.error("publish", line, found, expected);
            None
        }
        None => Some(Publish::Addresses(addresses)),
    }
}

fn read_default_certificate(
    item: Option<Item<ObjectName, CertificateFilesRaw>>,
    report: &mut Report<'_>,
) -> Option<DefaultCertificate> {
    const FIELD: &str = "defaultCertificate";
    let group = match item? {
        Item::Short(name) => {
            return report
                .leaf(FIELD, Some(name))
                .map(DefaultCertificate::Secret);
        }
        Item::Long(group) => group,
    };
    let line = group.line;
    let raw = report.group(FIELD, Some(group))?;
    if raw.cert_file.is_none() || raw.key_file.is_none() {
        let found = "does not name both files".to_owned();
        report.error(
            FIELD,
            line,
            found,
            "{ certFile: PATH, keyFile: PATH } or namespace/secret",
        );
    }
    let certificate = report.leaf("defaultCertificate.certFile", raw.cert_file);
    let key = report.leaf("defaultCertificate.keyFile", raw.key_file);
    Some(DefaultCertificate::Files {
        certificate: certificate?,
        key: key?,
    })
}

fn read_access_log(group: Option<Group<AccessLogRaw>>, report: &mut Report<'_>) -> AccessLog {
    let default = Settings::default().access_log;
    let raw = report.group("accessLog", group).unwrap_or_default();
    let format = report.leaf("accessLog.format", raw.format);
    let sampling = report.leaf("accessLog.sampling", raw.sampling);
    AccessLog {
        format: format.unwrap_or(default.format),
        sampling: sampling.map_or(default.sampling, |share| share.0),
    }
}

fn read_external_names(
    group: Option<Group<ExternalNameRaw>>,
    report: &mut Report<'_>,
) -> Vec<String> {
    const FIELD: &str = "externalName.allow";
    let raw = report.group("externalName", group).unwrap_or_default();
    let line = raw.allow.as_ref().map_or(1, |list| list.line);
    let names = report.leaves(FIELD, raw.allow);
    if !names.is_empty() {
        let found = "is of a later version".to_owned();
        let expected = "a Service and its Endpoints: ExternalName is refused in this version, whatever this list says";
        report.warning(FIELD, line, found, expected.to_owned());
    }
    names.into_iter().map(|name| name.0).collect()
}

fn read_limits(group: Option<Group<Entries>>, report: &mut Report<'_>) -> Limits {
    let mut limits = Limits::default();
    let entries = report.group("limits", group).unwrap_or_default();
    for (key, leaf) in entries.0 {
        let Some(bound) = Bound::find(&key) else {
            let known: Vec<_> = BOUNDS.iter().map(|bound| bound.key).collect();
            report.unknown("limits", &key, leaf.line, &known);
            continue;
        };
        let (field, line) = (format!("limits.{key}"), leaf.line);
        let Some(raw) = report.leaf(&field, Some(leaf)) else {
            continue;
        };
        if let Err(error) = bound.set(&mut limits, &raw) {
            let found = format!("{} {error}", quoted(&raw));
            report.error(
                &field,
                line,
                found,
                &format!("a {}, {}", bound.form(), bound.range()),
            );
        }
    }
    limits
}
