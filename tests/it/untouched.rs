//! Is what the application says and hears the same with the edge and without it?

use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;
use tests::origin_scripted::Scripted;

/// About one connection, never about the message (RFC 9110 §7.6.1); and what the edge tells the backend, which has stories of its own.
const NOT_THE_APPLICATIONS: [&str; 9] = [
    "connection",
    "keep-alive",
    "x-forwarded-for",
    "x-forwarded-proto",
    "x-forwarded-host",
    "x-forwarded-port",
    "x-real-ip",
    "x-request-id",
    "cdn-loop",
];

/// Names (in lower case: they have no case) and values (as they are), in order.
fn fields(head: &[u8]) -> Vec<(String, Vec<u8>)> {
    let lines = head.split(|byte| *byte == b'\n').skip(1);
    lines
        .filter_map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            let colon = line.iter().position(|byte| *byte == b':')?;
            let name = String::from_utf8_lossy(&line[..colon]).to_ascii_lowercase();
            let value = line[colon + 1..].trim_ascii().to_vec();
            (!NOT_THE_APPLICATIONS.contains(&name.as_str())).then_some((name, value))
        })
        .collect()
}

/// Fields of the same name keep their order; names among each other may change theirs (RFC 9110 §5.3).
fn by_name(mut fields: Vec<(String, Vec<u8>)>) -> Vec<(String, Vec<u8>)> {
    fields.sort_by(|one, other| one.0.cmp(&other.0));
    fields
}

const PREFLIGHT: &str = "OPTIONS /api/data HTTP/1.1\r\nHost: shop.test\r\nOrigin: https://other.test\r\n\
    Access-Control-Request-Method: PUT\r\nAccess-Control-Request-Headers: authorization,x-token\r\n\r\n";
const SIGNED_IN: &str = "GET /account?next=%2Fa%20b&x=1;y=2 HTTP/1.1\r\nHost: shop.test\r\n\
    Authorization: Bearer eyJhbGciOiJub25lIn0.e30.\r\nCookie: a=1; b=\"two words\"; c=%20; d=\r\n\
    User-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\nAccept: text/html,*/*;q=0.8\r\n\
    Accept-Encoding: gzip, deflate, br, zstd\r\nAccept-Language: de-CH, de;q=0.9\r\n\
    If-None-Match: W/\"abc\", \"def\"\r\nIf-Modified-Since: Thu, 01 Jan 2026 00:00:00 GMT\r\n\
    Cache-Control: no-cache\r\nPragma: no-cache\r\nDNT: 1\r\nX-Many: one\r\nX-Many: two\r\nX-Many: one\r\n\
    X-Empty:\r\nReferer: https://shop.test/?q=1\r\nOrigin: null\r\nX-B3-TraceId: 80f198ee56343ba8\r\n\
    traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01\r\n\r\n";
const SENT: &str = "PUT /thing HTTP/1.1\r\nHost: shop.test\r\nContent-Type: application/json\r\n\
    Content-Encoding: gzip\r\nContent-Length: 8\r\nDigest: sha-256=x\r\n\r\n\u{1}\u{2}\u{3}\u{4}gzip";

#[tokio::test(flavor = "multi_thread")]
async fn the_backend_hears_what_the_client_says() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    for request in [PREFLIGHT, SIGNED_IN, SENT] {
        for address in [origin.address, edge.http()] {
            let mut connection = Connection::open(address).await.expect("connects");
            connection.send(request).await.expect("sends");
            let reply = connection.read_reply(false).await.expect("answers");
            assert_eq!(reply.status, 200, "{request}");
        }
        let received = origin.received();
        let [.., direct, through] = received.as_slice() else {
            panic!("two requests")
        };
        assert_eq!(direct.head.method, through.head.method);
        assert_eq!(direct.head.target, through.head.target);
        let (direct, through) = (
            fields(direct.raw.as_bytes()),
            fields(through.raw.as_bytes()),
        );
        assert_eq!(by_name(direct), by_name(through));
    }
    edge.stop().await;
}

