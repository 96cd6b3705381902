//! What does the page about settings say?
//!
//! `docs/settings.md` is this page. A test fails where the file differs; `UPDATE_DOCS=1 cargo test -p hedgerow-config docs` rewrites it.

use super::{Settings, raw, restart, written};
use crate::limits::bound::BOUNDS;
use crate::limits::timeout::{Ends, TIMEOUTS};
use crate::reason::Reason;
use serde_json::Value;
use std::collections::HashMap;

/// One setting, for the table.
struct Row {
    key: String,
    form: String,
    what: String,
}

const INTRODUCTION: &str = r#"# Settings

Generated from the types in `config/src/settings` and `config/src/limits.rs` by `UPDATE_DOCS=1 cargo test -p hedgerow-config docs`; a test fails where it is stale.

`hedgerow.yaml` says how the edge runs. What it routes is said by Kubernetes objects alone. Flags beat the file, which beats the defaults; without a file every default holds.
`--http`, `--https` and `--admin` replace what the file says, `--manifests` and `--kubeconfig` replace its `source`.

The file is read again when it changes (also through a ConfigMap's symbolic links) and on SIGHUP. What the table marks with *restart* waits for one; the rest is in force at once,
and open connections stay. A file that is wrong changes nothing: the last good one stays in force, and the log, a metric and `/readyz?verbose` say why.
An edit is taken when nothing happened to the file for 50 ms and nobody has it open for writing, and after 5 s in any case.

| signal | what it does |
|---|---|
| SIGTERM | stops in order: `limits.lameDuck`, then the drain; exit code 0 |
| SIGINT | the same without the lame duck |
| a second one of either | stops at once, cutting what is still in flight; exit code 0 |
| SIGHUP | reads the settings file again; without one it is ignored, and the log says so. It ends `hedgerow demo`, which belongs to its terminal |

**How values are written**

- Durations as Gateway API writes them (GEP-2257): `10s`, `1m30s`, `500ms`.
- Sizes in bytes or in `Ki`, `Mi`, `Gi`: `64Ki`. Other units are refused with a hint, because `10m` means ten thousandths in Kubernetes.
- Networks in CIDR form; an address alone is a network of one. An IPv4-mapped IPv6 network is the IPv4 network.
- Addresses with their port, IPv6 in brackets: `"[::]:80"`, in quotes, because YAML reads a bare `[` as a list. Names are not looked up. Port 0 is any free port.
- YAML 1.2: `off` is a word, not false; where `off` is an answer, `false` is read as `off` all the same. A key without a value, or with `null`, is as if it were not there.

**What is checked**

Every wrong value, every unknown key (with the nearest known one) and every key that stands there twice is reported at once, each with its line. There are two exceptions:
text that is not YAML is reported at its first error only, with line and column; and how settings fit together is checked once each of them is right by itself.
At most 1 MiB is read. Anchors, aliases and merge keys work.
"#;

/// The whole page.
pub fn settings_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n## Every default, as a file\n\n```yaml\n");
    page.push_str(&written::file(&Settings::default()));
    page.push_str("```\n\n");
    page.push_str(&settings_table());
    page.push_str(&limits_table());
    page.push_str(&timeouts_table());
    page
}

fn settings_table() -> String {
    let mut rows = Vec::new();
    collect(raw::schema().as_value(), "", &mut rows);
    let defaults: HashMap<_, _> = written::written(&Settings::default()).into_iter().collect();
    let mut text =
        "## Settings\n\n| key | value | default | | what it is |\n|---|---|---|---|---|\n"
            .to_owned();
    for row in rows {
        let default = defaults.get(&row.key).map(|value| format!("`{value}`"));
        let restart = if needs_restart(&row.key) {
            "restart"
        } else {
            ""
        };
        let cells = [
            format!("`{}`", row.key),
            row.form,
            default.unwrap_or_default(),
            restart.to_owned(),
            row.what,
        ];
        text.push_str(&line(&cells));
    }
    text + "\nThe settings that wait for a restart, all others do not: "
        + &list_of(restart::AT_START.iter().map(|(key, _)| *key))
        + ".\n\n"
}

