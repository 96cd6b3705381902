//! What is said in other words, so that the parser behind us reads an accepted head as we did?

use bytes::{BufMut, BytesMut};
use std::ops::Range;

/// What in a head has to change; mostly nothing.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Mending {
    /// A path with a back-tick, which browsers send raw (WHATWG URL, path percent-encode set of 2019) and the parser takes for an error.
    pub path: Option<Range<usize>>,
    /// The authority of a target in absolute form where no Host is: HTTP/1.0 allows that, and the authority then counts
    /// (RFC 9112 §3.2.2). The parser looks at Host alone.
    pub authority: Option<Range<usize>>,
}

impl Mending {
    pub fn is_needless(&self) -> bool {
        self.path.is_none() && self.authority.is_none()
    }

    /// The head with `%60` for each back-tick of the path, and with a Host.
    pub fn apply(&self, head: &[u8]) -> BytesMut {
        let part = |range: Range<usize>| head.get(range).unwrap_or_default();
        let mut mended = BytesMut::with_capacity(head.len() + 64);
        let path = self.path.clone().unwrap_or(0..0);
        mended.extend_from_slice(part(0..path.start));
        for byte in part(path.clone()) {
            match byte {
                b'`' => mended.extend_from_slice(b"%60"),
                byte => mended.put_u8(*byte),
            }
        }
        let rest = part(path.end..head.len());
        let Some(authority) = self.authority.clone() else {
            mended.extend_from_slice(rest);
            return mended;
        };
        // The empty line at the end gives way to the field.
        mended.extend_from_slice(rest.strip_suffix(b"\r\n").unwrap_or(rest));
        mended.extend_from_slice(b"host: ");
        mended.extend_from_slice(part(authority));
        mended.extend_from_slice(b"\r\n\r\n");
        mended
    }
}
