//! How does a command ask a running edge?
//!
//! HTTP/1.0 on a plain socket: one question, and the answer ends with the connection (RFC 1945 section 7.2.2). The admin port speaks
//! to loopback; a client library would be a lot for that.

use anyhow::{Context, Result, bail};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// An admin endpoint never waits for anything outside its process.
const TIMEOUT: Duration = Duration::from_secs(5);
/// The largest answer that is read, in bytes.
const ANSWER_BYTES_MAX: u64 = 64 * 1024 * 1024;

/// Status and body of `GET target`.
pub fn get(admin: SocketAddr, target: &str) -> Result<(u16, String)> {
    let connect = TcpStream::connect_timeout(&admin, TIMEOUT);
    let mut stream = connect.with_context(|| {
        format!(
            "nobody answers on {admin}; is an edge running, and is this the address of its --admin?"
        )
    })?;
    let request = format!("GET {target} HTTP/1.0\r\nHost: {admin}\r\n\r\n");
    let answer = exchange(&mut stream, &request);
    let answer = answer.with_context(|| format!("{admin} did not answer as an admin port does"))?;
    parse(&answer)
        .with_context(|| format!("{admin} speaks no HTTP; is this the address of --admin?"))
}

fn exchange(stream: &mut TcpStream, request: &str) -> std::io::Result<Vec<u8>> {
    stream.set_read_timeout(Some(TIMEOUT))?;
    stream.set_write_timeout(Some(TIMEOUT))?;
    stream.write_all(request.as_bytes())?;
    let mut answer = Vec::new();
    stream.take(ANSWER_BYTES_MAX).read_to_end(&mut answer)?;
    Ok(answer)
}

fn parse(answer: &[u8]) -> Result<(u16, String)> {
    let text = String::from_utf8_lossy(answer);
    let Some((head, body)) = text.split_once("\r\n\r\n") else {
        bail!("an answer without a head");
    };
    let status = head
        .strip_prefix("HTTP/1.")
        .and_then(|rest| rest.get(2..5))
        .and_then(|code| code.parse().ok());
    let Some(status) = status else {
        bail!("an answer without a status");
    };
    Ok((status, body.to_owned()))
}

/// A query's value: everything but unreserved characters is percent-encoded (RFC 3986 section 2.3).
pub fn encode(value: &str) -> String {
    let mut out = String::with_capacity(value.len());
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    /// Asks a server that answers with these bytes.
    fn ask(answer: &'static str) -> Result<(u16, String)> {
        let listener = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = listener.local_addr().expect("has an address");
        let server = std::thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accepts");
            let mut request = [0; 1024];
            let count = stream.read(&mut request).expect("reads");
            stream.write_all(answer.as_bytes()).expect("writes");
            String::from_utf8_lossy(&request[..count]).into_owned()
        });
        let got = get(address, "/why?url=x");
        let request = server.join().expect("ends");
        assert!(
            request.starts_with("GET /why?url=x HTTP/1.0\r\n"),
            "{request}"
        );
        got
    }

    #[test]
    fn an_answer_is_its_status_and_its_body() {
        let got = ask("HTTP/1.0 200 OK\r\ncontent-length: 2\r\n\r\nok").expect("answers");
        assert_eq!(got, (200, "ok".into()));
        assert!(ask("SSH-2.0-OpenSSH\r\n").is_err());
    }

    #[test]
    fn nobody_there_is_said_with_a_hint() {
        let free = TcpListener::bind("127.0.0.1:0").expect("binds");
        let address = free.local_addr().expect("has an address");
        drop(free);
        let error = get(address, "/").expect_err("is refused");
        assert!(error.to_string().contains("is an edge running"), "{error}");
    }

    #[test]
    fn a_url_in_a_query_is_encoded() {
        assert_eq!(
            encode("https://a.test/x?y=1&z"),
            "https%3A%2F%2Fa.test%2Fx%3Fy%3D1%26z"
        );
    }
}
