//! `Health`: what all workers and the control thread know of one endpoint; `Board`: what they share
//! of a cluster. Atomics, the same over reloads that keep the endpoint: written when something
//! changes or fails, read by everyone. Decides nothing: `outlier` ejects, control's probes check.

use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64};

use super::circuit::Gate;
use crate::base::clock::Instant;

/// What is known of one endpoint.
#[derive(Debug, Default)]
pub struct Health {
    /// Nanoseconds of the process's clock. The last ejection ends, or ended, then.
    ejected_until: AtomicU64,
    /// The end of the last ejection that it asked for itself: it had too much to do.
    asked_until: AtomicU64,
    /// Ejections that follow one another: they grow longer.
    pub(super) ejected_times: AtomicU32,
    pub(super) ejections: AtomicU32,
    /// Ejections that the cap on their share did not let happen.
    pub(super) spared: AtomicU32,
    pub(super) failures_in_a_row: AtomicU32,
    /// Which interval the two counts are of.
    pub(super) interval: AtomicU32,
    pub(super) answers: AtomicU32,
    pub(super) failures: AtomicU32,
    /// The active check says no.
    down: AtomicBool,
    pub checks_passed: AtomicU32,
    pub checks_failed: AtomicU32,
    /// Since when it takes requests again; 0 if it always did.
    up_since: AtomicU64,
}

/// What is shared of a cluster.
#[derive(Debug, Default)]
pub struct Board {
    /// Another number whenever the health of an endpoint changed.
    epoch: AtomicU32,
    /// Somebody counts who is ejected, to eject one more.
    ejecting: AtomicBool,
    pub connections: Gate,
    pub requests: Gate,
    pub waiting: Gate,
    /// Requests that found the circuit open.
    pub rejected: AtomicU32,
}

impl Health {
    /// Whether requests are sent to it.
    pub fn is_usable(&self, now: Instant) -> bool {
        !self.is_down() && !self.is_ejected(now)
    }

    pub fn is_ejected(&self, now: Instant) -> bool {
        self.ejected_until() > now
    }

    /// The active check says no.
    pub fn is_down(&self) -> bool {
        self.down.load(Relaxed)
    }

    pub fn ejected_until(&self) -> Instant {
        Instant::from_nanos(self.ejected_until.load(Relaxed))
    }

    /// Since when it is back; `None` for one that was never away.
    pub fn up_since(&self) -> Option<Instant> {
        let nanos = self.up_since.load(Relaxed);
        (nanos > 0).then(|| Instant::from_nanos(nanos))
    }

    pub fn ejections(&self) -> u32 {
        self.ejections.load(Relaxed)
    }

    pub fn spared(&self) -> u32 {
        self.spared.load(Relaxed)
    }

    /// Until when it asked to be left alone.
    pub fn asked_until(&self) -> Instant {
        Instant::from_nanos(self.asked_until.load(Relaxed))
    }

    pub(super) fn asks(&self, until: Instant) {
        self.asked_until.store(until.nanos(), Relaxed);
    }

    /// It came after others: it begins slowly.
    pub fn joined(&self, now: Instant) {
        self.up_since.store(now.nanos().max(1), Relaxed);
    }

    pub(in crate::upstream) fn eject(&self, board: &Board, until: Instant) {
        self.ejected_until.store(until.nanos(), Relaxed);
        self.up_since.store(until.nanos().max(1), Relaxed);
        board.changed();
    }

    /// What an active check found; whether that is news.
    pub fn checked(&self, board: &Board, is_up: bool, now: Instant) -> bool {
        if self.down.swap(!is_up, Relaxed) != is_up {
            return false;
        }
        if is_up {
            self.joined(now);
        }
        board.changed();
        true
    }

    /// Nobody checks it any more.
    pub fn unchecked(&self, board: &Board) {
        if self.down.swap(false, Relaxed) {
            board.changed();
        }
    }
}

impl Board {
    pub fn epoch(&self) -> u32 {
        self.epoch.load(Acquire)
    }

    /// The right to eject, for one at a time; whoever does not get it leaves it.
    pub(super) fn ejecting(&self) -> Option<Ejecting<'_>> {
        let free = self.ejecting.compare_exchange(false, true, AcqRel, Relaxed);
        free.ok().map(|_| Ejecting(self))
    }

    fn changed(&self) {
        self.epoch.fetch_add(1, Release);
    }
}

pub(super) struct Ejecting<'a>(&'a Board);

impl Drop for Ejecting<'_> {
    fn drop(&mut self) {
        self.0.ejecting.store(false, Release);
    }
}
