//! What is the normal form of a path, in a request and in a manifest?
//!
//! The same form is matched and forwarded, so edge and backend never read one path differently (RFC 3986 §2, §3.3, §6.2.2).

#[cfg(test)]
mod tests;

use crate::model::PathMatch;
use std::borrow::Cow;

/// Why the path of a request, or a path in a manifest, has no normal form.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    #[error("does not begin with '/'")]
    NoSlash,
    #[error(
        "has a character that is not allowed in a path: space, control, non-ASCII, \\, <, >, \", # or ?"
    )]
    Character,
    #[error("has a '%' without two hexadecimal digits")]
    Escape,
    #[error("has an encoded control character or an encoded backslash")]
    Control,
    #[error("has encoded bytes that are not UTF-8")]
    Utf8,
    #[error("has a dot segment that leaves the root")]
    AboveRoot,
    #[error("has a dot segment that is encoded, beside an encoded slash, or followed by ';'")]
    HiddenDots,
}

/// Why a path in a manifest is not accepted. The API server refuses the same for Ingress (Exact, Prefix) and HTTPRoute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MatchPathError {
    #[error("{0}")]
    Path(#[from] PathError),
    #[error("contains '//', which Kubernetes forbids in a path to match")]
    EmptySegment,
    #[error("contains a '.' or '..' segment, which Kubernetes forbids in a path to match")]
    DotSegment,
    #[error("contains '%2F', which Kubernetes forbids in a path to match")]
    EncodedSlash,
}

/// What a byte of a path is. One look at this table decides the common case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    /// Stays as it is.
    Plain,
    /// `.`: may be a dot segment.
    Dot,
    /// `%`: a sequence of its own.
    Percent,
    /// Browsers send it raw, RFC 3986 has no place for it: percent-encoded.
    Encode,
    /// 400.
    Refused,
}

const CLASSES: [Class; 256] = classes();

#[expect(
    clippy::indexing_slicing,
    clippy::as_conversions,
    reason = "a table made by the compiler"
)]
const fn classes() -> [Class; 256] {
    let mut table = [Class::Refused; 256];
    let mut byte = 0x21;
    while byte <= 0x7e {
        table[byte] = match byte as u8 {
            b'\\' | b'<' | b'>' | b'"' | b'#' | b'?' => Class::Refused,
            b'|' | b'[' | b']' | b'^' | b'{' | b'}' | b'`' => Class::Encode,
            b'%' => Class::Percent,
            b'.' => Class::Dot,
            _ => Class::Plain,
        };
        byte += 1;
    }
    table
}

fn class(byte: u8) -> Class {
    CLASSES
        .get(usize::from(byte))
        .copied()
        .unwrap_or(Class::Refused)
}

/// The normal form of a path without its query. Borrows what is normal already. `normalise(normalise(p)) == normalise(p)`.
///
/// Unreserved characters are decoded and hex is upper case; literal dot segments are removed; `%2F` stays as it is and is
/// never a separator; `//` and path parameters stay. What two readers could read in two ways is an error, for the answer 400.
pub fn normalise(raw: &str) -> Result<Cow<'_, str>, PathError> {
    if !raw.starts_with('/') {
        return Err(PathError::NoSlash);
    }
    let is_plain = raw.bytes().all(|byte| class(byte) == Class::Plain);
    if is_plain || is_normal(raw)? {
        return Ok(Cow::Borrowed(raw));
    }
    rewrite(raw).map(Cow::Owned)
}

/// Does a path in normal form have an encoded slash? A route's policy may refuse such paths.
pub fn has_encoded_slash(normal: &str) -> bool {
    normal.contains("%2F")
}

/// Splits a request target in origin form at the first `?`. The query is without it; `None` where there is none.
pub fn split_target(target: &str) -> (&str, Option<&str>) {
    match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    }
}

