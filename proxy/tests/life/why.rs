//! Does `hedgerow why` say what the edge then does?

use super::{PATIENCE, Running, Voice, hedgerow};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;

const SITE: &str = "
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: tls, namespace: web }
spec:
  tls: [{ hosts: [tls.test], secretName: tls }]
  rules: [{ host: tls.test, http: { paths: [{ path: /, pathType: Prefix, backend: { service: { name: app, port: { number: 80 } } } }] } }]
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata:
  name: named
  namespace: web
  annotations: { hedgerow.edwardstech.dev/canonical-host: a.test, hedgerow.edwardstech.dev/encoded-slash: refuse }
spec:
  rules:
    - host: a.test
      http: &paths { paths: [{ path: /, pathType: Prefix, backend: { service: { name: app, port: { number: 80 } } } }] }
    - host: www.a.test
      http: *paths
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: broken, namespace: web }
spec:
  rules:
    - host: broken.test
      http:
        paths:
          - { path: /gone, pathType: Prefix, backend: { service: { name: gone, port: { number: 80 } } } }
          - { path: /port, pathType: Prefix, backend: { service: { name: app, port: { number: 81 } } } }
          - { path: /type, pathType: prefix, backend: { service: { name: app, port: { number: 80 } } } }
---
apiVersion: networking.k8s.io/v1
kind: Ingress
metadata: { name: lost, namespace: web }
spec: { rules: [{ host: other.test, http: { pths: [] } }] }
---
apiVersion: v1
kind: Service
metadata: { name: app, namespace: web }
spec: { ports: [{ port: 80 }] }
---
";

const SETTINGS: &str = "
listeners:
  http: [{ address: 127.0.0.1:0, publicPort: 8080 }]
  https: [{ address: 127.0.0.1:0, publicPort: 8443 }]
admin: 127.0.0.1:0
";

/// Answers 200 for as long as the test lives.
fn start_backend() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
    let port = listener.local_addr().expect("has an address").port();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let mut head = [0; 4096];
            let _ = stream.read(&mut head);
            let _ = stream
                .write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        }
    });
    port
}

fn write_site(directory: &Path) {
    let pair = rcgen::generate_simple_self_signed(["tls.test".to_owned()]).expect("makes");
    let manifest = format!(
        "{SITE}apiVersion: v1\nkind: Secret\nmetadata: {{ name: tls, namespace: web }}\ntype: kubernetes.io/tls\n\
         data: {{ tls.crt: {}, tls.key: {} }}\n---\napiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\n\
         metadata: {{ name: app, namespace: web, labels: {{ kubernetes.io/service-name: app }} }}\naddressType: IPv4\n\
         ports: [{{ port: {} }}]\nendpoints: [{{ addresses: [127.0.0.1] }}]\n",
        STANDARD.encode(pair.cert.pem()),
        STANDARD.encode(pair.signing_key.serialize_pem()),
        start_backend()
    );
    std::fs::create_dir(directory.join("k8s")).expect("makes a directory");
    std::fs::write(directory.join("k8s/site.yaml"), manifest).expect("writes");
    std::fs::write(directory.join("hedgerow.yaml"), SETTINGS).expect("writes");
}

