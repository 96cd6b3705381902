//! How do we tell, on every node and after every restart alike, whether two things are the same?

/// FNV-1a over parts, each with its length, so that `["ab", "c"]` and `["a", "bc"]` differ. The same on every machine and in every version
/// of the standard library (its own hasher promises neither). Not for adversaries.
pub fn of(parts: &[&[u8]]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for part in parts {
        for byte in u64::try_from(part.len())
            .unwrap_or(u64::MAX)
            .to_le_bytes()
            .iter()
            .chain(*part)
        {
            hash ^= u64::from(*byte);
            hash = hash.wrapping_mul(0x0000_0100_0000_01b3);
        }
    }
    hash
}
