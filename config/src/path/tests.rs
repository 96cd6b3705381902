//! Do two spellings of one path have one normal form, and does no other path?

use super::*;
use proptest::prelude::*;

#[track_caller]
fn check(raw: &str, expected: Result<&str, PathError>) {
    let found = normalise(raw);
    assert_eq!(
        found.as_ref().map(|path| &**path).map_err(|e| *e),
        expected,
        "{raw}"
    );
}

#[test]
fn a_normal_path_is_borrowed() {
    for raw in [
        "/",
        "/api/health",
        "//a//b/",
        "/caf%C3%A9",
        "/a%2Fb",
        "/.well-known/x",
        "/file.tar.gz",
        "/...",
        "/a;v=1/b,c:d@e!$&'()*+=~_-",
        "/%25252e",
        "/a%3Bb",
        "/%E2%82%AC/%F0%9F%A6%94",
    ] {
        assert!(
            matches!(normalise(raw), Ok(Cow::Borrowed(same)) if same == raw),
            "{raw}"
        );
    }
}

#[test]
fn equal_spellings_have_one_form() {
    check("/%41%7e%2d", Ok("/A~-"));
    check("/caf%c3%a9", Ok("/caf%C3%A9"));
    check("/a%2fb", Ok("/a%2Fb"));
    check("/a|b[c]^{d}`", Ok("/a%7Cb%5Bc%5D%5E%7Bd%7D%60"));
    check("/file%2Etxt", Ok("/file.txt"));
}

#[test]
fn literal_dot_segments_are_removed_as_rfc_3986_says() {
    check("/a/b/c/./../../g", Ok("/a/g")); // RFC 3986 §5.2.4, its own example.
    check("/a/..", Ok("/"));
    check("/a/.", Ok("/a/"));
    check("/./a", Ok("/a"));
    check("/a/./", Ok("/a/"));
    check("//..", Ok("/"));
    check("/a//../b", Ok("/a/b"));
    check("/.", Ok("/"));
    check("/a/../b/../../x", Err(PathError::AboveRoot));
    check("/..", Err(PathError::AboveRoot));
}

#[test]
fn dots_that_another_reader_could_take_for_a_segment_are_refused() {
    for raw in [
        "/%2e",
        "/%2E%2e/x",
        "/.%2e/x",
        "/a/..;x/b",
        "/a/.;/b",
        "/a/%2e%2e;p",
        "/a/..%2Fb",
        "/a/b%2f..",
        "/a/x%2F.%2fy",
        "/a/b%2f%2E%2e%2Fc",
        "/a%2F..;x",
    ] {
        check(raw, Err(PathError::HiddenDots));
    }
    check("/a%2F...", Ok("/a%2F..."));
    check("/..a/.b;c", Ok("/..a/.b;c"));
}

/// Each byte is looked at once. Were the rest looked through for every slash again, this would take an hour.
#[test]
fn a_million_encoded_slashes_cost_a_million_steps() {
    let slashes = "%2F".repeat(1_000_000);
    check(&format!("/a{slashes}"), Ok(&format!("/a{slashes}")));
    let last = format!("/a{slashes}..");
    check(&last, Err(PathError::HiddenDots));
    assert!(encoded_slash_parts(&last[1..]).eq(last[1..].split("%2F")));
    assert!(encoded_slash_parts("%2f%%2F2%2").eq(["", "%", "2%2"]));
}

#[test]
fn what_has_no_normal_form_is_refused() {
    for raw in ["", "a", "*", "http://a/"] {
        check(raw, Err(PathError::NoSlash));
    }
    for raw in [
        "/a b", "/a\\b", "/<", "/>", "/\"", "/a#b", "/a?b", "/\u{e9}", "/\u{7f}", "/\t",
    ] {
        check(raw, Err(PathError::Character));
    }
    for raw in ["/%", "/%4", "/%zz", "/%+1", "/a%/b"] {
        check(raw, Err(PathError::Escape));
    }
    for raw in ["/%00", "/%1f", "/%7F", "/%5c", "/a%0d%0a"] {
        check(raw, Err(PathError::Control));
    }
    // Overlong, lone continuation, surrogate, too large, cut short, not encoded throughout.
    for raw in [
        "/%C0%AF",
        "/%80",
        "/%ED%A0%80",
        "/%F5%80%80%80",
        "/%C3",
        "/%C3a",
        "/%e2%82/%ac",
    ] {
        check(raw, Err(PathError::Utf8));
    }
}

