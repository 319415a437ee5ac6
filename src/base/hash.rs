//! A hash that is the same in every process and on every machine: who is behind which endpoint has
//! to survive restarts, and to be the same on all gateways of a fleet. Not for tables that a peer
//! could want to fill: it has no key. Owns no state.

/// Of bytes.
pub fn hash(bytes: &[u8]) -> u64 {
    let mut state = MULTIPLIER ^ bytes.len() as u64;
    let (words, rest) = bytes.as_chunks::<8>();
    for word in words {
        state = step(state, u64::from_le_bytes(*word));
    }
    let mut last = [0; 8];
    last[..rest.len()].copy_from_slice(rest);
    mix(step(state, u64::from_le_bytes(last)))
}

/// Of bytes and a number behind them.
pub fn hash_with(bytes: &[u8], number: u64) -> u64 {
    mix(step(hash(bytes), number.wrapping_add(1)))
}

const fn step(state: u64, word: u64) -> u64 {
    (state.rotate_left(29) ^ mix(word)).wrapping_mul(MULTIPLIER)
}

/// Spreads every bit over all others: the finish of SplitMix64.
pub const fn mix(word: u64) -> u64 {
    let mixed = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

/// The golden ratio, as in SplitMix64.
const MULTIPLIER: u64 = 0x9E37_79B9_7F4A_7C15;

#[cfg(test)]
mod tests;
