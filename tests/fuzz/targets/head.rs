//! Is a request head judged alike, whole and in two pieces?
#![no_main]

use config::limits::Limits;
use proxy::connection::head::{HeadLimits, HeadScan};

libfuzzer_sys::fuzz_target!(|input: (u16, &[u8])| {
    let (cut, bytes) = input;
    let limits = || HeadLimits::of(&Limits::default());
    let whole = HeadScan::new(limits()).step(bytes).map(|head| head.map(|head| (head.bytes, head.framing)));
    let mut scan = HeadScan::new(limits());
    let first = scan.step(&bytes[..usize::from(cut).min(bytes.len())]);
    let pieces = match first {
        Ok(None) => scan.step(bytes),
        decided => decided,
    };
    assert_eq!(whole, pieces.map(|head| head.map(|head| (head.bytes, head.framing))));
});
