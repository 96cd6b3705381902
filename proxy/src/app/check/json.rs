//! How do problems look to a tool?
//!
//! The form is documented in `docs/check.md` and stable: fields may be added, none changes its meaning without a new `schema`.

use super::{Counts, Report};
use crate::admin::problems::ProblemJson;
use crate::app::served::Served;

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

/// One JSON document, with a line feed at its end.
pub fn render(report: &Report) -> Result<String, serde_json::Error> {
    let document = ReportJson {
        schema: SCHEMA,
        ok: report.is_good(),
        strict: report.is_strict,
        counts: report.counts(),
        problems: report.problems.iter().map(ProblemJson::new).collect(),
        served: &report.served,
    };
    let mut text = serde_json::to_string_pretty(&document)?;
    text.push('\n');
    Ok(text)
}
