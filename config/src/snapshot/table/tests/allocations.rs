//! Does finding a rule ask for memory?

use super::super::RouteTable;
use super::{request_match, rule, with_not_found};
use crate::hostname::RequestHost;
use crate::path;
use crate::snapshot::RequestView;
use allocation_counter::measure;
use http::{HeaderMap, HeaderValue, Method};
use std::hint::black_box;

fn check(matches: &[&str], host: &str, path: &str) {
    let matches = matches.iter().map(|text| request_match(text)).collect();
    let hosts = ["shop.example.com", "*.example.com", "*.deep.example.com"];
    let rules = with_not_found(vec![rule("r", &hosts, matches)]);
    let (table, _) = RouteTable::build(&rules);
    let headers = HeaderMap::from_iter([
        (http::header::COOKIE, HeaderValue::from_static("a=1")),
        (http::header::COOKIE, HeaderValue::from_static("b=2")),
    ]);
    let counted = measure(|| {
        let host = RequestHost::parse(host).unwrap().host;
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        path::check_query(query).unwrap();
        let path = path::normalise(path).unwrap();
        black_box(table.find(&RequestView {
            is_https: true,
            port: Some(443),
            host: &host,
            method: &Method::GET,
            path: &path,
            query: Some(query),
            headers: &headers,
        }));
    });
    assert_eq!(counted.count_total, 0, "{host}{path}: {counted:?}");
}

/// Neither a host and path that are in their normal form already, nor any condition but a regular expression over a field of several lines.
#[test]
fn finding_a_rule_asks_for_no_memory() {
    for host in [
        "shop.example.com",
        "shop.example.com:8443",
        "a.b.deep.example.com",
        "elsewhere.test",
    ] {
        for path in ["/", "/a/b/c?x=1&q=%61", "/a%2Fb", "/nowhere"] {
            check(&["/"], host, path);
            check(&["/a", "=/a/b/c", "/a/b", "/c GET"], host, path);
            check(&["/a ?q=a", "/a cookie:a=1", "/a POST x-h:v"], host, path);
        }
    }
}
