//! What did the API server note about who asked for what?

use super::LOOK_INTERVAL;
use crate::client::PATIENCE;
use serde_json::Value;
use std::path::PathBuf;

/// One line per request, without bodies, when it is answered (a watch: when it ends). The harness's own question at a start is left
/// out: it is refused at first.
pub const METADATA: &str = "apiVersion: audit.k8s.io/v1\nkind: Policy\nomitStages: [RequestReceived]\n\
    rules: [{ level: None, nonResourceURLs: [/readyz] }, { level: Metadata }]\n";

/// The audit log of an API server that was started with a policy.
pub struct Audit(pub PathBuf);

impl Audit {
    /// Whole lines so far.
    pub fn lines(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(&self.0).unwrap_or_default();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("not JSON: {line}")))
            .collect()
    }

    /// The first line of which this holds; a line is written some time after its answer.
    pub async fn line_where(&self, holds: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + PATIENCE;
        loop {
            if let Some(line) = self.lines().into_iter().find(&holds) {
                return line;
            }
            let is_late = tokio::time::Instant::now() > deadline;
            assert!(!is_late, "no such line in {}", self.0.display());
            tokio::time::sleep(LOOK_INTERVAL).await;
        }
    }

    /// Calls that were refused: `user verb resource/name`, in order.
    pub fn denied(&self) -> Vec<String> {
        let lines = self.lines();
        let denied = lines
            .iter()
            .filter(|line| line["annotations"]["authorization.k8s.io/decision"] == "forbid");
        denied
            .map(|line| {
                let of = |value: &Value| value.as_str().unwrap_or_default().to_owned();
                let object = &line["objectRef"];
                format!(
                    "{} {} {}/{}",
                    of(&line["user"]["username"]),
                    of(&line["verb"]),
                    of(&object["resource"]),
                    of(&object["name"])
                )
            })
            .collect()
    }
}
