//! Series found by a 64-bit key: open addressing over an arena. One thread finds and inserts, any
//! thread iterates. A find is a multiplication, one index slot and the series itself; an insertion
//! is bounded, and happens once in the life of a combination.

use std::sync::atomic::{AtomicU32, Ordering::Relaxed};

use crate::telemetry::arena::Arena;
use crate::telemetry::tally::Tally;

/// What stands in a table.
pub(crate) trait Series: Default {
    /// Where the table keeps the series' key.
    fn key(&self) -> &Tally;
    /// Adds what `other` counted.
    fn absorb(&self, other: &Self);
}

pub(crate) struct Table<T> {
    /// Place in the arena plus one; 0 is an empty slot. Only the writer looks here.
    index: Box<[AtomicU32]>,
    shift: u32,
    arena: Arena<T>,
}

impl<T: Series> Table<T> {
    pub(crate) fn new(series_max: usize) -> Self {
        // At most five eighths full: probes stay short, and there is always an empty slot to end
        // at.
        let slots = (series_max * 8 / 5 + 2).next_power_of_two();
        Self {
            index: (0..slots).map(|_| AtomicU32::new(0)).collect(),
            shift: 64 - slots.trailing_zeros(),
            arena: Arena::new(series_max),
        }
    }

    /// The series of `key`, a new one if there was none; `None` when the table is full.
    #[inline]
    pub(crate) fn find_or_insert(&self, key: u64) -> Option<&T> {
        let mut slot = self.home(key);
        loop {
            let Some(place) = self.index[slot].load(Relaxed).checked_sub(1) else {
                return self.insert(slot, key);
            };
            let series = self.arena.at(place as usize)?;
            if series.key().value() == key {
                return Some(series);
            }
            slot = (slot + 1) & (self.index.len() - 1);
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.arena.len()
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &T> {
        self.arena.iter()
    }

    /// Adds what `other` counted, under the key that `key_of` makes of each of its keys.
    pub(crate) fn absorb(&self, other: &Self, key_of: impl Fn(u64) -> u64) {
        for series in other.iter() {
            if let Some(sum) = self.find_or_insert(key_of(series.key().value())) {
                sum.absorb(series);
            }
        }
    }

    /// All series in the order of their keys.
    pub(crate) fn sorted(&self) -> Vec<&T> {
        let mut all: Vec<&T> = self.iter().collect();
        all.sort_unstable_by_key(|series| series.key().value());
        all
    }

    #[cold]
    fn insert(&self, slot: usize, key: u64) -> Option<&T> {
        let place = self.arena.push(|series| series.key().set(key))?;
        self.index[slot].store(place as u32 + 1, Relaxed);
        self.arena.at(place)
    }

    /// Keys differ mostly in a few low bits of each of their parts: a multiplication by the golden
    /// ratio spreads them over the high bits.
    #[inline]
    fn home(&self, key: u64) -> usize {
        (key.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> self.shift) as usize
    }
}

#[cfg(test)]
mod tests;