#[test]
fn the_query_begins_at_the_first_question_mark_and_keeps_its_bytes() {
    assert_eq!(split_target("/a?b?c"), ("/a", Some("b?c")));
    assert_eq!(split_target("/a?"), ("/a", Some("")));
    assert_eq!(split_target("/a"), ("/a", None));
    for right in ["", "a=1&b=%zz", "q={|}\\^`[]<>\"", "a=100%"] {
        assert_eq!(check_query(right), Ok(()), "{right}");
    }
    for wrong in ["a b", "a#b", "\u{e9}", "a\r\nb", "\u{7f}"] {
        assert_eq!(check_query(wrong), Err(PathError::Character), "{wrong}");
    }
}

#[test]
fn a_path_in_a_manifest_follows_the_rules_of_kubernetes() {
    for (raw, expected) in [
        ("/foo%41", Ok("/fooA")),
        ("/", Ok("/")),
        ("foo", Err(MatchPathError::Path(PathError::NoSlash))),
        ("/a//b", Err(MatchPathError::EmptySegment)),
        ("/a/./b", Err(MatchPathError::DotSegment)),
        ("/a/..", Err(MatchPathError::DotSegment)),
        ("/a%2fb", Err(MatchPathError::EncodedSlash)),
        ("/a#b", Err(MatchPathError::Path(PathError::Character))),
    ] {
        let found = parse_match_path(raw);
        assert_eq!(
            found.as_ref().map(|p| &**p).map_err(|e| *e),
            expected,
            "{raw}"
        );
    }
    for (raw, expected) in [("/foo/", "/foo"), ("/", "/"), ("", "/"), ("/a/b", "/a/b")] {
        assert!(
            matches!(prefix(raw), Ok(PathMatch::Prefix(p)) if &*p == expected),
            "{raw}"
        );
    }
    assert!(matches!(exact("/foo/"), Ok(PathMatch::Exact(p)) if &*p == "/foo/"));
}

/// Paths that are made of what is awkward.
fn awkward_path() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("/"),
        Just("."),
        Just(".."),
        Just("%2e"),
        Just("%2F"),
        Just("%2f"),
        Just(";"),
        Just("a"),
        Just("%41"),
        Just("%c3%a9"),
        Just("|"),
        Just("%25"),
        Just("//"),
        Just("%5B"),
        Just("/../"),
        Just("%"),
        Just("\\"),
        Just("b/c"),
        Just("%80"),
    ];
    proptest::collection::vec(piece, 0..12).prop_map(|pieces| format!("/{}", pieces.concat()))
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]

    #[test]
    fn the_normal_form_is_its_own_normal_form(raw in awkward_path()) {
        if let Ok(once) = normalise(&raw) {
            let twice = normalise(&once).unwrap();
            prop_assert!(matches!(twice, Cow::Borrowed(_)), "{raw} -> {once} -> {twice}");
            prop_assert!(once.starts_with('/'));
            prop_assert!(!once.split('/').any(|s| matches!(s, "." | "..")), "{raw} -> {once}");
        }
    }

    /// A backend that decodes once and then resolves dots stands where the edge stands.
    #[test]
    fn a_backend_that_decodes_first_resolves_the_same_path(raw in awkward_path()) {
        if let Ok(normal) = normalise(&raw) {
            let decoded = normal.replace("%2F", "/").replace("%2E", ".");
            let cut = |s: &str| s.split(';').next().unwrap_or_default().to_owned();
            prop_assert!(!decoded.split('/').any(|s| matches!(&*cut(s), "." | "..")), "{raw} -> {normal}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic(raw in "\\PC{0,40}|[ -~]{0,40}") {
        let _ = normalise(&raw);
        let _ = parse_match_path(&raw);
        let _ = normalise(&format!("/{raw}"));
    }
}
