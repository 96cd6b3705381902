//! What is wrong with these manifests, all of it, before anybody serves them?

mod json;
mod text;

use crate::app::paint::Paint;
use crate::app::served::Served;
use crate::cli::Output;
use config::problem::{Problem, Severity};
use serde::Serialize;

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
