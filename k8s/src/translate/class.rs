//! Is this Ingress ours?

use super::findings::{Findings, quoted};
use crate::objects::{Object, Objects};
use config::problem::ProblemCode;
use config::settings::Settings;
use k8s_openapi::api::networking::v1::{Ingress, IngressClass};
use std::cmp::Reverse;
use std::sync::Arc;

/// The controller that IngressClasses and GatewayClasses name if they mean this program.
pub const CONTROLLER: &str = "edwardstech.dev/hedgerow";
/// Deprecated since Kubernetes 1.18, and still the most common way to name a class.
const CLASS_ANNOTATION: &str = "kubernetes.io/ingress.class";
const CLASS_ANNOTATION_FIELD: &str = "metadata.annotations[kubernetes.io/ingress.class]";
const CLASS_FIELD: &str = "spec.ingressClassName";
/// <https://kubernetes.io/docs/concepts/services-networking/ingress/#default-ingress-class>
const DEFAULT_ANNOTATION: &str = "ingressclass.kubernetes.io/is-default-class";

/// Whose Ingress it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Verdict {
    Ours,
    /// Another controller's: not touched, not spoken of.
    Theirs,
    Nobody(Cause),
}

/// Why nobody serves an Ingress.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Cause {
    /// It names a class, and there is no IngressClass of that name.
    NoSuchClass,
    /// It names none, and no class is the default. With the name of a class of ours, if there is one.
    NoDefault(Option<Arc<str>>),
}

/// All IngressClasses, as far as they decide.
pub(super) struct Classes<'a> {
    /// Is it ours? Sorted by name: there are few, and every Ingress is looked up.
    ours: Vec<(&'a str, bool)>,
    /// Whether the default class is ours. None: no class is the default.
    default: Option<bool>,
    settings: &'a [String],
    is_directory: bool,
}

impl<'a> Classes<'a> {
    pub fn of(objects: &'a Objects, settings: &'a Settings) -> Classes<'a> {
        let classes = objects.ingress_classes.values();
        let mut ours: Vec<(&str, bool)> = classes
            .map(|class| (&*class.name.name, is_ours(class)))
            .collect();
        ours.sort_unstable();
        // Of several defaults the admission plugin DefaultIngressClass takes the newest, then the first by name.
        let default = objects
            .ingress_classes
            .values()
            .filter(|class| is_default(class))
            .min_by_key(|class| {
                let created = class.value.metadata.creation_timestamp.as_ref();
                (Reverse(created.map(|time| time.0)), &class.name.name)
            });
        Classes {
            ours,
            default: default.map(|class| is_ours(class)),
            settings: &settings.ingress_classes,
            is_directory: objects.is_directory,
        }
    }

    pub fn verdict(&self, ingress: &Object<Ingress>) -> Verdict {
        if let Some(name) = class_name(&ingress.value) {
            return self
                .by_name(name)
                .unwrap_or(Verdict::Nobody(Cause::NoSuchClass));
        }
        if let Some(name) = class_annotation(&ingress.value) {
            return match self.by_name(name) {
                Some(verdict) => verdict,
                None if self.is_directory => Verdict::Nobody(Cause::NoSuchClass),
                // The annotation needs no IngressClass; other controllers go by its value alone.
                None => Verdict::Theirs,
            };
        }
        match self.default {
            Some(true) => Verdict::Ours,
            Some(false) => Verdict::Theirs,
            None if self.is_directory && self.ours.is_empty() => Verdict::Ours,
            None => Verdict::Nobody(Cause::NoDefault(self.one_of_ours())),
        }
    }

    fn by_name(&self, name: &str) -> Option<Verdict> {
        let found = self.ours.binary_search_by_key(&name, |(class, _)| *class);
        match found.ok().and_then(|at| self.ours.get(at)) {
            Some((_, true)) => Some(Verdict::Ours),
            Some((_, false)) => Some(Verdict::Theirs),
            None if self.settings.iter().any(|ours| ours == name) => Some(Verdict::Ours),
            None => None,
        }
    }

    fn one_of_ours(&self) -> Option<Arc<str>> {
        let ours = self.ours.iter().find(|(_, is_ours)| *is_ours);
        ours.map(|(name, _)| Arc::from(*name))
    }
}

