//! Does the program keep its word at the command line: output and exit codes?

// Not the product: a broken expectation here shall end the run.
#![allow(clippy::expect_used, clippy::indexing_slicing, clippy::panic)]

mod check;
mod run;
mod settings;
#[path = "../support/mod.rs"]
mod support;

use std::io::Write;
use std::process::Stdio;
use support::hedgerow;

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
    check(&["why", "http://a.test/"], "", 2, "--admin ADDR");
    for (address, words) in [
        ("8080", "write [::]:8080"),
        ("localhost:80", "write 127.0.0.1:80"),
        ("127.0.0.1:x", "no port from 0 to 65535"),
    ] {
        check(&["run", "--http", address], "", 2, words);
    }
    check(
        &["demo", "--http", "192.0.2.1:8080"],
        "",
        1,
        "127.0.0.1:8080 is one",
    );
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
    check(&["run"], "", 1, "--kubeconfig FILE");
    check(&["run"], "", 1, "--manifests DIR");
    check(
        &["run", "--kubeconfig", "/no/such/file"],
        "",
        1,
        "cannot read the kubeconfig",
    );
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

#[test]
fn a_second_demo_is_told_what_to_do() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = taken.local_addr().expect("has an address").to_string();
    check(
        &["demo", "--http", &address],
        "",
        1,
        "perhaps by another demo",
    );
}

/// A browser that is sent to `localhost` would see whoever has the port there.
#[test]
fn a_demo_whose_port_is_taken_on_the_other_loopback_address_says_so() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = free.local_addr().expect("has an address");
    let mut twin = address;
    twin.set_ip(std::net::Ipv6Addr::LOCALHOST.into());
    let Ok(_holder) = std::net::TcpListener::bind(twin) else {
        return; // Without IPv6 nobody can take it.
    };
    drop(free);
    check(
        &["demo", "--http", &address.to_string()],
        "",
        1,
        &twin.to_string(),
    );
}
