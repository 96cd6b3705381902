//! What can be told of a head that was refused?
//!
//! Only what cannot be read in two ways: method and target where the request line is complete and begins with a method that everybody knows,
//! and fields where the head is complete, every line of it is an ordinary field, and theirs stands there once.

use crate::connection::head::is_token;
use crate::response::page::Form;
use http::header::{ACCEPT, HOST, HeaderName, USER_AGENT};
use http::{HeaderMap, HeaderValue};
use memchr::memmem;

/// Methods that a log line names; the others are whatever a stranger wrote.
const METHODS: [&str; 9] = [
    "GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "CONNECT", "TRACE",
];
/// An `Accept` that browsers send has about 150 bytes.
const ACCEPT_BYTES_MAX: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known<'a> {
    /// Empty: not known.
    pub method: &'static str,
    /// A path as received, with its query; empty: not known.
    pub target: &'a [u8],
    pub host: &'a [u8],
    pub user_agent: Option<&'a [u8]>,
    pub form: Form,
}

impl<'a> Known<'a> {
    /// `head`: everything that has come, what is behind the head included. Each byte is looked at once for each field.
    pub fn of(head: &'a [u8]) -> Known<'a> {
        let head = head.strip_prefix(b"\r\n").unwrap_or(head);
        let method = METHODS.into_iter().find(|method| {
            let rest = head.strip_prefix(method.as_bytes());
            rest.is_some_and(|rest| rest.first() == Some(&b' '))
        });
        let method = method.unwrap_or_default();
        let fields = fields(head).unwrap_or_default();
        Known {
            method,
            target: target(head, method).unwrap_or_default(),
            host: field(fields, HOST).unwrap_or_default(),
            user_agent: field(fields, USER_AGENT),
            form: accept(fields).map_or(Form::Text, |headers| Form::accepted(&headers)),
        }
    }
}

/// None: the line is not complete, or names more than a path: an absolute form may carry a name and a password.
fn target<'a>(head: &'a [u8], method: &str) -> Option<&'a [u8]> {
    let line = head.get(..memmem::find(head, b"\r\n")?)?;
    let rest = line.get(method.len() + 1..)?;
    let target = rest.get(..memchr::memchr(b' ', rest)?)?;
    (!method.is_empty() && target.starts_with(b"/")).then_some(target)
}

/// The lines of fields of a whole head. None: the head is not to be trusted.
fn fields(head: &[u8]) -> Option<&[u8]> {
    let end = memmem::find(head, b"\r\n\r\n")?;
    let fields = head.get(memmem::find(head, b"\r\n")?..end)?;
    let is_ordinary =
        |line: &[u8]| name(line).is_some_and(|name| !name.is_empty() && is_token(name));
    lines(fields).all(is_ordinary).then_some(fields)
}

fn lines(fields: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = fields.split(|byte| *byte == b'\n').skip(1);
    lines.map(|line| line.strip_suffix(b"\r").unwrap_or(line))
}

fn name(line: &[u8]) -> Option<&[u8]> {
    line.get(..memchr::memchr(b':', line)?)
}

/// None: it does not stand there once.
fn field(fields: &[u8], wanted: HeaderName) -> Option<&[u8]> {
    let is_wanted = |line: &&[u8]| {
        name(line).is_some_and(|name| name.eq_ignore_ascii_case(wanted.as_str().as_bytes()))
    };
    let mut found = lines(fields).filter(is_wanted);
    let (line, second) = (found.next()?, found.next());
    let value = line.get(name(line)?.len() + 1..)?;
    second.is_none().then_some(value.trim_ascii())
}

fn accept(fields: &[u8]) -> Option<HeaderMap> {
    let value = field(fields, ACCEPT).filter(|value| value.len() <= ACCEPT_BYTES_MAX)?;
    let value = HeaderValue::from_bytes(value).ok()?;
    Some(HeaderMap::from_iter([(ACCEPT, value)]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(head: &str, method: &str, form: Form) {
        let known = Known::of(head.as_bytes());
        assert_eq!((known.method, known.form), (method, form), "{head:?}");
    }

    #[test]
    fn the_form_is_read_from_a_whole_head_alone() {
        let html = "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\naccept: text/html,*/*\r\n\r\n";
        check(html, "GET", Form::Html);
        check(&format!("{html}accept: x/y\r\n"), "GET", Form::Html);
        check(&html.replace("\r\n\r\n", "\r\n"), "GET", Form::Text);
        check(
            "\r\nPOST / HTTP/1.1\r\nAccept:application/json\r\n\r\n",
            "POST",
            Form::Json,
        );
        check("GET / HTTP/1.1\r\n\r\n", "GET", Form::Text);
    }

    #[test]
    fn what_was_asked_for_is_told() {
        let head = "GET /a\\b?secret HTTP/1.1\r\nHost: shop.test\r\nUser-Agent: x\r\n\r\n";
        let told = |head: &str| {
            let known = Known::of(head.as_bytes());
            let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
            (text(known.target), text(known.host))
        };
        let both = |target: &str, host: &str| (target.to_owned(), host.to_owned());
        assert_eq!(told(head), both("/a\\b?secret", "shop.test"));
        assert_eq!(Known::of(head.as_bytes()).user_agent, Some(&b"x"[..]));
        let twice = head.replace("User-Agent", "host");
        assert_eq!(told(&twice), both("/a\\b?secret", ""));
        assert_eq!(told("GET /a"), both("", ""));
        assert_eq!(told("GET http://u:p@a/ HTTP/1.1\r\n"), both("", ""));
        assert_eq!(told("GET /a HTTP/1.1"), both("", ""));
        assert_eq!(told("get /a HTTP/1.1\r\n"), both("", ""));
        assert_eq!(told("GET /a\r\nb c\r\n"), both("", ""));
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_read() {
        let two = "GET / HTTP/1.1\r\nAccept: text/html\r\nAccept: application/json\r\n\r\n";
        check(two, "GET", Form::Text);
        check(
            "GET / HTTP/1.1\r\nx y: z\r\nAccept: text/html\r\n\r\n",
            "GET",
            Form::Text,
        );
        check(
            "GET / HTTP/1.1\r\nx: y\r\n folded\r\nAccept: text/html\r\n\r\n",
            "GET",
            Form::Text,
        );
        let long = format!(
            "GET / HTTP/1.1\r\nAccept: text/html,{}\r\n\r\n",
            "x".repeat(2000)
        );
        check(&long, "GET", Form::Text);
        check(
            "GET\t/ HTTP/1.1\r\nAccept: text/\x01html\r\n\r\n",
            "",
            Form::Text,
        );
        check("<script> / HTTP/1.1", "", Form::Text);
        check("", "", Form::Text);
    }
}
