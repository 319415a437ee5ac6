//! A worker that died or stalls.
//!
//! A dead worker is not started again: its connections and pools died with it, and what killed it
//! would likely do so again. It is logged, readiness fails so that the process is replaced, and
//! the others go on serving; its listening sockets are closed, so that the kernel gives new
//! connections to them. When no worker is left the process ends.
//!
//! A stalled one (its tick does not move) is reported too, and forgiven when it moves again.
//!
//! Owned by the control loop, which tells it what it saw and when.

use std::fmt;
use std::time::{Duration, Instant};

use crate::base::id::WorkerId;
use crate::bus::Stop;
use crate::limits::STALL_MS_MAX;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum State {
    /// Its thread runs, its loop does not yet.
    Starting,
    Running,
    Stalled,
    Stopped(Stop),
}

impl fmt::Display for State {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Starting => out.write_str("starting"),
            Self::Running => out.write_str("running"),
            Self::Stalled => out.write_str("stalled"),
            Self::Stopped(stop) => stop.fmt(out),
        }
    }
}

/// What is worth a line in the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change {
    Stalled(WorkerId),
    Recovered(WorkerId),
}

/// All workers as control sees them.
#[derive(Debug)]
pub struct Supervisor {
    workers: Vec<Worker>,
}

#[derive(Debug)]
struct Worker {
    state: State,
    pulse: u64,
    moved: Instant,
    /// Looks in a row that saw the pulse stand still.
    looks: u32,
}

impl Supervisor {
    pub fn new(workers: usize, now: Instant) -> Self {
        let worker = || Worker { state: State::Starting, pulse: 0, moved: now, looks: 0 };
        Self { workers: std::iter::repeat_with(worker).take(workers).collect() }
    }

    pub fn started(&mut self, worker: WorkerId, now: Instant) {
        let worker = &mut self.workers[worker.index()];
        if worker.state == State::Starting {
            worker.state = State::Running;
            (worker.moved, worker.looks) = (now, 0);
        }
    }

    /// The first reason given stays: what follows a panic is only its echo.
    pub fn stopped(&mut self, worker: WorkerId, why: Stop) -> bool {
        let state = &mut self.workers[worker.index()].state;
        if matches!(state, State::Stopped(_)) {
            return false;
        }
        *state = State::Stopped(why);
        true
    }

    /// A worker's pulse was looked at.
    pub fn saw(&mut self, worker: WorkerId, pulse: u64, now: Instant) -> Option<Change> {
        let id = worker;
        let worker = &mut self.workers[worker.index()];
        if worker.pulse != pulse {
            (worker.pulse, worker.moved, worker.looks) = (pulse, now, 0);
            if worker.state == State::Stalled {
                worker.state = State::Running;
                return Some(Change::Recovered(id));
            }
            return None;
        }
        worker.looks += 1;
        let late = now.saturating_duration_since(worker.moved) >= STALL && worker.looks >= LOOKS;
        if late && worker.state == State::Running {
            worker.state = State::Stalled;
            return Some(Change::Stalled(id));
        }
        None
    }

    pub fn state(&self, worker: WorkerId) -> &State {
        &self.workers[worker.index()].state
    }

    /// Can it still be talked to?
    pub fn alive(&self, worker: WorkerId) -> bool {
        !matches!(self.state(worker), State::Stopped(_))
    }

    pub fn any_alive(&self) -> bool {
        self.workers.iter().any(|worker| !matches!(worker.state, State::Stopped(_)))
    }

    pub fn any_stalled(&self) -> bool {
        self.workers.iter().any(|worker| worker.state == State::Stalled)
    }

    pub fn ids(&self) -> impl Iterator<Item = WorkerId> + use<> {
        (0..u32::try_from(self.workers.len()).expect("WORKERS_MAX fits")).map(WorkerId)
    }

    /// Why this process is not as it should be; empty when all workers run.
    pub fn complaints(&self) -> Vec<String> {
        let wrong = |id: &WorkerId| *self.state(*id) != State::Running;
        self.ids().filter(wrong).map(|id| format!("worker {} {}", id.0, self.state(id))).collect()
    }
}

const STALL: Duration = Duration::from_millis(STALL_MS_MAX);
/// A process that was stopped, or a machine that slept, finds `moved` long ago at its first look
/// afterwards. Only a worker seen to stand still for some looks is a stalled one.
const LOOKS: u32 = 4;

#[cfg(test)]
mod tests;
