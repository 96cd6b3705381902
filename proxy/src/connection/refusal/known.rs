//! What can be told of a head that was refused?
//!
//! Only what cannot be read in two ways: the method where the request line begins with one that everybody knows, and `Accept` where the head is
//! complete and every line of it is an ordinary field.

use crate::connection::head::is_token;
use crate::response::page::Form;
use http::header::ACCEPT;
use http::{HeaderMap, HeaderValue};
use memchr::memmem;

/// Methods that a log line names; the others are whatever a stranger wrote.
const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS"];
/// An `Accept` that browsers send has about 150 bytes.
const ACCEPT_BYTES_MAX: usize = 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Known {
    /// Empty: not known.
    pub method: &'static str,
    pub form: Form,
}

impl Known {
    /// `head`: everything that has come, what is behind the head included. Each byte is looked at once.
    pub fn of(head: &[u8]) -> Known {
        let head = head.strip_prefix(b"\r\n").unwrap_or(head);
        let method = METHODS.into_iter().find(|method| {
            let rest = head.strip_prefix(method.as_bytes());
            rest.is_some_and(|rest| rest.first() == Some(&b' '))
        });
        Known {
            method: method.unwrap_or_default(),
            form: accept(head).map_or(Form::Text, |headers| Form::accepted(&headers)),
        }
    }
}

/// None: it does not stand there once, or the head is not to be trusted.
fn accept(head: &[u8]) -> Option<HeaderMap> {
    let end = memmem::find(head, b"\r\n\r\n")?;
    let fields = head.get(memmem::find(head, b"\r\n")?..end)?;
    let mut accept = None;
    for line in fields.split(|byte| *byte == b'\n').skip(1) {
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        let colon = memchr::memchr(b':', line)?;
        let (name, value) = (line.get(..colon)?, line.get(colon + 1..)?);
        if name.is_empty() || !is_token(name) {
            return None;
        }
        if name.eq_ignore_ascii_case(b"accept") && accept.replace(value).is_some() {
            return None;
        }
    }
    let value = accept.filter(|value| value.len() <= ACCEPT_BYTES_MAX)?;
    let value = HeaderValue::from_bytes(value.trim_ascii()).ok()?;
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
