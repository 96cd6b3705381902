//! Does `run` start, serve, follow signals and stop as it says?

use super::GOOD;
use super::support::{self, PATIENCE, get, hedgerow};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// A `hedgerow run` on free ports.
struct Edge {
    child: Child,
    errors: BufReader<std::process::ChildStderr>,
    /// What was printed at the start, up to the counts of problems.
    banner: Vec<String>,
    directory: tempfile::TempDir,
}

impl Edge {
    fn start(settings: &str) -> Edge {
        Edge::start_with(GOOD, settings)
    }

    fn start_with(site: &str, settings: &str) -> Edge {
        let directory = tempfile::tempdir().expect("makes a directory");
        let manifests = directory.path().join("site.yaml");
        std::fs::write(&manifests, site).expect("writes");
        let path = manifests.to_str().expect("is text");
        let file = directory.path().join("hedgerow.yaml");
        std::fs::write(&file, settings).expect("writes");
        let file = file.to_str().expect("is text");
        let anywhere = "127.0.0.1:0";
        let mut arguments = vec!["run", "--manifests", path, "--settings", file];
        arguments.extend(["--http", anywhere, "--https", anywhere, "--admin", anywhere]);
        let mut command = hedgerow(&arguments);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().expect("starts");
        let errors = BufReader::new(child.stderr.take().expect("has a log"));
        let mut edge = Edge {
            child,
            errors,
            banner: Vec::new(),
            directory,
        };
        while !edge
            .banner
            .iter()
            .any(|line| line.trim_start().starts_with("found"))
        {
            let line = edge.line();
            edge.banner.push(line);
        }
        edge
    }

    /// The next line of its log or its banner.
    fn line(&mut self) -> String {
        let mut line = String::new();
        let count = self.errors.read_line(&mut line).expect("is text");
        assert!(count > 0, "it ended: {:?}", self.banner);
        line
    }

    /// Reads its log until a line has this.
    fn logged(&mut self, part: &str) -> String {
        loop {
            let line = self.line();
            if line.contains(part) {
                return line;
            }
        }
    }

    fn address(&self, label: &str) -> String {
        let line = self
            .banner
            .iter()
            .find(|line| line.trim_start().starts_with(label));
        let word = line
            .and_then(|line| line.split_whitespace().nth(1))
            .expect("is told");
        word.trim_start_matches("http://")
            .trim_end_matches(',')
            .to_owned()
    }

    fn signal(&self, signal: &str) {
        support::signal(&self.child, signal);
    }

    /// Exit code, and the time until then.
    fn wait(&mut self) -> (Option<i32>, Duration) {
        let begun = Instant::now();
        while begun.elapsed() < PATIENCE {
            if let Some(status) = self.child.try_wait().expect("is a child") {
                return (status.code(), begun.elapsed());
            }
            std::thread::sleep(Duration::from_millis(5));
        }
        panic!("it does not end");
    }

    /// Resident memory in bytes (proc(5), statm).
    fn resident(&self) -> u64 {
        let statm = std::fs::read_to_string(format!("/proc/{}/statm", self.child.id()));
        let statm = statm.expect("is there");
        statm
            .split(' ')
            .nth(1)
            .expect("has a second")
            .parse::<u64>()
            .expect("is a number")
            * 4096
    }
}

impl Drop for Edge {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn the_start_is_told_in_under_ten_lines_and_sigint_skips_the_lame_duck() {
    let mut edge = Edge::start("limits: { lameDuck: 5s, drain: 2s }");
    assert!(edge.banner.len() < 10, "{:?}", edge.banner);
    let text = edge.banner.concat();
    assert!(text.contains("shop.test"), "{text}");
    let ready = get(&edge.address("admin"), "/readyz");
    assert!(ready.starts_with("HTTP/1.1 200"), "{ready}");
    edge.signal("INT");
    let (code, took) = edge.wait();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(4), "{took:?}");
}

#[test]
fn the_start_of_a_site_full_of_mistakes_is_told_in_under_ten_lines() {
    let wrong = |number: usize| {
        format!(
            "---\nkind: Ingress\napiVersion: networking.k8s.io/v1\nmetadata: {{ name: wrong-{number} }}\nspec: {{ rules: [{{ host: w{number}.test, \
             http: {{ paths: [{{ path: /, pathType: Prefix, backend: {{ service: {{ name: gone, port: {{ number: 80 }} }} }} }}] }} }}] }}\n"
        )
    };
    let site: String = (0..60).map(wrong).collect();
    let mut edge = Edge::start_with(&format!("{GOOD}\n{site}"), "{}");
    edge.signal("INT");
    let mut lines = edge.banner.len();
    while !edge.line().contains("\"stopping\"") {
        lines += 1;
    }
    assert!(lines < 10, "{lines} lines");
    assert_eq!(edge.wait().0, Some(0));
}

const KUBECONFIG: &str = "
apiVersion: v1
kind: Config
clusters: [{ name: a, cluster: { server: 'https://ADDRESS' } }]
contexts: [{ name: a, context: { cluster: a, user: a } }]
current-context: a
users: [{ name: a, user: { token: t } }]
";

