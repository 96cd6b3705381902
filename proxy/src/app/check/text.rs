//! How do problems look to a person?

use super::Report;
use crate::app::paint::{Ink, Paint, count};
use config::name::Kind;
use config::problem::{Problem, Severity};
use std::fmt::Write as _;

/// All problems grouped by file, in order of lines, then the counts, then what would be served.
pub fn render(report: &Report, paint: Paint) -> String {
    let mut out = String::new();
    let mut file_before: Option<&str> = None;
    for problem in &report.problems {
        let file = file_of(problem);
        if file_before != Some(file) {
            // Writing to a String cannot fail, here and below.
            let _ = writeln!(out, "{}", paint.text(Ink::Place, file));
            file_before = Some(file);
        }
        write_problem(&mut out, problem, paint);
    }
    let _ = writeln!(out, "{}", counts_line(report, paint));
    if let Some(served) = &report.served {
        let _ = writeln!(
            out,
            "{} {}",
            paint.text(Ink::Strong, "would serve"),
            paint.text(Ink::Quiet, &served.line())
        );
    }
    out
}

/// Problems without a place of their own come under a heading in brackets.
fn file_of(problem: &Problem) -> &str {
    match &problem.origin {
        Some(origin) => &origin.file,
        None if problem.object.kind == Kind::Settings => "(settings)",
        None => "(no file)",
    }
}

fn write_problem(out: &mut String, problem: &Problem, paint: Paint) {
    let line = problem
        .origin
        .as_ref()
        .map_or_else(String::new, |origin| origin.line.to_string());
    let _ = writeln!(
        out,
        "{line:>5}  {}  {}  {}",
        severity_word(problem.severity, paint),
        paint.text(Ink::Strong, &problem.object.to_string()),
        paint.text(Ink::Quiet, &problem.code_str()),
    );
    if !problem.field.is_empty() {
        write_entry(out, "field", &problem.field, paint);
    }
    write_entry(out, "found", &problem.found, paint);
    write_entry(out, "expected", &problem.expected, paint);
}

/// A label and its text; a text of several lines (a manifest to use instead) keeps its shape.
fn write_entry(out: &mut String, label: &str, text: &str, paint: Paint) {
    if text.is_empty() {
        return;
    }
    let mut lines = text.trim_end().lines();
    let first = lines.next().unwrap_or_default();
    let _ = writeln!(
        out,
        "       {} {}",
        paint.text(Ink::Quiet, &format!("{label:<9}")),
        crate::app::paint::printable(first)
    );
    for line in lines {
        let _ = writeln!(out, "{:17}{}", "", crate::app::paint::printable(line));
    }
}

/// The words are as long as each other, so that columns stand.
fn severity_word(severity: Severity, paint: Paint) -> String {
    match severity {
        Severity::Error => paint.text(Ink::Bad, "error  "),
        Severity::Warning => paint.text(Ink::Doubtful, "warning"),
        Severity::Info => paint.text(Ink::Quiet, "info   "),
    }
}

fn counts_line(report: &Report, paint: Paint) -> String {
    let counts = report.counts();
    let ink = if report.is_good() {
        Ink::Good
    } else {
        Ink::Bad
    };
    let line = format!(
        "{}, {}, {}",
        count(counts.error, "error", "errors"),
        count(counts.warning, "warning", "warnings"),
        count(counts.info, "info", "infos"),
    );
    paint.text(ink, &line)
}
