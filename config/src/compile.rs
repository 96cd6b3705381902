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
mod order;
mod rules;
mod seniority;
#[cfg(test)]
pub(crate) mod tests;
mod uncovered;

use crate::model::{Model, Route};
use crate::problem::{Problem, Problems};
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

/// Compiles again and again, and does again only what changed. The result is a function of the arguments alone.
#[derive(Debug, Default)]
pub struct Compiler {
    endpoints: endpoints::Memo,
    uncovered: uncovered::Memo,
    /// The oldest first.
    routes: Vec<Arc<Route>>,
    /// All of the last time.
    problems: Arc<Problems>,
}

/// The same once.
pub fn compile(model: &Model, problems: Problems, options: &CompileOptions) -> Compiled {
    Compiler::default().compile(model, problems, options)
}

impl Compiler {
    /// Resolves every name, orders the rules, and reports what is wrong. Never fails: what is right is in force, the rest is a problem.
    pub fn compile(
        &mut self,
        model: &Model,
        problems: Problems,
        options: &CompileOptions,
    ) -> Compiled {
        self.routes = seniority::sorted(&model.routes, &self.routes);
        let routes: Vec<&Route> = self.routes.iter().map(|route| &**route).collect();
        let known = Known::new(model);
        let mut found = Vec::new();
        let mut backends = Backends::new(model, &known, &mut self.endpoints);
        let rules = rules::compile(&routes, &mut backends, &mut found);
        let (backends, resolved) = backends.into_parts();
        let (table, claims) = RouteTable::build(&rules);
        conflicts::report(&rules, &claims, &mut found);
        let tls = certificates::compile(model, &routes, options.now, &known, &mut found);
        let mut found: Problems = found.into_iter().map(Arc::new).collect();
        self.uncovered.report(&tls, &routes, &mut found);
        let mut all = problems;
        all.extend_from_slice(&found);
        let known = Known::new(model);
        let of_backends = resolved
            .iter()
            .filter_map(|resolved| endpoint_problems::of_backend(model, options, &known, resolved));
        all.extend(of_backends.map(Arc::new));
        let endpoints = endpoints::by_key(&backends, resolved);
        endpoint_problems::orphans(model, options, &known, &churn::needy(&endpoints), &mut all);
        self.problems = in_order(all, &self.problems);
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
            problems: self.problems.clone(),
            unused_hosts: Arc::default(),
        }
    }
}

/// Sorted, each once.
fn in_order(problems: Problems, last: &[Arc<Problem>]) -> Arc<Problems> {
    let mut sorted = order::in_order(problems, last, Problem::cmp);
    sorted.dedup();
    Arc::new(sorted)
}