fn limits_table() -> String {
    let whats = limit_descriptions();
    let mut text = "## Limits\n\nEvery bound, under `limits`. Routes and backends may differ from some of them by annotation.\n\n\
        | key | value | default | range | what it bounds |\n|---|---|---|---|---|\n"
        .to_owned();
    for bound in BOUNDS {
        let default = bound.written(&Settings::default().limits);
        let cells = [
            format!("`{}`", bound.key),
            bound.form().to_owned(),
            default.map_or("by memory".to_owned(), |value| format!("`{value}`")),
            bound.range(),
            whats.get(bound.key).cloned().unwrap_or_default(),
        ];
        text.push_str(&line(&cells));
    }
    text + "\nMemory is the cgroup's limit, without one all of the machine's. Connections by memory are at least 64 and at most 65,536: 1,024 at 128 MiB, 8,192 at 1 GiB.\n\
        These must agree: `targetBytesMax` below `headerBytesMax`; `connectionsPerClientMax` at most `connectionsMax`; `h2StreamWindowBytes` at most `h2ConnectionWindowBytes`;\n\
        and, as a warning, `lameDuck` + `drain` + 5s within 40s, the `terminationGracePeriodSeconds` of the chart.\n\n"
}

fn timeouts_table() -> String {
    let whats = limit_descriptions();
    let mut text = "## Timeouts\n\nWhat each time is, and what a client sees when it runs out. The reason stands in the access log, in the metrics, in the answer and in `hedgerow why`.\n\
        Where an answer has begun already its status cannot change: then the connection (HTTP/2: the stream) is cut, and the log has the reason.\n\n\
        | time | default | status | reason | what happens |\n|---|---|---|---|---|\n"
        .to_owned();
    for timeout in TIMEOUTS {
        let default = BOUNDS.iter().find(|bound| bound.key == timeout.key);
        let default = default.and_then(|bound| bound.written(&Settings::default().limits));
        let (reasons, happens): (&[Reason], String) = match &timeout.ends {
            Ends::Request(reason) => (std::slice::from_ref(reason), reason.sentence().to_owned()),
            Ends::Hold(reasons) => (reasons, HOLD_ENDS.to_owned()),
            Ends::Quietly(sentence) => (&[], (*sentence).to_owned()),
        };
        let what = whats.get(timeout.key).cloned().unwrap_or_default();
        let cells = [
            format!("`{}`", timeout.key),
            default.map_or(String::new(), |value| format!("`{value}`")),
            status_of(reasons),
            list_of(reasons.iter().map(|reason| reason.as_str())),
            format!("{what} → {happens}"),
        ];
        text.push_str(&line(&cells));
    }
    let request = Reason::RequestTimeout;
    text.push_str(&line(&[
        "annotation `request-timeout`".to_owned(),
        "none".to_owned(),
        request.status().to_string(),
        format!("`{request}`"),
        format!(
            "The whole request, from its head to the last byte of its answer. → {}",
            request.sentence()
        ),
    ]));
    text
}

const HOLD_ENDS: &str = "Other endpoints are tried, and all of them again until the hold ends; then the answer has Retry-After, and the reason is what the last attempt met.";

fn status_of(reasons: &[Reason]) -> String {
    match reasons.first().map(|reason| reason.status()) {
        None => String::new(),
        Some(0) => "none: the connection is cut".to_owned(),
        Some(status) => status.to_string(),
    }
}

/// Doc comments of the bounds, by key.
fn limit_descriptions() -> HashMap<String, String> {
    let schema = schemars::schema_for!(crate::limits::Limits);
    let properties = schema.get("properties").and_then(Value::as_object);
    let properties = properties.into_iter().flatten();
    properties
        .map(|(key, bound)| (key.clone(), text_of(bound, "description")))
        .collect()
}