#[test]
fn an_api_server_that_is_away_is_waited_for_until_sigterm() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let away = free.local_addr().expect("has an address").to_string();
    drop(free);
    let directory = tempfile::tempdir().expect("makes a directory");
    let file = directory.path().join("kubeconfig");
    std::fs::write(&file, KUBECONFIG.replace("ADDRESS", &away)).expect("writes");
    let file = file.to_str().expect("is text");
    let anywhere = "127.0.0.1:0";
    let mut arguments = vec!["run", "--kubeconfig", file, "--http", anywhere];
    arguments.extend(["--https", anywhere, "--admin", anywhere]);
    let mut command = hedgerow(&arguments);
    command.stdin(Stdio::null()).stdout(Stdio::piped());
    let mut child = command.stderr(Stdio::piped()).spawn().expect("starts");
    let mut edge = Edge {
        errors: BufReader::new(child.stderr.take().expect("has a log")),
        child,
        banner: Vec::new(),
        directory,
    };
    let line = edge.logged("the API server does not answer");
    assert!(line.contains("unreachable"), "{line}");
    edge.signal("TERM");
    edge.logged("stopped before the first configuration");
    assert_eq!(edge.wait().0, Some(0));
}

#[test]
fn sigterm_serves_on_for_the_lame_duck_and_is_not_ready() {
    let mut edge = Edge::start("limits: { lameDuck: 700ms, drain: 2s }");
    let (http, admin) = (edge.address("http"), edge.address("admin"));
    edge.signal("TERM");
    edge.logged("stopping");
    assert!(get(&admin, "/readyz").starts_with("HTTP/1.1 503"));
    assert!(
        get(&http, "/").starts_with("HTTP/1.1 404"),
        "it still serves"
    );
    let (code, took) = edge.wait();
    assert_eq!(code, Some(0));
    assert!(took > Duration::from_millis(300), "{took:?}");
}

#[test]
fn a_standard_output_that_nobody_reads_stalls_no_request() {
    let mut edge = Edge::start("limits: { drain: 1s }");
    let mut stream = TcpStream::connect(edge.address("http")).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("is set");
    let agent = "x".repeat(1_000);
    let request = format!("GET / HTTP/1.1\r\nhost: nobody.test\r\nuser-agent: {agent}\r\n\r\n");
    let mut read = [0; 4096];
    // A pipe holds 64 KiB (pipe(7)); each line has 1 KiB.
    for _ in 0..300 {
        stream.write_all(request.as_bytes()).expect("sends");
        let count = stream.read(&mut read).expect("is answered");
        assert!(read[..count].starts_with(b"HTTP/1.1 404"));
    }
    drop(stream);
    edge.signal("INT");
    assert_eq!(edge.wait().0, Some(0), "it stops all the same");
}

#[test]
fn sighup_reads_the_settings_and_the_log_names_what_waits_for_a_restart() {
    let mut edge = Edge::start("limits: { drain: 1s }");
    edge.signal("HUP");
    edge.logged("new settings are in force");
    let file = edge.directory.path().join("hedgerow.yaml");
    std::fs::write(
        &file,
        "limits: { drain: 1s }\nmetrics: { seriesMax: 900 }\n",
    )
    .expect("writes");
    let line = edge.logged("settings are in force, with problems");
    assert!(
        line.contains("metrics.seriesMax") && line.contains("restart"),
        "{line}"
    );
    std::fs::write(&file, "metric: {}\n").expect("writes");
    let line = edge.logged("the last good settings stay in force");
    assert!(line.contains("metrics") && line.contains("ERROR"), "{line}");
}

#[test]
fn a_barrage_leaves_memory_about_as_it_was() {
    let edge = Edge::start("limits: { drain: 1s }\naccessLog: { format: 'off' }");
    let http = edge.address("http");
    assert!(get(&http, "/").starts_with("HTTP/1.1 404"));
    let before = edge.resident();
    let noise: Vec<u8> = (0..30_000u32)
        .map(|n| n.wrapping_mul(2_654_435_761).to_le_bytes()[3])
        .collect();
    let endless = [b"GET / HTTP/1.1\r\nx: ".as_slice(), &[b'a'; 30_000]].concat();
    let held: Vec<TcpStream> = (0..200)
        .map(|at| {
            let mut stream = TcpStream::connect(&http).expect("connects");
            let bytes = if at % 2 == 0 { &noise } else { &endless };
            let _ = stream.write_all(bytes);
            stream
        })
        .collect();
    assert!(
        get(&http, "/").starts_with("HTTP/1.1 404"),
        "others are served meanwhile"
    );
    let grown = edge.resident().saturating_sub(before);
    assert!(
        grown < 32 * 1024 * 1024,
        "{grown} bytes for 6 MB of hostile input"
    );
    drop(held);
}

/// The engine would end the process with a panic, and a machine without the package has the variable all the same.
#[test]
fn authorities_that_are_not_there_are_named() {
    let folder = tempfile::tempdir().expect("is made");
    let anywhere = "127.0.0.1:0";
    let mut command = hedgerow(&["run", "--http", anywhere, "--admin", anywhere]);
    command.arg("--manifests").arg(folder.path());
    let ended = command.env("SSL_CERT_FILE", "/no/such/file").output();
    let ended = ended.expect("runs");
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    assert_eq!(ended.status.code(), Some(1), "{said}");
    assert!(said.contains("SSL_CERT_FILE=/no/such/file"), "{said}");
    assert!(!said.contains("panicked"), "{said}");
}
