//! Do the admin endpoints answer over real sockets as documented?

mod fixture;
mod sockets;

use super::answer::{Question, answer};
use fixture::{Edge, SECRET};
use http::{Method, StatusCode};
use tracing::metadata::LevelFilter;

const JSON: &str = "application/json";
const TEXT: &str = "text/plain; charset=utf-8";

#[test]
fn each_endpoint_answers_in_its_form() {
    let edge = Edge::start();
    edge.make_ready();
    for (target, status, content_type, part) in [
        ("/livez", 200, TEXT, "ok\n"),
        ("/readyz", 200, TEXT, "ok\n"),
        ("/startupz", 200, TEXT, "ok\n"),
        ("/readyz?verbose", 200, TEXT, "[+] listeners-bound ok\n"),
        (
            "/metrics",
            200,
            "text/plain; version=0.0.4; charset=utf-8",
            "hedgerow_build_info{",
        ),
        ("/config", 200, JSON, "\"hedgerow.config/v1\""),
        ("/problems", 200, JSON, "\"no-such-service\""),
        (
            "/why?url=https%3A%2F%2Fedwardstech.dev%2Fapi%2Fx",
            200,
            JSON,
            "\"considered\"",
        ),
        ("/why", 400, TEXT, "url is missing"),
        ("/loglevel", 200, TEXT, "info\n"),
        ("/", 404, TEXT, "/readyz "),
        ("/livez/", 404, TEXT, "/metrics "),
    ] {
        let reply = edge.get(target);
        assert_eq!(
            (reply.status, reply.field("content-type")),
            (status, Some(content_type)),
            "{target}"
        );
        assert!(reply.body.contains(part), "{target}: {}", reply.body);
        assert_eq!(reply.field("cache-control"), Some("no-store"), "{target}");
    }
}

#[test]
fn an_edge_is_ready_until_its_stop_begins() {
    let edge = Edge::start();
    let statuses = || ["/livez", "/readyz", "/startupz"].map(|path| edge.get(path).status);
    assert_eq!(statuses(), [200, 503, 503]);
    let verbose = edge.get("/readyz?verbose").body;
    assert!(verbose.contains("[-] sources-synced failed: "), "{verbose}");
    assert!(verbose.ends_with("readyz check failed\n"), "{verbose}");

    edge.make_ready();
    assert_eq!(statuses(), [200, 200, 200]);

    edge.state.conditions.set_draining();
    assert_eq!(statuses(), [200, 503, 200]);
    assert_eq!(edge.get("/readyz").body, "the edge is stopping\n");
}

#[test]
fn refused_settings_are_told_and_change_nothing_else() {
    let edge = Edge::start();
    edge.make_ready();
    edge.state
        .conditions
        .set_settings_problem(Some("hedgerow.yaml:3: no such key".into()));
    let reply = edge.get("/readyz?verbose");
    assert_eq!(reply.status, 200);
    assert!(
        reply
            .body
            .contains("[!] the last good settings are in force: hedgerow.yaml:3: no such key\n")
    );
}

#[test]
fn a_listener_without_an_address_is_told_and_changes_nothing_else() {
    let edge = Edge::start();
    edge.make_ready();
    assert!(!edge.get("/readyz?verbose").body.contains("[!]"));
    edge.state.conditions.set_listeners(false);
    let reply = edge.get("/readyz?verbose");
    assert_eq!(reply.status, 200);
    assert!(
        reply
            .body
            .contains("[!] a listener of the settings has no address")
    );
}

#[test]
fn other_methods_are_refused_with_those_that_are_served() {
    let edge = Edge::start();
    for (method, target, allow) in [
        ("POST", "/livez", "get, head"),
        ("DELETE", "/config", "get, head"),
        ("PUT", "/metrics", "get, head"),
        ("OPTIONS", "/loglevel", "get, head, put"),
    ] {
        let reply = edge.ask(method, target, "", "");
        assert_eq!(
            (reply.status, reply.field("allow")),
            (405, Some(allow)),
            "{method} {target}"
        );
    }
    assert_eq!(edge.ask("POST", "/nothing", "", "").status, 404);
}

#[test]
fn head_has_the_length_but_not_the_body() {
    let edge = Edge::start();
    for target in ["/livez", "/config"] {
        let (get, head) = (edge.get(target), edge.ask("HEAD", target, "", ""));
        assert_eq!((head.status, &*head.body), (200, ""), "{target}");
        assert_eq!(
            head.field("content-length"),
            get.field("content-length"),
            "{target}"
        );
    }
}

#[test]
fn the_configuration_is_told_without_secrets() {
    let edge = Edge::start();
    let reply = edge.get("/config");
    let config = reply.json();
    assert_eq!(config["version"], 1);
    assert_eq!(config["digest"].as_str().unwrap().len(), 12);
    assert_eq!(config["rules"].as_array().unwrap().len(), 1);
    let rule = &config["rules"][0];
    assert_eq!(rule["object"], "Ingress website/site");
    assert_eq!(rule["origin"], "ingress.yaml:12");
    assert_eq!(rule["matches"][0]["path"]["value"], "/api");
    assert_eq!(rule["matches"][0]["headers"][0]["name"], "cookie");
    assert_eq!(rule["filters"][0]["fields"][0], "authorization");
    assert_eq!(
        rule["action"]["forward"][0]["backend"],
        "website/backend-service:3001"
    );
    assert_eq!(config["backends"][0]["policy"]["hold_ms"], 8000);
    let endpoint = &config["backends"][0]["endpoints"][0];
    assert_eq!(endpoint["address"], "192.168.0.50:3001");
    assert_eq!(
        (&endpoint["ready"], &endpoint["in_flight"]),
        (&true.into(), &0.into())
    );
    assert_eq!(endpoint["object"], "Endpoints website/backend-service");
    let certificate = &config["certificates"][0];
    assert_eq!(certificate["host"], "edwardstech.dev");
    assert_eq!(certificate["secret"], "website/edwardstech-tls");
    for secret in [SECRET, "PRIVATE", "BEGIN"] {
        assert!(!reply.body.contains(secret), "{secret}");
    }
}

