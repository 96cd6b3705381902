//! Is every ambiguous or malformed HTTP/1 request refused, wherever on a connection it stands?

use super::{check_unharmed, shop, statuses};
use std::fmt::Write as _;
use tests::edge::Edge;

const GOOD: &str = "GET /good HTTP/1.1\r\nhost: shop.test\r\n\r\n";
const LAST: &str = "GET /good/last HTTP/1.1\r\nhost: shop.test\r\nconnection: close\r\n\r\n";

/// A refusal that ends the connection: as the first request, behind another one, and in the middle of a pipeline nothing of it, and
/// nothing behind it, is served.
async fn check_closes(edge: &Edge, request: impl AsRef<[u8]>, status: u16) {
    let request = request.as_ref();
    let first = [request, LAST.as_bytes()].concat();
    let second = [GOOD.as_bytes(), request, LAST.as_bytes()].concat();
    let shown = String::from_utf8_lossy(&request[..request.len().min(200)]);
    assert_eq!(statuses(edge, &first).await, [status], "{shown:?}");
    assert_eq!(statuses(edge, &second).await, [200, status], "{shown:?}");
}

/// A refusal after which the connection goes on.
async fn check_stays(edge: &Edge, request: &str, status: u16) {
    let pipeline = [GOOD, request, LAST].concat();
    let found = statuses(edge, pipeline.as_bytes()).await;
    assert_eq!(found, [200, status, 200], "{request:?}");
}

