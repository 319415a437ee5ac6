//! The mailboxes of the workers, by worker. One that is gone is never written to again. Owned by
//! the control loop; refuses to wait: a mailbox without room is the caller's to judge.

use crate::base::id::WorkerId;
use crate::bus::{Command, Mailbox};

#[derive(Debug)]
pub struct Links<S> {
    mailboxes: Vec<Option<Mailbox<Command<S>>>>,
}

impl<S> Links<S> {
    pub fn new(mailboxes: Vec<Mailbox<Command<S>>>) -> Self {
        Self { mailboxes: mailboxes.into_iter().map(Some).collect() }
    }

    /// Of all workers, gone ones too.
    pub fn len(&self) -> usize {
        self.mailboxes.len()
    }

    pub fn is_empty(&self) -> bool {
        self.mailboxes.is_empty()
    }

    pub fn alive(&self, worker: WorkerId) -> bool {
        self.mailboxes[worker.index()].is_some()
    }

    pub fn living(&self) -> impl Iterator<Item = WorkerId> + '_ {
        let ids = (0u32..).map(WorkerId).zip(&self.mailboxes);
        ids.filter(|(_, mailbox)| mailbox.is_some()).map(|(worker, _)| worker)
    }

    pub fn room(&self, worker: WorkerId) -> usize {
        self.mailboxes[worker.index()].as_ref().map_or(0, Mailbox::room)
    }

    /// False when the letter did not get into the mailbox.
    pub fn send(&self, worker: WorkerId, command: Command<S>) -> bool {
        match &self.mailboxes[worker.index()] {
            Some(mailbox) => mailbox.send(command).is_ok(),
            None => false,
        }
    }

    /// To every living worker; those that did not get it.
    pub fn broadcast(&self, command: impl Fn() -> Command<S>) -> Vec<WorkerId> {
        self.living().filter(|worker| !self.send(*worker, command())).collect()
    }

    pub fn gone(&mut self, worker: WorkerId) {
        self.mailboxes[worker.index()] = None;
    }
}
