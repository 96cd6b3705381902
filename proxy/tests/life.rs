//! How does the program live as a process, from its first words to its last signal?

// Not the product: a broken expectation here shall end the run.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

#[path = "life/demo.rs"]
mod demo;
#[path = "life/settings.rs"]
mod settings;
#[path = "life/signals.rs"]
mod signals;
mod support;
#[path = "life/why.rs"]
mod why;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Stdio};
use support::{PATIENCE, get, hedgerow};

/// A demo, or an edge, that runs.
struct Running {
    child: Child,
    /// What it said up to a certain line.
    said: String,
    rest: BufReader<Box<dyn Read>>,
}

/// Where a command speaks to its user: `run` leaves standard output to the access log.
enum Voice {
    Out,
    Err,
}

impl Running {
    fn start(arguments: &[&str], voice: &Voice, until: &str) -> Running {
        let mut command = hedgerow(arguments);
        let command = command.stdin(Stdio::null());
        let command = match voice {
            Voice::Out => command.stdout(Stdio::piped()),
            Voice::Err => command.stdout(Stdio::null()).stderr(Stdio::piped()),
        };
        let mut child = command.spawn().expect("starts");
        let pipe: Box<dyn Read> = match voice {
            Voice::Out => Box::new(child.stdout.take().expect("has an output")),
            Voice::Err => Box::new(child.stderr.take().expect("has an output")),
        };
        let mut rest = BufReader::new(pipe);
        let mut said = String::new();
        while !said.contains(until) {
            assert!(
                rest.read_line(&mut said).expect("is text") > 0,
                "it ended:\n{said}"
            );
        }
        Running { child, said, rest }
    }

    /// The word that begins with this.
    fn word(&self, start: &str) -> &str {
        let found = self
            .said
            .split_whitespace()
            .find(|word| word.starts_with(start));
        found.unwrap_or_else(|| panic!("no {start} in:\n{}", self.said))
    }

    fn signal(&self, signal: &str) {
        support::signal(&self.child, signal);
    }

    /// Exit code and the rest of what it says.
    fn end(&mut self, signal: &str) -> (Option<i32>, String) {
        self.signal(signal);
        let mut rest = String::new();
        self.rest.read_to_string(&mut rest).expect("is text");
        (self.child.wait().expect("ends").code(), rest)
    }
}

impl Drop for Running {
    /// Leaves nothing behind, also where the test did not end it or failed: killed, a demo could not remove its site.
    fn drop(&mut self) {
        if let Ok(None) = self.child.try_wait() {
            self.signal("INT");
            let _ = self.rest.read_to_string(&mut String::new());
        }
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_demo_serves_its_site_and_leaves_nothing_behind() {
    let anywhere = "127.0.0.1:0";
    let arguments = [
        "demo", "--http", anywhere, "--https", anywhere, "--admin", anywhere,
    ];
    let mut demo = Running::start(&arguments, &Voice::Out, "Ctrl-C ends the demo");
    let url = demo.word("http://localhost:").trim_end_matches('/');
    let address = url.replace("http://localhost", "127.0.0.1");
    let page = get(&address, "/");
    assert!(page.starts_with("HTTP/1.1 200"), "{page}");
    assert!(
        page.contains("frontend-1") || page.contains("frontend-2"),
        "{page}"
    );
    let api = get(&address, "/api/hello");
    assert!(api.contains("the machine outside the cluster"), "{api}");
    let ingress = demo
        .said
        .lines()
        .find(|line| line.ends_with("ingress.yaml"));
    let ingress = Path::new(ingress.expect("is named").trim()).to_owned();
    assert!(ingress.exists());
    let (code, rest) = demo.end("INT");
    assert_eq!(code, Some(0));
    assert!(rest.contains("its files are gone"), "{rest}");
    assert!(!ingress.exists());
}

/// The example site, unchanged, with its two Services on this machine.
fn run_the_site(backend: &str) -> Running {
    let site = Path::new(env!("CARGO_MANIFEST_DIR")).join("../k8s/sites/edwardstech");
    let site = site.to_str().expect("is text").to_owned();
    let anywhere = "127.0.0.1:0";
    let endpoint = format!("website/backend-service={backend}");
    let arguments = [
        "run",
        "--manifests",
        &site,
        "--http",
        anywhere,
        "--https",
        anywhere,
        "--admin",
        anywhere,
        "--endpoint",
        &endpoint,
    ];
    Running::start(&arguments, &Voice::Err, "\n  found ")
}

#[test]
fn a_clusters_manifests_run_unchanged_on_a_laptop() {
    let backend = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = backend.local_addr().expect("has an address").to_string();
    let server = std::thread::spawn(move || {
        let (mut stream, _) = backend.accept().expect("accepts");
        let mut request = [0; 2048];
        let count = stream.read(&mut request).expect("reads");
        let answer = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello";
        stream.write_all(answer.as_bytes()).expect("writes");
        String::from_utf8_lossy(&request[..count]).into_owned()
    });
    let mut edge = run_the_site(&address);
    let lines: Vec<&str> = edge
        .said
        .lines()
        .filter(|line| line.starts_with("  "))
        .collect();
    assert_eq!(lines.len(), 5, "the banner is short:\n{}", edge.said);
    let http = edge.word("127.0.0.1:").to_owned();
    let mut stream = TcpStream::connect(&http).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("is set");
    let request = "GET /api/x?y=1 HTTP/1.1\r\nHost: edwardstech.dev\r\nConnection: close\r\n\r\n";
    stream.write_all(request.as_bytes()).expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    assert!(answer.ends_with("hello"), "{answer}");
    let seen = server.join().expect("serves");
    assert!(seen.starts_with("GET /api/x?y=1 HTTP/1.1\r\n"), "{seen}");
    assert_eq!(edge.end("INT").0, Some(0));
}
