//! How do problems look to a tool?

use config::problem::{Problem, Severity};
use serde::Serialize;
use std::sync::Arc;

/// The first field of the document. Fields may be added; none changes its meaning without another schema.
const SCHEMA: &str = "hedgerow.problems/v1";

/// All problems that stand.
#[derive(Debug, Serialize)]
pub struct ProblemsJson<'a> {
    schema: &'static str,
    problems: Vec<ProblemJson<'a>>,
}

impl<'a> ProblemsJson<'a> {
    pub fn new(problems: &'a [Arc<Problem>]) -> ProblemsJson<'a> {
        ProblemsJson {
            schema: SCHEMA,
            problems: problems.iter().map(|one| ProblemJson::new(one)).collect(),
        }
    }
}

/// One problem, with the names that `hedgerow check --output json` uses.
#[derive(Debug, Serialize)]
pub struct ProblemJson<'a> {
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

impl<'a> ProblemJson<'a> {
    pub fn new(problem: &'a Problem) -> ProblemJson<'a> {
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
}