const ANSWERS: [&[u8]; 5] = [
    // A preflight's answer.
    b"HTTP/1.1 204 No Content\r\nAccess-Control-Allow-Origin: https://other.test\r\nAccess-Control-Allow-Methods: GET, PUT\r\n\
      Access-Control-Allow-Headers: authorization,x-token\r\nAccess-Control-Allow-Credentials: true\r\nAccess-Control-Max-Age: 600\r\n\
      Vary: Origin\r\nVary: Access-Control-Request-Headers\r\n\r\n",
    // A session begins: each cookie on a line of its own.
    b"HTTP/1.1 302 Found\r\nLocation: http://shop.test:8080/here?x=%2F#top\r\nSet-Cookie: a=1; Path=/; HttpOnly\r\n\
      Set-Cookie: b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Secure\r\nSet-Cookie: a=1; Path=/; HttpOnly\r\nContent-Length: 0\r\n\r\n",
    // Cached, compressed beforehand, with a server's name and a date of its own.
    b"HTTP/1.1 200 OK\r\nServer: nginx/1.27\r\nDate: Thu, 01 Jan 2026 00:00:00 GMT\r\nContent-Type: text/javascript\r\nContent-Encoding: br\r\n\
      Cache-Control: public, max-age=31536000, immutable\r\nETag: \"67-abc\"\r\nLast-Modified: Thu, 01 Jan 2026 00:00:00 GMT\r\nAge: 7\r\n\
      Expires: 0\r\nVary: Accept-Encoding\r\nAccept-Ranges: bytes\r\nContent-Length: 6\r\n\r\n\x1b\x00\xff\x00\x80!",
    // What asks a client to sign in, and what it may load.
    b"HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic realm=\"a\", Bearer\r\nWWW-Authenticate: Negotiate\r\nX-Powered-By: Express\r\n\
      Content-Security-Policy: default-src 'self'; script-src 'nonce-x'\r\nStrict-Transport-Security: max-age=63072000\r\n\
      Link: </a>; rel=next\r\nX-Latin: caf\xe9\r\nContent-Length: 2\r\n\r\nno",
    // A failure of the application is the application's.
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 120\r\nContent-Type: application/problem+json\r\nContent-Length: 2\r\n\r\n{}",
];

#[tokio::test(flavor = "multi_thread")]
async fn the_client_hears_what_the_backend_says() {
    for answer in ANSWERS {
        let origin = Scripted::start(move |mut scene, _| async move {
            scene.read_head().await?;
            scene.send(answer).await?;
            scene.wait_for_close().await;
            Ok(())
        })
        .await;
        let edge = Edge::start(&manifest::shop(&[origin.address])).await;
        let mut replies = Vec::new();
        for address in [origin.address, edge.http()] {
            let mut connection = Connection::open(address).await.expect("connects");
            let request = Request::new("GET", "http://shop.test/");
            connection.send(request.to_bytes()).await.expect("sends");
            let head = connection.read_until("\r\n\r\n").await.expect("answers");
            let length = answer.len() - head_length(answer);
            while connection.ahead.len() < length {
                let more = connection.read_some().await.expect("reads");
                connection.ahead.extend(more);
            }
            replies.push((head, connection.ahead.clone()));
        }
        let [(direct, body), (through, body_through)] = replies.as_slice() else {
            panic!("two answers")
        };
        let mut found = fields(through);
        if !fields(direct).iter().any(|(name, _)| name == "date") {
            // A recipient with a clock adds the date that is missing (RFC 9110 §6.6.1).
            found.retain(|(name, _)| name != "date");
        }
        assert_eq!(by_name(fields(direct)), by_name(found));
        assert_eq!(body, body_through, "the body, byte for byte");
        let code = |head: &[u8]| String::from_utf8_lossy(&head[..12]).into_owned();
        assert_eq!(code(direct), code(through));
        edge.stop().await;
    }
}

