//! What of a compiled configuration is worth to be sent on, and when is the next look due?

use crate::translate::Touched;
use config::diff::Diff;
use config::model::Certificate;
use config::name::ObjectName;
use config::problem::Severity;
use config::snapshot::Compiled;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Certificates are judged by the clock at least this often, without any change.
pub(super) const LOOK_SECONDS_MAX: u64 = 3600;

/// When a certificate begins or ends, and an hour from now at the latest, in seconds since 1970.
pub(super) fn next_look<'a>(
    certificates: impl Iterator<Item = &'a Arc<Certificate>>,
    now: i64,
) -> i64 {
    let hour = i64::try_from(LOOK_SECONDS_MAX).unwrap_or(i64::MAX);
    let latest = now.saturating_add(hour);
    // The last second counts as valid (RFC 5280 §4.1.2.5), so the look is after it.
    certificates
        .flat_map(|certificate| {
            [
                certificate.not_before,
                certificate.not_after.saturating_add(1),
            ]
        })
        .filter(|moment| *moment > now)
        .fold(latest, i64::min)
}

/// Is anything in the new one other than in the last?
pub(super) fn is_news(
    last: &Compiled,
    next: &Compiled,
    touched: &Touched,
    is_directory: bool,
) -> bool {
    // Manifests that say the same on other lines: whoever asks why is told the lines.
    let has_moved = is_directory && (touched.routes || touched.services);
    has_moved
        || touched.authorities
        || last.snapshot.digest != next.snapshot.digest
        || last.problems != next.problems
        || last.endpoints != next.endpoints
        || certificates(last) != certificates(next)
}

/// What is shown for each host: a renewed certificate changes no digest of what was asked for.
fn certificates(compiled: &Compiled) -> BTreeMap<String, (&ObjectName, u64)> {
    let entries = compiled.snapshot.tls.entries();
    entries
        .map(|entry| {
            let shown = (&entry.secret, entry.certificate.digest);
            (entry.host.to_string(), shown)
        })
        .collect()
}

/// One line for each configuration that is sent on. The first one has nothing before it.
pub(super) fn tell(last: Option<&Compiled>, next: &Compiled) {
    let snapshot = &next.snapshot;
    let endpoints: usize = next.endpoints.values().map(|all| all.len()).sum();
    let errors = next
        .problems
        .iter()
        .filter(|problem| problem.severity == Severity::Error);
    let changed = match last {
        Some(last) => Diff::between(last, next).to_string(),
        None => "everything".to_owned(),
    };
    tracing::info!(
        changed,
        digest = %format_args!("{:012x}", snapshot.digest),
        // The last rule is our own.
        rules = snapshot.rules.len().saturating_sub(1),
        backends = snapshot.backends.len(),
        endpoints,
        certificates = snapshot.tls.entries().count(),
        errors = errors.count(),
        problems = next.problems.len(),
        "configuration changed"
    );
}
