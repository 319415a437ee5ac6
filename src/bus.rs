//! What control and workers say to each other: `Command` one way, `Event` the other, each through
//! a bounded `Mailbox` that wakes its reader by an eventfd. `Pulse` is the one thing they share
//! without a letter.
//!
//! It refuses to carry anything per request and never blocks a sender: a full mailbox gives the
//! letter back. Mailboxes are made by `app`; control keeps the sending ends to the workers and the
//! receiving end of their events.
//!
//! # What a worker promises
//!
//! * `Started` once its loop runs, before it reads its first letter.
//! * `Prepare` is answered by `Prepared` or `Refused`; what it brought is kept aside until
//!   `Commit` (answered by `Committed`) or `Abort` (not answered; its sockets are closed).
//! * At most one version is prepared at a time.
//! * `Drain` comes once or twice; after one that closes the doors it answers `Drained` when its
//!   last connection has ended, and returns from its loop.
//! * `Cut` ends every connection at once; then `Drained` with how many those were.
//! * It never waits for room in the mailbox of events: a letter given back is sent again later.

mod awaited;
mod bell;
mod mailbox;
mod pulse;

use std::os::fd::OwnedFd;
use std::sync::Arc;

pub use awaited::Awaited;
pub use bell::Bell;
pub use mailbox::{Empty, Inbox, Mailbox, Unsent, mailbox};
pub use pulse::Pulse;

use crate::base::id::{BindId, WorkerId};

/// From control to one worker. `S` is the snapshot.
#[derive(Debug)]
pub enum Command<S> {
    /// Build a view of this snapshot and answer, but serve by the old one until `Commit`.
    Prepare {
        version: u64,
        snapshot: Arc<S>,
        /// Listening sockets that this worker does not hold yet.
        sockets: Vec<BindSocket>,
    },
    Commit {
        version: u64,
    },
    Abort {
        version: u64,
    },
    /// Every response from now on carries `Connection: close`. Unless the doors stay open, also:
    /// accept no more, and answer `Drained` when all is done.
    Drain {
        doors: Doors,
    },
    /// End everything now.
    Cut,
}

/// What becomes of the listening sockets in a drain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Doors {
    /// Connections are accepted for a while.
    Open,
    /// What is queued is accepted, and then they are closed.
    Shut,
    /// The same, but for the binds of these names: another process listens on the very same
    /// sockets, and what is queued there is its own.
    Left(Arc<[String]>),
}

/// A listening socket for one worker, and the bind of the snapshot it came with.
#[derive(Debug)]
pub struct BindSocket {
    pub bind: BindId,
    pub socket: OwnedFd,
}

/// From a worker to control.
#[derive(Debug)]
pub enum Event<S> {
    Started {
        worker: WorkerId,
    },
    Prepared {
        worker: WorkerId,
        version: u64,
    },
    Refused {
        worker: WorkerId,
        version: u64,
        why: String,
    },
    /// `retired` is the snapshot served until now, if nothing on the worker needs it any more. One
    /// that open exchanges still hold comes back by itself: control keeps an `Arc` of its own and
    /// frees it when that is the last.
    Committed {
        worker: WorkerId,
        version: u64,
        retired: Option<Arc<S>>,
    },
    /// No connection is left; `cut` of them did not end by themselves.
    Drained {
        worker: WorkerId,
        cut: u64,
    },
    /// The thread ends.
    Stopped {
        worker: WorkerId,
        why: Stop,
    },
}

impl<S> Event<S> {
    pub const fn worker(&self) -> WorkerId {
        match self {
            Self::Started { worker }
            | Self::Prepared { worker, .. }
            | Self::Refused { worker, .. }
            | Self::Committed { worker, .. }
            | Self::Drained { worker, .. }
            | Self::Stopped { worker, .. } => *worker,
        }
    }
}

/// Why a worker's thread ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Stop {
    /// It was told to, and has.
    Drained,
    /// Its runtime could not start or broke.
    Failed(String),
    /// A panic left the loop itself; those of one connection do not.
    Panicked(String),
}

impl std::fmt::Display for Stop {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Drained => out.write_str("drained"),
            Self::Failed(why) => write!(out, "failed: {why}"),
            Self::Panicked(why) => write!(out, "panicked: {why}"),
        }
    }
}
