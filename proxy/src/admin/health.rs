//! What do the probes of a kubelet or a load balancer hear?

use super::answer::Answer;
use super::conditions::Conditions;
use crate::observe::report_metrics::Reporting;
use crate::observe::source_metrics::SourceReport;
use http::StatusCode;
use std::fmt::Write;

/// The process turns: whoever gets this answer knows. Depends on nothing else, or an outage of something else would restart every edge.
pub fn live() -> Answer {
    Answer::text(StatusCode::OK, "ok\n")
}

/// 503 until every condition holds. `is_verbose` lists them, one per line, as the kube-apiserver's `/readyz?verbose` does.
pub fn ready(conditions: &Conditions, is_verbose: bool) -> Answer {
    answer("readyz", conditions.is_ready(), conditions, is_verbose)
}

/// 503 until every condition has held at once; then never again.
pub fn started(conditions: &Conditions, is_verbose: bool) -> Answer {
    answer("startupz", conditions.has_started(), conditions, is_verbose)
}

fn answer(name: &str, is_ok: bool, conditions: &Conditions, is_verbose: bool) -> Answer {
    let status = match is_ok {
        true => StatusCode::OK,
        false => StatusCode::SERVICE_UNAVAILABLE,
    };
    let mut text = String::new();
    if is_verbose {
        list(&mut text, conditions);
        let verdict = if is_ok { "passed" } else { "failed" };
        let _ = writeln!(text, "{name} check {verdict}"); // A String takes everything.
    } else if is_ok {
        text.push_str("ok\n");
    } else {
        let missing = conditions.each().into_iter().find(|one| !one.holds);
        let missing = missing.map_or("the start is not over yet", |one| one.missing);
        let _ = writeln!(text, "{missing}");
    }
    Answer::text(status, text)
}

/// None of these takes an edge out: what was read before stays in force.
fn list_source(text: &mut String, source: &SourceReport) {
    if source.is_stale {
        text.push_str("[!] what is in force may be stale: it was good last, and the API server has not confirmed it\n");
    }
    if let Some(outage) = &source.outage {
        let _ = writeln!(text, "[!] the API server does not answer: {outage}");
    }
    for kind in &source.kinds {
        let mark = if kind.is_good { '+' } else { '!' };
        let _ = writeln!(text, "[{mark}] source {} {}", kind.name, kind.words);
    }
}

/// Nobody's requests depend on it.
fn list_report(text: &mut String, report: &Reporting) {
    let who = match report.is_leader {
        true => "this edge leads, and writes status and events",
        false => "another edge writes status and events, or none can",
    };
    let _ = writeln!(text, "[+] report {who}");
    for failing in &report.failing {
        let _ = writeln!(text, "[!] report cannot be written, {failing}");
    }
}

fn list(text: &mut String, conditions: &Conditions) {
    for condition in conditions.each() {
        let (name, missing) = (condition.name, condition.missing);
        let _ = match condition.holds {
            true => writeln!(text, "[+] {name} ok"),
            false => writeln!(text, "[-] {name} failed: {missing}"),
        };
    }
    if let Some(source) = conditions.source() {
        list_source(text, &source);
    }
    if let Some(report) = conditions.report() {
        list_report(text, &report);
    }
    if conditions.has_started() && conditions.is_unbound() {
        let _ = writeln!(
            text,
            "[!] a listener of the settings has no address; it is tried again every 5 s, and /problems says which"
        );
    }
    if let Some(problem) = conditions.settings_problem() {
        let _ = writeln!(text, "[!] the last good settings are in force: {problem}");
    }
}