fn head_length(answer: &[u8]) -> usize {
    let end = answer.windows(4).position(|four| four == b"\r\n\r\n");
    end.expect("has a head") + 4
}

#[tokio::test(flavor = "multi_thread")]
async fn each_cookie_stays_on_its_line_over_h2_too() {
    let origin = Scripted::start(|mut scene, _| async move {
        scene.read_head().await?;
        scene.send(ANSWERS[1]).await?;
        scene.wait_for_close().await;
        Ok(())
    })
    .await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let config = tests::authority::trusting_client(&["h2"]);
    let connection = Connection::open_tls(edge.https(), "shop.test", config).await;
    let h2 = tests::client::h2::H2Connection::open(connection.expect("shakes hands"));
    let h2 = h2.await.expect("speaks HTTP/2");
    let request = Request::new("GET", "https://shop.test/");
    let reply = h2.send(&request).await.expect("answers");
    let cookies: Vec<_> = reply
        .fields
        .iter()
        .filter(|(name, _)| name == "set-cookie")
        .map(|(_, value)| value.as_str())
        .collect();
    let expected = [
        "a=1; Path=/; HttpOnly",
        "b=2; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Secure",
        "a=1; Path=/; HttpOnly",
    ];
    assert_eq!(cookies, expected);
    drop(h2);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn cookies_of_an_h2_client_reach_the_backend_in_one_field() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let config = tests::authority::trusting_client(&["h2"]);
    let connection = Connection::open_tls(edge.https(), "shop.test", config).await;
    let h2 = tests::client::h2::H2Connection::open(connection.expect("shakes hands"));
    let h2 = h2.await.expect("speaks HTTP/2");
    // HTTP/2 lets a client split them (RFC 9113 §8.2.3); HTTP/1 does not know that.
    let request = Request::new("GET", "https://shop.test/")
        .field("cookie", "a=1")
        .field("cookie", "b=2")
        .field("authorization", "Basic YTpi");
    assert_eq!(h2.send(&request).await.expect("answers").status, 200);
    let head = origin.received()[0].head.clone();
    let cookies: Vec<_> = head
        .fields
        .iter()
        .filter(|(name, _)| name.eq_ignore_ascii_case("cookie"))
        .map(|(_, value)| value.as_str())
        .collect();
    assert_eq!(cookies, ["a=1; b=2"]);
    assert_eq!(head.field("authorization"), Some("Basic YTpi"));
    assert_eq!(head.field("host"), Some("shop.test"));
    drop(h2);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_applications_own_health_and_metrics_are_the_applications() {
    let origin = Origin::start("a").await;
    let edge = Edge::start(&manifest::shop(&[origin.address])).await;
    let paths = [
        "/health",
        "/healthz",
        "/livez",
        "/readyz",
        "/metrics",
        "/config",
        "/problems",
        "/why",
        "/.well-known/security.txt",
        "/.well-known/acme-challenge/token",
        "/favicon.ico",
        "/debug/pprof",
    ];
    for path in paths {
        for scheme in ["http", "https"] {
            let mut connection = match scheme {
                "http" => Connection::open(edge.http()).await.expect("connects"),
                _ => edge.connect_trusting("shop.test").await.expect("connects"),
            };
            let request = Request::new("GET", &format!("{scheme}://shop.test{path}"));
            let reply = request.send_on(&mut connection).await.expect("answers");
            assert_eq!(
                (reply.status, reply.served_by()),
                (200, "a"),
                "{scheme} {path}"
            );
        }
    }
    let seen: Vec<_> = origin
        .received()
        .into_iter()
        .map(|one| one.head.target)
        .collect();
    let sent: Vec<_> = paths.iter().flat_map(|path| [*path, *path]).collect();
    assert_eq!(seen, sent);
    edge.stop().await;
}