/// A row for each key below a schema; groups have one of their own where they say something.
fn collect(schema: &Value, prefix: &str, rows: &mut Vec<Row>) {
    let properties = schema.get("properties").and_then(Value::as_object);
    for (name, property) in properties.into_iter().flatten() {
        let key = format!("{prefix}{name}");
        let items = property.get("items");
        let form = match (items, text_of(property, "title")) {
            (Some(item), _) => format!("list: {}", form_of(item)),
            (None, title) if title.is_empty() => "group".to_owned(),
            (None, _) => form_of(property),
        };
        let what = text_of(property, "description");
        rows.push(Row {
            key: key.clone(),
            form,
            what,
        });
        match (items, name.as_str()) {
            (_, "limits") => (), // It has a table of its own.
            (Some(item), _) => collect(item, &format!("{key}[]."), rows),
            (None, _) => collect(property, &format!("{key}."), rows),
        }
    }
}

/// A short form may have a long one beside it.
fn form_of(schema: &Value) -> String {
    let title = text_of(schema, "title");
    match schema.get("properties") {
        Some(_) => format!("{title}; or a group"),
        None => title,
    }
}

fn needs_restart(key: &str) -> bool {
    restart::AT_START.iter().any(|(start, _)| {
        let rest = key.strip_prefix(start);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}

fn text_of(schema: &Value, key: &str) -> String {
    let text = schema.get(key).and_then(Value::as_str).unwrap_or_default();
    text.replace('\n', " ").replace('|', "\\|")
}

fn list_of<'a>(words: impl Iterator<Item = &'a str>) -> String {
    let words: Vec<_> = words.map(|word| format!("`{word}`")).collect();
    words.join(", ")
}

fn line(cells: &[String]) -> String {
    format!("| {} |\n", cells.join(" | "))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::bound::Bound;

    #[test]
    fn docs_have_every_bound_with_what_it_bounds() {
        let whats = limit_descriptions();
        let keys: Vec<_> = BOUNDS.iter().map(|bound| bound.key).collect();
        for key in whats.keys() {
            assert!(
                Bound::find(key).is_some(),
                "{key} is a bound that cannot be set"
            );
        }
        for key in keys {
            assert!(
                whats.get(key).is_some_and(|what| what.ends_with('.')),
                "{key}"
            );
        }
    }

    #[test]
    fn docs_have_a_form_a_sentence_and_a_default_for_every_setting() {
        /// Not set, or only one of several.
        const WITHOUT_DEFAULT: &[&str] = &[
            "acme",
            "defaultCertificate",
            "defaultCertificate.certFile",
            "defaultCertificate.keyFile",
            "listeners.http[].address",
            "listeners.http[].publicPort",
            "listeners.http[].proxyProtocol",
            "listeners.https[].address",
            "listeners.https[].publicPort",
            "listeners.https[].proxyProtocol",
            "publish.service",
            "publish.nodes",
            "report",
            "source.cluster.namespaces",
            "source.cluster.namespaceSelector",
            "source.directory.path",
        ];
        let mut rows = Vec::new();
        collect(raw::schema().as_value(), "", &mut rows);
        let defaults: HashMap<_, _> = written::written(&Settings::default()).into_iter().collect();
        assert!(rows.len() > 30, "{}", rows.len());
        for row in &rows {
            assert!(!row.form.is_empty(), "{}", row.key);
            assert!(row.what.ends_with('.'), "{}: {:?}", row.key, row.what);
            let is_group = row.form == "group";
            let has_none = WITHOUT_DEFAULT.contains(&&*row.key);
            assert!(
                is_group || defaults.contains_key(&row.key) != has_none,
                "{}",
                row.key
            );
        }
        let is_known = |key: &str| rows.iter().any(|row| row.key == key);
        for (key, _) in restart::AT_START {
            assert!(is_known(key), "{key}");
        }
    }
}
