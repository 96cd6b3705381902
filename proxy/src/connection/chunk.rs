//! Where does a chunked body end?

/// Bytes of one chunk's extensions. RFC 9112 §7.1.1 asks for a bound; nobody is known to send any.
const EXTENSION_BYTES_MAX: u16 = 256;
/// Bytes of all trailer fields together: they are dropped, never merged into the header (RFC 9110 §6.5.1).
const TRAILER_BYTES_MAX: u16 = 8 * 1024;
/// Hex digits of a chunk size; 15 of them fit into 60 bits, so that no sum overflows.
const SIZE_DIGITS_MAX: u8 = 15;

/// The body is not what RFC 9112 §7.1 allows; two parsers could see different ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkError;

/// Finds the end of a chunked body and refuses what is not strict RFC 9112 §7.1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ChunkScan(State);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Size { size: u64, digits: u8 },
    Extension { size: u64, bytes: u16 },
    SizeLf { size: u64 },
    Bytes { left: u64 },
    BytesCr,
    BytesLf,
    Trailer { line_bytes: u16, bytes: u16 },
    TrailerLf { is_last: bool, bytes: u16 },
    Ended,
}

impl ChunkScan {
    /// At the first byte of a body.
    pub fn start() -> ChunkScan {
        ChunkScan(State::Size { size: 0, digits: 0 })
    }

    /// `Some(n)`: the body ends after `n` of these bytes. `None`: all of them belong to it.
    pub fn feed(&mut self, bytes: &[u8]) -> Result<Option<usize>, ChunkError> {
        let mut at = 0;
        while let Some(byte) = bytes.get(at) {
            if let State::Bytes { left } = self.0 {
                let here = u64::try_from(bytes.len() - at).unwrap_or(u64::MAX);
                let taken = left.min(here);
                at += usize::try_from(taken).unwrap_or(usize::MAX);
                self.0 = match left - taken {
                    0 => State::BytesCr,
                    left => State::Bytes { left },
                };
                continue;
            }
            self.0 = self.0.after(*byte)?;
            at += 1;
            if self.0 == State::Ended {
                return Ok(Some(at));
            }
        }
        Ok(None)
    }
}

impl State {
    /// The state behind one byte of framing.
    fn after(self, byte: u8) -> Result<State, ChunkError> {
        match self {
            State::Size { size, digits } => size_byte(size, digits, byte),
            State::Extension { size, bytes } => match byte {
                b'\r' => Ok(State::SizeLf { size }),
                b'\t' | b' '..=b'~' | 0x80.. if bytes < EXTENSION_BYTES_MAX => {
                    let bytes = bytes + 1;
                    Ok(State::Extension { size, bytes })
                }
                _ => Err(ChunkError),
            },
            State::SizeLf { size } => match (byte, size) {
                (b'\n', 0) => Ok(State::Trailer {
                    line_bytes: 0,
                    bytes: 0,
                }),
                (b'\n', left) => Ok(State::Bytes { left }),
                _ => Err(ChunkError),
            },
            State::BytesCr if byte == b'\r' => Ok(State::BytesLf),
            State::BytesLf if byte == b'\n' => Ok(State::Size { size: 0, digits: 0 }),
            State::Trailer { line_bytes, bytes } => trailer_byte(line_bytes, bytes, byte),
            State::TrailerLf { is_last, bytes } => match (byte, is_last) {
                (b'\n', true) => Ok(State::Ended),
                (b'\n', false) => Ok(State::Trailer {
                    line_bytes: 0,
                    bytes,
                }),
                _ => Err(ChunkError),
            },
            State::Bytes { .. } | State::BytesCr | State::BytesLf | State::Ended => Err(ChunkError),
        }
    }
}

fn size_byte(size: u64, digits: u8, byte: u8) -> Result<State, ChunkError> {
    match byte {
        b'\r' if digits > 0 => Ok(State::SizeLf { size }),
        b';' if digits > 0 => Ok(State::Extension { size, bytes: 0 }),
        _ if digits < SIZE_DIGITS_MAX => {
            let digit = char::from(byte).to_digit(16).ok_or(ChunkError)?;
            let (size, digits) = (size * 16 + u64::from(digit), digits + 1);
            Ok(State::Size { size, digits })
        }
        _ => Err(ChunkError),
    }
}

fn trailer_byte(line_bytes: u16, bytes: u16, byte: u8) -> Result<State, ChunkError> {
    match byte {
        b'\r' => Ok(State::TrailerLf {
            is_last: line_bytes == 0,
            bytes,
        }),
        b'\n' | 0 => Err(ChunkError),
        _ if bytes >= TRAILER_BYTES_MAX => Err(ChunkError),
        _ => Ok(State::Trailer {
            line_bytes: line_bytes + 1,
            bytes: bytes + 1,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[track_caller]
    fn check(body: &str, expected: Result<Option<usize>, ChunkError>) {
        assert_eq!(
            ChunkScan::start().feed(body.as_bytes()),
            expected,
            "{body:?}"
        );
    }

    #[test]
    fn a_chunked_body_ends_behind_its_last_chunk_and_trailers() {
        check("0\r\n\r\n", Ok(Some(5)));
        check("0\r\n\r\nGET / HTTP/1.1\r\n", Ok(Some(5)));
        check("3\r\nabc\r\n0\r\n\r\n", Ok(Some(13)));
        check("A\r\n0123456789\r\n0\r\nx: y\r\n\r\nrest", Ok(Some(26)));
        check("3;name=value\r\nabc\r\n0;last\r\n\r\n", Ok(Some(29)));
        check("3\r\nab", Ok(None));
    }

    #[test]
    fn what_another_parser_could_read_differently_is_refused() {
        check("\r\n", Err(ChunkError));
        check("3\nabc\r\n", Err(ChunkError));
        check("3\r\nabcd\r\n", Err(ChunkError));
        check("3\r\nabc\n0\r\n\r\n", Err(ChunkError));
        check("0x3\r\nabc\r\n", Err(ChunkError));
        check("+3\r\nabc\r\n", Err(ChunkError));
        check(" 3\r\nabc\r\n", Err(ChunkError));
        check("3 \r\nabc\r\n", Err(ChunkError));
        check("1000000000000000\r\n", Err(ChunkError));
        check("0\r\nx: y\n\r\n", Err(ChunkError));
        check("3;a\nb\r\nabc\r\n", Err(ChunkError));
        check(
            &format!("3;{}\r\nabc\r\n", "x".repeat(257)),
            Err(ChunkError),
        );
        check(
            &format!("0\r\nx: {}\r\n\r\n", "y".repeat(8192)),
            Err(ChunkError),
        );
    }

    proptest! {
        #[test]
        fn arbitrary_bytes_end_or_are_refused_alike_however_they_are_cut(
            bytes in proptest::collection::vec(prop_oneof![Just(b'\r'), Just(b'\n'), Just(b'0'), Just(b'2'), Just(b';'), any::<u8>()], 0..60),
            cut in 0_usize..60,
        ) {
            let whole = ChunkScan::start().feed(&bytes);
            let (front, back) = bytes.split_at(cut.min(bytes.len()));
            let mut scan = ChunkScan::start();
            let cut_up = match scan.feed(front) {
                Ok(None) => scan.feed(back).map(|end| end.map(|end| front.len() + end)),
                other => other,
            };
            prop_assert_eq!(whole, cut_up);
        }
    }
}
