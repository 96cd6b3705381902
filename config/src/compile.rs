//! What does the model come to, with every name resolved?

use crate::model::Model;
use crate::problem::Problem;
use crate::snapshot::Compiled;

/// What compilation needs beside the model.
#[derive(Debug, Clone, Default)]
pub struct CompileOptions {
    /// Seconds since 1970: certificates are judged by it. An argument, so that a test can set it.
    pub now: i64,
}

/// Resolves every name, orders the rules, and reports what is wrong. Never fails: what is right is in force, the rest is a problem.
pub fn compile(_model: &Model, _problems: Vec<Problem>, _options: &CompileOptions) -> Compiled {
    todo!()
}
