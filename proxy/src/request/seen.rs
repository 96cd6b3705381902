//! What did the client send, as the log will tell it?

use crate::sanitise::received_host;
use http::header::{HOST, REFERER, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Method, Uri, Version};

/// Kept apart from the session, because a request may end without one. The texts are shared with the header, not copied.
#[derive(Debug)]
pub struct Seen {
    pub method: Method,
    pub version: Version,
    uri: Uri,
    host: Option<HeaderValue>,
    pub user_agent: Option<HeaderValue>,
    referer: Option<HeaderValue>,
}

impl Seen {
    pub fn new(request: &Parts) -> Seen {
        let field = |name| request.headers.get(name).cloned();
        let host = field(HOST);
        let host = host.or_else(|| HeaderValue::from_str(received_host(request)?).ok());
        Seen {
            method: request.method.clone(),
            version: request.version,
            uri: request.uri.clone(),
            host,
            user_agent: field(USER_AGENT),
            referer: field(REFERER),
        }
    }

    pub fn protocol(&self) -> &'static str {
        match self.version {
            Version::HTTP_2 => "HTTP/2",
            Version::HTTP_10 => "HTTP/1.0",
            _ => "HTTP/1.1",
        }
    }

    /// As received, for `X-Forwarded-Host`.
    pub fn host(&self) -> Option<&HeaderValue> {
        self.host.as_ref()
    }

    /// As received; empty if it was not text.
    pub fn host_text(&self) -> &str {
        let host = self.host.as_ref().and_then(|host| host.to_str().ok());
        host.unwrap_or_default()
    }

    /// As received, without the query.
    pub fn path(&self) -> &str {
        self.uri.path()
    }

    /// Without its query, which may carry secrets of another site.
    pub fn referer(&self) -> Option<&[u8]> {
        let referer = self.referer.as_ref()?.as_bytes();
        referer.split(|byte| *byte == b'?').next()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_log_has_no_query_of_the_request_or_the_referer() {
        let request = http::Request::builder()
            .uri("https://a.test/x?token=1")
            .version(Version::HTTP_2)
            .header("referer", "https://b.test/y?secret=2");
        let (request, ()) = request.body(()).unwrap().into_parts();
        let seen = Seen::new(&request);
        assert_eq!(seen.path(), "/x");
        assert_eq!(seen.host_text(), "a.test");
        assert_eq!(seen.referer(), Some(&b"https://b.test/y"[..]));
        assert_eq!(seen.protocol(), "HTTP/2");
    }
}
