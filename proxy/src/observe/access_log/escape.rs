//! How do bytes from a stranger stand inside a line, so that they neither end it nor deceive its reader?

use std::io::Write;
use std::net::{IpAddr, SocketAddr};

/// What is left of a text that was cut ends with this.
const CUT_MARK: &str = "…";

/// Appends `text` as a JSON string with its quotes, cut to `bytes_max` bytes of input (on a character's boundary, with `…` behind it).
/// Invalid UTF-8 becomes U+FFFD; what `is_hidden` names is escaped.
pub fn push_json(line: &mut Vec<u8>, text: &[u8], bytes_max: usize) {
    let kept = cut(text, bytes_max);
    line.push(b'"');
    for chunk in kept.utf8_chunks() {
        push_json_text(line, chunk.valid());
        if !chunk.invalid().is_empty() {
            push_char(line, char::REPLACEMENT_CHARACTER);
        }
    }
    if kept.len() < text.len() {
        line.extend_from_slice(CUT_MARK.as_bytes());
    }
    line.push(b'"');
}

/// Appends `text` for the Common Log Format as Apache writes it: printable ASCII stands for itself, a quote or backslash gets a backslash,
/// anything else is `\xhh`.
pub fn push_common(line: &mut Vec<u8>, text: &[u8], bytes_max: usize) {
    let kept = cut(text, bytes_max);
    for byte in kept {
        match byte {
            b'"' | b'\\' => line.extend_from_slice(&[b'\\', *byte]),
            0x20..=0x7e => line.push(*byte),
            _ => push_formatted(line, format_args!("\\x{byte:02x}")),
        }
    }
    if kept.len() < text.len() {
        line.extend_from_slice(b"...");
    }
}

/// Digits of the largest number.
const DIGITS_MAX: usize = 20;

/// Appends a number. By hand: the general way costs ten times as much, and there are ten in each line.
pub fn push_number(line: &mut Vec<u8>, number: u64) {
    let mut digits = [b'0'; DIGITS_MAX];
    let (mut rest, mut begin) = (number, DIGITS_MAX);
    for (at, digit) in digits.iter_mut().enumerate().rev() {
        *digit += u8::try_from(rest % 10).unwrap_or_default();
        rest /= 10;
        begin = at;
        if rest == 0 {
            break;
        }
    }
    line.extend_from_slice(digits.get(begin..).unwrap_or_default());
}

/// Appends an address as its `Display` writes it.
pub fn push_address(line: &mut Vec<u8>, address: IpAddr) {
    match address {
        IpAddr::V4(address) => {
            for (at, octet) in address.octets().into_iter().enumerate() {
                if at > 0 {
                    line.push(b'.');
                }
                push_number(line, octet.into());
            }
        }
        IpAddr::V6(address) => push_formatted(line, format_args!("{address}")),
    }
}

/// The same with its port.
pub fn push_endpoint(line: &mut Vec<u8>, endpoint: SocketAddr) {
    if endpoint.is_ipv6() {
        return push_formatted(line, format_args!("{endpoint}"));
    }
    push_address(line, endpoint.ip());
    line.push(b':');
    push_number(line, endpoint.port().into());
}

/// Appends what has a form of its own.
pub fn push_formatted(line: &mut Vec<u8>, text: std::fmt::Arguments<'_>) {
    // Writing to a vector fails only if `Display` does, and those that are used here do not.
    let _ = line.write_fmt(text);
}

/// The first `bytes_max` bytes at most, without a part of a character at the end.
fn cut(text: &[u8], bytes_max: usize) -> &[u8] {
    if text.len() <= bytes_max {
        return text;
    }
    let is_boundary = |at: &usize| text.get(*at).is_none_or(|byte| byte & 0xc0 != 0x80);
    // A character has four bytes at most; a longer run of continuation bytes is not UTF-8 and may be cut anywhere.
    let end = (bytes_max.saturating_sub(3)..=bytes_max)
        .rev()
        .find(is_boundary)
        .unwrap_or(bytes_max);
    text.get(..end).unwrap_or_default()
}

fn push_json_text(line: &mut Vec<u8>, text: &str) {
    let is_plain = |byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\');
    if text.bytes().all(is_plain) {
        return line.extend_from_slice(text.as_bytes()); // Nearly always.
    }
    let mut written = 0;
    for (at, c) in text.char_indices() {
        if !(matches!(c, '"' | '\\') || is_hidden(c)) {
            continue;
        }
        line.extend_from_slice(text.get(written..at).unwrap_or_default().as_bytes());
        push_escape(line, c);
        written = at + c.len_utf8();
    }
    line.extend_from_slice(text.get(written..).unwrap_or_default().as_bytes());
}

