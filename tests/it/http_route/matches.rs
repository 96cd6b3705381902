//! Which rule takes a request, by path, header, query and method?

use super::{check, route, services};
use config::problem::Severity;
use tests::edge::Edge;
use tests::manifest;

const V1: &str = "backendRefs: [{ name: v1, port: 8080 }]";
const V2: &str = "backendRefs: [{ name: v2, port: 8080 }]";
const V3: &str = "backendRefs: [{ name: v3, port: 8080 }]";

/// Rules in the order written; `$1` is the reference to `v1`.
fn rules(text: &str) -> String {
    text.replace("$1", V1).replace("$2", V2).replace("$3", V3)
}

/// Subject, rules of a route for `a.test`, and who answers what.
type Example = (
    &'static str,
    &'static str,
    &'static [(&'static str, &'static str)],
);

const EXAMPLES: &[Example] = &[
    (
        "the HTTPRoute page: matches of one rule are ORed, what stands in one match is ANDed",
        "    - matches:
        - { path: { value: /foo }, headers: [{ name: version, value: v2 }] }
        - { path: { value: /v2/foo } }
      $2",
        &[
            ("a.test/foo | version: v2", "v2"),
            ("a.test/foo/bar | Version: v2", "v2"),
            ("a.test/v2/foo", "v2"),
            ("a.test/v2/foo/x | version: v1", "v2"),
            ("a.test/foo", "404"),
            ("a.test/foo | version: v1", "404"),
            ("a.test/fool | version: v2", "404"),
        ],
    ),
    (
        "the HTTPRoute page: path, header, query and method together",
        "    - matches: [{ path: { type: PathPrefix, value: /bar } }]
      $1
    - matches:
        - headers: [{ type: Exact, name: magic, value: foo }]
          queryParams: [{ type: Exact, name: great, value: example }]
          path: { type: PathPrefix, value: /some/thing }
          method: GET
      $2",
        &[
            ("a.test/bar/x", "v1"),
            ("a.test/some/thing?great=example | magic: foo", "v2"),
            ("a.test/some/thing/x?a=b&great=example | magic: foo", "v2"),
            ("a.test/some/thing?great=example", "404"),
            ("a.test/some/thing?great=other | magic: foo", "404"),
            ("a.test/some/thing | magic: foo", "404"),
            ("POST a.test/some/thing?great=example | magic: foo", "404"),
            ("a.test/some?great=example | magic: foo", "404"),
        ],
    ),
    (
        "the guide of HTTP routing: a canary by header",
        "    - matches: [{ headers: [{ type: Exact, name: env, value: canary }] }]
      $2
    - $1",
        &[
            ("a.test/", "v1"),
            ("a.test/ | env: canary", "v2"),
            ("a.test/ | ENV: canary", "v2"),
            ("a.test/ | env: Canary", "v1"),
            ("a.test/ | env: canary2", "v1"),
        ],
    ),
    (
        "conformance: simple matching",
        "    - matches: [{ path: { type: PathPrefix, value: / } }, { headers: [{ name: version, value: one }] }]
      $1
    - matches: [{ path: { type: PathPrefix, value: /v2 } }, { headers: [{ name: version, value: two }] }]
      $2",
        &[
            ("a.test/", "v1"),
            ("a.test/example", "v1"),
            ("a.test/ | version: one", "v1"),
            ("a.test/v2", "v2"),
            ("a.test/v2/", "v2"),
            ("a.test/v2/example | version: one", "v2"),
            ("a.test/ | version: two", "v2"),
            ("a.test/v2 | version: two", "v2"),
            // "Exact path segments": v2example is none of its prefix.
            ("a.test/v2example", "v1"),
            ("a.test/foo/v2/example", "v1"),
        ],
    ),
    (
        "conformance: exact paths",
        "    - matches: [{ path: { type: Exact, value: /one } }]
      $1
    - matches: [{ path: { type: Exact, value: /two } }]
      $2",
        &[
            ("a.test/one", "v1"),
            ("a.test/one?x", "v1"),
            ("a.test/two", "v2"),
            ("a.test/", "404"),
            ("a.test/one/example", "404"),
            ("a.test/two/", "404"),
            ("a.test/Two", "404"),
        ],
    ),
    (
        "conformance: path match order",
        "    - matches: [{ path: { type: Exact, value: /match/exact/one } }, { path: { type: Exact, value: /match/exact } }]
      $1
    - matches: [{ path: { type: PathPrefix, value: /match } }, { path: { type: PathPrefix, value: /match/prefix/one } }]
      $2
    - matches: [{ path: { type: PathPrefix, value: /match/prefix } }, { path: { type: PathPrefix, value: /match/exact/one } }]
      $3",
        &[
            ("a.test/match/exact/one", "v1"),
            ("a.test/match/exact", "v1"),
            ("a.test/match", "v2"),
            ("a.test/match/prefix/one/any", "v2"),
            ("a.test/match/prefix/any", "v3"),
            ("a.test/match/exact/one/any", "v3"),
            ("a.test/match/any", "v2"),
        ],
    ),
    (
        "conformance: headers",
        "    - matches: [{ headers: [{ name: version, value: one }] }]
      $1
    - matches: [{ headers: [{ name: version, value: two }] }]
      $2
    - matches: [{ headers: [{ name: version, value: two }, { name: color, value: orange }] }]
      $1
    - matches: [{ headers: [{ name: color, value: blue }] }, { headers: [{ name: color, value: green }] }]
      $3",
        &[
            ("a.test/ | Version: one", "v1"),
            ("a.test/ | version: two", "v2"),
            // More headers go first.
            ("a.test/ | version: two | color: orange", "v1"),
            ("a.test/ | color: blue", "v3"),
            ("a.test/ | color: green", "v3"),
            ("a.test/ | color: red", "404"),
            ("a.test/ | color: purple | version: two", "v2"),
            ("a.test/ | version: twoo", "404"),
            ("a.test/", "404"),
        ],
    ),
    (
        "conformance: query parameters",
        "    - matches: [{ queryParams: [{ name: animal, value: whale }] }]
      $1
    - matches: [{ queryParams: [{ name: animal, value: dolphin }] }]
      $2
    - matches: [{ queryParams: [{ name: animal, value: dolphin }, { name: color, value: blue }] }]
      $3
    - matches: [{ queryParams: [{ name: ANIMAL, value: Whale }] }]
      $3",
        &[
            ("a.test/?animal=whale", "v1"),
            ("a.test/?animal=dolphin", "v2"),
            ("a.test/?animal=dolphin&color=blue", "v3"),
            ("a.test/?color=blue&animal=dolphin", "v3"),
            ("a.test/?color=red&animal=dolphin", "v2"),
            // Names and values are told apart by case, unlike headers.
            ("a.test/?ANIMAL=Whale", "v3"),
            ("a.test/?animal=shark", "404"),
            ("a.test/?animal=Whale", "404"),
            ("a.test/animal/whale", "404"),
            ("a.test/", "404"),
        ],
    ),
    (
        "conformance: methods",
        "    - matches: [{ method: POST }]
      $1
    - matches: [{ method: GET }]
      $2
    - matches: [{ path: { value: /path1 }, method: GET }, { path: { value: /path2 }, method: PUT }]
      $1
    - matches: [{ path: { value: /path3 }, method: PATCH }, { path: { value: /path4 }, method: DELETE }]
      $3
    - matches: [{ path: { value: /path5 } }, { method: PATCH }, { path: { value: /path4 }, method: POST }]
      $1",
        &[
            ("POST a.test/", "v1"),
            ("GET a.test/", "v2"),
            ("HEAD a.test/", "404"),
            ("GET a.test/path1", "v1"),
            ("PUT a.test/path2", "v1"),
            ("PATCH a.test/path3", "v3"),
            ("DELETE a.test/path4", "v3"),
            ("GET a.test/path5", "v1"),
            ("PATCH a.test/", "v1"),
            ("POST a.test/path4", "v1"),
            ("PUT a.test/", "404"),
        ],
    ),
    (
        "precedence: path, then method, then headers, then query, then the first rule",
        "    - matches: [{ path: { value: /a } }]
      $1
    - matches: [{ path: { value: /a }, queryParams: [{ name: q, value: x }, { name: r, value: z }] }]
      $2
    - matches: [{ path: { value: /a }, headers: [{ name: h, value: x }] }]
      $3
    - matches: [{ path: { value: /a }, method: GET, headers: [{ name: m, value: x }] }]
      $2
    - matches: [{ path: { value: /a/b } }]
      $1
    - matches: [{ path: { value: /a } }]
      $3",
        &[
            ("a.test/a", "v1"),
            ("a.test/a?q=x&r=z", "v2"),
            ("a.test/a?q=x&r=z | h: x", "v3"),
            ("a.test/a?q=x&r=z | h: x | m: x", "v2"),
            ("POST a.test/a | h: x | m: x", "v3"),
            ("a.test/a/b?q=x&r=z | h: x | m: x", "v1"),
        ],
    ),
    (
        "regular expressions match the whole value",
        "    - matches: [{ path: { type: RegularExpression, value: \"/[0-9]+/x\" } }]
      $1
    - matches: [{ headers: [{ name: v, type: RegularExpression, value: \"[ab]+\" }] }]
      $2",
        &[
            ("a.test/12/x", "v1"),
            ("a.test/12/xy", "404"),
            ("a.test/y/12/x", "404"),
            ("a.test/ | v: abba", "v2"),
            ("a.test/ | v: abbac", "404"),
        ],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_matching_pages_holds() {
    let (_origins, documents) = services(&["v1", "v2", "v3"]).await;
    let edge = Edge::start(&manifest::join(&documents)).await;
    for (subject, text, requests) in EXAMPLES {
        edge.write("route.yaml", &route("r", "[a.test]", &rules(text)))
            .await;
        let in_force = edge.in_force();
        let mut severities = in_force.problems.iter().map(|problem| problem.severity);
        let is_right = severities.all(|severity| severity != Severity::Error);
        assert!(is_right, "{subject}: {:#?}", in_force.problems);
        for (request, expected) in *requests {
            check(&edge, request, expected).await;
        }
    }
    edge.stop().await;
}

/// "If ties still exist across multiple Routes": the oldest, then by namespace/name; more special matches win across routes all the same.
#[tokio::test(flavor = "multi_thread")]
async fn several_routes_of_one_host_are_one_table() {
    let (_origins, documents) = services(&["v1", "v2", "v3"]).await;
    let edge = Edge::start(&manifest::join(&documents)).await;
    let aged = |name: &str, age: &str, text: &str| {
        route(name, "[a.test]", &rules(text)).replace(
            &format!("name: {name},"),
            &format!("name: {name}, creationTimestamp: \"{age}\","),
        )
    };
    let (old, young) = ("2026-01-01T00:00:00Z", "2026-02-01T00:00:00Z");
    let both = "    - matches: [{ path: { value: / } }, { path: { value: /same } }]\n      ";
    edge.write(
        "routes.yaml",
        &manifest::join(&[
            aged("a", young, &format!("{both}$1")),
            aged("b", old, "    - matches: [{ path: { value: /same } }]\n      $2"),
            aged("c", young, "    - matches: [{ path: { value: / }, headers: [{ name: version, value: two }] }]\n      $3"),
        ]),
    )
    .await;
    for (request, expected) in [
        ("a.test/", "v1"),
        ("a.test/x", "v1"),
        ("a.test/same", "v2"),
        ("a.test/ | version: two", "v3"),
        // The longer path goes before the header.
        ("a.test/same | version: two", "v2"),
    ] {
        check(&edge, request, expected).await;
    }
    edge.stop().await;
}

/// The first example of the guide of HTTP routing.
#[tokio::test(flavor = "multi_thread")]
async fn the_first_guide_routes_two_hosts() {
    let (_origins, mut documents) = services(&["v1", "v2", "v3"]).await;
    documents.push(route(
        "foo-route",
        "[foo.example.com]",
        &rules("    - matches: [{ path: { type: PathPrefix, value: /login } }]\n      $1"),
    ));
    documents.push(route(
        "bar-route",
        "[bar.example.com]",
        &rules("    - matches: [{ headers: [{ type: Exact, name: env, value: canary }] }]\n      $2\n    - $3"),
    ));
    let edge = Edge::start(&manifest::join(&documents)).await;
    for (request, expected) in [
        ("foo.example.com/login", "v1"),
        ("foo.example.com/login/x", "v1"),
        ("foo.example.com/", "404"),
        ("foo.example.com/loginx", "404"),
        ("bar.example.com/login", "v3"),
        ("bar.example.com/ | env: canary", "v2"),
        ("example.com/login", "404"),
    ] {
        check(&edge, request, expected).await;
    }
    edge.stop().await;
}
