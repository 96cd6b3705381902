//! Does the log keep one request on one line, and secrets out?

use super::*;
use proptest::prelude::*;
use serde_json::Value;

mod writer;

fn record<'a>() -> Record<'a> {
    Record {
        time: "2026-11-03T09:30:00.1234567Z".parse().unwrap(),
        request_id: "0199f1d2-7c3a-7000-8000-0123456789ab",
        client: "203.0.113.9".parse().unwrap(),
        protocol: "HTTP/2",
        is_https: true,
        tls_version: Some("TLSv1.3"),
        method: "GET",
        host: "edwardstech.dev",
        path: "/api/health",
        status: 200,
        reason: Reason::Answered,
        bytes_in: 0,
        bytes_out: 1234,
        total: Duration::from_micros(12_345),
        endpoint_time: Some(Duration::from_micros(1_005)),
        route: "Ingress website/site",
        backend: "website/backend-service:3001",
        endpoint: Some("192.168.0.50:3001".parse().unwrap()),
        attempt_count: 0,
        attempts: &[],
        user_agent: None,
        referer: None,
    }
}

fn json_line(record: &Record<'_>) -> String {
    let mut line = Vec::new();
    json::write_line(&mut line, record);
    String::from_utf8(line).unwrap()
}

fn common_line(record: &Record<'_>) -> String {
    let mut line = Vec::new();
    common::write_line(&mut line, record);
    String::from_utf8(line).unwrap()
}

#[test]
fn a_line_of_json_has_the_documented_fields_in_their_order() {
    let endpoint = "192.168.0.50:3001".parse().unwrap();
    let refused = AttemptRecord {
        endpoint,
        outcome: Reason::ConnectRefused,
        time: Duration::from_micros(250),
    };
    let record = Record {
        attempt_count: 1,
        attempts: &[refused],
        user_agent: Some(b"curl/8"),
        referer: Some(b"https://edwardstech.dev/contact"),
        ..record()
    };
    assert_eq!(
        json_line(&record),
        concat!(
            r#"{"time":"2026-11-03T09:30:00.123456Z","request_id":"0199f1d2-7c3a-7000-8000-0123456789ab","client":"203.0.113.9","#,
            r#""protocol":"HTTP/2","scheme":"https","tls_version":"TLSv1.3","method":"GET","host":"edwardstech.dev","path":"/api/health","#,
            r#""status":200,"reason":"answered","bytes_in":0,"bytes_out":1234,"total_ms":12.345,"endpoint_ms":1.005,"#,
            r#""route":"Ingress website/site","backend":"website/backend-service:3001","endpoint":"192.168.0.50:3001","#,
            r#""attempt_count":1,"attempts":[{"endpoint":"192.168.0.50:3001","outcome":"connect-refused","ms":0.250}],"#,
            r#""user_agent":"curl/8","referer":"https://edwardstech.dev/contact"}"#,
            "\n",
        )
    );
}

#[test]
fn a_request_that_no_rule_took_has_no_route() {
    for route in ["", "none"] {
        let line: Value = serde_json::from_str(&json_line(&Record { route, ..record() })).unwrap();
        assert_eq!(line.get("route"), None, "{route:?}");
        assert_eq!(line["status"], 200);
    }
}

#[test]
fn every_field_is_documented() {
    let documentation = std::fs::read_to_string(concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../docs/access-log.md"
    ))
    .unwrap();
    let record = Record {
        user_agent: Some(b""),
        referer: Some(b""),
        ..record()
    };
    let line: Value = serde_json::from_str(&json_line(&record)).unwrap();
    for name in line.as_object().unwrap().keys() {
        assert!(documentation.contains(&format!("| `{name}` |")), "{name}");
    }
}

#[test]
fn a_common_line_is_what_apache_writes() {
    #[track_caller]
    fn check(record: &Record<'_>, expected: &str) {
        assert_eq!(common_line(record), format!("{expected}\n"));
    }
    check(
        &record(),
        r#"203.0.113.9 - - [03/Nov/2026:09:30:00 +0000] "GET /api/health HTTP/2" 200 1234"#,
    );
    check(
        &Record {
            client: "::ffff:203.0.113.9".parse().unwrap(),
            path: "/a\" 200 1\n?token=secret",
            status: 0,
            bytes_out: 0,
            ..record()
        },
        r#"203.0.113.9 - - [03/Nov/2026:09:30:00 +0000] "GET /a\" 200 1\x0a HTTP/2" 000 -"#,
    );
}