/// Checks the bytes of a query, which is never rewritten: 0x21 to 0x7E, and no `#` (a fragment is no part of a request, RFC 9112 §3.2).
pub fn check_query(query: &str) -> Result<(), PathError> {
    let is_right = query
        .bytes()
        .all(|byte| matches!(byte, 0x21..=0x7e) && byte != b'#');
    if is_right {
        Ok(())
    } else {
        Err(PathError::Character)
    }
}

/// The normal form of a path that a manifest asks to match.
pub fn parse_match_path(raw: &str) -> Result<Cow<'_, str>, MatchPathError> {
    if raw.starts_with('/') && raw.contains("//") {
        return Err(MatchPathError::EmptySegment);
    }
    if raw.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(MatchPathError::DotSegment);
    }
    if raw.contains("%2f") || raw.contains("%2F") {
        return Err(MatchPathError::EncodedSlash);
    }
    Ok(normalise(raw)?)
}

/// `Exact` of Ingress and HTTPRoute. The empty path is `/`.
pub fn exact(raw: &str) -> Result<PathMatch, MatchPathError> {
    let raw = if raw.is_empty() { "/" } else { raw };
    Ok(PathMatch::Exact(parse_match_path(raw)?.into()))
}

/// `Prefix` and `ImplementationSpecific` of Ingress, `PathPrefix` of HTTPRoute: a trailing slash does not count. The empty path is `/`.
pub fn prefix(raw: &str) -> Result<PathMatch, MatchPathError> {
    let raw = if raw.is_empty() { "/" } else { raw };
    let path = parse_match_path(raw)?;
    let path = match path.strip_suffix('/') {
        Some("") | None => &*path,
        Some(shorter) => shorter,
    };
    Ok(PathMatch::Prefix(path.into()))
}

/// Checks every byte; true where nothing has to be rewritten.
fn is_normal(raw: &str) -> Result<bool, PathError> {
    let mut is_normal = true;
    for segment in raw.split('/').skip(1) {
        is_normal &= check_bytes(segment.as_bytes())?;
        if segment.contains(['.', '%']) {
            is_normal &= !is_dot_segment(segment)?;
        }
    }
    Ok(is_normal)
}

fn check_bytes(segment: &[u8]) -> Result<bool, PathError> {
    let mut is_normal = true;
    let mut rest = segment;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match class(byte) {
            Class::Plain | Class::Dot => {}
            Class::Encode => is_normal = false,
            Class::Refused => return Err(PathError::Character),
            Class::Percent => {
                let (decoded, is_upper, after) = split_escape(rest)?;
                is_normal &= is_upper && !is_unreserved(decoded);
                rest = after;
                if decoded < 0x20 || matches!(decoded, 0x7f | b'\\') {
                    return Err(PathError::Control);
                }
                if decoded >= 0x80 {
                    let (after, are_upper) = check_utf8(decoded, rest)?;
                    is_normal &= are_upper;
                    rest = after;
                }
            }
        }
    }
    Ok(is_normal)
}

/// What follows a `%`: the byte, whether its digits are upper case, and the rest.
fn split_escape(rest: &[u8]) -> Result<(u8, bool, &[u8]), PathError> {
    let [high, low, after @ ..] = rest else {
        return Err(PathError::Escape);
    };
    let (Some(high_value), Some(low_value)) = (hex(*high), hex(*low)) else {
        return Err(PathError::Escape);
    };
    let is_upper = !high.is_ascii_lowercase() && !low.is_ascii_lowercase();
    Ok((high_value << 4 | low_value, is_upper, after))
}

