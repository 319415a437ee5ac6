//! Numbers that one thread writes and any thread reads. A relaxed load and a relaxed store are a
//! plain add for the writer (0.5 ns; `fetch_add` costs 8.5); two writers would lose counts, so a
//! number belongs to one worker. A reader sees each number whole, and no cut across several.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering::Relaxed};

/// A count that only grows.
#[derive(Debug, Default)]
pub struct Tally(AtomicU64);

impl Tally {
    #[inline]
    pub fn add(&self, n: u64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(n), Relaxed);
    }

    pub fn set(&self, n: u64) {
        self.0.store(n, Relaxed);
    }

    #[inline]
    pub fn value(&self) -> u64 {
        self.0.load(Relaxed)
    }
}

/// A count that goes both ways.
#[derive(Debug, Default)]
pub struct Level(AtomicI64);

impl Level {
    #[inline]
    pub fn add(&self, delta: i64) {
        self.0.store(self.0.load(Relaxed).wrapping_add(delta), Relaxed);
    }

    #[inline]
    pub fn set(&self, n: i64) {
        self.0.store(n, Relaxed);
    }

    #[inline]
    pub fn value(&self) -> i64 {
        self.0.load(Relaxed)
    }
}

/// Bodies that were coded in one way: how many, what they had, what was sent of them.
#[derive(Debug, Default)]
pub struct CodedTally {
    pub bodies: Tally,
    pub bytes: Tally,
    pub sent_bytes: Tally,
}

impl CodedTally {
    pub fn add(&self, bodies: u64, bytes: u64, sent_bytes: u64) {
        self.bodies.add(bodies);
        self.bytes.add(bytes);
        self.sent_bytes.add(sent_bytes);
    }
}
