//! Which manifest does a user get from the chart?

use super::{Cluster, process};
use serde_json::Value;
use std::path::Path;

/// What the release is called, and so is what the chart installs.
pub const RELEASE: &str = "hedgerow";

impl Cluster {
    /// What `helm template` prints for a release `hedgerow` in this namespace.
    pub async fn chart(&self, namespace: &str, values: &Value) -> String {
        let rendered = self.try_chart(namespace, values).await;
        rendered.unwrap_or_else(|words| panic!("helm template: {words}"))
    }

    /// The same for values that Helm may refuse.
    pub async fn try_chart(&self, namespace: &str, values: &Value) -> Result<String, String> {
        let chart = Path::new(env!("CARGO_MANIFEST_DIR")).join("../k8s/chart");
        let arguments = [
            "template".to_owned(),
            RELEASE.to_owned(),
            chart.display().to_string(),
            format!("--namespace={namespace}"),
            "--values=-".to_owned(),
            // Not below the user's home.
            format!("--repository-cache={}", self.path("helm").display()),
        ];
        let program = self.programs.path("helm");
        let output = process::output(program, arguments.to_vec(), values.to_string()).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        match output.status.success() {
            true => Ok(text(&output.stdout)),
            false => Err(text(&output.stderr)),
        }
    }
}
