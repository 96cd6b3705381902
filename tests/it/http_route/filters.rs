//! What do filters change on the way, and where do they send the client?

use super::{ask, route, services};
use tests::edge::Edge;
use tests::manifest;

async fn start() -> (Edge, Vec<tests::origin::Origin>) {
    let (origins, documents) = services(&["web"]).await;
    let site = manifest::join(&documents);
    let edge = Edge::start_with(&site, |settings| settings.http[0].public_port = Some(80)).await;
    (edge, origins)
}

/// A rule with these filters and matches; a redirect has no backend.
async fn set(edge: &Edge, matches: &str, filters: &str) {
    let backend = match filters.contains("RequestRedirect") {
        true => "",
        false => "\n      backendRefs: [{ name: web, port: 8080 }]",
    };
    let rule = format!("    - matches: [{matches}]\n      filters: [{filters}]{backend}");
    edge.write("route.yaml", &route("r", "[a.test]", &rule))
        .await;
}

/// The guide of header modifiers: what arrives at the backend, `-` where nothing does.
#[tokio::test(flavor = "multi_thread")]
async fn request_headers_are_set_added_and_removed() {
    let (edge, origins) = start().await;
    for (change, sent, name, expected) in [
        (
            "add: [{ name: my-header-name, value: my-header-value }]",
            "",
            "my-header-name",
            "my-header-value",
        ),
        (
            "add: [{ name: X-H, value: added }]",
            "x-h: sent",
            "x-h",
            "sent,added",
        ),
        (
            "set: [{ name: X-H, value: mine }]",
            "x-h: sent",
            "x-h",
            "mine",
        ),
        ("set: [{ name: X-H, value: mine }]", "", "x-h", "mine"),
        ("remove: [X-H]", "x-h: sent", "x-h", "-"),
        ("remove: [x-h]", "X-H: sent", "x-h", "-"),
        ("remove: [other]", "x-h: sent", "x-h", "sent"),
    ] {
        set(
            &edge,
            "",
            &format!("{{ type: RequestHeaderModifier, requestHeaderModifier: {{ {change} }} }}"),
        )
        .await;
        let reply = ask(&edge, &format!("a.test/ | {sent}")).await;
        assert_eq!(reply.status, 200, "{change}");
        let last = origins[0].received().pop().expect("was asked").head;
        let values: Vec<&str> = last
            .fields
            .iter()
            .filter(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect();
        let found = match values.join(",").replace(", ", ",") {
            none if none.is_empty() => "-".to_owned(),
            some => some,
        };
        assert_eq!(found, expected, "{change} {sent}");
    }
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn response_headers_are_set_added_and_removed() {
    let (edge, _origins) = start().await;
    for (change, name, expected) in [
        (
            "add: [{ name: X-Header-Add-1, value: header-add-1 }, { name: X-Header-Add-2, value: header-add-2 }]",
            "x-header-add-2",
            Some("header-add-2"),
        ),
        (
            "set: [{ name: X-Origin, value: hidden }]",
            "x-origin",
            Some("hidden"),
        ),
        ("set: [{ name: X-New, value: new }]", "x-new", Some("new")),
        ("remove: [X-Origin]", "x-origin", None),
    ] {
        set(
            &edge,
            "",
            &format!("{{ type: ResponseHeaderModifier, responseHeaderModifier: {{ {change} }} }}"),
        )
        .await;
        let reply = ask(&edge, "a.test/").await;
        assert_eq!(
            (reply.status, reply.field(name)),
            (200, expected),
            "{change}"
        );
    }
    edge.stop().await;
}

/// Matches of the rule, the filter, what is asked for, status and Location. The listener's public port is 80.
type Redirected = (&'static str, &'static str, &'static str, u16, &'static str);

/// The guide of redirects, the table of ReplacePrefixMatch, and what the fields' documentation says.
const REDIRECTS: &[Redirected] = &[
    (
        "",
        "scheme: https, statusCode: 301",
        "a.test/x?y=z",
        301,
        "https://a.test/x?y=z",
    ),
    ("", "scheme: https", "a.test/", 302, "https://a.test/"),
    (
        "",
        "scheme: https, statusCode: 307",
        "POST a.test/",
        307,
        "https://a.test/",
    ),
    (
        "",
        "scheme: https, statusCode: 308",
        "a.test/",
        308,
        "https://a.test/",
    ),
    (
        "",
        "hostname: example.org, statusCode: 303",
        "a.test/p",
        303,
        "http://example.org/p",
    ),
    (
        "",
        "hostname: example.org",
        "a.test:8080/p",
        302,
        "http://example.org/p",
    ),
    ("", "port: 8083", "a.test/", 302, "http://a.test:8083/"),
    ("", "port: 80", "a.test/", 302, "http://a.test/"),
    (
        "",
        "scheme: https, port: 443",
        "a.test/",
        302,
        "https://a.test/",
    ),
    (
        "",
        "scheme: https, port: 8443",
        "a.test/",
        302,
        "https://a.test:8443/",
    ),
    (
        "",
        "scheme: http, hostname: example.org, port: 8080",
        "a.test/x",
        302,
        "http://example.org:8080/x",
    ),
    (
        "{ path: { value: /cayenne } }",
        "path: { type: ReplaceFullPath, replaceFullPath: /paprika }, statusCode: 302",
        "a.test/cayenne/pinch?a=b",
        302,
        "http://a.test/paprika?a=b",
    ),
    (
        "{ path: { value: /cayenne } }",
        "path: { type: ReplacePrefixMatch, replacePrefixMatch: /paprika }, statusCode: 302",
        "a.test/cayenne/pinch?a=b",
        302,
        "http://a.test/paprika/pinch?a=b",
    ),
    (
        "{ path: { value: /cayenne } }",
        "path: { type: ReplacePrefixMatch, replacePrefixMatch: / }",
        "a.test/cayenne",
        302,
        "http://a.test/",
    ),
    (
        "{ path: { value: /old } }",
        "scheme: https, hostname: new.test, path: { type: ReplacePrefixMatch, replacePrefixMatch: /new/ }, port: 444, statusCode: 301",
        "a.test/old/x/",
        301,
        "https://new.test:444/new/x/",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn redirects_say_scheme_host_port_path_and_status() {
    let (edge, _origins) = start().await;
    for (matches, redirect, request, status, location) in REDIRECTS {
        set(
            &edge,
            matches,
            &format!("{{ type: RequestRedirect, requestRedirect: {{ {redirect} }} }}"),
        )
        .await;
        let reply = ask(&edge, request).await;
        assert_eq!(
            (reply.status, reply.field("location")),
            (*status, Some(*location)),
            "{redirect} {request}"
        );
        assert!(reply.is_ours(), "{redirect}");
    }
    edge.stop().await;
}

/// Prefix, rewrite, what is asked for; the path and the host that arrive.
type Rewritten = (
    &'static str,
    &'static str,
    &'static str,
    &'static str,
    &'static str,
);

const PREFIX: &str = "type: ReplacePrefixMatch, replacePrefixMatch";

/// The guide of rewrites, and the table in the documentation of HTTPPathModifier.replacePrefixMatch.
const REWRITES: &[Rewritten] = &[
    (
        "/",
        "hostname: elsewhere.example",
        "a.test/x?y",
        "/x?y",
        "elsewhere.example",
    ),
    (
        "/get",
        "hostname: elsewhere.example, path: { type: ReplaceFullPath, replaceFullPath: /bennett }",
        "a.test/get/x?y=1",
        "/bennett?y=1",
        "elsewhere.example",
    ),
    (
        "/foo",
        "path: { $P: /xyz }",
        "a.test/foo/bar",
        "/xyz/bar",
        "a.test",
    ),
    (
        "/foo",
        "path: { $P: /xyz/ }",
        "a.test/foo/bar",
        "/xyz/bar",
        "a.test",
    ),
    (
        "/foo/",
        "path: { $P: /xyz }",
        "a.test/foo/bar",
        "/xyz/bar",
        "a.test",
    ),
    (
        "/foo/",
        "path: { $P: /xyz/ }",
        "a.test/foo/bar",
        "/xyz/bar",
        "a.test",
    ),
    ("/foo", "path: { $P: /xyz }", "a.test/foo", "/xyz", "a.test"),
    (
        "/foo",
        "path: { $P: /xyz }",
        "a.test/foo/",
        "/xyz/",
        "a.test",
    ),
    (
        "/foo",
        "path: { $P: \"\" }",
        "a.test/foo/bar",
        "/bar",
        "a.test",
    ),
    ("/foo", "path: { $P: \"\" }", "a.test/foo/", "/", "a.test"),
    ("/foo", "path: { $P: \"\" }", "a.test/foo", "/", "a.test"),
    ("/foo", "path: { $P: / }", "a.test/foo/", "/", "a.test"),
    ("/foo", "path: { $P: / }", "a.test/foo", "/", "a.test"),
    (
        "/foo",
        "path: { $P: / }",
        "a.test/foo/bar?q=%2F",
        "/bar?q=%2F",
        "a.test",
    ),
    (
        "/",
        "path: { $P: /xyz }",
        "a.test/bar",
        "/xyz/bar",
        "a.test",
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn rewrites_change_what_arrives_and_nothing_else() {
    let (edge, origins) = start().await;
    for (prefix, rewrite, request, path, host) in REWRITES {
        let rewrite = rewrite.replace("$P", PREFIX);
        let matches = format!("{{ path: {{ value: {prefix} }} }}");
        set(
            &edge,
            &matches,
            &format!("{{ type: URLRewrite, urlRewrite: {{ {rewrite} }} }}"),
        )
        .await;
        let reply = ask(&edge, request).await;
        assert_eq!(reply.status, 200, "{rewrite}");
        let last = origins[0].received().pop().expect("was asked").head;
        let found = (last.target.as_str(), last.field("host"));
        assert_eq!(found, (*path, Some(*host)), "{prefix} {rewrite} {request}");
        assert_eq!(last.field("x-forwarded-host"), Some("a.test"), "{rewrite}");
    }
    edge.stop().await;
}

/// "A filter may not be skipped": what we do not have is answered with 500.
#[tokio::test(flavor = "multi_thread")]
async fn a_filter_that_we_do_not_have_is_500_and_reported() {
    let (edge, origins) = start().await;
    set(
        &edge,
        "",
        "{ type: RequestMirror, requestMirror: { backendRef: { name: web, port: 8080 } } }",
    )
    .await;
    let reply = ask(&edge, "a.test/").await;
    assert_eq!((reply.status, reply.is_ours()), (500, true));
    assert!(origins[0].received().is_empty());
    let problems = edge.admin("/problems").await.text();
    assert!(problems.contains("RequestMirror"), "{problems}");
    edge.stop().await;
}

/// A route that leads back to the edge, whose filters would forget how often the request has come by.
#[tokio::test(flavor = "multi_thread")]
async fn filters_do_not_end_the_guard_against_loops() {
    let (edge, _origins) = start().await;
    let itself = manifest::service("web", 8080, &[edge.http()]);
    edge.write(
        "main.yaml",
        &manifest::join(&[super::GATEWAY.to_owned(), itself]),
    )
    .await;
    for change in [
        "remove: [cdn-loop]",
        "set: [{ name: CDN-Loop, value: other }]",
    ] {
        let filter =
            format!("{{ type: RequestHeaderModifier, requestHeaderModifier: {{ {change} }} }}");
        set(&edge, "", &filter).await;
        assert_eq!(ask(&edge, "a.test/").await.status, 508, "{change}");
        let problems = edge.admin("/problems").await.text();
        assert!(problems.contains("reserved"), "{problems}");
    }
    edge.stop().await;
}
