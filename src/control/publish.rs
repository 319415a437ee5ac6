//! Hands out a snapshot in two phases, and frees the old ones.
//!
//! `Prepare` goes to every living worker. When all have answered, the control loop is told
//! (`Turn::AllPrepared`), closes its copies of the sockets that the new version has no more, and
//! calls `commit`. A refusal, or no answer in time, aborts the version everywhere: either all
//! workers serve it or none does. After the commit there is no way back; a worker that does not
//! answer it is named.
//!
//! Publisher keeps an `Arc` of every snapshot until it is the last to hold it, so that freeing a
//! big table never falls to a worker. Owned by the control loop.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::links::Links;
use crate::base::id::WorkerId;
use crate::bus::{BindSocket, Command};
use crate::limits::{COMMANDS_ROOM_MIN, COMMIT_MS_MAX, PREPARE_MS_MAX, RETIRED_SNAPSHOTS_MAX};

/// What has come of a publication.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Turn {
    /// `commit` is to be called.
    AllPrepared,
    /// No worker serves it, and none has anything left of it.
    Refused { version: u64, why: String },
    /// All workers serve it, but for those that did not answer in time.
    Published { version: u64, late: Vec<WorkerId> },
}

#[derive(Debug)]
pub struct Publisher<S> {
    round: Option<Round<S>>,
    current: Option<Published<S>>,
    retired: Vec<Arc<S>>,
    versions: u64,
}

#[derive(Debug)]
struct Round<S> {
    version: u64,
    snapshot: Arc<S>,
    phase: Phase,
    /// Those whose answer is missing.
    waiting: Vec<WorkerId>,
    due: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Preparing,
    Prepared,
    Committing,
}

#[derive(Debug)]
struct Published<S> {
    version: u64,
    snapshot: Arc<S>,
}

impl<S> Default for Publisher<S> {
    fn default() -> Self {
        Self { round: None, current: None, retired: Vec::new(), versions: 0 }
    }
}

impl<S> Publisher<S> {
    /// A publication is under way: the next one has to wait for its end.
    pub fn busy(&self) -> bool {
        self.round.is_some()
    }

    /// What the workers serve, or were last told to.
    pub fn current(&self) -> Option<&Arc<S>> {
        self.current.as_ref().map(|current| &current.snapshot)
    }

    /// 0 before the first.
    pub fn version(&self) -> u64 {
        self.current.as_ref().map_or(0, |current| current.version)
    }

    /// Starts a publication. `sockets[worker]` are new listening sockets for that worker.
    pub fn prepare(
        &mut self,
        links: &Links<S>,
        snapshot: Arc<S>,
        sockets: Vec<Vec<BindSocket>>,
        now: Instant,
    ) -> Option<Turn> {
        debug_assert!(!self.busy(), "one publication at a time");
        debug_assert_eq!(sockets.len(), links.len(), "a list of sockets for each worker");
        self.versions += 1;
        let version = self.versions;
        if let Some(why) = self.cannot(links) {
            return Some(Turn::Refused { version, why });
        }
        let mut waiting = Vec::new();
        for (worker, sockets) in (0u32..).map(WorkerId).zip(sockets) {
            let snapshot = Arc::clone(&snapshot);
            if links.alive(worker)
                && links.send(worker, Command::Prepare { version, snapshot, sockets })
            {
                waiting.push(worker);
            }
        }
        let due = now + Duration::from_millis(PREPARE_MS_MAX);
        self.round = Some(Round { version, snapshot, phase: Phase::Preparing, waiting, due });
        self.all_prepared()
    }

    /// `Event::Prepared`.
    pub fn prepared(&mut self, worker: WorkerId, version: u64) -> Option<Turn> {
        self.answered(worker, version, Phase::Preparing)?;
        self.all_prepared()
    }

    /// `Event::Refused`: no worker gets it.
    pub fn refused(
        &mut self,
        links: &Links<S>,
        worker: WorkerId,
        version: u64,
        why: &str,
    ) -> Option<Turn> {
        self.answered(worker, version, Phase::Preparing)?;
        self.abort(links, format!("worker {} refused it: {why}", worker.0))
    }

    /// What `commit` will make current.
    pub fn prepared_snapshot(&self) -> Option<&Arc<S>> {
        let round = self.round.as_ref().filter(|round| round.phase == Phase::Prepared);
        round.map(|round| &round.snapshot)
    }

