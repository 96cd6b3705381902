//! Which rights does a manifest give, and which of them were used?

use serde_json::Value;
use std::collections::BTreeSet;
use std::fmt;

/// One verb on one resource.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Right {
    /// None: in every namespace, and of what belongs to none.
    pub namespace: Option<String>,
    pub group: String,
    /// `services`, `ingresses/status`.
    pub resource: String,
    /// None: all of them.
    pub name: Option<String>,
    pub verb: String,
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let everywhere = "*".to_owned();
        let namespace = self.namespace.as_ref().unwrap_or(&everywhere);
        let name = self.name.as_ref().unwrap_or(&everywhere);
        let Right {
            group,
            resource,
            verb,
            ..
        } = self;
        write!(f, "{verb} {resource}.{group} {namespace}/{name}")
    }
}

/// What the bindings among these objects give this ServiceAccount. Their roles must be among them too.
pub fn granted(objects: &[Value], account: (&str, &str)) -> BTreeSet<Right> {
    let mut rights = BTreeSet::new();
    for binding in objects {
        let subjects = binding["subjects"].as_array().into_iter().flatten();
        let is_theirs = |subject: &Value| {
            let found = (text(&subject["namespace"]), text(&subject["name"]));
            subject["kind"] == "ServiceAccount" && found == account
        };
        if !subjects.into_iter().any(is_theirs) {
            continue;
        }
        let namespace = binding["metadata"]["namespace"].as_str();
        let role = objects.iter().find(|role| {
            role["kind"] == binding["roleRef"]["kind"]
                && role["metadata"]["name"] == binding["roleRef"]["name"]
                && (role["kind"] == "ClusterRole"
                    || role["metadata"]["namespace"].as_str() == namespace)
        });
        let role = role.unwrap_or_else(|| panic!("its role is missing: {binding:#}"));
        for rule in role["rules"].as_array().into_iter().flatten() {
            add(rule, namespace, &mut rights);
        }
    }
    rights
}

fn add(rule: &Value, namespace: Option<&str>, rights: &mut BTreeSet<Right>) {
    let texts = |key: &str| -> Vec<String> {
        let all = rule[key].as_array().into_iter().flatten();
        all.map(|one| text(one).to_owned()).collect()
    };
    let mut names: Vec<Option<String>> = texts("resourceNames").into_iter().map(Some).collect();
    if names.is_empty() {
        names.push(None);
    }
    for group in texts("apiGroups") {
        for resource in texts("resources") {
            for name in &names {
                rights.extend(texts("verbs").into_iter().map(|verb| Right {
                    namespace: namespace.map(str::to_owned),
                    group: group.clone(),
                    resource: resource.clone(),
                    name: name.clone(),
                    verb,
                }));
            }
        }
    }
}

/// Those of which no allowed call of this user is in the audit log.
pub fn unused(rights: &BTreeSet<Right>, lines: &[Value], user: &str) -> Vec<String> {
    let calls: Vec<Right> = calls(lines, user);
    let never = rights.iter().filter(|right| {
        let mut calls = calls.iter();
        !calls.any(|call| covers(right, call))
    });
    never.map(ToString::to_string).collect()
}

/// What this user was allowed to do.
fn calls(lines: &[Value], user: &str) -> Vec<Right> {
    let theirs = lines.iter().filter(|line| {
        line["user"]["username"] == user
            && line["annotations"]["authorization.k8s.io/decision"] == "allow"
    });
    let calls = theirs.filter_map(|line| {
        let object = line["objectRef"].as_object()?;
        let of = |key: &str| object.get(key).map(text).map(str::to_owned);
        let resource = of("resource")?;
        Some(Right {
            namespace: of("namespace"),
            group: of("apiGroup").unwrap_or_default(),
            resource: match of("subresource") {
                Some(part) => format!("{resource}/{part}"),
                None => resource,
            },
            name: of("name"),
            verb: text(&line["verb"]).to_owned(),
        })
    });
    calls.collect()
}

fn covers(right: &Right, call: &Right) -> bool {
    let is_there = right.namespace.is_none() || right.namespace == call.namespace;
    let is_it = right.name.is_none() || right.name == call.name;
    is_there
        && is_it
        && (&right.group, &right.resource, &right.verb) == (&call.group, &call.resource, &call.verb)
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::api::objects;
    use serde_json::json;

    const MANIFEST: &str = "kind: Role\nmetadata: { name: edge, namespace: shop }\n\
        rules: [{ apiGroups: [''], resources: [services, secrets], verbs: [list, watch] }]\n---\n\
        kind: RoleBinding\nmetadata: { name: edge, namespace: shop }\nroleRef: { kind: Role, name: edge }\n\
        subjects: [{ kind: ServiceAccount, name: edge, namespace: system }]\n";

    #[track_caller]
    fn check(calls: &[(&str, &str, &str, &str)], expected: &[&str]) {
        let rights = granted(&objects(MANIFEST), ("system", "edge"));
        let line = |(decision, namespace, resource, verb): &(&str, &str, &str, &str)| {
            json!({
                "user": { "username": "edge" }, "verb": verb,
                "annotations": { "authorization.k8s.io/decision": decision },
                "objectRef": { "resource": resource, "namespace": namespace, "apiVersion": "v1" },
            })
        };
        let lines: Vec<Value> = calls.iter().map(line).collect();
        assert_eq!(unused(&rights, &lines, "edge"), expected);
        assert_eq!(unused(&rights, &lines, "another").len(), 4);
    }

    #[test]
    fn a_right_is_used_by_an_allowed_call_in_its_namespace() {
        check(
            &[
                ("allow", "shop", "services", "list"),
                ("allow", "shop", "services", "watch"),
                ("allow", "shop", "secrets", "list"),
                ("allow", "blog", "secrets", "watch"),
                ("forbid", "shop", "secrets", "watch"),
            ],
            &["watch secrets. shop/*"],
        );
    }

    #[test]
    fn somebody_else_s_binding_gives_nothing() {
        assert!(granted(&objects(MANIFEST), ("system", "another")).is_empty());
        assert!(granted(&objects(MANIFEST), ("shop", "edge")).is_empty());
    }
}
