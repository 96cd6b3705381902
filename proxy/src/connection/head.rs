//! Is this HTTP/1 request head, on the bytes as they came, one that every parser reads alike?

mod mend;

use config::hostname::RequestHost;
use config::limits::Limits;
use config::reason::Reason;
use memchr::{memchr, memchr2};
use mend::Mending;
use std::ops::Range;

/// Bytes of a method; the longest registered one has 17.
const METHOD_BYTES_MAX: usize = 32;
/// What a request line has besides its target: method, two spaces, version.
const REQUEST_LINE_FRAME_BYTES: usize = METHOD_BYTES_MAX + 10;
/// Digits of a `Content-Length`: as many as the largest u64 has.
const LENGTH_DIGITS_MAX: usize = 20;

/// How the body of a request is delimited (RFC 9112 §6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Framing {
    None,
    /// Never 0.
    Length(u64),
    Chunked,
}

/// A head that was read to its end and accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Up to and with the empty line.
    pub bytes: usize,
    pub framing: Framing,
    pub mending: Mending,
}

/// The bounds of a head, from the settings.
#[derive(Debug, Clone, Copy)]
pub struct HeadLimits {
    pub head_bytes_max: usize,
    pub fields_max: usize,
    pub target_bytes_max: usize,
}

impl HeadLimits {
    pub fn of(limits: &Limits) -> HeadLimits {
        HeadLimits {
            head_bytes_max: limits.header_bytes_max,
            fields_max: limits.header_fields_max,
            target_bytes_max: limits.target_bytes_max,
        }
    }
}

/// A scan of one head that goes on where it stopped: each byte is looked at once, however they drip in.
#[derive(Debug)]
pub struct HeadScan {
    limits: HeadLimits,
    /// Where the line begins that is not complete yet.
    line_start: usize,
    /// Up to here that line has no LF.
    searched: usize,
    has_request_line: bool,
    is_http_10: bool,
    /// Of a target in absolute form, as a range of the head.
    authority: Option<Range<usize>>,
    /// The target up to its query, if a back-tick is in it.
    ticked: Option<Range<usize>>,
    host: Option<Range<usize>>,
    fields: usize,
    length: Option<u64>,
    is_chunked: bool,
}

impl HeadScan {
    pub fn new(limits: HeadLimits) -> HeadScan {
        HeadScan {
            limits,
            line_start: 0,
            searched: 0,
            has_request_line: false,
            is_http_10: false,
            authority: None,
            ticked: None,
            host: None,
            fields: 0,
            length: None,
            is_chunked: false,
        }
    }

    /// Looks at everything of this head that was read so far, from its first byte. `None`: the head is not complete; call again with more.
    pub fn step(&mut self, bytes: &[u8]) -> Result<Option<Head>, Reason> {
        loop {
            let unsearched = bytes.get(self.searched..).unwrap_or_default();
            let Some(offset) = memchr(b'\n', unsearched) else {
                self.searched = bytes.len();
                return self.check_unfinished(bytes.len()).map(|()| None);
            };
            let range = self.line_start..self.searched + offset;
            self.line_start = range.end + 1;
            self.searched = self.line_start;
            if self.line_start > self.limits.head_bytes_max {
                return Err(self.too_large());
            }
            // RFC 9112 §2.2: a bare LF may end a line for a lenient parser; not for us.
            let line = bytes
                .get(range.clone())
                .and_then(|line| line.strip_suffix(b"\r"));
            let line = line.ok_or(Reason::BadRequest)?;
            if memchr2(b'\r', 0, line).is_some() {
                return Err(Reason::BadRequest);
            }
            if self.line(line, range.start)? {
                let framing = self.finish(bytes)?;
                return Ok(Some(Head {
                    bytes: self.line_start,
                    framing,
                    mending: Mending {
                        path: self.ticked.take(),
                        authority: self.authority.take().filter(|_| self.host.is_none()),
                    },
                }));
            }
        }
    }