    /// To be called after `Turn::AllPrepared`: from here on the new version is the current one.
    pub fn commit(&mut self, links: &Links<S>, now: Instant) -> Option<Turn> {
        let round = self.round.as_mut().filter(|round| round.phase == Phase::Prepared);
        let round = round.expect("commit follows Turn::AllPrepared");
        let version = round.version;
        round.phase = Phase::Committing;
        round.due = now + Duration::from_millis(COMMIT_MS_MAX);
        round.waiting = links.living().collect();
        let lost = links.broadcast(|| Command::Commit { version });
        round.waiting.retain(|worker| !lost.contains(worker));
        let snapshot = Arc::clone(&round.snapshot);
        if let Some(old) = self.current.replace(Published { version, snapshot }) {
            self.retired.push(old.snapshot);
        }
        self.all_committed()
    }

    /// `Event::Committed`. What the worker gave back is dropped here: never the last `Arc`.
    pub fn committed(
        &mut self,
        worker: WorkerId,
        version: u64,
        retired: Option<Arc<S>>,
    ) -> Option<Turn> {
        drop(retired);
        self.sweep();
        self.answered(worker, version, Phase::Committing)?;
        self.all_committed()
    }

    /// A worker's thread ended: nobody waits for its answer.
    pub fn gone(&mut self, worker: WorkerId) -> Option<Turn> {
        let round = self.round.as_mut()?;
        let count = round.waiting.len();
        round.waiting.retain(|waiting| *waiting != worker);
        if round.waiting.len() == count {
            return None;
        }
        match round.phase {
            Phase::Preparing => self.all_prepared(),
            Phase::Committing => self.all_committed(),
            Phase::Prepared => None,
        }
    }

    /// Gives up waiting when it is time, and frees what nobody holds any more.
    pub fn on_time(&mut self, links: &Links<S>, now: Instant) -> Option<Turn> {
        self.sweep();
        let round = self.round.as_ref().filter(|round| round.due <= now)?;
        match round.phase {
            Phase::Preparing => {
                let why = format!("no answer from {} in time", name_workers(&round.waiting));
                self.abort(links, why)
            }
            Phase::Committing => self.end_committed(),
            Phase::Prepared => None,
        }
    }

    /// Ends a publication that is not committed, for a reason of control's own.
    pub fn abort(&mut self, links: &Links<S>, why: String) -> Option<Turn> {
        let round = self.round.take_if(|round| round.phase != Phase::Committing)?;
        let version = round.version;
        // A worker that never got the Prepare ignores an Abort of a version it does not know.
        links.broadcast(|| Command::Abort { version });
        self.retired.push(round.snapshot);
        Some(Turn::Refused { version, why })
    }

    /// Old snapshots that a worker still holds.
    pub fn retired(&self) -> usize {
        self.retired.len()
    }

    fn cannot(&self, links: &Links<S>) -> Option<String> {
        if self.retired.len() >= RETIRED_SNAPSHOTS_MAX {
            return Some(format!("exchanges still use {} older versions", self.retired.len()));
        }
        let deaf: Vec<_> =
            links.living().filter(|worker| links.room(*worker) < COMMANDS_ROOM_MIN).collect();
        (!deaf.is_empty()).then(|| format!("{} does not read its mail", name_workers(&deaf)))
    }

    /// `None` if it answers a question that is not open.
    fn answered(&mut self, worker: WorkerId, version: u64, phase: Phase) -> Option<()> {
        let round = self.round.as_mut()?;
        let open = round.version == version && round.phase == phase;
        let place = round.waiting.iter().position(|waiting| *waiting == worker);
        let place = place.filter(|_| open)?;
        round.waiting.swap_remove(place);
        Some(())
    }

    fn all_prepared(&mut self) -> Option<Turn> {
        let round = self.round.as_mut().filter(|round| round.waiting.is_empty())?;
        round.phase = Phase::Prepared;
        Some(Turn::AllPrepared)
    }

    fn all_committed(&mut self) -> Option<Turn> {
        let done = self.round.as_ref().is_some_and(|round| round.waiting.is_empty());
        if done { self.end_committed() } else { None }
    }

    fn end_committed(&mut self) -> Option<Turn> {
        let round = self.round.take()?;
        Some(Turn::Published { version: round.version, late: round.waiting })
    }

    /// Only control makes further `Arc`s of a retired snapshot, and it makes none: a count of one
    /// means that nobody else has it or ever will.
    fn sweep(&mut self) {
        self.retired.retain(|snapshot| Arc::strong_count(snapshot) > 1);
    }
}

/// "worker 3", "workers 0, 1".
pub fn name_workers(workers: &[WorkerId]) -> String {
    let numbers: Vec<_> = workers.iter().map(|worker| worker.0.to_string()).collect();
    format!("worker{} {}", if numbers.len() == 1 { "" } else { "s" }, numbers.join(", "))
}

#[cfg(test)]
mod tests;
