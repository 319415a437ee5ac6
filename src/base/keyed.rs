//! Token buckets by key, in a table of a fixed size that all workers share without a lock.
//!
//! A key has eight places where it may stand, all in two cache lines, and is known by its hash
//! alone: 64 bits under a seed of the process, so that nobody can choose keys that meet. A bucket
//! that is full again says nothing, so its place is free: keys expire by themselves, exactly when
//! that changes nothing. When all eight are in use the one that is nearest to being full gives way,
//! and is counted. So who asks under ever new names, one request each, drives out others like
//! himself, and not the keys that are being held back.
//!
//! Owns its words; two workers that put two keys in one place at the same time may charge one of
//! them for the other's token, once.

use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use super::clock::Instant;
use super::gcra::{self, Rate, Taken};

pub struct Keyed {
    sets: Box<[Set]>,
    seed: RandomState,
}

/// Where a key may stand.
#[derive(Default)]
#[repr(align(128))]
struct Set([Slot; WAYS]);

#[derive(Default)]
struct Slot {
    /// The hash; 0 while nobody has stood here.
    key: AtomicU64,
    /// The bucket: `gcra::take`.
    bucket: AtomicU64,
}

const WAYS: usize = 8;

/// A place, and whether a key that was held back had to leave it.
struct Place<'a> {
    slot: &'a Slot,
    evicted: bool,
}

impl Keyed {
    /// Room for `keys_max`, and as much again, so that few sets are full before all are.
    pub fn new(keys_max: usize) -> Self {
        let sets = (2 * keys_max).div_ceil(WAYS).next_power_of_two();
        Self { sets: (0..sets).map(|_| Set::default()).collect(), seed: RandomState::new() }
    }

    /// Takes a token of this key's bucket. Also whether another key had to give way.
    #[inline]
    pub fn take(&self, key: impl Hash, rate: Rate, now: Instant) -> (Taken, bool) {
        let place = self.find(self.hash(key), now);
        (gcra::take(&place.slot.bucket, rate, now), place.evicted)
    }

    /// Gives back a token that was taken at `now` and not used.
    pub fn give(&self, key: impl Hash, rate: Rate) {
        let key = self.hash(key);
        if let Some(slot) = self.set(key).iter().find(|slot| slot.key.load(Relaxed) == key) {
            gcra::give(&slot.bucket, rate);
        }
    }

    /// Keys whose buckets are not full. It looks at the whole table.
    pub fn in_use(&self, now: Instant) -> usize {
        let now = gcra::ticks(now);
        let slots = self.sets.iter().flat_map(|set| &set.0);
        slots.filter(|slot| slot.bucket.load(Relaxed) > now).count()
    }

    /// Keys that there is room for, at the most.
    pub fn places(&self) -> usize {
        self.sets.len() * WAYS
    }

    fn hash(&self, key: impl Hash) -> u64 {
        self.seed.hash_one(key).max(1)
    }

    fn set(&self, key: u64) -> &[Slot; WAYS] {
        // The low bits: the number of sets is a power of two.
        &self.sets[key as usize & (self.sets.len() - 1)].0
    }

    fn find(&self, key: u64, now: Instant) -> Place<'_> {
        let set = self.set(key);
        let now = gcra::ticks(now);
        loop {
            if let Some(slot) = set.iter().find(|slot| slot.key.load(Relaxed) == key) {
                return Place { slot, evicted: false };
            }
            if let Some(place) = claim(set, key, now) {
                return place;
            }
        }
    }
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyed").field("places", &self.places()).finish_non_exhaustive()
    }
}

/// Puts the key where the bucket is nearest to being full. None when another worker was quicker.
fn claim(set: &[Slot; WAYS], key: u64, now: u64) -> Option<Place<'_>> {
    let filled_at = |slot: &&Slot| slot.bucket.load(Relaxed).max(now);
    let slot = set.iter().min_by_key(filled_at)?;
    let (old, bucket) = (slot.key.load(Relaxed), slot.bucket.load(Relaxed));
    slot.key.compare_exchange(old, key, Relaxed, Relaxed).ok()?;
    let evicted = bucket > now;
    if evicted {
        // Unless somebody takes a token of it at this moment: then it is charged to the new key.
        let _ = slot.bucket.compare_exchange(bucket, now, Relaxed, Relaxed);
    }
    // Another worker may have put the same key elsewhere in the set: the first place is the one.
    let first = set.iter().find(|slot| slot.key.load(Relaxed) == key)?;
    if !std::ptr::eq(first, slot) {
        let _ = slot.key.compare_exchange(key, 0, Relaxed, Relaxed);
    }
    Some(Place { slot: first, evicted })
}

#[cfg(test)]
mod tests;