    /// True: this was the empty line behind the fields.
    fn line(&mut self, line: &[u8], start: usize) -> Result<bool, Reason> {
        if self.has_request_line {
            if !line.is_empty() {
                self.field(line, start)?;
            }
            return Ok(line.is_empty());
        }
        if line.is_empty() && start == 0 {
            return Ok(false); // RFC 9112 §2.2: one empty line before the request line is ignored.
        }
        self.has_request_line = true;
        self.request_line(line, start)?;
        Ok(false)
    }

    fn check_unfinished(&self, read: usize) -> Result<(), Reason> {
        let line_bytes = read - self.line_start;
        let line_max = self.limits.target_bytes_max + REQUEST_LINE_FRAME_BYTES;
        if !self.has_request_line && line_bytes > line_max {
            return Err(Reason::TargetTooLong);
        }
        if read > self.limits.head_bytes_max {
            return Err(self.too_large());
        }
        Ok(())
    }

    fn too_large(&self) -> Reason {
        if self.has_request_line {
            Reason::HeaderTooLarge
        } else {
            Reason::TargetTooLong
        }
    }

    /// `method SP target SP version`, one space each (RFC 9112 §3).
    fn request_line(&mut self, line: &[u8], start: usize) -> Result<(), Reason> {
        let (method, rest) = split_at_byte(line, b' ').ok_or(Reason::BadRequest)?;
        let (target, version) = split_at_byte(rest, b' ').ok_or(Reason::BadRequest)?;
        if method.is_empty() || method.len() > METHOD_BYTES_MAX || !is_token(method) {
            return Err(Reason::BadRequest);
        }
        if target.len() > self.limits.target_bytes_max {
            return Err(Reason::TargetTooLong);
        }
        self.is_http_10 = match version {
            b"HTTP/1.1" => false,
            b"HTTP/1.0" => true,
            _ => return Err(Reason::BadRequest),
        };
        if method == b"CONNECT" {
            return Err(Reason::MethodNotAllowed); // Its message framing differs (RFC 9110 §9.3.6).
        }
        let query = memchr(b'?', target).unwrap_or(target.len());
        let (path, query) = target.split_at(query);
        // Browsers leave it as it is in a query, where nobody takes it for a separator.
        let is_in_query = |byte: &u8| is_target_byte(*byte) || *byte == b'\\';
        if !path.iter().all(|byte| is_target_byte(*byte)) || !query.iter().all(is_in_query) {
            return Err(Reason::BadPath);
        }
        let start = start + method.len() + 1;
        self.authority =
            authority_range(method, target)?.map(|range| start + range.start..start + range.end);
        self.ticked = memchr(b'`', path).map(|_| start..start + path.len());
        Ok(())
    }

    fn field(&mut self, line: &[u8], start: usize) -> Result<(), Reason> {
        self.fields += 1;
        if self.fields > self.limits.fields_max {
            return Err(Reason::HeaderTooLarge);
        }
        // A folded line, a space before the first field and a space before the colon all fail as a name.
        let (name, raw) = split_at_byte(line, b':').ok_or(Reason::BadRequest)?;
        if name.is_empty() || !is_token(name) {
            return Err(Reason::BadRequest);
        }
        if raw
            .iter()
            .any(|byte| (*byte < b' ' && *byte != b'\t') || *byte == 0x7f)
        {
            return Err(Reason::BadRequest);
        }
        let value = raw.trim_ascii();
        match name.len() {
            4 if name.eq_ignore_ascii_case(b"host") => {
                let lead = raw.len() - raw.trim_ascii_start().len();
                let from = start + name.len() + 1 + lead;
                self.host_field(value, from..from + value.len())
            }
            14 if name.eq_ignore_ascii_case(b"content-length") => self.length_field(value),
            17 if name.eq_ignore_ascii_case(b"transfer-encoding") => self.coding_field(value),
            _ => Ok(()),
        }
    }

    fn host_field(&mut self, value: &[u8], range: Range<usize>) -> Result<(), Reason> {
        if self.host.is_some() {
            return Err(Reason::BadHost);
        }
        check_host(value)?;
        self.host = Some(range);
        Ok(())
    }

