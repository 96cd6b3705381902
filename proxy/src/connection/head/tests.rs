//! Which heads are accepted, and with which word are the others refused?

use super::*;
use proptest::prelude::*;

const LIMITS: HeadLimits = HeadLimits {
    head_bytes_max: 32 * 1024,
    fields_max: 100,
    target_bytes_max: 16 * 1024,
};

#[track_caller]
fn check(head: &str, expected: Result<Framing, Reason>) {
    let found = HeadScan::new(LIMITS).step(head.as_bytes());
    let found = found.map(|found| found.map(|found| (found.bytes, found.framing)));
    let expected = expected.map(|framing| Some((head.len(), framing)));
    assert_eq!(found, expected, "{head:?}");
}

/// The head with these lines behind a good request line and Host.
#[track_caller]
fn check_fields(fields: &str, expected: Result<Framing, Reason>) {
    check(
        &format!("POST / HTTP/1.1\r\nHost: shop.test\r\n{fields}\r\n"),
        expected,
    );
}

#[test]
fn ordinary_heads_are_accepted_with_their_framing() {
    check(
        "GET / HTTP/1.1\r\nHost: shop.test\r\n\r\n",
        Ok(Framing::None),
    );
    check(
        "\r\nGET / HTTP/1.1\r\nHost: shop.test\r\n\r\n",
        Ok(Framing::None),
    );
    check("GET / HTTP/1.0\r\n\r\n", Ok(Framing::None));
    check(
        "OPTIONS * HTTP/1.1\r\nHost: shop.test\r\n\r\n",
        Ok(Framing::None),
    );
    check(
        "GET http://shop.test:80/x HTTP/1.1\r\nHost: shop.test:80\r\n\r\n",
        Ok(Framing::None),
    );
    check(
        "GET HTTP://shop.test?q HTTP/1.1\r\nhost:\tshop.test \r\n\r\n",
        Ok(Framing::None),
    );
    check(
        "GET /a|b^{c}[d]?`%2F HTTP/1.1\r\nHost: shop.test\r\n\r\n",
        Ok(Framing::None),
    );
    check_fields("", Ok(Framing::None));
    check_fields("Content-Length: 0\r\n", Ok(Framing::None));
    check_fields("content-length:42\r\n", Ok(Framing::Length(42)));
    check_fields(
        "Content-Length: 18446744073709551615\r\n",
        Ok(Framing::Length(u64::MAX)),
    );
    check_fields("Transfer-Encoding: Chunked\r\n", Ok(Framing::Chunked));
    check_fields("X_Under: \u{e9}\r\nEmpty:\r\n", Ok(Framing::None));
}

#[test]
fn the_request_line_has_one_form() {
    let cases = [
        ("GET  / HTTP/1.1", Reason::BadRequest),
        ("GET /a b HTTP/1.1", Reason::BadRequest),
        (" GET / HTTP/1.1", Reason::BadRequest),
        ("GET / HTTP/1.1 ", Reason::BadRequest),
        ("GET\t/\tHTTP/1.1", Reason::BadRequest),
        ("GET /", Reason::BadRequest),
        ("G(T / HTTP/1.1", Reason::BadRequest),
        ("GET / HTTP/2.0", Reason::BadRequest),
        ("GET / http/1.1", Reason::BadRequest),
        ("GET / HTTP/1.2", Reason::BadRequest),
        ("GET  HTTP/1.1", Reason::BadRequest),
        ("GET shop.test/x HTTP/1.1", Reason::BadRequest),
        ("GET * HTTP/1.1", Reason::BadRequest),
        ("GET ftp://shop.test/ HTTP/1.1", Reason::BadRequest),
        ("GET http:/shop.test/ HTTP/1.1", Reason::BadRequest),
        ("GET /a#b HTTP/1.1", Reason::BadPath),
        ("GET /a<b HTTP/1.1", Reason::BadPath),
        ("GET /a\\b HTTP/1.1", Reason::BadPath),
        ("GET /\u{e9} HTTP/1.1", Reason::BadPath),
        ("CONNECT shop.test:443 HTTP/1.1", Reason::MethodNotAllowed),
    ];
    for (line, reason) in cases {
        check(&format!("{line}\r\nHost: shop.test\r\n\r\n"), Err(reason));
    }
    let method = "M".repeat(33);
    check(
        &format!("{method} / HTTP/1.1\r\nHost: a\r\n\r\n"),
        Err(Reason::BadRequest),
    );
    check(
        "\r\n\r\nGET / HTTP/1.1\r\nHost: a\r\n\r\n",
        Err(Reason::BadRequest),
    );
}

