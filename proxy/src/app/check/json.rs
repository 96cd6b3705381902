//! How do problems look to a tool?
//!
//! The form is documented in `docs/check.md` and stable: fields may be added, none changes its meaning without a new `schema`.

use super::{Counts, Report};
use crate::app::served::Served;
use config::problem::{Problem, Severity};
use serde::Serialize;

/// The first field of every document.
pub const SCHEMA: &str = "hedgerow.check/v1";

#[derive(Serialize)]
struct ReportJson<'a> {
    schema: &'static str,
    /// What exit code 0 says.
    ok: bool,
    strict: bool,
    counts: Counts,
    problems: Vec<ProblemJson<'a>>,
    /// Null if nothing could be compiled.
    served: &'a Option<Served>,
}

#[derive(Serialize)]
struct ProblemJson<'a> {
    severity: Severity,
    code: String,
    kind: &'a str,
    namespace: &'a str,
    name: &'a str,
    field: &'a str,
    found: &'a str,
    expected: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
}

/// One JSON document, with a line feed at its end.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    let document = ReportJson {
        schema: SCHEMA,
        ok: report.is_good(),
        strict: report.is_strict,
        counts: report.counts(),
        problems: report.problems.iter().map(problem_json).collect(),
        served: &report.served,
    };
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    Ok(text)
}

fn problem_json(problem: &Problem) -> ProblemJson<'_> {
    let origin = problem.origin.as_ref();
    ProblemJson {
        severity: problem.severity,
        code: problem.code_str(),
        kind: problem.object.kind.as_str(),
        namespace: &problem.object.name.namespace,
        name: &problem.object.name.name,
        field: &problem.field,
        found: &problem.found,
        expected: &problem.expected,
        file: origin.map(|origin| &*origin.file),
        line: origin.map(|origin| origin.line),
    }
}
