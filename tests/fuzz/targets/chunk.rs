//! Does a chunked body end at the same byte, whole and in two pieces?
#![no_main]

use proxy::connection::chunk::ChunkScan;

libfuzzer_sys::fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let (front, back) = bytes.split_at(usize::from(cut).min(bytes.len()));
    let whole = ChunkScan::start().feed(bytes).ok();
    let mut scan = ChunkScan::start();
    let pieces = match scan.feed(front) {
        Ok(None) => scan.feed(back).ok().map(|end| end.map(|end| end + front.len())),
        decided => decided.ok(),
    };
    assert_eq!(whole, pieces);
});
