//! `Gate`: how many of something there may be at a time, over all workers. `Limits`: what a cluster
//! has of them. Only clusters with limits pay for the shared counts.

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::time::Duration;

use super::health::Board;

/// Bounds on what is open to a cluster at a time, of all workers together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    pub connections_max: Option<u32>,
    pub requests_max: Option<u32>,
    /// Requests that wait for one of these.
    pub waiting_max: u32,
    pub wait: Duration,
}

/// A count with a bound.
#[derive(Debug, Default)]
pub struct Gate(AtomicU32);

impl Gate {
    /// Takes one of `most`; false when all are taken. By compare-and-swap: a bound over all workers
    /// is passed by one of two that come at the same time.
    pub fn enter(&self, most: u32) -> bool {
        let taken = |taken: u32| (taken < most).then_some(taken + 1);
        self.0.fetch_update(AcqRel, Relaxed, taken).is_ok()
    }

    pub fn leave(&self) {
        let before = self.0.fetch_sub(1, AcqRel);
        debug_assert!(before > 0, "who leaves has entered");
    }

    pub fn taken(&self) -> u32 {
        self.0.load(Relaxed)
    }
}

/// One connection of those that a cluster may have; for as long as it is open.
#[derive(Debug)]
pub struct Permit(Arc<Board>);

impl Permit {
    pub fn take(board: &Arc<Board>, most: u32) -> Option<Self> {
        // Once a connection, which may outlive the snapshot that it was opened under.
        board.connections.enter(most).then(|| Self(Arc::clone(board)))
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.connections.leave();
    }
}

/// One request of those that a cluster may have.
#[derive(Debug)]
pub struct Slot<'a>(&'a Gate);

impl<'a> Slot<'a> {
    pub fn take(gate: &'a Gate, most: u32) -> Option<Self> {
        gate.enter(most).then(|| Self(gate))
    }
}

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        self.0.leave();
    }
}

#[cfg(test)]
mod tests;
