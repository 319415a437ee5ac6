//! A worker's sign of life: a count that its tick moves on and that control looks at.

use std::sync::atomic::{AtomicU64, Ordering};

/// One writer, the worker; a cache line of its own, since control reads it from another core.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Pulse(AtomicU64);

impl Pulse {
    /// To be called by the worker's tick, about once a second, whether it has work or not.
    pub fn beat(&self) {
        self.0.store(self.0.load(Ordering::Relaxed).wrapping_add(1), Ordering::Relaxed);
    }

    pub fn count(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
