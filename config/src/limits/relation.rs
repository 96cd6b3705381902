//! Which bounds must agree with each other?

use super::{KILL_SECONDS, Limits};
use crate::problem::Severity;
use crate::{duration, size};
use std::time::Duration;

/// Two bounds that do not fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Disagreement {
    pub severity: Severity,
    /// The keys of both, the one to change first.
    pub keys: [&'static str; 2],
    pub found: String,
    pub expected: String,
}

/// What is left between the end of the drain and the kill: closing listeners, the last log lines.
const EXIT_SECONDS: u64 = 5;

impl Limits {
    /// Every relation that does not hold. Errors make settings unusable; a warning needs something outside of them.
    pub fn disagreements(&self) -> Vec<Disagreement> {
        [
            self.target_in_head(),
            self.client_in_all(),
            self.stream_in_connection(),
            self.stop_before_kill(),
        ]
        .into_iter()
        .flatten()
        .collect()
    }

    fn target_in_head(&self) -> Option<Disagreement> {
        (self.target_bytes_max >= self.header_bytes_max).then(|| Disagreement {
            severity: Severity::Error,
            keys: ["targetBytesMax", "headerBytesMax"],
            found: format!(
                "targetBytesMax is {} and headerBytesMax {}",
                written(self.target_bytes_max),
                written(self.header_bytes_max)
            ),
            expected: "a target must fit into a head: targetBytesMax below headerBytesMax".into(),
        })
    }

    fn client_in_all(&self) -> Option<Disagreement> {
        let (all, one) = (self.connections_max?, self.connections_per_client_max?);
        (one > all).then(|| Disagreement {
            severity: Severity::Error,
            keys: ["connectionsPerClientMax", "connectionsMax"],
            found: format!("connectionsPerClientMax is {one} and connectionsMax {all}"),
            expected: "connectionsPerClientMax at most connectionsMax".into(),
        })
    }

    fn stream_in_connection(&self) -> Option<Disagreement> {
        let (stream, connection) = (self.h2_stream_window_bytes, self.h2_connection_window_bytes);
        (stream > connection).then(|| Disagreement {
            severity: Severity::Error,
            keys: ["h2StreamWindowBytes", "h2ConnectionWindowBytes"],
            found: format!(
                "h2StreamWindowBytes is {} and h2ConnectionWindowBytes {}",
                size::format(u64::from(stream)),
                size::format(u64::from(connection))
            ),
            expected: "a stream's window at most its connection's (RFC 9113 §5.2)".into(),
        })
    }

    /// A warning: who raises the drain may have raised the pod's grace period too, which stands in another file.
    fn stop_before_kill(&self) -> Option<Disagreement> {
        let needed = self.lame_duck + self.drain + Duration::from_secs(EXIT_SECONDS);
        (needed > Duration::from_secs(KILL_SECONDS)).then(|| Disagreement {
            severity: Severity::Warning,
            keys: ["drain", "lameDuck"],
            found: format!(
                "drain is {} and lameDuck {}, and with {EXIT_SECONDS}s to exit that is {}",
                duration::format(self.drain),
                duration::format(self.lame_duck),
                duration::format(needed)
            ),
            expected: format!(
                "within {KILL_SECONDS}s, when Kubernetes kills the pod, or terminationGracePeriodSeconds: {} in the pod",
                needed.as_secs() + u64::from(needed.subsec_nanos() > 0)
            ),
        })
    }
}

fn written(bytes: usize) -> String {
    size::format(u64::try_from(bytes).unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(change: impl Fn(&mut Limits), expected: &[(Severity, [&str; 2])]) {
        let mut limits = Limits::default();
        change(&mut limits);
        let found = limits.disagreements();
        let brief: Vec<_> = found.iter().map(|d| (d.severity, d.keys)).collect();
        assert_eq!(brief, expected);
        for disagreement in found.iter().filter(|d| d.severity == Severity::Error) {
            assert!(
                disagreement
                    .keys
                    .iter()
                    .all(|key| disagreement.found.contains(key))
            );
        }
    }

    #[test]
    fn the_defaults_agree_with_each_other() {
        check(|_| (), &[]);
    }

    #[test]
    fn two_bounds_that_do_not_fit_are_both_named() {
        let target = (Severity::Error, ["targetBytesMax", "headerBytesMax"]);
        check(|l| l.target_bytes_max = l.header_bytes_max, &[target]);
        check(|l| l.header_bytes_max = l.target_bytes_max + 1, &[]);
        let client = (
            Severity::Error,
            ["connectionsPerClientMax", "connectionsMax"],
        );
        check(
            |l| (l.connections_max, l.connections_per_client_max) = (Some(5), Some(6)),
            &[client],
        );
        check(
            |l| (l.connections_max, l.connections_per_client_max) = (Some(5), Some(5)),
            &[],
        );
        check(
            |l| (l.connections_max, l.connections_per_client_max) = (None, Some(6)),
            &[],
        );
        let window = (
            Severity::Error,
            ["h2StreamWindowBytes", "h2ConnectionWindowBytes"],
        );
        check(
            |l| l.h2_stream_window_bytes = l.h2_connection_window_bytes + 1,
            &[window],
        );
    }

    #[test]
    fn a_stop_that_outlasts_the_kill_is_a_warning_with_the_number_to_write() {
        let stop = (Severity::Warning, ["drain", "lameDuck"]);
        check(|l| l.drain = Duration::from_secs(30), &[]);
        check(|l| l.drain = Duration::from_millis(30_001), &[stop]);
        let limits = Limits {
            drain: Duration::from_millis(60_001),
            ..Limits::default()
        };
        let expected = &limits.disagreements()[0].expected;
        assert!(
            expected.ends_with("terminationGracePeriodSeconds: 71 in the pod"),
            "{expected}"
        );
    }
}
