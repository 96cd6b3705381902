//! How would a settings file say what these settings are?

use super::{AccessLogFormat, DefaultCertificate, Listener, Publish, Settings, Source};
use crate::limits::bound::BOUNDS;

/// Each setting that has a value, by the path of its key, as YAML in one line. Read again, it gives the same settings.
pub(super) fn written(settings: &Settings) -> Vec<(String, String)> {
    let mut pairs = vec![
        ("listeners.http", listeners(&settings.http)),
        ("listeners.https", listeners(&settings.https)),
        ("sharePort", settings.share_port.to_string()),
        ("admin", quoted(settings.admin)),
        source(&settings.source),
        ("ingressClasses", list(&settings.ingress_classes)),
    ];
    pairs.extend(publish(&settings.publish));
    pairs.extend(settings.report.map(|report| ("report", report.to_string())));
    pairs.push(("trustedProxies", list(&settings.trusted_proxies)));
    if let Some(certificate) = &settings.default_certificate {
        pairs.push(("defaultCertificate", default_certificate(certificate)));
    }
    pairs.extend([
        (
            "accessLog.format",
            format_name(settings.access_log.format).to_owned(),
        ),
        (
            "accessLog.sampling",
            format!("{:?}", settings.access_log.sampling),
        ),
        ("metrics.seriesMax", settings.series_max.to_string()),
        ("externalName.allow", list(&settings.external_names)),
        (
            "state.directory",
            quoted(settings.state_directory.display()),
        ),
        ("via", settings.via.to_string()),
    ]);
    let pairs = pairs
        .into_iter()
        .map(|(key, value)| (key.to_owned(), value));
    pairs.chain(limits(settings)).collect()
}

/// The same as a file.
pub(super) fn file(settings: &Settings) -> String {
    let mut text = String::new();
    let mut group = String::new();
    for (key, value) in written(settings) {
        let Some((parent, child)) = key.split_once('.') else {
            group.clear();
            text.push_str(&format!("{key}: {value}\n"));
            continue;
        };
        if parent != group {
            parent.clone_into(&mut group);
            text.push_str(&format!("{parent}:\n"));
        }
        text.push_str(&format!("  {child}: {value}\n"));
    }
    text
}

fn limits(settings: &Settings) -> impl Iterator<Item = (String, String)> + '_ {
    BOUNDS.iter().filter_map(|bound| {
        let value = bound.written(&settings.limits)?;
        Some((format!("limits.{}", bound.key), value))
    })
}

fn listeners(listeners: &[Listener]) -> String {
    let items = listeners.iter().map(|listener| {
        let address = quoted(listener.address);
        let mut item = format!("{{ address: {address}");
        if let Some(port) = listener.public_port {
            item.push_str(&format!(", publicPort: {port}"));
        }
        if listener.proxy_protocol {
            item.push_str(", proxyProtocol: required");
        }
        match (listener.public_port, listener.proxy_protocol) {
            (None, false) => address,
            _ => item + " }",
        }
    });
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

fn source(source: &Source) -> (&'static str, String) {
    match source {
        Source::Cluster { namespaces, .. } => (
            "source.cluster",
            format!("{{ namespaces: {} }}", list(namespaces)),
        ),
        Source::Directory { path } => (
            "source.directory",
            format!("{{ path: {} }}", quoted(path.display())),
        ),
    }
}

fn publish(publish: &Publish) -> Vec<(&'static str, String)> {
    match publish {
        Publish::Addresses(addresses) => vec![("publish.addresses", list(addresses))],
        Publish::Service(service) => vec![("publish.service", quoted(service))],
        Publish::Nodes(service) => vec![
            ("publish.service", quoted(service)),
            ("publish.nodes", "true".to_owned()),
        ],
    }
}

fn default_certificate(certificate: &DefaultCertificate) -> String {
    match certificate {
        DefaultCertificate::Secret(name) => quoted(name),
        DefaultCertificate::Files { certificate, key } => format!(
            "{{ certFile: {}, keyFile: {} }}",
            quoted(certificate.display()),
            quoted(key.display())
        ),
    }
}

fn format_name(format: AccessLogFormat) -> &'static str {
    match format {
        AccessLogFormat::Json => "json",
        AccessLogFormat::Common => "common",
        AccessLogFormat::Off => "off",
    }
}

fn list<T: ToString>(items: &[T]) -> String {
    let items: Vec<_> = items.iter().map(|item| quoted(item.to_string())).collect();
    format!("[{}]", items.join(", "))
}

/// In quotes only where YAML would read the text as something else. JSON's quotes are YAML's.
fn quoted(text: impl ToString) -> String {
    const PLAIN: &str = "true false null yes no on off ~";
    let text = text.to_string();
    let is_plain = !text.is_empty()
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b"/._-:".contains(&b))
        && text
            .bytes()
            .next()
            .is_some_and(|b| b.is_ascii_alphanumeric() || b == b'/')
        && !text.ends_with(':')
        && text.parse::<f64>().is_err()
        && !PLAIN
            .split(' ')
            .any(|word| word.eq_ignore_ascii_case(&text));
    if is_plain {
        return text;
    }
    serde_json::to_string(&text).unwrap_or_default()
}