#[test]
fn problems_have_the_fields_that_check_prints() {
    let problems = Edge::start().get("/problems").json();
    let expected = serde_json::json!({
        "severity": "error", "code": "no-such-service",
        "kind": "Ingress", "namespace": "website", "name": "site",
        "field": "spec.rules[0]", "found": "Service website/frontend", "expected": "frontend-service",
        "file": "ingress.yaml", "line": 12,
    });
    assert_eq!(problems["problems"][0], expected);
}

#[test]
fn why_tells_the_rule_and_what_this_edge_has_seen_of_its_endpoints() {
    let edge = Edge::start();
    let backend = edge.state.live.current().backends[0].clone();
    let _attempt = backend.pool.current().candidates()[0].enter();
    let url = "url=https%3A%2F%2FEdwardsTech.dev:8443%2Fapi%2F.%2Fx%3Fq%3D1";
    let header = format!("header=cookie:{SECRET}");
    let why = edge.get(&format!("/why?{url}&{header}")).json();
    assert_eq!(
        (&why["host"], &why["path"]),
        (&"edwardstech.dev".into(), &"/api/x".into())
    );
    assert_eq!(why["winner"]["object"], "Ingress website/site");
    let endpoint = &why["winner"]["action"]["forward"][0]["to"]["backend"]["endpoints"][0];
    assert_eq!(endpoint["address"], "192.168.0.50:3001");
    assert_eq!(endpoint["health"], "1 request in flight, no answer yet");

    let text = edge.get(&format!("/why?{url}&{header}&output=text"));
    assert!(
        text.body.starts_with("GET https://edwardstech.dev/api/x\n"),
        "{}",
        text.body
    );
    let loser = edge.get(&format!("/why?{url}")).json();
    assert_eq!(loser["winner"], serde_json::Value::Null);
    assert_eq!(loser["considered"][0]["verdict"], "fails");
}

#[test]
fn why_tells_what_is_refused_before_any_rule() {
    let edge = Edge::start();
    for (url, part) in [
        ("http://a.test/%2500", "bad-path"),
        ("http://user@a.test/", "bad-host"),
    ] {
        let reply = edge.get(&format!("/why?url={url}"));
        assert_eq!(reply.status, 422, "{url}");
        assert!(
            reply.body.starts_with("400: ") && reply.body.contains(part),
            "{}",
            reply.body
        );
    }
}

#[test]
fn the_log_level_changes_while_the_process_runs() {
    let edge = Edge::start();
    let reply = edge.ask("PUT", "/loglevel", "", "warn,proxy::tls=debug\n");
    assert_eq!(
        (reply.status, &*reply.body),
        (200, "proxy::tls=debug,warn\n")
    );
    assert_eq!(edge.state.log_level.most_verbose(), LevelFilter::DEBUG);
    assert!(
        edge.get("/metrics")
            .body
            .contains("\nhedgerow_log_level 4\n")
    );

    let reply = edge.ask("PUT", "/loglevel", "", "inof");
    assert_eq!(reply.status, 400);
    assert!(
        reply.body.contains("\"inof\" is not a level"),
        "{}",
        reply.body
    );
    assert_eq!(edge.get("/loglevel").body, "proxy::tls=debug,warn\n");
}

#[test]
fn only_this_machine_changes_the_log_level() {
    let edge = Edge::start();
    for (peer, status) in [
        ("127.0.0.1", StatusCode::OK),
        ("::1", StatusCode::OK),
        ("::ffff:127.0.0.1", StatusCode::OK),
        ("192.168.0.41", StatusCode::FORBIDDEN),
        ("2001:db8::1", StatusCode::FORBIDDEN),
    ] {
        let question = Question {
            method: &Method::PUT,
            path: "/loglevel",
            query: "",
            host: Some("localhost:9180"),
            peer: peer.parse().unwrap(),
            body: b"debug",
        };
        assert_eq!(answer(&edge.state, &question).status, status, "{peer}");
    }
}

#[test]
fn a_page_that_points_its_name_at_this_machine_learns_nothing() {
    let edge = Edge::start();
    for (host, status) in [
        ("127.0.0.1:9180", 200),
        ("[::1]:9180", 200),
        ("localhost", 200),
        ("LOCALHOST:9180", 200),
        ("evil.example", 421),
        ("localhost.evil.example:9180", 421),
        ("a,b", 421),
    ] {
        let host_field = format!("Host: {host}\r\n");
        assert_eq!(
            edge.ask("GET", "/config", &host_field, "").status,
            status,
            "{host}"
        );
        assert_eq!(
            edge.ask("GET", "/livez", &host_field, "").status,
            200,
            "{host}"
        );
    }
}