fn push_escape(line: &mut Vec<u8>, c: char) {
    match c {
        '"' | '\\' => {
            line.push(b'\\');
            push_char(line, c);
        }
        '\n' => line.extend_from_slice(br"\n"),
        '\r' => line.extend_from_slice(br"\r"),
        '\t' => line.extend_from_slice(br"\t"),
        _ => {
            for unit in c.encode_utf16(&mut [0; 2]) {
                push_formatted(line, format_args!("\\u{unit:04x}"));
            }
        }
    }
}

fn push_char(line: &mut Vec<u8>, c: char) {
    line.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
}

/// Characters that a terminal obeys or that make a text look like another one: C0, DEL and C1 controls, zero-width characters, bidirectional
/// marks (CVE-2021-42574), line and paragraph separators, interlinear annotations and tags.
fn is_hidden(c: char) -> bool {
    match c {
        '\u{20}'..='\u{7e}' => false, // Nearly all of them.
        '\u{0}'..='\u{1f}' | '\u{7f}'..='\u{9f}' => true,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{feff}' => true,
        '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' => true,
        '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &[u8], bytes_max: usize, json: &str, common: &str) {
        let mut line = Vec::new();
        push_json(&mut line, text, bytes_max);
        assert_eq!(String::from_utf8(line).unwrap(), json);
        let mut line = Vec::new();
        push_common(&mut line, text, bytes_max);
        assert_eq!(String::from_utf8(line).unwrap(), common);
    }

    #[test]
    fn numbers_and_addresses_are_written_as_they_display() {
        for number in [0, 7, 10, 255, 65_535, 1_000_000, u64::MAX] {
            let mut line = Vec::new();
            push_number(&mut line, number);
            assert_eq!(String::from_utf8(line).unwrap(), number.to_string());
        }
        for endpoint in ["192.0.2.10:80", "0.0.0.0:0", "[2001:db8::1]:65535"] {
            let endpoint: SocketAddr = endpoint.parse().unwrap();
            let mut line = Vec::new();
            push_address(&mut line, endpoint.ip());
            assert_eq!(line, endpoint.ip().to_string().as_bytes());
            line.clear();
            push_endpoint(&mut line, endpoint);
            assert_eq!(line, endpoint.to_string().as_bytes());
        }
    }

    #[test]
    fn plain_text_stands_for_itself() {
        check(b"/a b/c~", 99, r#""/a b/c~""#, "/a b/c~");
        check(
            "/größe".as_bytes(),
            99,
            r#""/größe""#,
            r"/gr\xc3\xb6\xc3\x9fe",
        );
    }

    #[test]
    fn quotes_and_controls_are_escaped() {
        check(br#"a"b\c"#, 99, r#""a\"b\\c""#, r#"a\"b\\c"#);
        check(b"a\r\n\tb", 99, r#""a\r\n\tb""#, r"a\x0d\x0a\x09b");
        check(
            b"\x00\x1b[2J\x7f",
            99,
            r#""\u0000\u001b[2J\u007f""#,
            r"\x00\x1b[2J\x7f",
        );
        check("\u{85}".as_bytes(), 99, r#""\u0085""#, r"\xc2\x85");
    }

    #[test]
    fn marks_that_reorder_or_hide_text_are_escaped() {
        check(
            "\u{202e}gpj".as_bytes(),
            99,
            r#""\u202egpj""#,
            r"\xe2\x80\xaegpj",
        );
        check(
            "\u{2066}\u{2069}".as_bytes(),
            99,
            r#""\u2066\u2069""#,
            r"\xe2\x81\xa6\xe2\x81\xa9",
        );
        check(
            "\u{2028}\u{2029}".as_bytes(),
            99,
            r#""\u2028\u2029""#,
            r"\xe2\x80\xa8\xe2\x80\xa9",
        );
        check(
            "\u{e0041}".as_bytes(),
            99,
            r#""\udb40\udc41""#,
            r"\xf3\xa0\x81\x81",
        );
    }

    #[test]
    fn invalid_utf_8_is_replaced() {
        check(b"a\xffb", 99, "\"a\u{fffd}b\"", r"a\xffb");
        check(b"\xe2\x80", 99, "\"\u{fffd}\"", r"\xe2\x80");
    }

    #[test]
    fn a_long_text_is_cut_between_characters() {
        check(b"abcdef", 3, "\"abc…\"", "abc...");
        check(b"abc", 3, "\"abc\"", "abc");
        check("aßb".as_bytes(), 2, "\"a…\"", "a...");
        check(
            b"\x80\x80\x80\x80\x80\x80",
            2,
            "\"\u{fffd}\u{fffd}…\"",
            r"\x80\x80...",
        );
        check(b"ab", 0, "\"…\"", "...");
    }
}
