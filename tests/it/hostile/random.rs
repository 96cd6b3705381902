//! Does the edge survive bytes that nobody thought of?

use super::{check_unharmed, shop};
use tests::client::Connection;
use tokio::io::AsyncWriteExt;

const CONNECTIONS: u64 = 600;
const BODY: &str = "POST /good HTTP/1.1\r\nhost: shop.test\r\ntransfer-encoding: chunked\r\ncontent-type: text/plain\r\n\r\n\
                    5\r\nhello\r\n0\r\n\r\nGET /good?x=1 HTTP/1.1\r\nhost: shop.test\r\ncontent-length: 0\r\n\r\n";

/// SplitMix64: the same bytes in every run.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, bound: usize) -> usize {
        usize::try_from(self.roll() % u64::try_from(bound).unwrap()).unwrap()
    }

    fn byte(&mut self) -> u8 {
        self.roll().to_le_bytes()[0]
    }

    fn noise(&mut self) -> Vec<u8> {
        (0..self.below(400)).map(|_| self.byte()).collect()
    }

    /// Two right requests with a few bytes changed, added or taken away. The hosts stay: what comes through is for `/good...` or is changed.
    fn mutated(&mut self) -> Vec<u8> {
        let mut bytes = BODY.as_bytes().to_vec();
        for _ in 0..=self.below(3) {
            let at = self.below(bytes.len());
            match self.below(3) {
                0 => bytes[at] = self.byte(),
                1 => bytes.insert(at, self.byte()),
                _ => drop(bytes.remove(at)),
            }
        }
        bytes
    }
}

/// Sends them, says that this was all, and waits for the end.
async fn send(edge: &tests::edge::Edge, bytes: &[u8]) {
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    // An edge that has refused them may have closed already.
    let _ = connection.send(bytes).await;
    let _ = connection.stream.shutdown().await;
    connection.read_to_end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn noise_is_refused() {
    let (edge, origin) = shop().await;
    let mut dice = Dice(1);
    for _ in 0..CONNECTIONS {
        send(&edge, &dice.noise()).await;
    }
    assert_eq!(origin.received(), []);
    check_unharmed(&edge, &origin).await;
    edge.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_mutated_requests_bring_to_a_backend_is_well_formed() {
    let (edge, origin) = shop().await;
    let mut dice = Dice(2);
    for _ in 0..CONNECTIONS {
        send(&edge, &dice.mutated()).await;
    }
    let received = origin.received();
    assert!(
        received.len() > 100,
        "few of them are still right: {}",
        received.len()
    );
    for received in received {
        check_strictly(&received.raw);
    }
    let reply = edge.get("http://shop.test/good").await;
    assert_eq!(reply.status, 200);
    edge.stop().await;
}

/// RFC 9112, without any leniency: a request line of three parts, fields of name and value, one framing, one Host.
fn check_strictly(raw: &str) {
    let mut lines = raw.strip_suffix("\r\n\r\n").expect("ends").split("\r\n");
    let line: Vec<&str> = lines.next().expect("has a first line").split(' ').collect();
    assert!(
        matches!(line[..], [method, target, "HTTP/1.1"] if is_token(method) && target.starts_with('/')),
        "{raw}"
    );
    let fields: Vec<(&str, &str)> = lines
        .map(|line| line.split_once(':').expect("has a colon"))
        .collect();
    let count = |name: &str| {
        fields
            .iter()
            .filter(|(n, _)| n.eq_ignore_ascii_case(name))
            .count()
    };
    for (name, value) in &fields {
        assert!(is_token(name), "{raw}");
        assert!(
            !value.bytes().any(|byte| byte < 0x20 && byte != b'\t'),
            "{raw}"
        );
    }
    assert_eq!(count("host"), 1, "{raw}");
    assert!(
        count("content-length") + count("transfer-encoding") <= 1,
        "{raw}"
    );
}

fn is_token(text: &str) -> bool {
    let is_mark = |byte| b"!#$%&'*+-.^_`|~".contains(&byte);
    !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || is_mark(byte))
}
