//! A small, fast generator: one per worker, seeded in tests. Not for secrets: whoever sees its
//! output can tell what comes next. Owns its one word of state.

use std::cell::Cell;
use std::hash::{BuildHasher, Hasher, RandomState};

/// SplitMix64 (Steele, Lea and Flood, 2014): one addition and two multiplications a number, a
/// period of 2^64, and any seed is as good as any other.
#[derive(Debug)]
pub struct Random(Cell<u64>);

impl Random {
    pub const fn seeded(seed: u64) -> Self {
        Self(Cell::new(seed))
    }

    /// A seed that differs from process to process and from call to call.
    pub fn from_entropy() -> Self {
        Self::seeded(RandomState::new().build_hasher().finish())
    }

    #[inline]
    pub fn next(&self) -> u64 {
        let state = self.0.get().wrapping_add(0x9E37_79B9_7F4A_7C15);
        self.0.set(state);
        let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, and 0 for a bound of 0.
    #[inline]
    pub fn below(&self, bound: u64) -> u64 {
        scale(self.next(), bound)
    }

    /// A number from 0 to below 1.
    #[inline]
    pub fn fraction(&self) -> f64 {
        const BITS: u32 = 53;
        (self.next() >> (u64::BITS - BITS)) as f64 / (1_u64 << BITS) as f64
    }
}

/// Maps a random word to `0..bound` by the high half of a product: no division, and a bias of
/// `bound / 2^64` at the most.
#[inline]
pub const fn scale(random: u64, bound: u64) -> u64 {
    ((random as u128 * bound as u128) >> u64::BITS) as u64
}

#[cfg(test)]
mod tests;