#[test]
fn queries_fragments_and_credentials_are_never_written() {
    let record = Record {
        path: "/reset?token=SECRET#SECRET",
        referer: Some(b"https://user:SECRET@shop.test/reset?token=SECRET"),
        ..record()
    };
    assert!(!json_line(&record).contains("SECRET"));
    assert!(!common_line(&record).contains("SECRET"));
    let line: Value = serde_json::from_str(&json_line(&record)).unwrap();
    assert_eq!(line["path"], "/reset");
    assert_eq!(line["referer"], "shop.test/reset");
}

#[test]
fn the_longest_line_is_bounded() {
    let hostile = "\u{1}".repeat(100_000);
    let attempt = AttemptRecord {
        endpoint: "[2001:db8:1111:2222:3333:4444:5555:6666]:65535"
            .parse()
            .unwrap(),
        outcome: Reason::ResponseTimeout,
        time: Duration::MAX,
    };
    let record = Record {
        request_id: &hostile,
        method: &hostile,
        host: &hostile,
        path: &hostile,
        route: &hostile,
        backend: &hostile,
        attempt_count: 1000,
        attempts: &vec![attempt; 1000],
        user_agent: Some(hostile.as_bytes()),
        referer: Some(hostile.as_bytes()),
        ..record()
    };
    let json = json_line(&record);
    assert!(json.len() < 32 * 1024, "{}", json.len());
    assert!(common_line(&record).len() < 16 * 1024);
    let line: Value = serde_json::from_str(&json).unwrap();
    assert_eq!(line["attempt_count"], 1000);
    assert_eq!(
        line["attempts"].as_array().unwrap().len(),
        json::ATTEMPTS_MAX
    );
}

proptest! {
    #[test]
    fn any_request_is_one_line_that_parses_back(
        path in any::<String>(), host in any::<String>(), method in any::<String>(),
        user_agent in any::<Vec<u8>>(), referer in any::<Vec<u8>>(),
    ) {
        let record = Record {
            path: &path,
            host: &host,
            method: &method,
            user_agent: Some(&user_agent),
            referer: Some(&referer),
            ..record()
        };
        let json = json_line(&record);
        let body = json.strip_suffix('\n').unwrap();
        let hides = |c: char| c.is_control() || ('\u{2028}'..='\u{202e}').contains(&c);
        prop_assert!(!body.chars().any(hides));
        let line: Value = serde_json::from_str(body).unwrap();
        if host.len() <= 200 {
            prop_assert_eq!(line["host"].as_str(), Some(&*host));
        }
        if method.len() <= 32 {
            prop_assert_eq!(line["method"].as_str(), Some(&*method));
        }
        if path.len() <= 2048 && !path.contains(['?', '#']) {
            prop_assert_eq!(line["path"].as_str(), Some(&*path));
        }
        if user_agent.len() <= 512 {
            prop_assert_eq!(line["user_agent"].as_str(), Some(&*String::from_utf8_lossy(&user_agent)));
        }
        let common = common_line(&record);
        let body = common.strip_suffix('\n').unwrap();
        prop_assert!(body.bytes().all(|byte| (0x20..0x7f).contains(&byte)));
    }
}

#[test]
fn sampling_keeps_its_share_and_every_failure() {
    #[track_caller]
    fn check(share: f64, status: u16, reason: Reason, expected: std::ops::RangeInclusive<usize>) {
        let sampling = Sampling::new(share);
        let ids: Vec<String> = (0..10_000).map(|n| format!("0199f1d2-{n:012x}")).collect();
        let is_kept = |id: &&String| {
            sampling.keeps(&Record {
                request_id: id.as_str(),
                status,
                reason,
                ..record()
            })
        };
        let kept = ids.iter().filter(is_kept).count();
        assert!(
            expected.contains(&kept),
            "{kept} of 10000, {share} {status} {reason}"
        );
    }
    check(1.0, 200, Reason::Answered, 10_000..=10_000);
    check(0.0, 200, Reason::Answered, 0..=0);
    check(0.5, 200, Reason::Answered, 4_800..=5_200);
    check(0.01, 404, Reason::NoRule, 60..=140);
    check(0.0, 0, Reason::ClientClosed, 0..=0);
    check(-1.0, 200, Reason::Answered, 0..=0);
    check(7.0, 200, Reason::Answered, 10_000..=10_000);
    check(0.0, 500, Reason::Answered, 10_000..=10_000);
    check(0.0, 503, Reason::ConnectRefused, 10_000..=10_000);
    check(0.0, 200, Reason::UpstreamCut, 10_000..=10_000);
    check(0.0, 0, Reason::Internal, 10_000..=10_000);
}
