//! What can a newcomer try?

use super::site::Site;
use crate::app::paint::{Ink, Paint};
use std::fmt::Write as _;
use std::net::SocketAddr;

/// Where the demo is.
#[derive(Debug)]
pub struct Guide<'a> {
    pub http: SocketAddr,
    pub https: SocketAddr,
    pub admin: SocketAddr,
    pub site: &'a Site,
    /// The command that runs this program: `hedgerow`, or its path.
    pub program: String,
}

impl Guide<'_> {
    /// The URLs and five things to try.
    pub fn render(&self, paint: Paint) -> String {
        let (http, https) = (url("http", self.http), url("https", self.https));
        let (program, ingress) = (&self.program, self.site.ingress());
        let manifests = self.site.manifests();
        let steps = [
            (
                "Edit this manifest and reload the page; point /api at frontend-service, port 80:",
                format!("{}", ingress.display()),
            ),
            (
                "Stop a pod; nobody notices. Stop the other one too (start brings it back):",
                format!("curl -X POST {http}/switch/frontend-1/stop"),
            ),
            (
                "Ask why a request goes where it goes:",
                format!("{program} why {http}/api/hello --admin {}", self.admin),
            ),
            (
                "See what the edge counts:",
                format!("curl -s http://{}/metrics | grep requests", self.admin),
            ),
            (
                "Misspell something in that manifest, and have it checked:",
                format!("{program} check --manifests {}", manifests.display()),
            ),
        ];
        let mut out = String::new();
        // Writing to a String cannot fail, here and below.
        let _ = writeln!(
            out,
            "\nOpen {} in a browser,",
            paint.text(Ink::Good, &format!("{http}/"))
        );
        let _ = writeln!(
            out,
            "or {} (its authority is this demo's own: curl --cacert {} {https}/).",
            paint.text(Ink::Good, &format!("{https}/")),
            self.site.authority().display()
        );
        let _ = writeln!(out, "\nFive things to try:");
        for (number, (what, how)) in steps.iter().enumerate() {
            let _ = writeln!(out, "  {}. {what}", number + 1);
            let _ = writeln!(out, "     {}", paint.text(Ink::Place, how));
        }
        let _ = writeln!(out, "\nCtrl-C ends the demo and removes its files.\n");
        out
    }
}

/// `localhost` is the host that the demo's Ingress names.
fn url(scheme: &str, address: SocketAddr) -> String {
    format!("{scheme}://localhost:{}", address.port())
}
