//! What else is wrong with objects that are not used, and for which hosts were they meant?
//!
//! An object with a misspelt field is not in force. Its author shall not learn of its next mistake only when the first is mended: it is put in
//! its place once more as it was meant, translated and compiled with all the others, and what that finds of it is told.

use super::{Translator, compile, options, own_names};
use crate::objects::{Objects, Unused};
use config::name::ObjectRef;
use config::problem::{Problem, ProblemCode};
use config::settings::Settings;
use config::snapshot::UnusedHosts;
use std::collections::{HashMap, HashSet};
use std::sync::Arc;

/// The problems that unused objects would have. `known` are not told again.
pub(super) fn problems(
    objects: &Objects,
    settings: &Settings,
    now: i64,
    known: &[Arc<Problem>],
) -> Vec<Problem> {
    let drafts = objects.unused.iter();
    let drafts: HashMap<&ObjectRef, &Unused> = drafts
        .filter(|unused| unused.draft.is_some())
        .map(|unused| (&unused.reference, &**unused))
        .collect();
    if drafts.is_empty() {
        return Vec::new();
    }
    let mut as_meant = objects.clone();
    for draft in drafts.values().filter_map(|unused| unused.draft.as_ref()) {
        draft.insert_into(&mut as_meant);
    }
    let (mut model, found) = Translator::default().translate(&as_meant, settings);
    own_names::fill(&mut model);
    let compiled = compile(&model, found, &options(objects, now));
    let known: HashSet<Problem> = known.iter().map(|one| without_place(one)).collect();
    let all = compiled.problems.iter();
    all.filter(|problem| {
        let of = drafts.get(&problem.object);
        of.is_some_and(|unused| is_meant(problem, unused))
            && !known.contains(&without_place(problem))
    })
    .map(|problem| Problem::clone(problem))
    .collect()
}

/// False: it may come of a field that the draft lacks.
fn is_meant(problem: &Problem, unused: &Unused) -> bool {
    let lacks = &unused.left_out;
    let is_near =
        |lacking: &String| is_below(lacking, &problem.field) || is_below(&problem.field, lacking);
    lacks.is_empty() || !(problem.code == ProblemCode::Conflict || lacks.iter().any(is_near))
}

/// `path` is `above`, or in it. Everything is in the object as a whole.
fn is_below(path: &str, above: &str) -> bool {
    path.strip_prefix(above)
        .is_some_and(|rest| above.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
}

fn without_place(problem: &Problem) -> Problem {
    Problem {
        origin: None,
        ..problem.clone()
    }
}

/// The hosts of all unused objects.
pub(super) fn hosts(objects: &Objects) -> Arc<UnusedHosts> {
    let mut hosts = UnusedHosts::new();
    for unused in &objects.unused {
        let known = hosts.entry(unused.reference.clone());
        match (known.or_insert_with(|| Some(Vec::new())), &unused.hosts) {
            (Some(all), Some(more)) => all.extend_from_slice(more),
            (all, _) => *all = None,
        }
    }
    Arc::new(hosts)
}

#[cfg(test)]
mod tests;
