//! The drain: what happens from SIGTERM to the exit, as a state machine that is told the time.
//!
//! 1. At the signal: readiness fails, and every response carries `Connection: close`, while new
//!    connections are still accepted: balancers need `min` to learn that this process leaves.
//! 2. `min` after it: listening sockets close, exchanges run to their end.
//! 3. A worker without connections answers `Drained`; when all have, the process ends.
//! 4. `max` after the signal, not after step 2: what is left is cut, counted, and the process ends.
//!
//! It sends nothing itself: what it returns is done by the control loop, which owns it.

use std::time::{Duration, Instant};

use crate::base::id::WorkerId;
use crate::limits::{CUT_ANSWER_MS_MAX, DRAIN_S_MAX};

/// How long a drain takes, both counted from its begin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Deadlines {
    min: Duration,
    max: Duration,
}

impl Deadlines {
    /// A `max` below `min` is raised to it: connections accepted until `min` get a turn. Both are
    /// bounded, so that any number a user writes can be added to a point of time.
    pub fn new(min: Duration, max: Duration) -> Self {
        let most = Duration::from_secs(DRAIN_S_MAX);
        Self { min: min.min(most), max: max.max(min).min(most) }
    }

    pub const fn min(&self) -> Duration {
        self.min
    }

    pub const fn max(&self) -> Duration {
        self.max
    }
}

/// What the control loop is to do now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Tell every worker; with `stop_accepting`, first close the copies of the listening sockets
    /// that control holds, or the kernel would go on queueing connections on them.
    Drain { stop_accepting: bool },
    /// Tell every worker to end all connections.
    Cut,
    /// The end, with how many connections were cut and which workers never answered.
    Finish { cut: u64, silent: Vec<WorkerId> },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Serving,
    /// Hinting clients to leave, still accepting.
    Leaving,
    /// Accepting no more.
    Closing,
    Cutting,
    Over,
}

/// Owned by the control loop.
#[derive(Debug)]
pub struct Drain {
    phase: Phase,
    deadlines: Deadlines,
    begun: Option<Instant>,
    /// By worker: has it answered, or gone?
    done: Vec<bool>,
    cut: u64,
}

impl Drain {
    pub fn new(workers: usize, deadlines: Deadlines) -> Self {
        Self { phase: Phase::Serving, deadlines, begun: None, done: vec![false; workers], cut: 0 }
    }

    /// A reload may bring other deadlines. Those of a drain that has begun stay.
    pub fn set_deadlines(&mut self, deadlines: Deadlines) {
        if self.phase == Phase::Serving {
            self.deadlines = deadlines;
        }
    }

    pub fn begun(&self) -> bool {
        self.phase != Phase::Serving
    }

    /// SIGTERM and its like. Again while draining: nothing.
    pub fn begin(&mut self, now: Instant) -> Vec<Step> {
        if self.begun() {
            return Vec::new();
        }
        self.begun = Some(now);
        self.phase = Phase::Leaving;
        let mut steps = self.on_time(now);
        if self.phase == Phase::Leaving {
            steps.insert(0, Step::Drain { stop_accepting: false });
        }
        steps
    }

    /// Another process has taken over: nobody has to learn of it first, and it begins with step 2.
    /// Once a drain has begun: nothing.
    pub fn leave(&mut self, now: Instant) -> Vec<Step> {
        if self.begun() {
            return Vec::new();
        }
        self.begun = Some(now);
        self.phase = Phase::Closing;
        let mut steps = vec![Step::Drain { stop_accepting: true }];
        steps.extend(self.finish_when_done());
        steps
    }

    /// A worker answered. One that has nothing to do while it still accepts may get something, so
    /// its answer counts only after it was told to stop accepting.
    pub fn drained(&mut self, worker: WorkerId, cut: u64) -> Vec<Step> {
        if !matches!(self.phase, Phase::Closing | Phase::Cutting) {
            return Vec::new();
        }
        if !std::mem::replace(&mut self.done[worker.index()], true) {
            self.cut = self.cut.saturating_add(cut);
        }
        self.finish_when_done()
    }

    /// A worker's thread ended: it will not answer.
    pub fn gone(&mut self, worker: WorkerId) -> Vec<Step> {
        self.done[worker.index()] = true;
        if matches!(self.phase, Phase::Closing | Phase::Cutting) {
            self.finish_when_done()
        } else {
            Vec::new()
        }
    }

    /// Time has passed.
    pub fn on_time(&mut self, now: Instant) -> Vec<Step> {
        let mut steps = Vec::new();
        while self.due().is_some_and(|due| due <= now) {
            match self.phase {
                Phase::Leaving => {
                    self.phase = Phase::Closing;
                    steps.push(Step::Drain { stop_accepting: true });
                    steps.extend(self.finish_when_done());
                }
                Phase::Closing => {
                    self.phase = Phase::Cutting;
                    steps.push(Step::Cut);
                }
                Phase::Cutting => steps.push(self.finish()),
                Phase::Serving | Phase::Over => break,
            }
        }
        steps
    }

    /// When `on_time` has something to do.
    pub fn due(&self) -> Option<Instant> {
        let begun = self.begun?;
        match self.phase {
            Phase::Serving | Phase::Over => None,
            Phase::Leaving => Some(begun + self.deadlines.min),
            Phase::Closing => Some(begun + self.deadlines.max),
            Phase::Cutting => Some(begun + self.deadlines.max + CUT_ANSWER),
        }
    }

    fn finish_when_done(&mut self) -> Vec<Step> {
        if self.done.iter().all(|done| *done) { vec![self.finish()] } else { Vec::new() }
    }

    fn finish(&mut self) -> Step {
        self.phase = Phase::Over;
        let silent = (0u32..).zip(&self.done).filter(|(_, done)| !**done);
        Step::Finish { cut: self.cut, silent: silent.map(|(worker, _)| WorkerId(worker)).collect() }
    }
}

const CUT_ANSWER: Duration = Duration::from_millis(CUT_ANSWER_MS_MAX);

#[cfg(test)]
mod tests;
