//! Which certificate stays in force when its Secret goes wrong?

use crate::objects::Objects;
use crate::translate::is_secret_wanted;
use config::model::{Certificate, Model, Route};
use config::name::{Kind, ObjectName, ObjectRef};
use config::problem::{Problem, ProblemCode, Severity};
use config::settings::Settings;
use std::collections::HashMap;
use std::sync::Arc;

/// The certificate of each Secret that was last right. It is replaced by one that is as right, and forgotten with its Secret.
#[derive(Default)]
pub(super) struct LastGood {
    certificates: HashMap<ObjectName, Arc<Certificate>>,
}

impl LastGood {
    /// Puts what was right back into the model, where its Secret has become wrong: unreadable (the translation has reported that), expired,
    /// not yet valid, or for fewer of the hosts that it is wanted for.
    pub fn keep(
        &mut self,
        objects: &Objects,
        settings: &Settings,
        model: &mut Model,
        now: i64,
    ) -> Vec<Problem> {
        self.forget(objects, settings, model);
        let mut problems = Vec::new();
        for (name, certificate) in &mut model.certificates {
            let Some(good) = self.certificates.get(name) else {
                self.certificates.insert(name.clone(), certificate.clone());
                continue;
            };
            if good.digest == certificate.digest {
                // The same chain may come with its key wrapped otherwise; then the newer one is as good.
                self.certificates.insert(name.clone(), certificate.clone());
                continue;
            }
            match why_worse(certificate, good, name, (&model.routes, now)) {
                None => {
                    self.certificates.insert(name.clone(), certificate.clone());
                }
                Some(found) => {
                    problems.push(problem(objects, name, found, good));
                    *certificate = good.clone();
                }
            }
        }
        for (name, good) in &self.certificates {
            let kept = model.certificates.entry(name.clone());
            kept.or_insert_with(|| good.clone());
        }
        problems
    }

    /// Without its Secret, or without anybody who wants it, nothing is kept.
    fn forget(&mut self, objects: &Objects, settings: &Settings, model: &Model) {
        self.certificates.retain(|name, _| {
            model.certificates.contains_key(name)
                || objects.secrets.contains_key(name)
                    && is_secret_wanted(name, &model.routes, settings)
        });
    }
}

/// None: the new one is as right as the last good one.
fn why_worse(
    new: &Certificate,
    good: &Certificate,
    name: &ObjectName,
    (routes, now): (&[Arc<Route>], i64),
) -> Option<String> {
    let is_valid = |one: &Certificate| one.not_before <= now && now <= one.not_after;
    if is_valid(good) && !is_valid(new) {
        return Some(if now < new.not_before {
            format!("is valid only from {}", date(new.not_before))
        } else {
            format!("expired at {}", date(new.not_after))
        });
    }
    if is_valid(new) && !is_valid(good) {
        return None;
    }
    let blocks = routes.iter().flat_map(|route| &route.tls);
    let hosts: Vec<String> = blocks
        .filter(|block| block.secret.as_ref() == Some(name))
        .flat_map(|block| &block.hosts)
        .map(ToString::to_string)
        .collect();
    let covered = |one: &Certificate| hosts.iter().filter(|host| covers(one, host)).count();
    if covered(new) >= covered(good) {
        return None;
    }
    let names: Vec<String> = new.names.iter().map(ToString::to_string).collect();
    Some(format!(
        "is for {}, where it is wanted for {}",
        names.join(", "),
        hosts.join(", ")
    ))
}

/// A wildcard host needs a wildcard certificate, and an exact one any that covers it.
fn covers(certificate: &Certificate, host: &str) -> bool {
    certificate.covers(host)
        || certificate
            .names
            .iter()
            .any(|name| name.to_string() == host)
}

fn problem(objects: &Objects, name: &ObjectName, found: String, good: &Certificate) -> Problem {
    let field = "data.tls.crt";
    let secret = objects.secrets.get(name);
    Problem {
        severity: Severity::Error,
        code: ProblemCode::InvalidCertificate,
        object: ObjectRef {
            kind: Kind::Secret,
            name: name.clone(),
        },
        field: field.to_owned(),
        found,
        expected: format!(
            "a certificate that is valid now, for the hosts that name this Secret; the one that was right before stays in force (until {})",
            date(good.not_after)
        ),
        origin: secret.and_then(|secret| secret.origin(field)),
    }
}

fn date(seconds: i64) -> String {
    match jiff::Timestamp::from_second(seconds) {
        Ok(time) => time.to_string(),
        Err(_) => format!("{seconds} s after 1970"),
    }
}

#[cfg(test)]
mod tests;
