//! Is every malformed HTTP/2 request refused, and its stream alone where that is enough?

use tests::authority::Authority;
use tests::client::{Connection, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::Origin;

const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
// RFC 9113 section 6.
const DATA: u8 = 0;
const HEADERS: u8 = 1;
const RST_STREAM: u8 = 3;
const SETTINGS: u8 = 4;
const GOAWAY: u8 = 7;
const CONTINUATION: u8 = 9;
const END_STREAM: u8 = 1;
const END_HEADERS: u8 = 4;
/// `:status: 400`, the twelfth entry of the static table (RFC 7541 appendix A).
const STATUS_400: u8 = 0x8c;

/// `:status` as a literal, its value in Huffman's code.
const STATUS_431: [u8; 5] = [0x48, 0x83, 0x69, 0x90, 0xff];

const GET: &[(&str, &str)] = &[
    (":method", "GET"),
    (":scheme", "https"),
    (":authority", "shop.test"),
    (":path", "/bad"),
];

#[derive(Debug, PartialEq)]
enum Outcome {
    /// The stream ended with RST_STREAM, or the connection with GOAWAY or a close.
    Refused,
    BadRequest,
    Other(Vec<u8>),
}

fn frame(kind: u8, flags: u8, stream: u32, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&length[1..], &[kind, flags], &stream.to_be_bytes(), payload].concat()
}

/// Literal fields without indexing and without Huffman (RFC 7541 section 6.2.2); values below 127 bytes.
fn block(fields: &[(&str, &str)]) -> Vec<u8> {
    let text = |text: &str| [&[u8::try_from(text.len()).unwrap()], text.as_bytes()].concat();
    fields
        .iter()
        .flat_map(|(name, value)| [vec![0], text(name), text(value)].concat())
        .collect()
}

fn get_with(more: &[(&str, &str)]) -> Vec<u8> {
    let block = block(&[GET, more].concat());
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &block)
}

fn headers(fields: &[(&str, &str)]) -> Vec<u8> {
    frame(HEADERS, END_STREAM | END_HEADERS, 1, &block(fields))
}

/// What these frames hear on a connection of their own.
async fn ask(edge: &Edge, frames: &[u8]) -> Outcome {
    let config = edge.authority.client(&["h2"]);
    let connection = Connection::open_tls(edge.https(), "shop.test", config).await;
    let mut connection = connection.expect("shakes hands");
    let bytes = [PREFACE, &frame(SETTINGS, 0, 0, &[]), frames].concat();
    connection.send(bytes).await.expect("sends");
    let mut read = Vec::new();
    loop {
        let more = connection.read_some().await.unwrap_or_default();
        if more.is_empty() {
            return Outcome::Refused;
        }
        read.extend(more);
        while let Some((kind, payload)) = take_frame(&mut read) {
            match (kind, payload.first()) {
                (RST_STREAM | GOAWAY, _) => return Outcome::Refused,
                (HEADERS, Some(&STATUS_400)) => return Outcome::BadRequest,
                (HEADERS, _) => return Outcome::Other(payload),
                _ => {}
            }
        }
    }
}

fn take_frame(read: &mut Vec<u8>) -> Option<(u8, Vec<u8>)> {
    let [a, b, c, kind, ..] = read[..] else {
        return None;
    };
    let end = 9 + usize::try_from(u32::from_be_bytes([0, a, b, c])).unwrap();
    if read.len() < end {
        return None;
    }
    let rest = read.split_off(end);
    let frame = std::mem::replace(read, rest);
    Some((kind, frame[9..].to_vec()))
}

