//! Whose Ingress is it, by every way to name a class?

use crate::objects::Objects;
use crate::sample;
use crate::translate::Translator;

const OURS: &str = "kind: IngressClass\napiVersion: networking.k8s.io/v1\nmetadata: { name: mine }\nspec: { controller: edwardstech.dev/hedgerow }\n---\n";
const THEIRS: &str = "kind: IngressClass\napiVersion: networking.k8s.io/v1\nmetadata: { name: nginx }\nspec: { controller: k8s.io/ingress-nginx }\n---\n";
const OURS_DEFAULT: &str = "kind: IngressClass\napiVersion: networking.k8s.io/v1\nmetadata: { name: mine, annotations: { ingressclass.kubernetes.io/is-default-class: \"true\" } }\nspec: { controller: edwardstech.dev/hedgerow }\n---\n";
const THEIRS_DEFAULT: &str = "kind: IngressClass\napiVersion: networking.k8s.io/v1\nmetadata: { name: nginx, annotations: { ingressclass.kubernetes.io/is-default-class: \"true\" } }\nspec: { controller: k8s.io/ingress-nginx }\n---\n";

/// What the annotation says, and what the field says.
type Named<'a> = (Option<&'a str>, Option<&'a str>);

fn objects(classes: &str, (annotation, field): Named<'_>) -> Objects {
    let annotation = annotation.map_or(String::new(), |name| {
        format!(", annotations: {{ kubernetes.io/ingress.class: {name} }}")
    });
    let field = field.map_or(String::new(), |name| format!("ingressClassName: {name}, "));
    sample::objects(&format!(
        "{classes}kind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: {{ name: shop{annotation} }}\nspec: {{ {field}defaultBackend: {{ service: {{ name: web, port: {{ number: 80 }} }} }} }}\n"
    ))
}

#[track_caller]
fn check(classes: &str, named: Named<'_>, is_ours: bool, problem: Option<&str>) {
    let objects = objects(classes, named);
    check_objects(&objects, is_ours, problem);
}

#[track_caller]
fn check_objects(objects: &Objects, is_ours: bool, problem: Option<&str>) {
    let (model, problems) = Translator::default().translate(objects, &sample::settings());
    assert_eq!(!model.routes.is_empty(), is_ours, "{problems:#?}");
    assert_eq!(objects.problems, []);
    let found: Vec<String> = problems.iter().map(ToString::to_string).collect();
    match problem {
        None => assert_eq!(found, [""; 0]),
        Some(part) => {
            assert_eq!(found.len(), 1, "{found:?}");
            assert!(found[0].contains(part), "{found:?}");
        }
    }
}

#[test]
fn the_controller_decides_and_not_the_name_of_the_class() {
    check(OURS, (None, Some("mine")), true, None);
    check(THEIRS, (None, Some("nginx")), false, None);
    let taken_over = OURS.replace("mine", "traefik");
    check(&taken_over, (None, Some("traefik")), true, None);
    let foreign = THEIRS.replace("nginx", "hedgerow");
    check(&foreign, (None, Some("hedgerow")), false, None);
}

#[test]
fn a_name_in_the_settings_counts_without_an_object_of_that_name() {
    check("", (None, Some("hedgerow")), true, None);
    check(OURS, (None, Some("hedgerow")), true, None);
    check("", (Some("hedgerow"), None), true, None);
}

#[test]
fn a_class_that_nobody_has_is_a_warning_with_the_object_to_add() {
    let manifest = "kind: IngressClass\nmetadata:\n  name: traefik\nspec:\n  controller: edwardstech.dev/hedgerow";
    check("", (None, Some("traefik")), false, Some(manifest));
    check(OURS, (None, Some("traefik")), false, Some(manifest));
    check(THEIRS, (Some("traefik"), None), false, Some(manifest));
    check("", (None, Some("\"yes\"")), false, Some("name: \"yes\"\n"));
}

#[test]
fn the_printed_class_makes_the_ingress_ours() {
    for name in [
        "traefik",
        "\"123\"",
        "\"1e3\"",
        "\"y\"",
        "null-and-void",
        "\"null\"",
    ] {
        let before = objects("", (None, Some(name)));
        let (_, problems) = Translator::default().translate(&before, &sample::settings());
        let (_, manifest) = problems[0].expected.split_once("add:\n").unwrap();
        check(
            &format!("{manifest}\n---\n"),
            (None, Some(name)),
            true,
            None,
        );
    }
}

#[test]
fn the_annotation_counts_as_the_field_does_and_the_field_wins() {
    check(OURS, (Some("mine"), None), true, None);
    check(OURS, (Some("mine"), Some("mine")), true, None);
    check(THEIRS, (Some("nginx"), None), false, None);
    let both = format!("{OURS}{THEIRS}");
    check(
        &both,
        (Some("nginx"), Some("mine")),
        true,
        Some("metadata.annotations[kubernetes.io/ingress.class]: `nginx`"),
    );
    check(&both, (Some("mine"), Some("nginx")), false, None);
}

#[test]
fn an_ingress_without_a_class_goes_to_the_default_class() {
    check(OURS_DEFAULT, (None, None), true, None);
    check(THEIRS_DEFAULT, (None, None), false, None);
    check(OURS_DEFAULT, (Some("\"\""), None), true, None);
    check(
        OURS_DEFAULT,
        (None, Some("nginx")),
        false,
        Some("no IngressClass `nginx`"),
    );
}

#[test]
fn of_several_default_classes_the_newest_decides() {
    let older = THEIRS_DEFAULT.replace("{ name", "{ creationTimestamp: 2026-01-01T00:00:00Z, name");
    let newer = OURS_DEFAULT.replace("{ name", "{ creationTimestamp: 2026-01-02T00:00:00Z, name");
    check(&format!("{older}{newer}"), (None, None), true, None);
    check(&format!("{newer}{older}"), (None, None), true, None);
    check(&format!("{OURS_DEFAULT}{older}"), (None, None), false, None);
}

#[test]
fn an_ingress_without_a_class_is_ours_in_a_directory_without_classes() {
    check("", (None, None), true, None);
    check(
        OURS,
        (None, None),
        false,
        Some("add `ingressClassName: mine`"),
    );
    check(
        THEIRS,
        (None, None),
        false,
        Some("is-default-class: \"true\""),
    );
}

#[test]
fn in_a_cluster_classless_ingresses_and_unknown_annotations_are_not_ours() {
    let mut cluster = objects("", (None, None));
    cluster.is_directory = false;
    check_objects(
        &cluster,
        false,
        Some("names no class, and no class is the default"),
    );
    let mut cluster = objects("", (Some("nginx"), None));
    cluster.is_directory = false;
    check_objects(&cluster, false, None);
}
