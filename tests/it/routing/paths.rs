//! Does a path match as the table of the Ingress documentation says, and what of it goes upstream?

use super::{Row, check, default_backend, ingress};
use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

/// A line of the table: its paths (served by `zero`, `one`, `two` in this order), and who answers which request.
struct Line {
    paths: &'static [(&'static str, &'static str)],
    requests: &'static [(&'static str, &'static str)],
}

const fn line(
    paths: &'static [(&'static str, &'static str)],
    requests: &'static [(&'static str, &'static str)],
) -> Line {
    Line { paths, requests }
}

const SERVICES: [&str; 3] = ["zero", "one", "two"];

/// <https://kubernetes.io/docs/concepts/services-networking/ingress/#examples>, in its order; "no" is the default backend. What the
/// table does not say and follows from its text is below it.
const EXAMPLES: &[Line] = &[
    line(
        &[("Prefix", "/")],
        &[("/", "zero"), ("/a", "zero"), ("/a/b/?c=d", "zero")],
    ),
    line(&[("Exact", "/foo")], &[("/foo", "zero")]),
    line(&[("Exact", "/foo")], &[("/bar", "rest")]),
    line(&[("Exact", "/foo")], &[("/foo/", "rest")]),
    line(
        &[("Exact", "/foo/")],
        &[("/foo", "rest"), ("/foo/", "zero")],
    ),
    line(
        &[("Prefix", "/foo")],
        &[("/foo", "zero"), ("/foo/", "zero")],
    ),
    line(
        &[("Prefix", "/foo/")],
        &[("/foo", "zero"), ("/foo/", "zero")],
    ),
    line(&[("Prefix", "/aaa/bb")], &[("/aaa/bbb", "rest")]),
    line(&[("Prefix", "/aaa/bbb")], &[("/aaa/bbb", "zero")]),
    line(&[("Prefix", "/aaa/bbb/")], &[("/aaa/bbb", "zero")]),
    line(&[("Prefix", "/aaa/bbb")], &[("/aaa/bbb/", "zero")]),
    line(&[("Prefix", "/aaa/bbb")], &[("/aaa/bbb/ccc", "zero")]),
    line(&[("Prefix", "/aaa/bbb")], &[("/aaa/bbbxyz", "rest")]),
    line(
        &[("Prefix", "/"), ("Prefix", "/aaa")],
        &[("/aaa/ccc", "one")],
    ),
    line(
        &[("Prefix", "/"), ("Prefix", "/aaa"), ("Prefix", "/aaa/bbb")],
        &[("/aaa/bbb", "two")],
    ),
    line(
        &[("Prefix", "/"), ("Prefix", "/aaa"), ("Prefix", "/aaa/bbb")],
        &[("/ccc", "zero")],
    ),
    line(&[("Prefix", "/aaa")], &[("/ccc", "rest")]),
    line(
        &[("Prefix", "/foo"), ("Exact", "/foo")],
        &[("/foo", "one"), ("/foo/", "zero"), ("/foo/bar", "zero")],
    ),
    // The order of the paths decides nothing.
    line(
        &[("Prefix", "/aaa/bbb"), ("Exact", "/aaa"), ("Prefix", "/")],
        &[
            ("/aaa/bbb/c", "zero"),
            ("/aaa", "one"),
            ("/aaa/", "two"),
            ("/aaa/c", "two"),
        ],
    ),
    // "Matching is case sensitive", and the query is no part of the path.
    line(
        &[("Prefix", "/Foo"), ("Exact", "/bar")],
        &[
            ("/Foo?x=/bar", "zero"),
            ("/foo", "rest"),
            ("/bar?", "one"),
            ("/bar?/foo", "one"),
            ("/BAR", "rest"),
        ],
    ),
    // ImplementationSpecific is Prefix here; without a path it takes all.
    line(
        &[
            ("ImplementationSpecific", "/foo"),
            ("ImplementationSpecific", ""),
        ],
        &[("/foo/bar", "zero"), ("/foobar", "one"), ("/", "one")],
    ),
];

#[tokio::test(flavor = "multi_thread")]
async fn every_example_of_the_path_table_holds() {
    let mut origins = Vec::new();
    let mut documents = vec![default_backend("rest", "rest")];
    for name in SERVICES.iter().chain(&["rest"]) {
        let origin = Origin::start(name).await;
        documents.push(manifest::service(name, 80, &[origin.address]));
        origins.push(origin);
    }
    for (number, line) in EXAMPLES.iter().enumerate() {
        let named = line.paths.iter().zip(SERVICES);
        let rows: Vec<Row<'_>> = named.map(|((kind, path), to)| (*kind, *path, to)).collect();
        let host = format!("line-{number}.test");
        documents.push(ingress(&format!("line-{number}"), &host, &rows));
    }
    let edge = Edge::start(&manifest::join(&documents)).await;
    for (number, line) in EXAMPLES.iter().enumerate() {
        for (target, expected) in line.requests {
            check(&edge, &format!("line-{number}.test"), target, expected).await;
        }
    }
    edge.stop().await;
}

/// What is sent, who gets it, and as what: the path is matched and forwarded in one form, and what is in that form already is not touched.
const FORWARDED: &[(&str, &str, &str)] = &[
    ("/api/health?x=1", "api", "/api/health?x=1"),
    ("/api", "api", "/api"),
    ("/api/", "api", "/api/"),
    ("/api?", "api", "/api?"),
    ("/api?a=b?c=/d&e=%zz&&f", "api", "/api?a=b?c=/d&e=%zz&&f"),
    ("/api/a%2Fb%20c", "api", "/api/a%2Fb%20c"),
    ("/api/%E2%82%AC", "api", "/api/%E2%82%AC"),
    ("/api/a;b=c,d@e:f", "api", "/api/a;b=c,d@e:f"),
    ("/api/~u/!$&'()*+=-_.x", "api", "/api/~u/!$&'()*+=-_.x"),
    ("/api/a.b/..c/...", "api", "/api/a.b/..c/..."),
    ("/apifoo", "rest", "/apifoo"),
    ("/API/x", "rest", "/API/x"),
    ("/x/api", "rest", "/x/api"),
    ("/?/api", "rest", "/?/api"),
    // Not in normal form: matched and forwarded as what they mean (RFC 3986 §6.2.2).
    ("/%61pi/%7Ex", "api", "/api/~x"),
    ("/api/%c3%bc", "api", "/api/%C3%BC"),
    ("/x/../api/y", "api", "/api/y"),
    ("/api/../x", "rest", "/x"),
    ("/api/..", "rest", "/"),
    ("/./api/./x", "api", "/api/x"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_path_goes_upstream_as_it_was_matched() {
    let (api, rest) = (Origin::start("api").await, Origin::start("rest").await);
    let rows = [("Prefix", "/", "rest"), ("Prefix", "/api", "api")];
    let edge = Edge::start(&manifest::join(&[
        ingress("site", "site.test", &rows),
        manifest::service("api", 80, &[api.address]),
        manifest::service("rest", 80, &[rest.address]),
    ]))
    .await;
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    for (sent, to, forwarded) in FORWARDED {
        let request = Request::new("GET", &format!("http://site.test{sent}"));
        let reply = request.send_on(&mut connection).await.expect("answers");
        assert_eq!((reply.status, reply.served_by()), (200, *to), "{sent}");
        let origin = if *to == "api" { &api } else { &rest };
        let last = origin.received().pop().expect("was asked");
        assert_eq!(last.head.target, *forwarded, "{sent}");
    }
    edge.stop().await;
}
