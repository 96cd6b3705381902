//! From which commit, for which target and by which compiler is this built?
//!
//! Handed to the program as environment variables of the compiler. Without git (a source archive) the commit is `unknown`, or what `HEDGEROW_COMMIT` says.

use std::process::Command;

fn main() {
    let commit = std::env::var("HEDGEROW_COMMIT")
        .ok()
        .or_else(|| first_line("git", &["rev-parse", "--short=12", "HEAD"]))
        .unwrap_or_else(|| "unknown".to_owned());
    let compiler = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".to_owned());
    let rustc = first_line(&compiler, &["--version"]).unwrap_or_else(|| "unknown".to_owned());
    let target = std::env::var("TARGET").unwrap_or_else(|_| "unknown".to_owned());
    tell(&format!("cargo:rustc-env=HEDGEROW_BUILD_COMMIT={commit}"));
    tell(&format!("cargo:rustc-env=HEDGEROW_BUILD_RUSTC={rustc}"));
    tell(&format!("cargo:rustc-env=HEDGEROW_BUILD_TARGET={target}"));
    tell("cargo:rerun-if-env-changed=HEDGEROW_COMMIT");
    if let Some(log) = first_line("git", &["rev-parse", "--git-path", "logs/HEAD"]) {
        tell(&format!("cargo:rerun-if-changed={log}"));
    }
}

/// Cargo listens on standard output.
#[allow(clippy::print_stdout)]
fn tell(line: &str) {
    println!("{line}");
}

fn first_line(program: &str, arguments: &[&str]) -> Option<String> {
    let output = Command::new(program).args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    let line = text.lines().next()?.trim();
    (output.status.success() && !line.is_empty()).then(|| line.to_owned())
}
