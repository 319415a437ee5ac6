//! Token buckets by key, in a table of a fixed size that all workers share.
//!
//! A key has seven places where it may stand, all in two cache lines, and is known by its hash
//! alone: 64 bits under a seed of the process, so that nobody can choose keys that meet. A bucket
//! that is full again says nothing, so its place is free: keys expire by themselves, exactly when
//! that changes nothing. When all seven are in use the one that is nearest to being full gives way,
//! and is counted. So who asks under ever new names, one request each, drives out others like
//! himself, and not the keys that are being held back.
//!
//! A key that stands is found and charged without a lock. To put in a new one, a worker holds its
//! seven places for some ten loads and three stores: without, two workers could put one key in two
//! places, or take a place away between its key and its first token, and count wrong. Who is about
//! to charge a key that gives way at that moment may charge its successor instead, once.
//!
//! Owns its words.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::sync::atomic::{
    AtomicBool, AtomicU64,
    Ordering::{Acquire, Relaxed, Release},
};

use serde::{Deserialize, Serialize};
use siphasher::sip::SipHasher13;

use super::clock::Instant;
use super::gcra::{self, Rate, Taken};

pub struct Keyed {
    sets: Box<[Set]>,
    /// Changed only before the first key comes: `restore`.
    seed: [AtomicU64; 2],
}

/// The keys of a table whose buckets are not full, for another process.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Saved {
    seed: [u64; 2],
    /// The hash of each key, and ticks until its bucket is full.
    ahead: Vec<(u64, u64)>,
}

/// Where a key may stand.
#[derive(Default)]
#[repr(align(128))]
struct Set {
    /// Who holds it may change the keys.
    is_held: AtomicBool,
    slots: [Slot; WAYS],
}

#[derive(Default)]
struct Slot {
    /// The hash; 0 while nobody stands here.
    key: AtomicU64,
    /// The bucket: `gcra::take`.
    bucket: AtomicU64,
}

/// With the word that holds them they fill two cache lines.
const WAYS: usize = 7;

impl Keyed {
    /// Room for `keys_max`, and as much again, so that few sets are full before all are.
    pub fn new(keys_max: usize) -> Self {
        let sets = (2 * keys_max).div_ceil(WAYS).next_power_of_two();
        let random = RandomState::new();
        let seed = [random.hash_one(0), random.hash_one(1)].map(AtomicU64::new);
        Self { sets: (0..sets).map(|_| Set::default()).collect(), seed }
    }

    /// Takes a token of this key's bucket. Also whether another key had to give way.
    #[inline]
    pub fn take(&self, key: impl Hash, rate: Rate, now: Instant) -> (Taken, bool) {
        let key = self.hash(key);
        let set = self.set(key);
        loop {
            let taken = match set.find(key) {
                Some(slot) => slot.take(key, rate, now).map(|taken| (taken, false)),
                None => set.put(key, rate, now),
            };
            if let Some(taken) = taken {
                return taken;
            }
        }
    }

    /// Gives back a token that was taken and not used.
    pub fn give(&self, key: impl Hash, rate: Rate) {
        let key = self.hash(key);
        if let Some(slot) = self.set(key).find(key) {
            gcra::give(&slot.bucket, rate);
        }
    }

    /// As `Bucket::take_many`, of the bucket of a key, which is given by its hash.
    pub fn take_many(&self, key: u64, rate: Rate, tokens: u64, now: Instant) -> (Taken, bool) {
        self.set(key).with(key, now, |bucket| gcra::take_many(bucket, rate, tokens, now))
    }

    /// As `Bucket::charge`. Also whether another key had to give way: this one may have left its
    /// place meanwhile.
    pub fn charge(&self, key: u64, rate: Rate, tokens: u64, now: Instant) -> bool {
        self.set(key).with(key, now, |bucket| gcra::charge(bucket, rate, tokens, now)).1
    }

    /// As `Bucket::give_many`.
    pub fn give_many(&self, key: u64, rate: Rate, tokens: u64) {
        if let Some(slot) = self.set(key).find(key) {
            gcra::give_many(&slot.bucket, rate, tokens);
        }
    }

    /// Keys whose buckets are not full. It looks at the whole table.
    pub fn in_use(&self, now: Instant) -> usize {
        let now = gcra::ticks(now);
        let slots = self.sets.iter().flat_map(|set| &set.slots);
        slots.filter(|slot| slot.bucket.load(Relaxed) > now).count()
    }

    /// Keys that there is room for, at the most.
    pub fn places(&self) -> usize {
        self.sets.len() * WAYS
    }

