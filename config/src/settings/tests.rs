//! Is a settings file read as its author meant it?

mod mistakes;

use super::*;
use crate::problem::Severity;
use crate::settings::written::file;
use mistakes::{brief, check};
use proptest::prelude::*;
use std::time::Duration;

/// The example of the documentation, with every short and long form.
const FULL: &str = r#"
listeners:
  http:
    - { address: "[::]:80", publicPort: 8080, proxyProtocol: off }
    - 127.0.0.1:81
  https: [{ address: "[::]:443", publicPort: 443, proxyProtocol: required }]
sharePort: true
admin: 127.0.0.1:9181
source: { directory: { path: ./manifests } }
ingressClasses: [hedgerow, traefik]
publish: { service: edge/hedgerow }
trustedProxies: [198.51.100.0/24, "2001:db8::1", 203.0.113.7]
defaultCertificate: website/edwardstech-tls
accessLog: { format: off, sampling: 0.25 }
metrics: { seriesMax: 900 }
state: { directory: /tmp/hedgerow }
via: true
limits: { hold: 8s, headerBytesMax: 64Ki, connectionsMax: 500, attempts: 5 }
"#;

fn address(raw: &str) -> SocketAddr {
    raw.parse().unwrap()
}

#[test]
fn a_whole_file_is_read() {
    let settings = Settings::parse(FULL, "hedgerow.yaml").unwrap();
    let http = Listener {
        address: address("[::]:80"),
        public_port: Some(8080),
        proxy_protocol: false,
    };
    assert_eq!(settings.http, [http, Listener::at(address("127.0.0.1:81"))]);
    let https = Listener {
        address: address("[::]:443"),
        public_port: Some(443),
        proxy_protocol: true,
    };
    assert_eq!(settings.https, [https]);
    let networks: Vec<_> = settings
        .trusted_proxies
        .iter()
        .map(Network::to_string)
        .collect();
    assert_eq!(
        networks,
        ["198.51.100.0/24", "2001:db8::1/128", "203.0.113.7/32"]
    );
    let name = ObjectName::new("website", "edwardstech-tls");
    assert_eq!(
        settings.default_certificate,
        Some(DefaultCertificate::Secret(name))
    );
    assert_eq!(
        settings.publish,
        Publish::Service(ObjectName::new("edge", "hedgerow"))
    );
    assert_eq!(
        settings.source,
        Source::Directory {
            path: "./manifests".into()
        }
    );
    assert_eq!(settings.ingress_classes, ["hedgerow", "traefik"]);
    assert_eq!(settings.access_log.format, AccessLogFormat::Off);
    assert_eq!(settings.access_log.sampling.to_bits(), 0.25_f64.to_bits());
    assert_eq!(
        (settings.series_max, settings.via, settings.share_port),
        (900, true, true)
    );
    assert_eq!(settings.limits.hold, Duration::from_secs(8));
    assert_eq!(settings.limits.header_bytes_max, 65_536);
    assert_eq!(settings.limits.connections_max, Some(500));
    assert_eq!(settings.limits.attempts, 5);
    assert_eq!(settings.limits.drain, Limits::default().drain);
}

#[test]
fn what_is_left_out_or_empty_is_the_default() {
    for text in [
        "",
        "\n",
        "# nothing\n",
        "---\n",
        "{}",
        "~",
        "limits:\n",
        "limits: {}\nlisteners: {}\naccessLog: ~\n",
        "listeners:\n  http:\n",
        "source: { cluster: {} }",
        "source: { cluster: }",
        "publish: {}",
        "acme:\n",
        "\u{feff}via: false",
    ] {
        assert_eq!(
            Settings::parse(text, "f"),
            Ok(Settings::default()),
            "{text:?}"
        );
    }
}

#[test]
fn anchors_aliases_and_merge_keys_work() {
    let text = "listeners:\n  http: [&a { address: '127.0.0.1:1', publicPort: 5 }]\n  https: [{ <<: *a, address: '127.0.0.1:2' }]\n";
    let settings = Settings::parse(text, "f").unwrap();
    assert_eq!(settings.https[0].address, address("127.0.0.1:2"));
    assert_eq!(settings.https[0].dialled_port(), 5);
}

#[test]
fn settings_written_down_are_read_back() {
    for text in [
        "",
        FULL,
        "publish: { nodes: true, service: edge/hedgerow }",
        "report: false",
        "defaultCertificate: { certFile: 'a b', keyFile: '1' }",
        "publish: { addresses: ['::1', 192.0.2.1] }",
    ] {
        let settings = Settings::parse(text, "f").unwrap();
        let written = file(&settings);
        assert_eq!(Settings::parse(&written, "f"), Ok(settings), "{written}");
    }
}

#[test]
fn off_is_a_word_and_false_is_read_as_it() {
    for word in ["off", "'off'", "false"] {
        let text = format!(
            "accessLog: {{ format: {word} }}\nlisteners: {{ http: [{{ address: '[::]:1', proxyProtocol: {word} }}] }}"
        );
        let settings = Settings::parse(&text, "f").unwrap();
        assert_eq!(settings.access_log.format, AccessLogFormat::Off, "{word}");
        assert!(!settings.http[0].proxy_protocol, "{word}");
    }
    check(
        "listeners: { http: [{ address: '[::]:1', proxyProtocol: on }] }",
        &[
            "1 listeners.http[0].proxyProtocol: `on` is not an answer; whether it comes is never guessed",
        ],
    );
}

