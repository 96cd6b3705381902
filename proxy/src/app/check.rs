//! What is wrong with these manifests, all of it, before anybody serves them?

mod json;
mod text;

use crate::app::paint::Paint;
use crate::app::served::Served;
use crate::app::{offline, say, settings};
use crate::cli::{Check, Output};
use anyhow::{Result, anyhow};
use config::name::{Kind, ObjectRef};
use config::problem::{Problem, ProblemCode, Severity};
use serde::Serialize;
use std::process::ExitCode;

/// `hedgerow check`: exit code 0 or 1 by what was found; an error is 2: it could not be checked.
pub fn check(asked: &Check) -> Result<ExitCode> {
    let flags = settings::flags_of_input(&asked.input);
    let loaded = settings::load(asked.input.settings.as_deref(), &flags);
    let (settings, mut problems) = match loaded {
        Ok(loaded) => loaded,
        Err(problems) => {
            let error = anyhow!(settings::sentences(&problems));
            return unchecked(asked, problems, error);
        }
    };
    let compiled = match offline::build(&settings) {
        Ok(compiled) => compiled,
        Err(error) => {
            problems.push(no_manifests(&error));
            return unchecked(asked, problems, error);
        }
    };
    problems.extend(compiled.problems.iter().map(|one| Problem::clone(one)));
    let report = Report::new(&problems, Some(Served::of(&compiled)), asked.strict);
    say::answer(&report.render(asked.output, Paint::of_stdout())?)?;
    Ok(ExitCode::from(u8::from(!report.is_good())))
}

/// Tools get their document even so; people get one sentence.
fn unchecked(asked: &Check, problems: Vec<Problem>, error: anyhow::Error) -> Result<ExitCode> {
    if asked.output == Output::Text {
        return Err(error);
    }
    let report = Report::new(&problems, None, asked.strict);
    say::answer(&report.render(asked.output, Paint::of_stdout())?)?;
    Ok(ExitCode::from(2))
}

fn no_manifests(error: &anyhow::Error) -> Problem {
    Problem {
        severity: Severity::Error,
        code: ProblemCode::NoManifests,
        object: ObjectRef::new(Kind::Manifest, "", "manifests"),
        field: String::new(),
        found: format!("{error:#}"),
        expected: "manifests of Kubernetes objects".to_owned(),
        origin: None,
    }
}

/// Everything that `hedgerow check` has to say.
#[derive(Debug)]
pub struct Report {
    /// By file, line, then severity; those without a place come last.
    pub problems: Vec<Problem>,
    pub served: Option<Served>,
    /// Warnings count as well.
    pub is_strict: bool,
}

/// How many problems of each severity.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub struct Counts {
    pub error: usize,
    pub warning: usize,
    pub info: usize,
}

impl Report {
    pub fn new(problems: &[Problem], served: Option<Served>, is_strict: bool) -> Report {
        let mut problems = problems.to_vec();
        problems.sort_by(|a, b| {
            let place = |problem: &Problem| (problem.origin.is_none(), problem.origin.clone());
            place(a).cmp(&place(b)).then_with(|| a.cmp(b))
        });
        problems.dedup();
        Report {
            problems,
            served,
            is_strict,
        }
    }

    pub fn counts(&self) -> Counts {
        let mut counts = Counts::default();
        for problem in &self.problems {
            match problem.severity {
                Severity::Error => counts.error += 1,
                Severity::Warning => counts.warning += 1,
                Severity::Info => counts.info += 1,
            }
        }
        counts
    }

    /// No error, and with `--strict` no warning.
    pub fn is_good(&self) -> bool {
        let counts = self.counts();
        counts.error == 0 && !(self.is_strict && counts.warning > 0)
    }

    /// The whole text of standard output.
    pub fn render(&self, output: Output, paint: Paint) -> Result<String, serde_json::Error> {
        match output {
            Output::Text => Ok(text::render(self, paint)),
            Output::Json => json::render(self),
        }
    }
}

#[cfg(test)]
mod tests;