async fn shop() -> (Edge, Origin) {
    let (origin, authority) = (Origin::start("a").await, Authority::default());
    let site = manifest::join(&[
        manifest::ingress_tls("shop", "shop.test", "tls", &[("/", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
        authority.secret("tls", &["shop.test"]),
    ]);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |_| {}).await;
    (edge, origin)
}

async fn check_served(edge: &Edge, origin: &Origin) {
    assert_eq!(origin.received(), []);
    let connection = edge.connect_h2("shop.test").await;
    let reply = connection
        .send(&Request::new("GET", "https://shop.test/good"))
        .await;
    assert_eq!(reply.expect("is answered").status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn malformed_fields_end_their_stream() {
    let (edge, origin) = shop().await;
    for more in [
        ("X-Upper", "a"),
        ("connection", "close"),
        ("connection", "x"),
        ("keep-alive", "timeout=5"),
        ("transfer-encoding", "chunked"),
        ("upgrade", "h2c"),
        ("proxy-connection", "keep-alive"),
        ("te", "gzip"),
        ("x", "a\0b"),
        ("x", "a\rb"),
        ("x", "a\nb"),
        ("x y", "a"),
        ("", "a"),
        (":path", "/bad"),
        (":method", "GET"),
        (":status", "200"),
        (":unknown", "x"),
        ("content-length", "5"),
    ] {
        let outcome = ask(&edge, &get_with(&[more])).await;
        assert!(
            matches!(outcome, Outcome::Refused | Outcome::BadRequest),
            "{more:?}: {outcome:?}"
        );
    }
    for missing in 0..GET.len() {
        let mut fields = GET.to_vec();
        fields.remove(missing);
        let outcome = ask(&edge, &headers(&fields)).await;
        assert!(
            matches!(outcome, Outcome::Refused | Outcome::BadRequest),
            "{fields:?}: {outcome:?}"
        );
    }
    let late = [&[("x", "a")], GET].concat();
    assert_eq!(ask(&edge, &headers(&late)).await, Outcome::Refused);
    check_served(&edge, &origin).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_host_or_path_is_answered_with_400() {
    let (edge, origin) = shop().await;
    let with = |place: usize, value: &'static str| {
        let mut fields = GET.to_vec();
        fields[place].1 = value;
        headers(&fields)
    };
    for request in [
        get_with(&[("host", "other.test")]),
        with(2, "me@shop.test"),
        with(2, "shop.test:x"),
        with(2, "a,b"),
        with(3, "/../bad"),
        with(3, "/..%2fbad"),
        with(3, "/bad%00"),
        with(3, "/bad%zz"),
        with(3, "/bad%ff"),
        with(3, "https://shop.test/bad"),
        with(3, "bad"),
        with(3, "/bad\\"),
        with(3, "*"),
    ] {
        let outcome = ask(&edge, &request).await;
        let text = String::from_utf8_lossy(&request);
        assert!(
            matches!(outcome, Outcome::Refused | Outcome::BadRequest),
            "{text}: {outcome:?}"
        );
    }
    assert_eq!(ask(&edge, &with(3, "/bad%00")).await, Outcome::BadRequest);
    assert_eq!(
        ask(&edge, &get_with(&[("host", "other.test")])).await,
        Outcome::BadRequest
    );
    check_served(&edge, &origin).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_frames_end_the_connection() {
    let (edge, origin) = shop().await;
    let huge = [&[0xff, 0xff, 0xff, HEADERS, 4][..], &1u32.to_be_bytes()].concat();
    let flood: Vec<u8> = [frame(HEADERS, END_STREAM, 1, &block(GET))]
        .into_iter()
        .chain((0..2_000).map(|_| frame(CONTINUATION, 0, 1, &[])))
        .flatten()
        .collect();
    let bomb: Vec<u8> = (0..200)
        .flat_map(|_| block(&[("x-bomb", "0123456789012345678901234567890123456789")]))
        .collect();
    for frames in [
        huge,
        frame(HEADERS, END_HEADERS, 0, &block(GET)),
        frame(HEADERS, END_HEADERS | END_STREAM, 2, &block(GET)),
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xff; 20]),
        frame(HEADERS, END_HEADERS | END_STREAM, 1, &[0xc0]),
        frame(DATA, END_STREAM, 1, b"bad"),
        frame(CONTINUATION, END_HEADERS, 1, &block(GET)),
        [
            frame(HEADERS, END_STREAM, 1, &block(GET)),
            frame(DATA, 0, 1, b"x"),
        ]
        .concat(),
        frame(SETTINGS, 0, 1, &[]),
        frame(SETTINGS, 0, 0, &[0; 5]),
        frame(8, 0, 0, &[0; 4]),
        frame(6, 0, 0, &[0; 7]),
        frame(5, END_HEADERS, 1, &[0; 4]),
        flood,
        frame(
            HEADERS,
            END_HEADERS | END_STREAM,
            1,
            &[block(GET), bomb].concat(),
        ),
    ] {
        let outcome = ask(&edge, &frames).await;
        let is_431 = matches!(&outcome, Outcome::Other(block) if block.starts_with(&STATUS_431));
        assert!(
            outcome == Outcome::Refused || is_431,
            "{:?}: {outcome:?}",
            &frames[..frames.len().min(40)]
        );
    }
    check_served(&edge, &origin).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_stream_leaves_its_neighbours_alone() {
    let (edge, origin) = shop().await;
    let connection = edge.connect_h2("shop.test").await;
    for _ in 0..3 {
        let bad = connection
            .send(&Request::new("GET", "https://shop.test/x%00"))
            .await;
        assert_eq!(bad.expect("is answered").status, 400);
        let good = connection
            .send(&Request::new("GET", "https://shop.test/good"))
            .await;
        assert_eq!(good.expect("is answered").status, 200);
    }
    assert_eq!(origin.received().len(), 3);
    drop(connection);
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_engine_refuses_is_told_all_the_same() {
    let (edge, origin) = shop().await;
    let before = edge
        .metric("hedgerow_responses_total", &["code=\"405\""])
        .await;
    let connect = headers(&[(":method", "CONNECT"), (":authority", "shop.test:443")]);
    let Outcome::Other(answer) = ask(&edge, &connect).await else {
        panic!("is answered");
    };
    // `hedgerow` and `Pingora` in Huffman's code (RFC 7541 appendix B) would be in it as they are.
    let name_of_the_engine = [0xd6, 0x6a, 0xa6, 0x3d, 0x83];
    assert!(!answer.windows(5).any(|part| part == name_of_the_engine));
    let line = edge.log.line_with("reason", "method-not-allowed").await;
    assert_eq!(
        (&line["status"], &line["method"]),
        (&405.into(), &"CONNECT".into())
    );
    assert_eq!(line["protocol"], "HTTP/2", "{line}");
    let after = edge
        .metric("hedgerow_responses_total", &["code=\"405\""])
        .await;
    assert!(after > before);
    assert_eq!(
        ask(&edge, &get_with(&[("host", "other.test")])).await,
        Outcome::BadRequest
    );
    let line = edge.log.line_with("reason", "bad-request").await;
    assert_eq!(
        (&line["status"], &line["protocol"]),
        (&400.into(), &"HTTP/2".into())
    );
    check_served(&edge, &origin).await;
    edge.stop().await;
}