/// `POST /bad` with these field lines.
fn post(fields: &str) -> String {
    format!("POST /bad HTTP/1.1\r\nhost: shop.test\r\n{fields}\r\n")
}

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_framing_never_comes_through() {
    let (edge, origin) = shop().await;
    for fields in [
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "content-length: 5\r\ncontent-length: 5\r\n",
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 5, 5\r\n",
        "content-length: +5\r\n",
        "content-length: -5\r\n",
        "content-length: 0x5\r\n",
        "content-length: 5 5\r\n",
        "content-length: \r\n",
        "content-length: 18446744073709551616\r\n",
        "content-length: 99999999999999999999999\r\n",
        "transfer-encoding: chunked, chunked\r\n",
        "transfer-encoding: chunked, gzip\r\n",
        "transfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: gzip\r\ntransfer-encoding: chunked\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: \x0bchunked\r\n",
        "transfer-encoding:\r\n",
        "transfer-encoding : chunked\r\n",
        "content-length : 5\r\n",
    ] {
        let status = if fields.starts_with("transfer-encoding: gzip") {
            501
        } else {
            400
        };
        check_closes(&edge, post(fields), status).await;
    }
    for coding in [
        "gzip",
        "identity",
        "xchunked",
        "gzip, chunked",
        "chunked;q=1",
        "\"chunked\"",
    ] {
        check_closes(
            &edge,
            post(&format!("transfer-encoding: {coding}\r\n")),
            501,
        )
        .await;
    }
    let old = "POST /bad HTTP/1.0\r\nhost: shop.test\r\ntransfer-encoding: chunked\r\n\r\n";
    check_closes(&edge, old, 400).await;
    check_unharmed(&edge, &origin).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broken_chunk_ends_the_connection_and_smuggles_nothing() {
    let (edge, origin) = shop().await;
    let long = "x".repeat(20_000);
    for chunk in [
        "zz\r\n",
        "-1\r\n",
        "+5\r\nhello\r\n0\r\n\r\n",
        "5\nhello\r\n0\r\n\r\n",
        " 5\r\nhello\r\n0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n",
        "fffffffffffffffff\r\n",
        "5\r\nhelloXX0\r\n\r\n",
        "5\r\nhello\n0\r\n\r\n",
        "\r\n",
        &format!("5;{long}\r\nhello\r\n0\r\n\r\n"),
    ] {
        let head = "POST /good HTTP/1.1\r\nhost: shop.test\r\ntransfer-encoding: chunked\r\n\r\n";
        let behind = "GET /bad HTTP/1.1\r\nhost: shop.test\r\n\r\n";
        let found = statuses(&edge, format!("{head}{chunk}{behind}").as_bytes()).await;
        assert_eq!(found, [400], "{chunk:?}");
    }
    check_unharmed(&edge, &origin).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_malformed_request_line_never_comes_through() {
    let (edge, origin) = shop().await;
    for line in [
        "GET  /bad HTTP/1.1",
        "GET /bad  HTTP/1.1",
        " GET /bad HTTP/1.1",
        "GET /bad HTTP/1.1 ",
        "GET\t/bad\tHTTP/1.1",
        "GET /bad x HTTP/1.1",
        "GET /bad",
        "GET /bad HTTP/1.2",
        "GET /bad HTTP/2.0",
        "GET /bad HTTP/0.9",
        "GET /bad http/1.1",
        "GET /bad HTTP/1.1\x00",
        "GET /bad\rx HTTP/1.1",
        "G@T /bad HTTP/1.1",
        "G(T /bad HTTP/1.1",
        "Gé /bad HTTP/1.1",
        "GETGETGETGETGETGETGETGETGETGETGET /bad HTTP/1.1",
        "/bad HTTP/1.1",
    ] {
        check_closes(&edge, format!("{line}\r\nhost: shop.test\r\n\r\n"), 400).await;
    }
    for request in [
        "GET /bad HTTP/1.1\nhost: shop.test\n\n",
        "GET /bad HTTP/1.1\r\nhost: shop.test\n\r\n",
        "GET /bad HTTP/1.1\r\nhost: shop.test\r\n\n",
        "GET /bad HTTP/1.1\rhost: shop.test\r\r",
    ] {
        check_closes(&edge, request, 400).await;
    }
    check_closes(
        &edge,
        "CONNECT shop.test:443 HTTP/1.1\r\nhost: shop.test:443\r\n\r\n",
        405,
    )
    .await;
    check_stays(&edge, "TRACE /bad HTTP/1.1\r\nhost: shop.test\r\n\r\n", 405).await;
    check_unharmed(&edge, &origin).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_fields_never_come_through() {
    let (edge, origin) = shop().await;
    for field in [
        "x: a\r\n b",
        "x: a\r\n\tb",
        " x: a",
        "x : a",
        "x\t: a",
        ": a",
        "x",
        "x(y): a",
        "x y: a",
        "é: a",
        "x: a\x00b",
        "x: a\x01b",
        "x: a\x7fb",
        "x: a\rb",
        "host : shop.test",
    ] {
        let request = format!("GET /bad HTTP/1.1\r\nhost: shop.test\r\n{field}\r\n\r\n");
        check_closes(&edge, request, 400).await;
    }
    let mut many = String::new();
    for number in 0..100 {
        write!(many, "x-{number}: a\r\n").expect("a String takes everything");
    }
    check_closes(&edge, post(&many), 431).await;
    check_closes(&edge, post(&format!("x: {}\r\n", "a".repeat(40_000))), 431).await;
    check_closes(
        &edge,
        post(&"x: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n".repeat(900)),
        431,
    )
    .await;
    let stays = |fields: &str| format!("GET /bad HTTP/1.1\r\nhost: shop.test\r\n{fields}\r\n");
    check_stays(&edge, &stays("expect: 200-ok\r\n"), 417).await;
    let looped = "cdn-loop: hedgerow, other, hedgerow;a=b, hedgerow\r\ncdn-loop: hedgerow\r\n";
    check_stays(&edge, &stays(looped), 508).await;
    check_unharmed(&edge, &origin).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_host_or_target_never_comes_through() {
    let (edge, origin) = shop().await;
    for hosts in [
        "",
        "host: shop.test\r\nhost: shop.test\r\n",
        "host: shop.test\r\nHOST: other.test\r\n",
        "host:\r\n",
        "host: shop.test,other.test\r\n",
        "host: shop.test other.test\r\n",
        "host: shop.test/x\r\n",
        "host: shop.test\\x\r\n",
        "host: me@shop.test\r\n",
        "host: shop.test:x\r\n",
        "host: shop.test:99999\r\n",
        "host: shop.test:80:80\r\n",
        "host: shop%2etest\r\n",
        "host: [::1\r\n",
        "host: [::g]\r\n",
        "host: shöp.test\r\n",
        "host: .\r\n",
        "host: a..test\r\n",
    ] {
        check_closes(&edge, format!("GET /bad HTTP/1.1\r\n{hosts}\r\n"), 400).await;
    }
    for target in [
        "bad",
        "shop.test/bad",
        "*",
        "/bad#x",
        "ftp://shop.test/bad",
        "http://other.test/bad",
        "http://me@shop.test/bad",
        "http:///bad",
        "http://shop.test:99999/bad",
        "//other.test\\@shop.test/bad\\",
    ] {
        check_closes(
            &edge,
            format!("GET {target} HTTP/1.1\r\nhost: shop.test\r\n\r\n"),
            400,
        )
        .await;
    }
    let long = format!(
        "GET /bad/{} HTTP/1.1\r\nhost: shop.test\r\n\r\n",
        "x".repeat(17_000)
    );
    check_closes(&edge, long, 414).await;
    check_unharmed(&edge, &origin).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_parsers_read_differently_never_comes_through() {
    let (edge, origin) = shop().await;
    for path in [
        "/..%2fbad",
        "/x/..%2Fbad",
        "/%2F../bad",
        "/../bad",
        "/x/../../bad",
        "/%2e%2e/bad",
        "/x/.%2e/bad",
        "/x/%2E/bad",
        "/x/..;/bad",
        "/..;a=b/bad",
        "/bad%00",
        "/bad%0d%0ax:%20y",
        "/bad%1f",
        "/bad%7f",
        "/bad%5c",
        "/bad\\x",
        "/bad<x>",
        "/bad\"x",
        "/bad%",
        "/bad%4",
        "/bad%zz",
        "/bad%+1",
        "/bad%c3%28",
        "/bad%ff",
        "/bad%c0%af",
        "/bad%ed%a0%80",
        "/bad?x=\x01",
    ] {
        check_closes(
            &edge,
            format!("GET {path} HTTP/1.1\r\nhost: shop.test\r\n\r\n"),
            400,
        )
        .await;
    }
    for raw in [
        b"/bad\x80".as_slice(),
        b"/bad\xff",
        b"/bad\xc3\xa9",
        b"/bad?\xff",
        b"/bad\x7f",
    ] {
        let request = [b"GET ", raw, b" HTTP/1.1\r\nhost: shop.test\r\n\r\n"].concat();
        check_closes(&edge, request, 400).await;
    }
    check_unharmed(&edge, &origin).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn unusual_requests_that_are_right_come_through_in_normal_form() {
    let (edge, origin) = shop().await;
    for (target, forwarded) in [
        ("/good/a%2fb", "/good/a%2Fb"),
        ("/good//a", "/good//a"),
        ("/x/../good", "/good"),
        ("/./good/.", "/good/"),
        ("/%67ood%7E", "/good~"),
        ("/good|", "/good%7C"),
        ("/good[]", "/good%5B%5D"),
        ("/good^", "/good%5E"),
        ("/good{}", "/good%7B%7D"),
        ("/good?`|[]^{}", "/good?`|[]^{}"),
        ("/good;a=b", "/good;a=b"),
        ("/good/%C3%A9", "/good/%C3%A9"),
        ("http://shop.test/good?x=%zz", "/good?x=%zz"),
    ] {
        let before = origin.received().len();
        let request =
            format!("\r\nGET {target} HTTP/1.1\r\nHOST: shop.test\r\nconnection: close\r\n\r\n");
        assert_eq!(statuses(&edge, request.as_bytes()).await, [200], "{target}");
        assert_eq!(origin.received()[before].head.target, forwarded, "{target}");
    }
    edge.stop().await;
}
