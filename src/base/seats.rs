//! How many of each key there are, in a table of a fixed size that all workers share without a
//! lock: connections by source. A key has eight places where it may stand, and leaves its place with
//! the last of its kind. One word holds a key (44 bits of its hash, under a seed of the process) and
//! its count, so that both change at once.
//!
//! Owns its words. Refuses to grow: a key that finds no place is not counted, and says so. Two
//! workers that bring a new key at the very moment in which another leaves may count it in two
//! places, until one of them is empty.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

pub struct Seats {
    sets: Box<[Set]>,
    seed: RandomState,
}

#[derive(Default)]
#[repr(align(64))]
struct Set([AtomicU64; WAYS]);

/// Where a key is counted: to be given to `leave`, once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place(u32);

/// What became of one more of a key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    Seat(Place),
    /// There are as many as there may be.
    Full,
    /// All places are others'.
    Uncounted,
}

const WAYS: usize = 8;
const COUNT_BITS: u32 = 20;
/// So many of one key are told apart.
pub const COUNT_MAX: u32 = (1 << COUNT_BITS) - 1;

impl Seats {
    /// Room for `keys_max`, and as much again, so that few sets are full before all are.
    pub fn new(keys_max: usize) -> Self {
        let sets = (2 * keys_max).div_ceil(WAYS).next_power_of_two();
        Self { sets: (0..sets).map(|_| Set::default()).collect(), seed: RandomState::new() }
    }

    /// One more of this key, if there are fewer than `most`.
    pub fn take(&self, key: impl Hash, most: u32) -> Taken {
        let hash = self.seed.hash_one(key);
        let key = (hash >> COUNT_BITS).max(1) << COUNT_BITS;
        let set = hash as usize & (self.sets.len() - 1);
        loop {
            let words = self.sets[set].0.iter().map(|word| word.load(Relaxed));
            let mut words = words.enumerate();
            let same = words.clone().find(|(_, word)| word >> COUNT_BITS == key >> COUNT_BITS);
            let Some((way, old)) = same.or_else(|| words.find(|(_, word)| *word == 0)) else {
                return Taken::Uncounted;
            };
            if count(old) >= most.min(COUNT_MAX) {
                return Taken::Full;
            }
            let new = if old == 0 { key + 1 } else { old + 1 };
            if self.sets[set].0[way].compare_exchange(old, new, Relaxed, Relaxed).is_ok() {
                return Taken::Seat(Place((set * WAYS + way) as u32));
            }
        }
    }

    pub fn leave(&self, place: Place) {
        let place = place.0 as usize;
        let word = &self.sets[place / WAYS].0[place % WAYS];
        let fewer = |old| match count(old) {
            0 => None,
            1 => Some(0),
            _ => Some(old - 1),
        };
        let left = word.fetch_update(Relaxed, Relaxed, fewer);
        debug_assert!(left.is_ok(), "a seat is left once");
    }

    /// Keys that are there. It looks at the whole table.
    pub fn in_use(&self) -> usize {
        let words = self.sets.iter().flat_map(|set| &set.0);
        words.filter(|word| word.load(Relaxed) != 0).count()
    }
}

impl std::fmt::Debug for Seats {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Seats").field("places", &(self.sets.len() * WAYS)).finish_non_exhaustive()
    }
}

const fn count(word: u64) -> u32 {
    (word & COUNT_MAX as u64) as u32
}

#[cfg(test)]
mod tests;