#[test]
fn lines_end_with_cr_lf_and_are_never_folded() {
    check("GET / HTTP/1.1\nHost: a\n\n", Err(Reason::BadRequest));
    check("GET / HTTP/1.1\r\nHost: a\n\r\n", Err(Reason::BadRequest));
    check("GET / HTTP/1.1\r\nHost: a\r\n\n", Err(Reason::BadRequest));
    check_fields("A: b\rc\r\n", Err(Reason::BadRequest));
    check_fields("A: b\r\n folded\r\n", Err(Reason::BadRequest));
    check_fields("A: b\r\n\tfolded\r\n", Err(Reason::BadRequest));
    check(
        "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
        Err(Reason::BadRequest),
    );
}

#[test]
fn names_are_tokens_and_values_have_no_controls() {
    for field in [
        "A : b",
        ": b",
        "A b: c",
        "(A): b",
        "no colon",
        "A: \0",
        "A: \u{1}",
        "A: \u{7f}",
    ] {
        check_fields(&format!("{field}\r\n"), Err(Reason::BadRequest));
    }
}

#[test]
fn host_is_one_and_is_the_authority_of_the_target() {
    check("GET / HTTP/1.1\r\n\r\n", Err(Reason::BadHost));
    check(
        "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
        Err(Reason::BadHost),
    );
    check(
        "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
        Err(Reason::BadHost),
    );
    for host in [
        "", "a,b", "a b", "u@a", "a/b", "a:99999", "a:b", "\u{e9}", "[::1",
    ] {
        check(
            &format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"),
            Err(Reason::BadHost),
        );
    }
    check(
        "GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n",
        Err(Reason::BadHost),
    );
    check(
        "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
        Err(Reason::BadHost),
    );
    check("GET http://u@a/ HTTP/1.0\r\n\r\n", Err(Reason::BadHost));
}

#[test]
fn ambiguous_framing_is_refused() {
    for fields in [
        "Content-Length: 5\r\nContent-Length: 5\r\n",
        "Content-Length: 5, 5\r\n",
        "Content-Length: +5\r\n",
        "Content-Length: 0x5\r\n",
        "Content-Length: \r\n",
        "Content-Length: 18446744073709551616\r\n",
        "Content-Length: 000000000000000000005\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 0\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked, gzip\r\n",
        "Transfer-Encoding: \r\n",
    ] {
        check_fields(fields, Err(Reason::BadRequest));
    }
    for coding in [
        "gzip",
        "gzip, chunked",
        "identity",
        "xchunked",
        "chunked;q=1",
    ] {
        check_fields(
            &format!("Transfer-Encoding: {coding}\r\n"),
            Err(Reason::UnknownCoding),
        );
    }
    check(
        "POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n",
        Err(Reason::BadRequest),
    );
}

#[test]
fn a_head_has_bounds() {
    let target = "/".repeat(16 * 1024);
    check(
        &format!("GET {target} HTTP/1.1\r\nHost: a\r\n\r\n"),
        Ok(Framing::None),
    );
    check(
        &format!("GET {target}/ HTTP/1.1\r\nHost: a\r\n\r\n"),
        Err(Reason::TargetTooLong),
    );
    check(&"G".repeat(16 * 1024 + 100), Err(Reason::TargetTooLong));
    check_fields(&"A: b\r\n".repeat(99), Ok(Framing::None));
    check_fields(&"A: b\r\n".repeat(100), Err(Reason::HeaderTooLarge));
    check_fields(
        &format!("A: {}\r\n", "b".repeat(32 * 1024)),
        Err(Reason::HeaderTooLarge),
    );
    let unfinished = format!("GET / HTTP/1.1\r\nA: {}", "b".repeat(32 * 1024));
    check(&unfinished, Err(Reason::HeaderTooLarge));
}

