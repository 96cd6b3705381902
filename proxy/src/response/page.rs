//! How does an answer of our own read, for a browser, a program and a person at a terminal?

use crate::request::kind::list_has;
use bytes::Bytes;
use config::reason::Reason;
use http::header::ACCEPT;
use http::{HeaderMap, StatusCode};

/// In which form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Html,
    Json,
    Text,
}

impl Form {
    /// A program that names JSON gets JSON, a browser HTML, all others plain text.
    pub fn accepted(headers: &HeaderMap) -> Form {
        if list_has(headers, &ACCEPT, "text/html") {
            return Form::Html;
        }
        let is_json = ["application/json", "application/problem+json"]
            .iter()
            .any(|json| list_has(headers, &ACCEPT, json));
        if is_json { Form::Json } else { Form::Text }
    }

    pub fn content_type(self) -> &'static str {
        match self {
            Form::Html => "text/html; charset=utf-8",
            Form::Json => "application/json",
            Form::Text => "text/plain; charset=utf-8",
        }
    }
}

/// The body. Nothing of the request is repeated in it, and nothing tells of what is behind the edge. The id is a word of letters, digits and
/// `-_.:+/=`, so it needs no escapes.
pub fn write(form: Form, status: u16, reason: Reason, request_id: &str) -> Bytes {
    let phrase = StatusCode::from_u16(status)
        .ok()
        .and_then(|status| status.canonical_reason())
        .unwrap_or("Error");
    let digits = Digits::of(status);
    let (code, word, sentence) = (digits.as_str(), reason.as_str(), reason.sentence());
    let parts: &[&str] = match form {
        Form::Html => &[
            "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n<title>",
            code,
            " ",
            phrase,
            "</title>\n<h1>",
            phrase,
            "</h1>\n<p>",
            sentence,
            "</p>\n<p><small>",
            code,
            " ",
            word,
            " · request ",
            request_id,
            "</small></p>\n</html>\n",
        ],
        Form::Json => &[
            "{\"status\":",
            code,
            ",\"reason\":\"",
            word,
            "\",\"message\":\"",
            sentence,
            "\",\"request_id\":\"",
            request_id,
            "\"}\n",
        ],
        Form::Text => &[
            code,
            " ",
            phrase,
            "\n",
            sentence,
            "\n",
            word,
            ", request ",
            request_id,
            "\n",
        ],
    };
    Bytes::from(parts.concat())
}

/// A status in three digits.
struct Digits([u8; 3]);

impl Digits {
    fn of(status: u16) -> Digits {
        let digit = |number: u16| b'0' + u8::try_from(number % 10).unwrap_or_default();
        Digits([digit(status / 100), digit(status / 10), digit(status)])
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(&self.0).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn check(accept: &'static str, expected: Form) {
        let headers = HeaderMap::from_iter([(ACCEPT, HeaderValue::from_static(accept))]);
        assert_eq!(Form::accepted(&headers), expected, "{accept}");
    }

    #[test]
    fn the_form_is_the_one_that_was_asked_for() {
        check("text/html,application/xhtml+xml,*/*;q=0.8", Form::Html);
        check("application/json", Form::Json);
        check("Application/Problem+JSON;q=1", Form::Json);
        check("*/*", Form::Text);
    }

    #[test]
    fn every_reason_reads_well_in_every_form() {
        for reason in Reason::ALL {
            let status = reason.status().max(400);
            let json = write(Form::Json, status, *reason, "id-1");
            let json: serde_json::Value = serde_json::from_slice(&json).unwrap();
            assert_eq!(json["reason"], reason.as_str());
            assert_eq!(json["status"], status);
            let html = write(Form::Html, status, *reason, "id-1");
            assert!(!reason.sentence().contains(['<', '>', '&', '"']));
            assert!(
                std::str::from_utf8(&html)
                    .unwrap()
                    .contains(reason.sentence())
            );
        }
    }
}
