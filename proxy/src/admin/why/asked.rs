//! Which request does a question describe?

use http::{HeaderMap, HeaderName, HeaderValue, Method, Uri};

/// More header fields than any rule looks at.
const HEADERS_MAX: usize = 100;

/// A request that nobody sent.
#[derive(Debug, PartialEq)]
pub struct Asked {
    pub is_https: bool,
    /// As written in the URL, with its port.
    pub authority: String,
    pub method: Method,
    /// As written in the URL.
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub output: Form,
}

/// In which form the answer is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    /// As `hedgerow why` prints it.
    Text,
}

/// Why a question describes no request.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AskedError {
    #[error("url is missing; ask /why?url=https://host/path, with its own ? and & percent-encoded")]
    NoUrl,
    #[error("url {0:?} is not one; https://host/path is")]
    NotAUrl(String),
    #[error("method {0:?} is not one")]
    NotAMethod(String),
    #[error("header {0:?} is not one; name:value is")]
    NotAHeader(String),
    #[error("there are more than {HEADERS_MAX} headers")]
    TooManyHeaders,
    #[error("output {0:?} is not one; json and text are")]
    NotAForm(String),
    #[error("there is no parameter {0:?}; url, method, header and output are known")]
    Unknown(String),
    #[error("{0:?} is not percent-encoded UTF-8")]
    NotUtf8(String),
}

impl Asked {
    /// Parses the query of `/why`.
    pub fn parse(query: &str) -> Result<Asked, AskedError> {
        let (mut url, mut method, mut headers) = (None, Method::GET, HeaderMap::new());
        let mut output = Form::Json;
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = decode(value)?;
            match name {
                "url" => url = Some(value),
                "method" => {
                    method = Method::from_bytes(value.as_bytes())
                        .map_err(|_| AskedError::NotAMethod(value))?;
                }
                "header" if headers.len() >= HEADERS_MAX => return Err(AskedError::TooManyHeaders),
                "header" => {
                    let (name, value) = header(&value).ok_or(AskedError::NotAHeader(value))?;
                    headers.append(name, value);
                }
                "output" => {
                    output = match &*value {
                        "json" => Form::Json,
                        "text" => Form::Text,
                        _ => return Err(AskedError::NotAForm(value)),
                    }
                }
                _ => return Err(AskedError::Unknown(name.to_owned())),
            }
        }
        let url = url.ok_or(AskedError::NoUrl)?;
        let mut asked = with_url(&url).ok_or(AskedError::NotAUrl(url))?;
        (asked.method, asked.headers, asked.output) = (method, headers, output);
        Ok(asked)
    }
}

/// A plain GET for it.
fn with_url(url: &str) -> Option<Asked> {
    let uri: Uri = url.split('#').next()?.parse().ok()?;
    let is_https = match uri.scheme_str()? {
        "https" => true,
        "http" => false,
        _ => return None,
    };
    Some(Asked {
        is_https,
        authority: uri.authority()?.as_str().to_owned(),
        method: Method::GET,
        path: uri.path().to_owned(),
        query: uri.query().map(str::to_owned),
        headers: HeaderMap::new(),
        output: Form::Json,
    })
}

fn header(text: &str) -> Option<(HeaderName, HeaderValue)> {
    let (name, value) = text.split_once(':')?;
    let name = name.trim().parse().ok()?;
    Some((name, HeaderValue::from_str(value.trim()).ok()?))
}

/// `application/x-www-form-urlencoded`: `+` is a space, `%hh` a byte. A `%` without two digits stands for itself.
fn decode(text: &str) -> Result<String, AskedError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, behind)) = rest.split_first() {
        let (byte, behind) = match first {
            b'+' => (b' ', behind),
            b'%' => escaped(behind).unwrap_or((b'%', behind)),
            _ => (*first, behind),
        };
        bytes.push(byte);
        rest = behind;
    }
    String::from_utf8(bytes).map_err(|_| AskedError::NotUtf8(text.to_owned()))
}

fn escaped(text: &[u8]) -> Option<(u8, &[u8])> {
    let (digits, behind) = text.split_at_checked(2)?;
    let digits = std::str::from_utf8(digits).ok()?;
    if digits.starts_with('+') {
        return None; // Rust's numbers may have a sign.
    }
    Some((u8::from_str_radix(digits, 16).ok()?, behind))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(query: &str, expected: Result<(bool, &str, &str, Option<&str>), AskedError>) {
        let found = Asked::parse(query);
        let found = found
            .as_ref()
            .map(|asked| {
                (
                    asked.is_https,
                    &*asked.authority,
                    &*asked.path,
                    asked.query.as_deref(),
                )
            })
            .map_err(Clone::clone);
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn a_url_is_a_scheme_a_host_and_a_path() {
        check("url=https://a.test/x", Ok((true, "a.test", "/x", None)));
        check(
            "url=http://A.test:8080",
            Ok((false, "A.test:8080", "/", None)),
        );
        check(
            "url=https%3A%2F%2Fa.test%2Fx%3Fq%3D1%26r%3D2%23f",
            Ok((true, "a.test", "/x", Some("q=1&r=2"))),
        );
        check(
            "url=https://a.test/x?q=1",
            Ok((true, "a.test", "/x", Some("q=1"))),
        );
        check(
            "url=http://[::1]:80/%252F",
            Ok((false, "[::1]:80", "/%2F", None)),
        );
    }

    #[test]
    fn what_describes_no_request_is_refused_with_what_would() {
        check("", Err(AskedError::NoUrl));
        check("url=/x", Err(AskedError::NotAUrl("/x".into())));
        check("url=ftp://a/", Err(AskedError::NotAUrl("ftp://a/".into())));
        check(
            "url=http://a/%20b",
            Err(AskedError::NotAUrl("http://a/ b".into())),
        );
        check(
            "url=http://a/&method=G%20T",
            Err(AskedError::NotAMethod("G T".into())),
        );
        check(
            "url=http://a/&header=x",
            Err(AskedError::NotAHeader("x".into())),
        );
        check("url=http://a/&header=x:%0A", Ok((false, "a", "/", None)));
        check(
            "url=http://a/&header=x:a%0Ab",
            Err(AskedError::NotAHeader("x:a\nb".into())),
        );
        check(
            "url=http://a/&output=xml",
            Err(AskedError::NotAForm("xml".into())),
        );
        check("uri=http://a/", Err(AskedError::Unknown("uri".into())));
        check("url=%ff", Err(AskedError::NotUtf8("%ff".into())));
        let many = "header=a:b&".repeat(HEADERS_MAX + 1);
        check(&many, Err(AskedError::TooManyHeaders));
    }

    #[test]
    fn methods_and_headers_are_part_of_the_question() {
        let asked =
            Asked::parse("url=http://a/&method=POST&header=X-A:+1%2B1&header=x-a:2").unwrap();
        assert_eq!((asked.method, asked.output), (Method::POST, Form::Json));
        let values: Vec<_> = asked.headers.get_all("x-a").iter().collect();
        assert_eq!(values, ["1+1", "2"]);
    }

    #[test]
    fn a_percent_sign_without_digits_stands_for_itself() {
        for (text, expected) in [
            ("%", "%"),
            ("%4", "%4"),
            ("%zz", "%zz"),
            ("%+1", "% 1"),
            ("a+b", "a b"),
        ] {
            assert_eq!(decode(text).as_deref(), Ok(expected));
        }
    }
}