#[test]
fn the_head_ends_at_its_empty_line_and_not_behind() {
    let bytes = b"GET / HTTP/1.1\r\nHost: a\r\n\r\nGET /next HTTP/1.1\r\n";
    let found = HeadScan::new(LIMITS).step(bytes);
    assert_eq!(
        found,
        Ok(Some(Head {
            bytes: 27,
            framing: Framing::None,
            mending: Mending::default(),
        }))
    );
}

#[test]
fn a_head_is_mended_where_the_parser_behind_us_reads_another_thing() {
    let check = |head: &str, expected: &str| {
        let found = HeadScan::new(LIMITS).step(head.as_bytes());
        let mended = found.unwrap().unwrap().mending.apply(head.as_bytes());
        assert_eq!(String::from_utf8_lossy(&mended), expected);
    };
    let same = "G`T /a?b=`c` HTTP/1.1\r\nHost: a\r\nX: `\r\n\r\n";
    check(same, same);
    check(
        "\r\nG`T /`a`?b=`c` HTTP/1.1\r\nHost: a\r\nX: `\r\n\r\n",
        "\r\nG`T /%60a%60?b=`c` HTTP/1.1\r\nHost: a\r\nX: `\r\n\r\n",
    );
    check(
        "GET http://a:8080/` HTTP/1.0\r\nX: 1\r\n\r\n",
        "GET http://a:8080/%60 HTTP/1.0\r\nX: 1\r\nhost: a:8080\r\n\r\n",
    );
    check(
        "GET http://a/ HTTP/1.0\r\nHost: a\r\n\r\n",
        "GET http://a/ HTTP/1.0\r\nHost: a\r\n\r\n",
    );
}

/// Feeds the bytes in pieces, as a socket would.
fn scan_in_pieces(bytes: &[u8], piece: usize) -> Result<Option<Head>, Reason> {
    let mut scan = HeadScan::new(LIMITS);
    let mut read = 0;
    while read < bytes.len() {
        read = (read + piece).min(bytes.len());
        match scan.step(&bytes[..read]) {
            Ok(None) => {}
            other => return other,
        }
    }
    Ok(None)
}

fn head_bytes() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        Just(b"GET / HTTP/1.1\r\n".to_vec()),
        Just(b"Host: a\r\n".to_vec()),
        Just(b"Content-Length: 3\r\n".to_vec()),
        Just(b"Transfer-Encoding: chunked\r\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"\n".to_vec()),
        Just(b" ".to_vec()),
        proptest::collection::vec(any::<u8>(), 0..8),
    ];
    proptest::collection::vec(word, 0..8).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn no_bytes_make_the_scan_panic_and_no_cut_changes_its_verdict(
        bytes in head_bytes(),
        piece in 1_usize..20,
    ) {
        let whole = HeadScan::new(LIMITS).step(&bytes);
        prop_assert_eq!(scan_in_pieces(&bytes, piece), whole);
    }

    /// Whatever we accept, the parser of the proxy below accepts too, with the same end.
    #[test]
    fn what_the_scan_accepts_is_a_head_of_the_same_length_for_a_lenient_reader(bytes in head_bytes()) {
        if let Ok(Some(head)) = HeadScan::new(LIMITS).step(&bytes) {
            let end = bytes.windows(4).position(|window| window == b"\r\n\r\n").unwrap();
            prop_assert_eq!(head.bytes, end + 4);
        }
    }

    /// What no phase of ours sees is answered by the engine, which is not for it to do.
    #[test]
    fn every_target_that_the_scan_accepts_is_one_for_the_engine(
        form in prop_oneof![Just("/"), Just("http://a"), Just("http://a/"), Just("http://a?")],
        target in "[!-~]{0,12}",
    ) {
        let head = format!("GET {form}{target} HTTP/1.1\r\nHost: a\r\n\r\n");
        if let Ok(Some(found)) = HeadScan::new(LIMITS).step(head.as_bytes()) {
            let mended = found.mending.apply(head.as_bytes());
            let target = mended[..].split(|byte| *byte == b' ').nth(1).unwrap();
            let parsed = pingora_http::RequestHeader::build("GET", target, None);
            prop_assert!(parsed.is_ok(), "{head:?}");
        }
    }
}