#[test]
fn a_key_of_a_later_version_says_so() {
    check(
        "acme: { default: letsencrypt }",
        &["1 acme: is of a later version"],
    );
    let problems = Settings::parse("acme: x", "f").unwrap_err();
    assert!(problems[0].expected.starts_with("not in this version"));
    let allowed = "externalName: { allow: ['*.home.lan'] }";
    let (settings, warnings) = Settings::parse_with_warnings(allowed, "f").unwrap();
    assert_eq!(settings.external_names, ["*.home.lan"]);
    assert_eq!(warnings[0].severity, Severity::Warning);
    check(
        "externalName: { allow: [10.0.0.1] }",
        &["1 externalName.allow[0]: `10.0.0.1` is an IP address, where a name is needed"],
    );
}

#[test]
fn what_is_usable_but_probably_not_meant_is_a_warning() {
    let text = "limits:\n  drain: 50s\ntrustedProxies: [10.0.0.1, '::/0']";
    let (settings, warnings) = Settings::parse_with_warnings(text, "f").unwrap();
    assert_eq!(settings.limits.drain, Duration::from_secs(50));
    let found: Vec<_> = warnings.iter().map(brief).collect();
    assert_eq!(
        found,
        [
            "3 trustedProxies[1]: every client is trusted to say who it is",
            "2 limits.drain: drain is 50s and lameDuck 5s, and with 5s to exit that is 1m"
        ]
    );
}

#[test]
fn a_proxy_protocol_that_is_believed_from_everybody_is_a_warning() {
    let listens = "listeners:\n  http: [{ address: '[::]:1', proxyProtocol: required }]\n";
    let warnings = |text: &str| {
        let (_, warnings) = Settings::parse_with_warnings(text, "f").unwrap();
        warnings.iter().map(brief).collect::<Vec<_>>()
    };
    assert_eq!(
        warnings(listens),
        [
            "2 listeners.http[0].proxyProtocol: `trustedProxies` is empty, so everybody who connects may say which address it has"
        ]
    );
    let known = format!("{listens}trustedProxies: [10.0.0.0/8]");
    assert!(warnings(&known).is_empty());
    assert!(warnings(&listens.replace("required", "off")).is_empty());
}

#[test]
fn only_some_settings_wait_for_a_restart() {
    let before = Settings::default();
    for (text, expected) in [
        ("", &[][..]),
        (
            "limits: { hold: 8s }\nlisteners: { http: ['127.0.0.1:1'] }\nvia: true\naccessLog: { format: off }",
            &[],
        ),
        (
            "admin: 127.0.0.1:1\nsharePort: true\nmetrics: { seriesMax: 700 }",
            &["admin", "sharePort", "metrics.seriesMax"],
        ),
        (
            "source: { directory: { path: x } }\nstate: { directory: x }",
            &["source", "state.directory"],
        ),
    ] {
        let after = Settings::parse(text, "f").unwrap();
        assert_eq!(before.changes_needing_restart(&after), expected, "{text}");
        assert_eq!(after.changes_needing_restart(&before), expected, "{text}");
    }
}

#[test]
fn a_file_that_is_too_large_or_too_deep_is_refused() {
    let large = format!("# {}\nvia: true", "x".repeat(1 << 20));
    check(&large, &["1 : the file has 1048588 bytes"]);
    for deep in [
        "[".repeat(100_000),
        "a: {".repeat(50_000),
        "- ".repeat(100_000),
        "x: &a [*a]".to_owned(),
    ] {
        assert!(Settings::parse(&deep, "f").is_err());
    }
    let bomb = "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\ng: &g [*f,*f,*f,*f,*f,*f,*f,*f,*f]\n";
    assert!(Settings::parse(bomb, "f").is_err());
}

/// Pieces of settings files, right and wrong, in any order.
fn pieces() -> impl Strategy<Value = String> {
    let words = prop::sample::select(vec![
        "listeners",
        "http",
        "admin",
        "limits",
        "hold",
        "source",
        "cluster",
        "directory",
        "path",
        "via",
        ": ",
        ":",
        "\n",
        "\n  ",
        "- ",
        "[",
        "]",
        "{",
        "}",
        ",",
        "&a ",
        "*a",
        "<<",
        "!!str ",
        "!x ",
        "|",
        ">",
        "?",
        "'",
        "\"",
        "#",
        "---",
        "...",
        "%YAML 1.2",
        "true",
        "off",
        "~",
        "1e999",
        ".inf",
        "0x1F",
        "-0",
        "10s",
        "[::]:80",
        "\u{0}",
        "\t",
        "é",
    ]);
    prop::collection::vec(words, 0..40).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>(), pieces in pieces()) {
        for text in [text, pieces] {
            if let Err(problems) = Settings::parse(&text, "f") {
                prop_assert!(problems.iter().any(|p| p.severity == Severity::Error));
                prop_assert!(problems.iter().all(|p| p.origin.is_some() && !p.found.is_empty()));
            }
        }
    }

    #[test]
    fn a_file_with_one_byte_changed_is_read_or_refused(at in 0..FULL.len(), byte in 0_u8..128) {
        let mut text = FULL.as_bytes().to_vec();
        text[at] = byte;
        let text = String::from_utf8(text).unwrap();
        if let Ok(settings) = Settings::parse(&text, "f") {
            prop_assert_eq!(Settings::parse(&file(&settings), "f"), Ok(settings));
        }
    }

    #[test]
    fn durations_and_sizes_are_read_as_they_are_written(ms in 0_u64..100 * 3_600_000, bytes: u64) {
        let time = Duration::from_millis(ms);
        prop_assert_eq!(crate::duration::parse(&crate::duration::format(time)), Ok(time));
        prop_assert_eq!(crate::size::parse(&crate::size::format(bytes)), Ok(bytes));
    }

    #[test]
    fn no_text_makes_a_duration_or_a_size_panic(text in any::<String>(), close in "[0-9hmsKMGi]{0,12}") {
        for text in [text, close] {
            let _ = crate::duration::parse(&text);
            let _ = crate::size::parse(&text);
        }
    }
}
