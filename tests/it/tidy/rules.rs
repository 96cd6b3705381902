//! What are the rules that a test can hold?

use super::tree::Tree;
use std::collections::BTreeSet;

const FILE_LINES_MAX: usize = 400;

/// All violations, one sentence each: file, what was found, what would be right.
pub fn violations(tree: &Tree) -> Vec<String> {
    let mut found = Vec::new();
    for (path, text) in tree.rust() {
        headers(path, text, &mut found);
        length(path, text, &mut found);
        words(path, text, &mut found);
        arrows(path, text, &mut found);
    }
    dependencies(tree, &mut found);
    metrics(tree, &mut found);
    annotations(tree, &mut found);
    found
}

/// One file, one question, asked in its first line.
fn headers(path: &str, text: &str, found: &mut Vec<String>) {
    let first = text.lines().next().unwrap_or_default();
    let asks = first.starts_with("//! ") && first.ends_with('?');
    if !asks || first.matches('?').count() != 1 {
        found.push(format!(
            "{path}:1: `{first}` is not one question; the first line asks what the file answers, as in `//! Which rule handles this request?`"
        ));
    }
}

fn length(path: &str, text: &str, found: &mut Vec<String>) {
    let lines = text.lines().count();
    if lines > FILE_LINES_MAX {
        found.push(format!(
            "{path}: {lines} lines; at most {FILE_LINES_MAX}: one subject per file"
        ));
    }
}

/// No open ends without an issue, and no `unsafe` anywhere.
fn words(path: &str, text: &str, found: &mut Vec<String>) {
    let open_ends = [
        concat!("TO", "DO"),
        concat!("FIX", "ME"),
        concat!("XX", "X"),
    ];
    for (number, line) in text.lines().enumerate() {
        let number = number + 1;
        for word in open_ends {
            if line.contains(word) && !line.contains("issue ") {
                found.push(format!("{path}:{number}: {word} without its issue"));
            }
        }
        if line.contains(concat!("uns", "afe {")) || line.contains(concat!("uns", "afe fn")) {
            found.push(format!("{path}:{number}: `unsafe` code"));
        }
    }
}

/// Only the composition root of `proxy` names `k8s`; nobody below it names those above.
fn arrows(path: &str, text: &str, found: &mut Vec<String>) {
    let forbidden: &[&str] = if path.starts_with("config/src") {
        &[
            "k8s::",
            "proxy::",
            "pingora_",
            "tokio::",
            "k8s_openapi",
            "kube::",
            "std::fs",
            "std::net::Tcp",
        ]
    } else if path.starts_with("k8s/src") {
        &["proxy::", "pingora_"]
    } else if path.starts_with("proxy/src") && !is_composition_root(path) {
        &["k8s::", "k8s_openapi", "kube::"]
    } else {
        &[]
    };
    for (number, line) in text.lines().enumerate() {
        let code = line.split("//").next().unwrap_or_default();
        for word in forbidden {
            if names(code, word) {
                found.push(format!(
                    "{path}:{}: names `{word}`; dependencies point one way, and only proxy/src/app.rs and app/* know everybody",
                    number + 1
                ));
            }
        }
    }
}

/// `word` stands in `code`, and not as the end of a longer name.
fn names(code: &str, word: &str) -> bool {
    code.match_indices(word).any(|(at, _)| {
        let before = code[..at].chars().next_back();
        !before.is_some_and(|c| c.is_alphanumeric() || c == '_' || c == '"' || c == ':')
    })
}

fn is_composition_root(path: &str) -> bool {
    path == "proxy/src/app.rs" || path.starts_with("proxy/src/app/")
}

/// The same arrows in the manifests of the crates.
fn dependencies(tree: &Tree, found: &mut Vec<String>) {
    let rows: [(&str, &[&str]); 2] = [
        (
            "config/Cargo.toml",
            &["k8s", "proxy", "tokio", "k8s-openapi", "kube", "hyper"],
        ),
        ("k8s/Cargo.toml", &["proxy"]),
    ];
    for (path, forbidden) in rows {
        let text = tree.text(path);
        let product = text.split("[dev-dependencies]").next().unwrap_or_default();
        for line in product.lines() {
            let name = line.split(['.', '=', ' ']).next().unwrap_or_default();
            if forbidden.contains(&name) || name.starts_with("pingora") {
                found.push(format!(
                    "{path}: depends on `{name}`; this crate may not know it"
                ));
            }
        }
    }
}

/// Every metric that the source names stands in docs/metrics.md, and the other way round.
fn metrics(tree: &Tree, found: &mut Vec<String>) {
    let mut in_source = BTreeSet::new();
    for (path, text) in tree.rust() {
        if path.starts_with("proxy/src/observe") {
            in_source.extend(quoted(text, "hedgerow_"));
            in_source.extend(quoted(text, "process_"));
        }
    }
    let document = tree.text("docs/metrics.md");
    let documented: BTreeSet<String> = ticked(document)
        .into_iter()
        .filter(|name| name.starts_with("hedgerow_") || name.starts_with("process_"))
        .collect();
    for name in in_source.difference(&documented) {
        found.push(format!(
            "docs/metrics.md: `{name}` is missing; the source has it"
        ));
    }
    for name in documented.difference(&in_source) {
        found.push(format!(
            "docs/metrics.md: `{name}` does not exist in proxy/src/observe"
        ));
    }
}

/// Every annotation that the source names stands in docs/annotations.md.
fn annotations(tree: &Tree, found: &mut Vec<String>) {
    let document = tree.text("docs/annotations.md");
    for name in k8s::translate::annotations::names() {
        if !document.contains(&format!("`{name}`")) {
            found.push(format!(
                "docs/annotations.md: `{name}` is missing; the source has it"
            ));
        }
    }
}

/// Whole string literals that begin with `prefix` and look like a metric's name.
fn quoted(text: &str, prefix: &str) -> BTreeSet<String> {
    text.split('"')
        .skip(1)
        .step_by(2)
        .filter(|literal| literal.starts_with(prefix) && is_metric_name(literal))
        .map(str::to_owned)
        .collect()
}

fn is_metric_name(text: &str) -> bool {
    let is_right = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_';
    !text.ends_with('_') && text.chars().all(is_right)
}

/// What stands in back-ticks, up to a `{` of labels.
fn ticked(document: &str) -> BTreeSet<String> {
    document
        .split('`')
        .skip(1)
        .step_by(2)
        .map(|word| word.split('{').next().unwrap_or_default().to_owned())
        .filter(|word| is_metric_name(word))
        .collect()
}
