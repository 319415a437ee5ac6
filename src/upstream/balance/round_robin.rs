//! Turns by weight: whoever is due first comes next, and is due again after a time that goes with
//! the inverse of its weight. Endpoints of equal weight take plain turns; others are interleaved
//! and never come in bursts. Owned by one worker.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::candidates::Candidates;

/// The time of an endpoint of weight one between two of its turns.
const UNIT: u128 = 1 << 40;

#[derive(Default)]
pub struct Schedule {
    due: BinaryHeap<Reverse<Due>>,
    start: u32,
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: u128,
    /// Of those that are due at once.
    order: u32,
    endpoint: u32,
    step: u128,
}

impl Schedule {
    pub fn new(start: u32) -> Self {
        Self { due: BinaryHeap::new(), start }
    }

    /// Begins anew, with others.
    pub fn renew(&mut self, candidates: &Candidates) {
        let list = candidates.list();
        let count = list.len() as u32;
        self.due.clear();
        for (place, (endpoint, weight)) in (0u32..).zip(list) {
            let step = UNIT / u128::from(*weight).max(1);
            let order = (place + count - self.start % count) % count;
            self.due.push(Reverse(Due { at: step, order, endpoint: *endpoint, step }));
        }
    }

    /// Whose turn it is, past those that `free` says cannot; their turn is lost.
    pub fn next(&mut self, free: impl Fn(u32) -> bool) -> Option<u32> {
        for _ in 0..self.due.len() {
            let mut first = self.due.peek_mut()?;
            let Reverse(due) = &mut *first;
            due.at += due.step;
            let endpoint = due.endpoint;
            if free(endpoint) {
                return Some(endpoint);
            }
        }
        None
    }
}
