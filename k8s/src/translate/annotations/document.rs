//! What does the page about annotations say?
//!
//! `docs/annotations.md` is this page. A test fails where the file differs; `UPDATE_DOCS=1 cargo test -p hedgerow-k8s docs` rewrites it.

use super::table::{Annotation, On, Support, TABLE};

const INTRODUCTION: &str = "# Annotations

Generated from the table in `k8s/src/translate/annotations/table.rs` by `UPDATE_DOCS=1 cargo test -p hedgerow-k8s docs`; a test fails where it is stale.

All of them have the prefix `hedgerow.edwardstech.dev/`:

```yaml
metadata:
  annotations:
    hedgerow.edwardstech.dev/hold: 8s
```

Those with *Service* in the second column may stand on a Service, too: there they describe the backend, whichever route reaches it. Where both say something, the Ingress wins for its own routes.
A value that does not parse is a problem on that object (an error, with file and line), and the default stays in force; every other annotation is obeyed. A name that does not exist is a
warning with the nearest one that does. Durations are written as Gateway API writes them (`10s`, `1m30s`, `500ms`), sizes with `Ki`, `Mi`, `Gi`. Values are text: numbers and `true` need quotes in YAML.
";

const FOREIGN: &str = "
## Annotations of others

| name | what becomes of it |
|---|---|
| `kubernetes.io/ingress.class` | read where an Ingress has no `ingressClassName` |
| `traefik.ingress.kubernetes.io/router.priority` | read, never obeyed: the longest path wins. An informational problem says so; a warning where obeying it would send requests to another Ingress. |

No other annotation of Traefik or ingress-nginx means anything here.
";

/// The whole page.
pub fn annotations_page() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str(
        "\n| name | on | value | without it | what it says | since |\n|---|---|---|---|---|---|\n",
    );
    for annotation in TABLE.iter().filter(|annotation| is_now(annotation)) {
        page.push_str(&format!(
            "| `{}` | {} | {} | {} | {} | {SINCE} |\n",
            annotation.name,
            place(annotation),
            annotation.form(),
            annotation.default(),
            annotation.what,
        ));
    }
    page.push_str("\n## Not in this version\n\nTheir names are taken. Until then each is a warning, and has no effect.\n\n| name | on | what it will say |\n|---|---|---|\n");
    for annotation in TABLE.iter().filter(|annotation| !is_now(annotation)) {
        let (name, what) = (annotation.name, annotation.what);
        page.push_str(&format!("| `{name}` | {} | {what} |\n", place(annotation)));
    }
    page + FOREIGN
}

/// Every annotation so far came with the first version.
const SINCE: &str = "0.1";

fn is_now(annotation: &Annotation) -> bool {
    matches!(annotation.support, Support::Now(_))
}

fn place(annotation: &Annotation) -> &'static str {
    match annotation.on {
        On::Ingress => "Ingress",
        On::IngressAndService => "Ingress, Service",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::limits::Limits;

    #[test]
    fn docs_are_what_the_table_says() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/annotations.md");
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(file, annotations_page()).unwrap();
        }
        let committed = std::fs::read_to_string(file).unwrap_or_default();
        assert!(
            committed == annotations_page(),
            "docs/annotations.md is stale: UPDATE_DOCS=1 cargo test -p hedgerow-k8s docs"
        );
    }

    #[test]
    fn docs_say_everything_of_every_annotation() {
        for annotation in TABLE {
            assert!(annotation.what.ends_with('.'), "{}", annotation.name);
            let has_form = !annotation.form().is_empty() && !annotation.default().is_empty();
            assert_eq!(has_form, is_now(annotation), "{}", annotation.name);
            assert!(!annotation.default().contains("()"), "{}", annotation.name);
        }
    }

    #[test]
    fn docs_name_the_defaults_that_are_in_force() {
        let limits = Limits::default();
        for (key, time) in [
            ("idleTimeout", limits.idle_timeout),
            ("streamIdleTimeout", limits.stream_idle_timeout),
            ("upstreamKeepAliveIdle", limits.upstream_keep_alive_idle),
        ] {
            let written = format!("limits.{key} ({})", config::duration::format(time));
            assert!(annotations_page().contains(&written), "{written}");
        }
    }

    #[test]
    fn docs_know_no_annotation_twice() {
        let mut names: Vec<_> = TABLE.iter().map(|annotation| annotation.name).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
