//! All connections of one load and the epoll they wait on. When to ask is its user's decision.

use std::time::{Duration, Instant};

use super::connection::{Connection, Progress};
use super::poll::{Interest, Poll};
use super::{ANSWER_TIME_MAX, Error, Job, Life};
use crate::stop;

pub(super) struct Fleet {
    job: Job,
    poll: Poll,
    connections: Vec<Slot>,
    scratch: Vec<u8>,
    finished: Vec<usize>,
}

struct Slot {
    connection: Option<Connection>,
    interest: Interest,
}

impl Fleet {
    /// Room for `connections`; each is opened by its first request.
    pub(super) fn new(job: Job, connections: usize) -> Result<Self, Error> {
        let slot = |_| Slot { connection: None, interest: Interest::Read };
        Ok(Self {
            job,
            poll: Poll::new()?,
            connections: (0..connections).map(slot).collect(),
            scratch: vec![0; SCRATCH_BYTES],
            finished: Vec::with_capacity(connections),
        })
    }

    pub(super) fn len(&self) -> usize {
        self.connections.len()
    }

    /// Sends a request on connection `index`, which must have none under way.
    pub(super) fn begin(&mut self, index: usize) -> Result<(), Error> {
        let slot = &mut self.connections[index];
        if slot.connection.is_none() {
            let connection = Connection::open(&self.job)?;
            self.poll.add(&connection, index, Interest::Read)?;
            slot.interest = Interest::Read;
            slot.connection = Some(connection);
        }
        let connection = slot.connection.as_mut().expect("a slot was filled just above");
        let progress = connection.begin(&self.job)?;
        self.settle(index, progress)
    }

    /// Waits for the sockets, `wait` at most, and names the connections whose exchange is over.
    pub(super) fn turn(&mut self, wait: Duration) -> Result<&[usize], Error> {
        if stop::requested() {
            return Err(Error::Interrupted);
        }
        self.finished.clear();
        for event in 0..self.poll.wait(wait)? {
            let index = self.poll.token(event);
            let Some(connection) = self.connections[index].connection.as_mut() else { continue };
            let progress = connection.advance(&self.job, &mut self.scratch)?;
            self.settle(index, progress)?;
        }
        Ok(&self.finished)
    }

    /// Waits until nothing is under way. What is never answered is an error like any other.
    pub(super) fn settle_all(&mut self) -> Result<(), Error> {
        let deadline = Instant::now() + ANSWER_TIME_MAX;
        loop {
            let busy = |slot: &&Slot| slot.connection.as_ref().is_some_and(Connection::busy);
            let requests = self.connections.iter().filter(busy).count();
            if requests == 0 {
                return Ok(());
            }
            if Instant::now() >= deadline {
                return Err(Error::Unanswered { requests });
            }
            self.turn(TURN_TIME_MAX)?;
        }
    }

    fn settle(&mut self, index: usize, progress: Progress) -> Result<(), Error> {
        let slot = &mut self.connections[index];
        match progress {
            Progress::Waits(interest) if interest == slot.interest => (),
            Progress::Waits(interest) => {
                let connection = slot.connection.as_ref().expect("it has just made progress");
                self.poll.change(connection, index, interest)?;
                slot.interest = interest;
            }
            Progress::Done => {
                if self.job.life == Life::OneRequest {
                    slot.connection = None;
                }
                self.finished.push(index);
            }
        }
        Ok(())
    }
}

/// The longest wait of one turn, so that an interruption is noticed.
pub(super) const TURN_TIME_MAX: Duration = Duration::from_millis(100);
/// A whole large body: memory that is never touched, since bodies are discarded in the kernel.
const SCRATCH_BYTES: usize = 1024 * 1024;
