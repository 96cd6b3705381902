//! Does the program keep its word at the command line: output, exit codes, signals?

mod check;
mod run;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

const PATIENCE: Duration = Duration::from_secs(20);

const GOOD: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: site, namespace: website }
spec:
  rules:
    - host: shop.test
      http:
        paths:
          - { path: /, pathType: Prefix, backend: { service: { name: web, port: { number: 80 } } } }
---
apiVersion: v1
kind: Service
metadata: { name: web, namespace: website }
spec: { ports: [{ port: 80 }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: web-1, namespace: website, labels: { kubernetes.io/service-name: web } }
addressType: IPv4
ports: [{ port: 8000 }]
endpoints: [{ addresses: [127.0.0.1] }]
";

fn hedgerow(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_hedgerow"));
    command.args(arguments);
    command.env_remove("HEDGEROW_LOG");
    command
}

/// Runs to the end with this standard input: exit code, standard output, standard error.
fn ask(arguments: &[&str], input: &str) -> (i32, String, String) {
    let mut child = hedgerow(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("starts");
    let mut stdin = child.stdin.take().expect("has an input");
    // A command that reads no input has closed it.
    let _ = stdin.write_all(input.as_bytes());
    drop(stdin);
    let output = child.wait_with_output().expect("ends");
    let text = |bytes| String::from_utf8(bytes).expect("is text");
    let code = output.status.code().expect("exits");
    (code, text(output.stdout), text(output.stderr))
}

#[track_caller]
fn check(arguments: &[&str], input: &str, code: i32, words: &str) {
    let (found, out, err) = ask(arguments, input);
    assert_eq!(found, code, "{arguments:?}\n{out}\n{err}");
    let all = format!("{out}{err}");
    assert!(
        all.contains(words),
        "{arguments:?} says no {words:?}:\n{all}"
    );
    assert!(!all.contains('\u{1b}'), "colour in a pipe:\n{all}");
}

#[test]
fn check_ends_with_0_1_or_2() {
    let misspelt = GOOD.replace("name: web, port", "name: wep, port");
    let secret = GOOD.replace(
        "spec:\n  rules",
        "spec:\n  tls: [{ hosts: [shop.test], secretName: none }]\n  rules",
    );
    let stdin = ["check", "--manifests", "-"];
    check(&stdin, GOOD, 0, "would serve shop.test");
    check(&stdin, &misspelt, 1, "no-such-service");
    check(&stdin, &secret, 0, "warning");
    check(
        &["check", "--manifests", "-", "--strict"],
        &secret,
        1,
        "warning",
    );
    check(&stdin, "kind: Deployment\n", 2, "passed over: Deployment");
    check(&stdin, "", 2, "no object that an edge reads");
    check(
        &["check", "--manifests", "/no/such/place"],
        "",
        2,
        "does not exist",
    );
    check(
        &["check", "--settings", "/no/such/file"],
        "",
        2,
        "is the path right?",
    );
    check(&["check"], "", 2, "--manifests DIR");
    check(&["check", "--nonsense"], "", 2, "unexpected argument");
}

#[test]
fn check_reads_a_directory_and_tells_file_and_line() {
    let directory = tempfile::tempdir().expect("makes a directory");
    let inner = directory.path().join("deep");
    std::fs::create_dir(&inner).expect("makes a directory");
    let misspelt = GOOD.replace("pathType:", "pathTyp:");
    std::fs::write(inner.join("site.yaml"), misspelt).expect("writes");
    std::fs::write(inner.join(".hidden.yaml"), "nonsense: [").expect("writes");
    let path = directory.path().to_str().expect("is text");
    let (code, out, _) = ask(&["check", "--manifests", path, "--output", "json"], "");
    let json: serde_json::Value = serde_json::from_str(&out).expect("is JSON");
    assert_eq!((code, &json["ok"]), (1, &serde_json::json!(false)));
    let unknown = json["problems"].as_array().expect("is a list").iter();
    let unknown: Vec<_> = unknown
        .filter(|problem| problem["code"] == "unknown-field")
        .collect();
    assert_eq!(unknown.len(), 1, "{out}");
    assert_eq!(unknown[0]["line"], 10);
    let file = unknown[0]["file"].as_str().expect("has a file");
    assert!(file.ends_with("deep/site.yaml"), "{file}");
    let expected = unknown[0]["expected"].as_str().expect("is text");
    assert!(expected.contains("pathType"), "{expected}");
}

#[test]
fn why_tells_the_rule_and_its_place() {
    let ask = |url| ["why", url, "--manifests", "-"];
    check(
        &ask("https://shop.test/x"),
        GOOD,
        0,
        "spec.rules[0].http.paths[0]",
    );
    check(&ask("https://shop.test/x"), GOOD, 0, "127.0.0.1:8000");
    check(&ask("https://other.test/"), GOOD, 0, "404");
    check(&ask("shop.test"), GOOD, 2, "http://HOST/PATH");
    check(&ask("https://shop.test/../x"), GOOD, 2, "bad-path");
    check(&["why", "http://a.test/"], "", 2, "--manifests");
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = free.local_addr().expect("has an address").to_string();
    drop(free);
    check(
        &["why", "http://a.test/", "--admin", &address],
        "",
        2,
        "is an edge running",
    );
}

#[test]
fn run_says_what_it_needs() {
    check(&["run"], "", 1, "not in this version");
    check(
        &["run", "--manifests", "/no/such/place"],
        "",
        1,
        "does not exist",
    );
    check(
        &["run", "--manifests", ".", "--http", "80"],
        "",
        2,
        "--http",
    );
    check(
        &["run", "--manifests", ".", "--endpoint", "x"],
        "",
        1,
        "--endpoint",
    );
    let holder = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let taken = holder.local_addr().expect("has an address").to_string();
    let path = env!("CARGO_MANIFEST_DIR");
    let arguments = [
        "run",
        "--manifests",
        path,
        "--http",
        &taken,
        "--admin",
        "127.0.0.1:0",
    ];
    check(&arguments, "", 1, &taken);
    drop(holder);
}

#[test]
fn version_is_one_line() {
    let (code, out, err) = ask(&["version"], "");
    assert_eq!((code, out.lines().count(), err.as_str()), (0, 1, ""));
    assert!(
        out.starts_with(concat!("hedgerow ", env!("CARGO_PKG_VERSION"), " (commit ")),
        "{out}"
    );
}

/// A demo, or an edge, that runs.
struct Running {
    child: Child,
    /// Standard output up to a certain line.
    said: String,
    rest: BufReader<std::process::ChildStdout>,
}

impl Running {
    fn start(arguments: &[&str], until: &str) -> Running {
        let mut child = hedgerow(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("starts");
        let mut rest = BufReader::new(child.stdout.take().expect("has an output"));
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

    /// Exit code and the rest of standard output.
    fn end(&mut self, signal: &str) -> (Option<i32>, String) {
        let kill = format!("kill -{signal} {}", self.child.id());
        let sent = Command::new("sh").args(["-c", &kill]).status();
        assert!(sent.expect("has a shell").success());
        let mut rest = String::new();
        self.rest.read_to_string(&mut rest).expect("is text");
        (self.child.wait().expect("ends").code(), rest)
    }
}

impl Drop for Running {
    /// A test that failed leaves no process behind.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("is set");
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    answer
}

#[test]
fn the_demo_serves_its_site_and_leaves_nothing_behind() {
    let anywhere = "127.0.0.1:0";
    let arguments = [
        "demo", "--http", anywhere, "--https", anywhere, "--admin", anywhere,
    ];
    let mut demo = Running::start(&arguments, "Ctrl-C ends the demo");
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

#[test]
fn a_second_demo_is_told_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = taken.local_addr().expect("has an address").to_string();
    check(
        &["demo", "--http", &address],
        "",
        1,
        "perhaps by another hedgerow demo",
    );
}
