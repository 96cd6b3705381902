//! Is every mistake in a settings file reported, where it stands?

use crate::problem::Problem;
use crate::settings::Settings;

/// One line per problem: `line field: found`.
#[track_caller]
pub(super) fn check(text: &str, expected: &[&str]) {
    let problems = Settings::parse(text, "h.yaml").unwrap_err();
    let found: Vec<_> = problems.iter().map(brief).collect();
    assert_eq!(found, expected, "{text}");
    for problem in &problems {
        assert_eq!(problem.object.to_string(), "Settings h.yaml");
        assert!(
            problem
                .expected
                .ends_with("; until then these settings are not in force")
        );
    }
}

pub(super) fn brief(problem: &Problem) -> String {
    let line = problem.origin.as_ref().map_or(0, |origin| origin.line);
    format!("{line} {}: {}", problem.field, problem.found)
}

#[test]
fn every_mistake_of_a_file_is_reported_at_once_with_its_line() {
    check(
        "listner: 1\nlisteners:\n  http: ['80', {adress: x}, 7]\n  https: {}\nadmin: localhost:1\nvia: yes\nlimits:\n  hold: 31s\n  headerBytesMax: 10m\n  bodyTimeout: 1s\nmetrics: 5\ntrustedProxies: [10.0.0.1/8, x]\nsampling: 1\naccessLog: { sampling: 2 }\n",
        &[
            "1 listner: there is no such setting",
            "13 sampling: there is no such setting",
            "11 metrics: a single value",
            "3 listeners.http[0]: `80` is a port alone; write [::]:80 for every address",
            "3 listeners.http[1].adress: there is no such setting",
            "3 listeners.http[2]: `7` is a port alone; write [::]:7 for every address",
            "4 listeners.https: a mapping of keys to values",
            "5 admin: `localhost:1` is a name, and names are not looked up; write 127.0.0.1:1 or [::1]:1",
            "12 trustedProxies[0]: `10.0.0.1/8` has bits set behind its prefix; write 10.0.0.0/8 for the network or 10.0.0.1/32 for the one address",
            "12 trustedProxies[1]: `x` is not a network in CIDR form (RFC 4632), as in 198.51.100.0/24 or 2001:db8::/32",
            "14 accessLog.sampling: `2` is not between 0 and 1",
            "6 via: `yes` is neither",
            "8 limits.hold: `31s` is out of its range",
            "9 limits.headerBytesMax: `10m` has a unit that could mean two things; write 10Mi (1,024-based) instead",
            "10 limits.bodyTimeout: there is no such setting",
        ],
    );
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    for (text, expected) in [
        ("listner: 1", "did you mean listeners?; "),
        ("share_port: true", "did you mean sharePort?; "),
        (
            "limits: { headerTimout: 1s }",
            "did you mean headerTimeout?; ",
        ),
        ("accessLog: { colour: red }", "one of format, sampling; "),
        ("colour: red", "one of listeners, sharePort, admin, "),
    ] {
        let problems = Settings::parse(text, "f").unwrap_err();
        assert!(
            problems[0].expected.starts_with(expected),
            "{text}: {}",
            problems[0].expected
        );
    }
}

#[test]
fn text_that_is_not_yaml_is_refused_with_its_line_and_column() {
    for (text, line, place) in [
        ("a: [", 1, "line 1, column 4"),
        ("via: true\n\tadmin: x", 1, "line 1, column 6"),
        ("via: true\n  admin: x", 2, "line 2, column 8"),
        ("via: *nobody", 1, "line 1, column 6"),
        ("via: true\n---\nvia: false", 3, "line 3, column 1"),
    ] {
        let problems = Settings::parse(text, "f").unwrap_err();
        assert_eq!(problems.len(), 1, "{text:?}");
        let origin = problems[0].origin.clone().unwrap();
        assert_eq!(origin.line, line, "{text:?}: {}", problems[0]);
        assert!(
            problems[0].found.ends_with(place),
            "{text:?}: {}",
            problems[0]
        );
        assert!(
            !problems[0].found.contains('\n'),
            "{text:?}: {}",
            problems[0]
        );
        assert!(
            !problems[0].found.contains("from_"),
            "{text:?}: {}",
            problems[0]
        );
    }
}

