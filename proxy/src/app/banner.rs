//! What does a person want to know when the edge is up?
//!
//! In under ten lines: where it listens, what it serves, and what is wrong.

use crate::app::paint::{Ink, Paint, count, printable};
use crate::app::served::Served;
use crate::app::version;
use config::problem::{Problem, Problems, Severity};
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::sync::Arc;

/// Problems that are told in full; all of them are at `/problems` and in `hedgerow check`.
const PROBLEMS_TOLD_MAX: usize = 3;
/// Columns of one problem: longer ones would break the promise of under ten lines.
const COLUMNS_MAX: usize = 200;

/// What the banner says.
#[derive(Debug)]
pub struct Banner {
    pub http: Vec<SocketAddr>,
    pub https: Vec<SocketAddr>,
    pub admin: SocketAddr,
    /// As in `the directory ./manifests`.
    pub source: String,
    pub served: Served,
    pub problems: Arc<Problems>,
}

impl Banner {
    /// At most nine lines, each with a line feed.
    pub fn render(&self, paint: Paint) -> String {
        let name = format!("hedgerow {} (commit {})", version::VERSION, version::COMMIT);
        let mut out = format!("{}\n", paint.text(Ink::Strong, &name));
        for (label, text) in [
            ("http", addresses(&self.http)),
            ("https", addresses(&self.https)),
            ("admin", format!("http://{}", self.admin)),
        ] {
            write_line(&mut out, label, &text, paint);
        }
        let serves = format!("{} (from {})", self.served.line(), self.source);
        write_line(&mut out, "serves", &serves, paint);
        self.write_problems(&mut out, paint);
        out
    }

    /// One line of counts and at most three problems, the worst first. Infos are counted and not told.
    fn write_problems(&self, out: &mut String, paint: Paint) {
        let of = |severity| {
            let all = self.problems.iter();
            all.filter(move |problem| problem.severity == severity)
        };
        let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
        let told: Vec<&Arc<Problem>> = errors.clone().chain(warnings.clone()).collect();
        let counts = format!(
            "{}, {}, {}",
            count(errors.count(), "error", "errors"),
            count(warnings.count(), "warning", "warnings"),
            count(of(Severity::Info).count(), "info", "infos"),
        );
        if told.is_empty() {
            return write_line(out, "found", &counts, paint);
        }
        let counts = format!(
            "{counts}; all of them: hedgerow check, or http://{}/problems",
            self.admin
        );
        write_line(out, "found", &counts, paint);
        for problem in told.iter().take(PROBLEMS_TOLD_MAX) {
            let ink = match problem.severity {
                Severity::Error => Ink::Bad,
                _ => Ink::Doubtful,
            };
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(out, "  {}", paint.text(ink, &one_line(problem)));
        }
    }
}

fn write_line(out: &mut String, label: &str, text: &str, paint: Paint) {
    let label = paint.text(Ink::Quiet, &format!("{label:<7}"));
    let _ = writeln!(out, "  {label} {}", printable(text));
}

fn addresses(all: &[SocketAddr]) -> String {
    if all.is_empty() {
        return "nowhere".to_owned();
    }
    let all: Vec<String> = all.iter().map(ToString::to_string).collect();
    all.join(", ")
}

/// A problem may carry a whole manifest to use instead.
fn one_line(problem: &Problem) -> String {
    let text = problem.to_string();
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= COLUMNS_MAX {
        return line.to_owned();
    }
    let cut: String = line.chars().take(COLUMNS_MAX).collect();
    format!("{cut}…")
}

#[cfg(test)]
mod tests {
    use super::*;
    use config::name::{Kind, ObjectRef};
    use config::problem::ProblemCode;

    fn problem(severity: Severity, found: &str) -> Problem {
        Problem {
            severity,
            code: ProblemCode::NoEndpoints,
            object: ObjectRef::new(Kind::Service, "website", "api"),
            field: String::new(),
            found: found.into(),
            expected: "Endpoints:\nkind: Endpoints".into(),
            origin: None,
        }
    }

    fn render(problems: &[Problem]) -> String {
        let banner = Banner {
            http: vec!["127.0.0.1:80".parse().unwrap(), "[::1]:80".parse().unwrap()],
            https: vec![],
            admin: "127.0.0.1:9180".parse().unwrap(),
            source: "the directory k8s".into(),
            served: Served {
                routes: 1,
                rules: 1,
                hosts: vec!["a.test".into()],
                backends: 1,
                endpoints: 2,
                certificates: 1,
            },
            problems: Arc::new(problems.iter().cloned().map(Arc::new).collect()),
        };
        banner.render(Paint::PLAIN)
    }

    #[test]
    fn a_good_start_is_told_in_six_lines() {
        let text = render(&[problem(Severity::Info, "x")]);
        let expected = "
  http    127.0.0.1:80, [::1]:80
  https   nowhere
  admin   http://127.0.0.1:9180
  serves  a.test: 1 route with 1 rule, 1 backend with 2 endpoints, 1 host with a certificate (from the directory k8s)
  found   0 errors, 0 warnings, 1 info
";
        assert!(text.ends_with(expected), "{text}");
        assert_eq!(text.lines().count(), 6);
    }

    #[test]
    fn the_worst_problems_come_first_and_never_make_ten_lines() {
        let mut problems = vec![problem(Severity::Warning, "warned"); 10];
        problems.push(problem(Severity::Error, &"long ".repeat(100)));
        let text = render(&problems);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines.len(), 9);
        assert!(
            lines[5].contains("1 error, 10 warnings, 0 infos;"),
            "{text}"
        );
        assert!(
            lines[6].contains("long") && lines[6].ends_with('…'),
            "{text}"
        );
        assert!(
            lines[7].ends_with("Service website/api: warned; Endpoints:"),
            "{text}"
        );
    }
}