/// Status, and `Location` where there is one, as the edge answers.
fn answer(http: &str, method: &str, host: &str, target: &str) -> (u64, Option<String>) {
    let mut stream = TcpStream::connect(http).expect("connects");
    stream.set_read_timeout(Some(PATIENCE)).expect("is set");
    let head = format!("{method} {target} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("sends");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("answers");
    let status = answer.get(9..12).and_then(|code| code.parse().ok());
    let location = answer.lines().find_map(|line| {
        let (name, value) = line.split_once(": ")?;
        name.eq_ignore_ascii_case("location")
            .then(|| value.to_owned())
    });
    (status.unwrap_or_else(|| panic!("{answer}")), location)
}

/// The same, as `why` says it.
fn said(url: &str, method: &str, more: &[&str]) -> (u64, Option<String>) {
    let mut arguments = vec!["why", url, "-X", method, "--output", "json"];
    arguments.extend(more);
    let output = hedgerow(&arguments).output().expect("runs");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).expect("is JSON");
    let first = &json["first"];
    let action = &json["winner"]["action"];
    let number = |value: &serde_json::Value| value.as_u64();
    if let Some(to) = first["redirect"]["to"].as_str() {
        let status = number(&first["redirect"]["status"]).expect("has a status");
        return (status, Some(to.to_owned()));
    }
    let fails = number(&first["fail"]["status"]).or_else(|| number(&action["fail"]["status"]));
    let otherwise = if json["winner"].is_null() { 404 } else { 200 };
    (fails.unwrap_or(otherwise), None)
}

/// All that `why` prints.
fn printed(url: &str, method: &str, form: &str, source: &[&str]) -> String {
    let mut arguments = vec!["why", url, "-X", method, "-H", "x-a: b", "--output", form];
    arguments.extend(source);
    let output = hedgerow(&arguments).output().expect("runs");
    String::from_utf8(output.stdout).expect("is text")
}

/// What an edge has seen of its endpoints, an explanation without one cannot know.
fn without_health(explanation: &str) -> String {
    let line = |line: &str| {
        if let Some((front, _)) = line.split_once("\"health\": ") {
            return format!("{front}\"health\": \"unknown\",\n");
        }
        let seen = line.split_once("  ready; ");
        let seen = seen.and_then(|(front, rest)| Some((front, rest.split_once("; from ")?.1)));
        match seen {
            Some((front, from)) => format!("{front}  ready; health unknown; from {from}\n"),
            None => format!("{line}\n"),
        }
    };
    explanation.lines().map(line).collect()
}

#[track_caller]
fn check_same(url: &str, method: &str, offline: &[&str], online: &[&str]) {
    for form in ["text", "json"] {
        let said = without_health(&printed(url, method, form, online));
        assert!(said.contains("test"), "{said}");
        assert_eq!(said, printed(url, method, form, offline), "{url}");
    }
}

#[test]
fn what_why_says_is_what_the_edge_answers() {
    let directory = tempfile::tempdir().expect("makes a directory");
    write_site(directory.path());
    let at = |name: &str| {
        directory
            .path()
            .join(name)
            .to_str()
            .expect("is text")
            .to_owned()
    };
    let (manifests, settings) = (at("k8s"), at("hedgerow.yaml"));
    let source = ["--manifests", &*manifests, "--settings", &*settings];
    let mut arguments = vec!["run"];
    arguments.extend(source);
    let edge = Running::start(&arguments, &Voice::Err, "\n  found ");
    let http = edge.word("127.0.0.1:").to_owned();
    let admin = edge.word("http://127.0.0.1:").replace("http://", "");
    for (method, host, target, status) in [
        ("GET", "tls.test", "/x?y=1", 308),
        ("GET", "tls.test", "/.well-known/acme-challenge/x", 200),
        ("GET", "a.test", "/x", 200),
        ("GET", "www.a.test", "/x?y=1", 308),
        ("GET", "a.test", "/x%2Fy", 400),
        ("TRACE", "a.test", "/x", 405),
        ("GET", "broken.test", "/gone", 503),
        ("GET", "broken.test", "/port", 503),
        ("GET", "broken.test", "/type", 503),
        ("GET", "broken.test", "/none", 404),
        ("GET", "other.test", "/", 404),
    ] {
        let url = format!("http://{host}{target}");
        let real = answer(&http, method, host, target);
        assert_eq!(real.0, status, "{url}");
        assert_eq!(said(&url, method, &source), real, "offline: {url}");
        let online = ["--admin", &*admin];
        assert_eq!(said(&url, method, &online), real, "online: {url}");
        check_same(&url, method, &source, &online);
        check_same(&url.replace("http:", "https:"), method, &source, &online);
    }
}
