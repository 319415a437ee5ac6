//! The closed loop: every connection asks again as soon as it is answered. Says what a proxy costs
//! when it has enough to do; says nothing about latency.

use std::time::{Duration, Instant};

use super::fleet::{Fleet, TURN_TIME_MAX};
use super::{Error, Job, Tally};

pub(crate) struct Closed {
    fleet: Fleet,
    again: Vec<usize>,
}

impl Closed {
    /// Starts with one request on each of `connections`.
    pub(crate) fn start(job: Job, connections: usize) -> Result<Self, Error> {
        let mut fleet = Fleet::new(job, connections)?;
        for index in 0..fleet.len() {
            fleet.begin(index)?;
        }
        Ok(Self { fleet, again: Vec::with_capacity(connections) })
    }

    /// Keeps the load up for `window`. What is under way at its end goes on in the next one.
    pub(crate) fn run(&mut self, window: Duration) -> Result<Tally, Error> {
        let start = Instant::now();
        let mut responses = 0;
        while start.elapsed() < window {
            self.again.extend_from_slice(self.fleet.turn(TURN_TIME_MAX)?);
            responses += self.again.len() as u64;
            for index in self.again.drain(..) {
                self.fleet.begin(index)?;
            }
        }
        Tally::of(responses, start.elapsed())
    }

    /// Ends the load in good order: every request that was sent must still be answered.
    pub(crate) fn finish(mut self) -> Result<(), Error> {
        self.fleet.settle_all()
    }
}

#[cfg(test)]
mod tests;