/// Says that nobody serves an Ingress, with the object to add.
pub(super) fn report_nobody(cause: &Cause, ingress: &Ingress, findings: &mut Findings<'_>) {
    let code = ProblemCode::NoIngressClass;
    match cause {
        Cause::NoSuchClass => {
            let (field, name) = match class_name(ingress) {
                Some(name) => (CLASS_FIELD, name),
                None => (
                    CLASS_ANNOTATION_FIELD,
                    class_annotation(ingress).unwrap_or_default(),
                ),
            };
            let found = format!("there is no IngressClass {}", quoted(name));
            let expected = format!(
                "so nobody serves this Ingress. To serve it here, add:\n{}",
                class_manifest(name, false)
            );
            findings.warning(code, field, found, expected);
        }
        Cause::NoDefault(Some(ours)) => {
            let expected = format!(
                "so nobody serves this Ingress. To serve it here, add `ingressClassName: {ours}` to its spec"
            );
            findings.warning(
                code,
                "spec",
                "names no class, and no class is the default",
                expected,
            );
        }
        Cause::NoDefault(None) => {
            let expected = format!(
                "so nobody serves this Ingress. To serve it here, add:\n{}",
                class_manifest("hedgerow", true)
            );
            findings.warning(
                code,
                "spec",
                "names no class, and no class is the default",
                expected,
            );
        }
    }
}

/// Kubernetes allows only one of the two ways to name a class; the field wins.
pub(super) fn report_conflict(ingress: &Ingress, findings: &mut Findings<'_>) {
    let (Some(name), Some(annotation)) = (class_name(ingress), class_annotation(ingress)) else {
        return;
    };
    if name == annotation {
        return;
    }
    let expected = format!(
        "the class that spec.ingressClassName names ({}), or no annotation; the field is obeyed",
        quoted(name)
    );
    findings.warning(
        ProblemCode::InvalidField,
        CLASS_ANNOTATION_FIELD,
        quoted(annotation),
        expected,
    );
}

/// The IngressClass that makes us serve a class.
fn class_manifest(name: &str, is_default: bool) -> String {
    let annotations = if is_default {
        format!("\n  annotations:\n    {DEFAULT_ANNOTATION}: \"true\"")
    } else {
        String::new()
    };
    format!(
        "apiVersion: networking.k8s.io/v1\nkind: IngressClass\nmetadata:\n  name: {}{annotations}\nspec:\n  controller: {CONTROLLER}",
        yaml_name(name)
    )
}

/// A name as a YAML scalar, whatever is in it: JSON strings are YAML strings.
pub(super) fn yaml_name(name: &str) -> String {
    if is_plain(name) {
        name.to_owned()
    } else {
        serde_json::Value::from(name).to_string()
    }
}

/// A name that needs no quotes in YAML: it begins with a letter, and is none of YAML's own words.
fn is_plain(name: &str) -> bool {
    const YAML_WORDS: &[&str] = &["true", "false", "null", "yes", "no", "on", "off", "y", "n"];
    let is_safe =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-.".contains(&byte);
    name.starts_with(|first: char| first.is_ascii_lowercase())
        && name.bytes().all(is_safe)
        && !YAML_WORDS.contains(&name)
}

fn is_ours(class: &Object<IngressClass>) -> bool {
    let spec = class.value.spec.as_ref();
    spec.and_then(|spec| spec.controller.as_deref()) == Some(CONTROLLER)
}

fn is_default(class: &Object<IngressClass>) -> bool {
    let annotations = class.value.metadata.annotations.as_ref();
    annotations.is_some_and(|all| {
        all.get(DEFAULT_ANNOTATION)
            .is_some_and(|value| value == "true")
    })
}

fn class_name(ingress: &Ingress) -> Option<&str> {
    let name = ingress.spec.as_ref()?.ingress_class_name.as_deref()?;
    (!name.is_empty()).then_some(name)
}

fn class_annotation(ingress: &Ingress) -> Option<&str> {
    let annotations = ingress.metadata.annotations.as_ref()?;
    let name = annotations.get(CLASS_ANNOTATION)?.as_str();
    (!name.is_empty()).then_some(name)
}

#[cfg(test)]
mod tests;