    /// Digits only and once, even where two would be equal (RFC 9112 §6.3 allows to refuse).
    fn length_field(&mut self, value: &[u8]) -> Result<(), Reason> {
        let is_digits = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
        if self.length.is_some() || !is_digits || value.len() > LENGTH_DIGITS_MAX {
            return Err(Reason::BadRequest);
        }
        let digits = std::str::from_utf8(value).map_err(|_| Reason::BadRequest)?;
        self.length = Some(digits.parse().map_err(|_| Reason::BadRequest)?);
        Ok(())
    }

    /// One line `chunked` (RFC 9112 §6.1). Chunked twice or not last is an attack; another coding is merely unknown.
    fn coding_field(&mut self, value: &[u8]) -> Result<(), Reason> {
        if self.is_chunked || value.is_empty() {
            return Err(Reason::BadRequest);
        }
        if value.eq_ignore_ascii_case(b"chunked") {
            self.is_chunked = true;
            return Ok(());
        }
        let is_chunked = |coding: &[u8]| coding.trim_ascii().eq_ignore_ascii_case(b"chunked");
        let (mut chunked, mut is_last_chunked) = (0, false);
        for coding in value.split(|byte| *byte == b',') {
            is_last_chunked = is_chunked(coding);
            chunked += usize::from(is_last_chunked);
        }
        match (chunked, is_last_chunked) {
            (0, _) | (1, true) => Err(Reason::UnknownCoding),
            _ => Err(Reason::BadRequest),
        }
    }

    fn finish(&self, bytes: &[u8]) -> Result<Framing, Reason> {
        let part = |range: &Range<usize>| bytes.get(range.clone()).unwrap_or_default();
        match (&self.host, &self.authority) {
            (None, _) if !self.is_http_10 => return Err(Reason::BadHost),
            // RFC 9112 §3.2.2 lets the target win; whoever reads Host alone would see another host.
            (Some(host), Some(authority)) if part(host) != part(authority) => {
                return Err(Reason::BadHost);
            }
            (None, Some(authority)) => check_host(part(authority))?,
            _ => {}
        }
        match (self.is_chunked, self.length) {
            (true, Some(_)) => Err(Reason::BadRequest), // RFC 9112 §6.1: smuggling.
            (true, None) if self.is_http_10 => Err(Reason::BadRequest),
            (true, None) => Ok(Framing::Chunked),
            (false, Some(length)) if length > 0 => Ok(Framing::Length(length)),
            (false, _) => Ok(Framing::None),
        }
    }
}

/// Where the authority of a target in absolute form stands; `None` for origin form, and for `*` of OPTIONS (RFC 9112 §3.2).
fn authority_range(method: &[u8], target: &[u8]) -> Result<Option<Range<usize>>, Reason> {
    if target.first() == Some(&b'/') || (target == b"*" && method == b"OPTIONS") {
        return Ok(None);
    }
    for scheme in [b"http://".as_slice(), b"https://"] {
        let (front, rest) = target.split_at_checked(scheme.len()).unwrap_or_default();
        if front.eq_ignore_ascii_case(scheme) {
            let len = rest.iter().position(|byte| matches!(byte, b'/' | b'?'));
            let len = len.unwrap_or(rest.len());
            return Ok(Some(scheme.len()..scheme.len() + len));
        }
    }
    Err(Reason::BadRequest)
}

fn check_host(value: &[u8]) -> Result<(), Reason> {
    let value = std::str::from_utf8(value).map_err(|_| Reason::BadHost)?;
    RequestHost::parse(value)
        .map(|_| ())
        .map_err(|_| Reason::BadHost)
}

fn split_at_byte(bytes: &[u8], byte: u8) -> Option<(&[u8], &[u8])> {
    let (front, rest) = bytes.split_at_checked(memchr(byte, bytes)?)?;
    Some((front, rest.get(1..)?))
}

/// RFC 9110 §5.6.2.
pub fn is_token(bytes: &[u8]) -> bool {
    bytes
        .iter()
        .all(|byte| byte.is_ascii_alphanumeric() || memchr(*byte, b"!#$%&'*+-.^_`|~").is_some())
}

/// Visible ASCII but what browsers never send raw and parsers repair in different ways; `#` because a fragment is never sent (RFC 9112 §3.2).
fn is_target_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !matches!(byte, b'<' | b'>' | b'"' | b'#' | b'\\')
}

#[cfg(test)]
mod tests;
