//! How does a story use `kubectl`, as an operator would?

use super::{Cluster, process};

impl Cluster {
    /// As admin; what it prints. It must succeed.
    pub async fn kubectl(&self, arguments: &[&str]) -> String {
        self.kubectl_with(arguments, "").await
    }

    /// The same with this on its standard input.
    pub async fn kubectl_with(&self, arguments: &[&str], input: &str) -> String {
        let result = self.try_kubectl(arguments, input).await;
        result.unwrap_or_else(|words| panic!("kubectl {}: {words}", arguments.join(" ")))
    }

    /// What it prints, or what it complains about.
    pub async fn try_kubectl(&self, arguments: &[&str], input: &str) -> Result<String, String> {
        let mut all = vec![
            format!("--kubeconfig={}", self.kubeconfig(&self.admin()).display()),
            // Not below the user's home.
            format!("--cache-dir={}", self.path("kubectl").display()),
        ];
        all.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        let program = self.programs.path("kubectl");
        let output = process::output(program, all, input.to_owned()).await;
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        if output.status.success() {
            Ok(text(&output.stdout))
        } else {
            Err(text(&output.stderr))
        }
    }

    /// Server-side apply of manifests, as `manifest::join` makes them.
    pub async fn apply(&self, manifests: &str) {
        let arguments = ["apply", "--server-side", "--force-conflicts", "-f", "-"];
        self.kubectl_with(&arguments, manifests).await;
    }
}