/// The rest of one encoded character, whose first byte was read already.
fn check_utf8(first: u8, rest: &[u8]) -> Result<(&[u8], bool), PathError> {
    let mut bytes = [first, 0, 0, 0];
    let length = match first {
        0xc2..=0xdf => 2,
        0xe0..=0xef => 3,
        0xf0..=0xf4 => 4,
        _ => return Err(PathError::Utf8),
    };
    let mut rest = rest;
    let mut are_upper = true;
    for slot in bytes.iter_mut().take(length).skip(1) {
        let [b'%', escape @ ..] = rest else {
            return Err(PathError::Utf8);
        };
        let (decoded, is_upper, after) = split_escape(escape)?;
        *slot = decoded;
        are_upper &= is_upper;
        rest = after;
    }
    let character = bytes.get(..length).unwrap_or_default();
    match std::str::from_utf8(character) {
        Ok(_) => Ok((rest, are_upper)),
        Err(_) => Err(PathError::Utf8),
    }
}

/// Is this segment `.` or `..`? An error where a reader that decodes more, or cuts parameters, could take it for one.
fn is_dot_segment(segment: &str) -> Result<bool, PathError> {
    if matches!(segment, "." | "..") {
        return Ok(true);
    }
    match encoded_slash_parts(segment).any(reads_as_dots) {
        true => Err(PathError::HiddenDots),
        false => Ok(false),
    }
}

/// What stands between encoded slashes. Each byte is looked at once, however many there are.
fn encoded_slash_parts(segment: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(segment);
    std::iter::from_fn(move || {
        let text = rest?;
        let mut escapes = text.match_indices('%').map(|(at, _)| at);
        let slash = escapes.find(|at| {
            let digits = text.as_bytes().get(at + 1..at + 3);
            digits.is_some_and(|digits| digits.eq_ignore_ascii_case(b"2f"))
        });
        rest = slash.and_then(|at| text.get(at + 3..));
        slash.map_or(Some(text), |at| text.get(..at))
    })
}

/// One or two dots, in any spelling, at the end or before a `;`.
fn reads_as_dots(part: &str) -> bool {
    let mut rest = part.as_bytes();
    let mut dots = 0;
    loop {
        rest = match rest {
            [] | [b';', ..] => return matches!(dots, 1 | 2),
            [b'.', after @ ..] | [b'%', b'2', b'e' | b'E', after @ ..] => after,
            _ => return false,
        };
        dots += 1;
    }
}

/// Writes the normal form of a path that `is_normal` has found to be free of errors.
fn rewrite(raw: &str) -> Result<String, PathError> {
    let mut normal = String::with_capacity(raw.len() + 8);
    let mut ends_in_dots = false;
    for segment in raw.split('/').skip(1) {
        ends_in_dots = matches!(segment, "." | "..");
        match segment {
            "." => {}
            ".." => {
                let parent = normal.rfind('/').ok_or(PathError::AboveRoot)?;
                normal.truncate(parent);
            }
            _ => {
                normal.push('/');
                write_segment(&mut normal, segment);
            }
        }
    }
    if ends_in_dots {
        normal.push('/'); // RFC 3986 §5.2.4: what a last dot segment names is a directory.
    }
    Ok(normal)
}

fn write_segment(normal: &mut String, segment: &str) {
    let mut rest = segment.as_bytes();
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        let escape = match class(byte) {
            Class::Percent => split_escape(rest).ok(),
            Class::Encode => Some((byte, true, rest)),
            _ => None,
        };
        match escape {
            Some((decoded, _, after)) if !is_unreserved(decoded) => {
                push_escape(normal, decoded);
                rest = after;
            }
            Some((decoded, _, after)) => {
                normal.push(char::from(decoded));
                rest = after;
            }
            None => normal.push(char::from(byte)),
        }
    }
}

fn push_escape(normal: &mut String, byte: u8) {
    normal.push('%');
    for nibble in [byte >> 4, byte & 0xf] {
        let digit = char::from_digit(u32::from(nibble), 16).unwrap_or('0');
        normal.push(digit.to_ascii_uppercase());
    }
}

fn hex(digit: u8) -> Option<u8> {
    let value = char::from(digit).to_digit(16)?;
    u8::try_from(value).ok()
}

/// RFC 3986 §2.3.
fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~')
}
