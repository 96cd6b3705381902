//! What does the model come to, with every name resolved?

mod backends;
mod certificates;
mod churn;
mod conflicts;
mod endpoint_problems;
mod endpoints;
mod fingerprint;
mod known;
mod manifest;
mod rules;
mod seniority;
#[cfg(test)]
pub(crate) mod tests;

pub use churn::recompile_endpoints;

use crate::model::Model;
use crate::problem::Problem;
use crate::snapshot::{Compiled, RouteTable, Snapshot};
use backends::Backends;
use known::Known;
use std::sync::Arc;

/// What compilation needs beside the model.
#[derive(Debug, Clone, Default)]
pub struct CompileOptions {
    /// Seconds since 1970: certificates are judged by it. An argument, so that a test can set it.
    pub now: i64,
    /// The source is a cluster: its control plane makes endpoints for Services with a selector. In a directory there are
    /// no pods, so nothing is missing where such a Service has none.
    pub is_cluster: bool,
}

/// Resolves every name, orders the rules, and reports what is wrong. Never fails: what is right is in force, the rest is a problem.
pub fn compile(model: &Model, problems: Vec<Problem>, options: &CompileOptions) -> Compiled {
    let routes = seniority::sorted(&model.routes);
    let known = Known::new(model);
    let mut found = Vec::new();
    let mut backends = Backends::new(model, &known);
    let rules = rules::compile(&routes, &mut backends, &mut found);
    let (table, claims) = RouteTable::build(&rules);
    conflicts::report(&rules, &claims, &mut found);
    let tls = certificates::compile(model, &routes, options.now, &known, &mut found);
    let (backends, resolved) = backends.into_parts();
    let mut all = problems;
    all.extend_from_slice(&found);
    let known = Known::new(model);
    all.extend(
        resolved
            .iter()
            .filter_map(|resolved| endpoint_problems::of_backend(model, options, &known, resolved)),
    );
    let endpoints = endpoints::by_key(&backends, resolved);
    endpoint_problems::orphans(model, options, &known, &churn::needy(&endpoints), &mut all);
    Compiled {
        endpoints,
        snapshot: Arc::new(Snapshot {
            digest: fingerprint::of(model, &routes, &backends),
            objects: fingerprint::objects(&routes),
            table,
            rules,
            backends,
            tls,
            problems: found,
        }),
        problems: in_order(all),
        unused_hosts: Arc::default(),
    }
}

/// Sorted, each once.
fn in_order(mut problems: Vec<Problem>) -> Arc<Vec<Problem>> {
    problems.sort();
    problems.dedup();
    Arc::new(problems)
}
