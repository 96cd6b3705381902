//! Does a long upload pass whole through a small edge, however it is framed?

use std::process::Command;
use tests::client::h2::H2Connection;
use tests::client::{Connection, Reply, Request};
use tests::edge::Edge;
use tests::manifest;
use tests::origin::{DIGEST_SEED, Origin, digest};

const BLOCK_BYTES: usize = 64 * 1024;
/// 100 MB, and enough to tell a leak from noise.
const MANY_BLOCKS: usize = 1600;
const SOME_BLOCKS: usize = 320;
/// Buffers of sockets are the kernel's; what is left is the edge, the origin and the client of this story.
const GROWTH_BYTES_MAX: usize = 16 * 1024 * 1024;
const ALONE: &str = "HEDGEROW_STORY_ALONE";
const NAME: &str = "uploads::memory::a_hundred_megabytes_pass_whole_in_flat_memory";

/// Runs in a process of its own, whose memory is that of no other story.
#[test]
fn a_hundred_megabytes_pass_whole_in_flat_memory() {
    if std::env::var_os(ALONE).is_some() {
        let runtime = tokio::runtime::Runtime::new().expect("starts");
        return runtime.block_on(upload_all());
    }
    let run = Command::new("/proc/self/exe")
        .args(["--exact", NAME, "--nocapture", "--test-threads=1"])
        .env(ALONE, "1")
        .output()
        .expect("runs");
    let output = format!(
        "{}{}",
        String::from_utf8_lossy(&run.stdout),
        String::from_utf8_lossy(&run.stderr)
    );
    assert!(run.status.success(), "{output}");
    assert!(
        output.contains("1 passed"),
        "the story has this name: {output}"
    );
}

async fn upload_all() {
    let origin = Origin::start("a").await;
    let authority = tests::authority::Authority::default();
    let site = manifest::join(&[
        manifest::ingress_annotated(
            "shop",
            "shop.test",
            &[("/", "web", 80)],
            &[("ssl-redirect", "false")],
        ),
        manifest::ingress_tls("tls", "shop.test", "shop-tls", &[("/tls", "web", 80)]),
        manifest::service("web", 80, &[origin.address]),
        authority.secret("shop-tls", &["shop.test"]),
    ]);
    let edge = Edge::start_given(authority, &[("main.yaml", &site)], |_| {}).await;
    // What is loaded lazily is loaded by then.
    chunked(&edge, 1).await;
    counted(&edge, 1).await;
    over_h2(&edge, 1).await;
    let before = resident_bytes();
    for (how, growth) in [
        ("chunked", chunked(&edge, MANY_BLOCKS).await),
        ("counted", counted(&edge, SOME_BLOCKS).await),
        ("over HTTP/2", over_h2(&edge, SOME_BLOCKS).await),
    ] {
        let growth = growth.saturating_sub(before);
        println!("{how}: {} KiB more", growth / 1024);
        assert!(growth < GROWTH_BYTES_MAX, "{how}: {growth} bytes more");
    }
    edge.stop().await;
}

/// Each returns the most memory that the process had meanwhile.
async fn chunked(edge: &Edge, blocks: usize) -> usize {
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    let head = "POST /up HTTP/1.1\r\nhost: shop.test\r\ntransfer-encoding: chunked\r\n\r\n";
    connection.send(head).await.expect("sends");
    let mut upload = Upload::default();
    for _ in 0..blocks {
        let size = format!("{BLOCK_BYTES:x}\r\n");
        connection.send(size).await.expect("sends");
        connection.send(upload.next()).await.expect("sends");
        connection.send("\r\n").await.expect("sends");
    }
    connection.send("0\r\n\r\n").await.expect("sends");
    upload.check(&connection.read_reply(false).await.expect("answers"))
}

async fn counted(edge: &Edge, blocks: usize) -> usize {
    let mut connection = Connection::open(edge.http()).await.expect("connects");
    let length = blocks * BLOCK_BYTES;
    let head = format!("PUT /up HTTP/1.1\r\nhost: shop.test\r\ncontent-length: {length}\r\n\r\n");
    connection.send(head).await.expect("sends");
    let mut upload = Upload::default();
    for _ in 0..blocks {
        connection.send(upload.next()).await.expect("sends");
    }
    upload.check(&connection.read_reply(false).await.expect("answers"))
}

async fn over_h2(edge: &Edge, blocks: usize) -> usize {
    let h2: H2Connection = edge.connect_h2("shop.test").await;
    let request = Request::new("POST", "https://shop.test/up");
    let (answer, mut body) = h2.start(&request, false).await.expect("starts");
    let mut upload = Upload::default();
    for _ in 0..blocks {
        let mut block = bytes::Bytes::copy_from_slice(upload.next());
        while !block.is_empty() {
            // No more than the edge has room for, or this client would be what fills up.
            body.reserve_capacity(block.len());
            let room = std::future::poll_fn(|context| body.poll_capacity(context)).await;
            let room = room.expect("is open").expect("has room");
            let part = block.split_to(room.min(block.len()));
            body.send_data(part, false).expect("sends");
        }
    }
    body.send_data(bytes::Bytes::new(), true).expect("ends");
    upload.check(&tests::client::h2::read(answer).await.expect("answers"))
}

/// Blocks of which no two are the same.
struct Upload {
    block: Vec<u8>,
    count: usize,
    digest: u64,
    peak: usize,
}

impl Default for Upload {
    fn default() -> Upload {
        Upload {
            block: (0..BLOCK_BYTES)
                .map(|place| place.to_le_bytes()[0])
                .collect(),
            count: 0,
            digest: DIGEST_SEED,
            peak: 0,
        }
    }
}

impl Upload {
    fn next(&mut self) -> &[u8] {
        self.count += 1;
        let number = self.count.to_le_bytes();
        self.block[..number.len()].copy_from_slice(&number);
        self.digest = digest(self.digest, &self.block);
        if self.count.is_multiple_of(16) {
            self.peak = self.peak.max(resident_bytes());
        }
        &self.block
    }

    fn check(&self, reply: &Reply) -> usize {
        let bytes = (self.count * BLOCK_BYTES).to_string();
        let digest = format!("{:016x}", self.digest);
        assert_eq!(
            reply.field("x-body-bytes"),
            Some(bytes.as_str()),
            "{reply:?}"
        );
        assert_eq!(reply.field("x-body-digest"), Some(digest.as_str()));
        self.peak.max(resident_bytes())
    }
}

/// The second field of /proc/self/statm is resident pages (proc_pid_statm(5)); a page has 4 KiB where these stories run.
fn resident_bytes() -> usize {
    let text = std::fs::read_to_string("/proc/self/statm").expect("is Linux");
    let pages = text.split(' ').nth(1).expect("has fields");
    pages.parse::<usize>().expect("is a number") * 4096
}