    /// The keys that are being held back or were lately; of more than `keys_max` those whose buckets
    /// are furthest from being full.
    pub fn save(&self, now: Instant, keys_max: usize) -> Saved {
        let now = gcra::ticks(now);
        let slots = self.sets.iter().flat_map(|set| &set.slots);
        let of = |slot: &Slot| (slot.key.load(Acquire), slot.bucket.load(Relaxed));
        let all = slots.map(of).filter(|(key, full)| *key != 0 && *full > now);
        let mut ahead: Vec<(u64, u64)> = all.map(|(key, full)| (key, full - now)).collect();
        ahead.sort_unstable_by_key(|(_, ahead)| std::cmp::Reverse(*ahead));
        ahead.truncate(keys_max);
        let seed = [0, 1].map(|half: usize| self.seed[half].load(Relaxed));
        Saved { seed, ahead }
    }

    /// Takes over what another process saved `age` ticks ago. To be called before the first key
    /// comes: what is there already could not be found any more.
    pub fn restore(&self, saved: &Saved, age: u64, now: Instant) {
        for (own, other) in self.seed.iter().zip(saved.seed) {
            own.store(other, Relaxed);
        }
        let now = gcra::ticks(now);
        for (key, ahead) in &saved.ahead {
            let left = ahead.saturating_sub(age);
            if let Some(slot) = self.set(*key).slots.iter().find(|slot| slot.is_free())
                && left > 0
            {
                slot.bucket.store(now.saturating_add(left), Relaxed);
                slot.key.store(*key, Release);
            }
        }
    }

    /// What a key is known by.
    pub fn hash(&self, key: impl Hash) -> u64 {
        let [first, second] = &self.seed;
        let mut hasher = SipHasher13::new_with_keys(first.load(Relaxed), second.load(Relaxed));
        key.hash(&mut hasher);
        hasher.finish().max(1)
    }

    fn set(&self, key: u64) -> &Set {
        // The low bits: the number of sets is a power of two.
        &self.sets[key as usize & (self.sets.len() - 1)]
    }
}

impl Slot {
    fn is_free(&self) -> bool {
        self.key.load(Acquire) == 0
    }

    /// None: another key has come in the place of this one meanwhile.
    #[inline]
    fn take(&self, key: u64, rate: Rate, now: Instant) -> Option<Taken> {
        let taken = gcra::take(&self.bucket, rate, now);
        (self.key.load(Acquire) == key).then_some(taken)
    }
}

impl Set {
    fn find(&self, key: u64) -> Option<&Slot> {
        // Acquire: with the key, its first token is seen.
        self.slots.iter().find(|slot| slot.key.load(Acquire) == key)
    }

    /// Puts the key where the bucket is nearest to being full, and takes its first token. Also
    /// whether another key had to give way. None where another worker was quicker.
    #[cold]
    fn put(&self, key: u64, rate: Rate, now: Instant) -> Option<(Taken, bool)> {
        self.put_with(key, now, &|bucket| gcra::take(bucket, rate, now))
    }

    fn put_with<T>(
        &self,
        key: u64,
        now: Instant,
        act: &impl Fn(&AtomicU64) -> T,
    ) -> Option<(T, bool)> {
        let _held = self.hold();
        if self.find(key).is_some() {
            return None;
        }
        let at = gcra::ticks(now);
        let slot = self.slots.iter().min_by_key(|slot| slot.bucket.load(Relaxed).max(at))?;
        slot.key.store(0, Relaxed);
        let evicted = slot.bucket.swap(0, Relaxed) > at;
        let done = act(&slot.bucket);
        slot.key.store(key, Release);
        Some((done, evicted))
    }

    /// Does something to the bucket of a key, which is put in if it is not there.
    fn with<T>(&self, key: u64, now: Instant, act: impl Fn(&AtomicU64) -> T) -> (T, bool) {
        loop {
            let done = match self.find(key) {
                Some(slot) => {
                    let done = act(&slot.bucket);
                    (slot.key.load(Acquire) == key).then_some((done, false))
                }
                None => self.put_with(key, now, &act),
            };
            if let Some(done) = done {
                return done;
            }
        }
    }

    fn hold(&self) -> Held<'_> {
        while self.is_held.compare_exchange_weak(false, true, Acquire, Relaxed).is_err() {
            // Whoever holds it may have lost its core: this one may be what it waits for.
            std::thread::yield_now();
        }
        Held(&self.is_held)
    }
}

/// Lets go when dropped.
struct Held<'a>(&'a AtomicBool);

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.0.store(false, Release);
    }
}

impl std::fmt::Debug for Keyed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Keyed").field("places", &self.places()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
