//! Which client does the PROXY protocol name?
//!
//! <https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt>, versions 1 and 2. Where a listener has it, it is required on every
//! connection, and never guessed.

use proxy_header::{ParseConfig, Protocol, ProxyHeader};
use std::io;
use std::net::SocketAddr;
use tokio::io::{AsyncRead, AsyncReadExt};

/// Bytes of a version 1 header, its CR LF included (section 2.1).
const V1_BYTES_MAX: usize = 107;
/// Bytes of a version 2 header. The format allows 64 KiB; load balancers send less than 1 KiB.
const V2_BYTES_MAX: usize = 2 * 1024;
/// Signature, command, family and length of version 2.
const V2_PREFIX_BYTES: usize = 16;

/// Why a connection is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderError {
    /// The connection ended or timed out before its header was complete, or begins with something else.
    Absent,
    Malformed,
}

impl HeaderError {
    /// The metric's label.
    pub fn as_str(self) -> &'static str {
        match self {
            HeaderError::Absent => "proxy-protocol-absent",
            HeaderError::Malformed => "proxy-protocol-malformed",
        }
    }
}

impl From<io::Error> for HeaderError {
    fn from(_: io::Error) -> HeaderError {
        HeaderError::Absent
    }
}

/// Reads exactly the header and not one byte behind it. `None`: a `LOCAL` or `UNKNOWN` connection, of the load balancer itself; its own
/// address stays.
pub async fn read<R>(from: &mut R) -> Result<Option<SocketAddr>, HeaderError>
where
    R: AsyncRead + Unpin,
{
    let mut header = Vec::with_capacity(V1_BYTES_MAX);
    let first = from.read_u8().await?;
    header.push(first);
    match first {
        b'P' => read_v1(from, &mut header).await?,
        b'\r' => read_v2(from, &mut header).await?,
        _ => return Err(HeaderError::Absent),
    }
    parse(&header)
}

async fn read_v1<R>(from: &mut R, header: &mut Vec<u8>) -> Result<(), HeaderError>
where
    R: AsyncRead + Unpin,
{
    while header.last() != Some(&b'\n') {
        if header.len() >= V1_BYTES_MAX {
            return Err(HeaderError::Malformed);
        }
        header.push(from.read_u8().await?); // From our own buffer.
    }
    Ok(())
}

async fn read_v2<R>(from: &mut R, header: &mut Vec<u8>) -> Result<(), HeaderError>
where
    R: AsyncRead + Unpin,
{
    let mut prefix = [0; V2_PREFIX_BYTES - 1];
    from.read_exact(&mut prefix).await?;
    header.extend_from_slice(&prefix);
    let [.., high, low] = prefix;
    let rest = usize::from(u16::from_be_bytes([high, low]));
    if V2_PREFIX_BYTES + rest > V2_BYTES_MAX {
        return Err(HeaderError::Malformed);
    }
    header.resize(V2_PREFIX_BYTES + rest, 0);
    let body = header.get_mut(V2_PREFIX_BYTES..).unwrap_or_default();
    from.read_exact(body).await?;
    Ok(())
}

fn parse(header: &[u8]) -> Result<Option<SocketAddr>, HeaderError> {
    let config = ParseConfig {
        include_tlvs: false,
        allow_v1: true,
        allow_v2: true,
    };
    let (parsed, bytes) = ProxyHeader::parse(header, config).map_err(|_| HeaderError::Malformed)?;
    if bytes != header.len() {
        return Err(HeaderError::Malformed);
    }
    match parsed.proxied_address() {
        None => Ok(None),
        Some(address) if address.protocol == Protocol::Stream => {
            let source = address.source;
            Ok(Some(SocketAddr::new(
                source.ip().to_canonical(),
                source.port(),
            )))
        }
        Some(_) => Err(HeaderError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

    fn v2(rest: &[u8]) -> Vec<u8> {
        [V2, rest].concat()
    }

    #[track_caller]
    fn check(bytes: &[u8], expected: Result<Option<&str>, HeaderError>) {
        let mut from = bytes;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .build()
            .unwrap();
        let found = runtime.block_on(read(&mut from));
        let expected = expected.map(|address| address.map(|address| address.parse().unwrap()));
        assert_eq!(found, expected, "{}", bytes.escape_ascii());
        if found.is_ok() {
            assert_eq!(from, b"GET", "what follows the header is left");
        }
    }

    #[test]
    fn the_source_of_either_version_is_the_client() {
        check(
            b"PROXY TCP4 192.0.2.1 192.0.2.2 4000 443\r\nGET",
            Ok(Some("192.0.2.1:4000")),
        );
        check(
            b"PROXY TCP6 2001:db8::1 2001:db8::2 1 2\r\nGET",
            Ok(Some("[2001:db8::1]:1")),
        );
        check(
            b"PROXY TCP6 ::ffff:192.0.2.1 ::1 1 2\r\nGET",
            Ok(Some("192.0.2.1:1")),
        );
        check(
            &v2(b"\x21\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x0f\xa0\x01\xbbGET"),
            Ok(Some("192.0.2.1:4000")),
        );
        // With a TLV of 3 bytes behind the addresses.
        check(
            &v2(b"\x21\x11\0\x0f\xc0\0\x02\x01\xc0\0\x02\x02\x0f\xa0\x01\xbb\x04\0\0GET"),
            Ok(Some("192.0.2.1:4000")),
        );
    }

    #[test]
    fn a_local_connection_keeps_its_own_address() {
        check(b"PROXY UNKNOWN\r\nGET", Ok(None));
        check(&v2(b"\x20\0\0\0GET"), Ok(None));
        check(
            &v2(b"\x20\x11\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x0f\xa0\x01\xbbGET"),
            Ok(None),
        );
    }

    #[test]
    fn what_is_absent_or_malformed_is_told_apart() {
        check(b"", Err(HeaderError::Absent));
        check(b"GET / HTTP/1.1\r\n", Err(HeaderError::Absent));
        check(b"\x16\x03\x01", Err(HeaderError::Absent));
        check(b"PROXY TCP4 192.0.2.1", Err(HeaderError::Absent));
        check(&v2(b"\x21\x11\0\x0c\xc0"), Err(HeaderError::Absent));
        check(b"POST / HTTP/1.1\r\n", Err(HeaderError::Malformed));
        check(
            b"PROXY TCP4 192.0.2.300 192.0.2.2 1 2\r\n",
            Err(HeaderError::Malformed),
        );
        check(
            b"PROXY TCP4 192.0.2.1 192.0.2.2 70000 2\r\n",
            Err(HeaderError::Malformed),
        );
        check(
            format!("PROXY UNKNOWN {}\r\n", "x".repeat(100)).as_bytes(),
            Err(HeaderError::Malformed),
        );
        check(&v2(b"\x31\x11\0\0"), Err(HeaderError::Malformed));
        check(
            &v2(b"\x21\x11\0\x04\x01\x02\x03\x04"),
            Err(HeaderError::Malformed),
        );
        check(&v2(b"\x21\x11\xff\xff"), Err(HeaderError::Malformed));
        // A datagram.
        check(
            &v2(b"\x21\x12\0\x0c\xc0\0\x02\x01\xc0\0\x02\x02\x0f\xa0\x01\xbb"),
            Err(HeaderError::Malformed),
        );
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..80), version in 0_u8..3) {
            let bytes = match version {
                0 => bytes,
                1 => [b"PROXY TCP4 ".as_slice(), &bytes, b"\r\n"].concat(),
                _ => v2(&bytes),
            };
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let _ = runtime.block_on(read(&mut bytes.as_slice()));
        }
    }
}
