//! How do the tests of the program as a process start it, signal it and ask it?

use std::io::{Read, Write};
use std::net::TcpStream;
use std::process::{Child, Command};
use std::time::Duration;

/// Whatever takes longer is broken.
pub const PATIENCE: Duration = Duration::from_secs(20);

/// The program, with these arguments.
pub fn hedgerow(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hedgerow"));
    command.args(arguments);
    command.env_remove("HEDGEROW_LOG");
    // Whoever runs the tests may have a cluster.
    command.env_remove("KUBECONFIG").env("HOME", "/nowhere");
    command.env_remove("KUBERNETES_SERVICE_HOST");
    command
}

/// Sends it `TERM`, `HUP` and the like.
pub fn signal(child: &Child, signal: &str) {
    let kill = format!("kill -{signal} {}", child.id());
    let sent = Command::new("sh").args(["-c", &kill]).status();
    assert!(sent.expect("has a shell").success());
}

/// The whole answer, head and body.
pub fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("is set");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    answer
}