#[test]
fn a_value_of_another_shape_is_refused_where_it_stands() {
    check("[]", &["1 : a list"]);
    check("x", &["1 : a single value"]);
    check("listeners: []", &["1 listeners: a list"]);
    check(
        "listeners:\n  http: '[::]:80'",
        &["2 listeners.http: a single value"],
    );
    check("admin: {}", &["1 admin: a mapping of keys to values"]);
    check("ingressClasses:\n- a\n-", &["3 ingressClasses[1]: nothing"]);
    check("limits: { hold: [1s] }", &["1 limits.hold: a list"]);
    check("limits: { hold: ~ }", &["1 limits.hold: nothing"]);
    check(
        "accessLog: { sampling: .nan }",
        &["1 accessLog.sampling: `.nan` is not a number"],
    );
    check("[a]: 1", &["1 : a list stands where a key should"]);
    check(
        "listeners: { http: [[::]:80] }",
        &["1 listeners.http[0]: a list stands where a key should"],
    );
}

#[test]
fn a_key_that_stands_there_twice_is_refused() {
    check(
        "via: true\nvia: false",
        &["2 via: stands here a second time"],
    );
    check(
        "limits:\n  hold: 1s\n  hold: 2s",
        &["3 limits.hold: stands here a second time"],
    );
    check(
        "accessLog:\n  format: off\n  format: json",
        &["3 accessLog.format: stands here a second time"],
    );
}

#[test]
fn one_of_several_means_exactly_one() {
    check(
        "source:\n  cluster: {}\n  directory: { path: x }",
        &["2 source: names both cluster and directory"],
    );
    check(
        "source: {}",
        &["1 source: names neither cluster nor directory"],
    );
    check(
        "source: { directory: {} }",
        &["1 source.directory: names no path"],
    );
    check(
        "source: { directory: { path: '' } }",
        &["1 source.directory.path: `` is not a path"],
    );
    check(
        "source: { folder: x }",
        &["1 source.folder: there is no such setting"],
    );
    check(
        "publish: { nodes: true, addresses: [] }",
        &[
            "1 publish: names addresses beside service or nodes",
            "1 publish: names nodes alone",
        ],
    );
    check(
        "defaultCertificate: { certFile: x }",
        &["1 defaultCertificate: does not name both files"],
    );
    check(
        "defaultCertificate: tls",
        &["1 defaultCertificate: `tls` names no namespace"],
    );
}

#[test]
fn settings_that_do_not_fit_together_are_both_named() {
    check(
        "limits:\n  targetBytesMax: 64Ki",
        &["2 limits.targetBytesMax: targetBytesMax is 64Ki and headerBytesMax 32Ki"],
    );
    check(
        "limits:\n\n  headerBytesMax: 8Ki",
        &["3 limits.targetBytesMax: targetBytesMax is 16Ki and headerBytesMax 8Ki"],
    );
    check(
        "listeners:\n  http: ['[::]:443']",
        &["2 listeners.https[0]: [::]:443 is the address of listeners.http[0] already"],
    );
    check(
        "admin: '[::]:80'",
        &["1 admin: [::]:80 is the address of listeners.http[0] already"],
    );
    check(
        "listeners:\n  http: ['[::]:81', '0.0.0.0:81']",
        &[
            "2 listeners.http[1]: 0.0.0.0:81 and [::]:81, the address of listeners.http[0], take the same connections",
        ],
    );
    check(
        "sharePort: true\nlisteners:\n  http: ['127.0.0.1:9180', '[::1]:80', '0.0.0.0:80']\nadmin: 0.0.0.0:9180",
        &[
            "4 admin: 0.0.0.0:9180 and 127.0.0.1:9180, the address of listeners.http[0], take the same connections",
        ],
    );
    check(
        "listeners: { http: [], https: [] }",
        &["1 listeners.http: both lists are empty"],
    );
    let free = "listeners: { http: ['127.0.0.1:0', '127.0.0.1:0'] }";
    assert!(Settings::parse(free, "f").is_ok());
}
