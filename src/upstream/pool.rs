//! Idle connections to one endpoint, of one worker. Last in, first out: the connection that was
//! used last is the one least likely to have been closed, and the others can grow old.

use std::cell::RefCell;
use std::time::Duration;

use crate::base::buffer::Buffers;
use crate::base::clock::Instant;
use crate::http::client::h1::Connection;

#[derive(Default)]
pub struct Pool {
    idle: RefCell<Vec<Connection>>,
}

/// A connection that was taken out for good, to be closed in its own time, and why.
pub type Discarded = Vec<Connection>;

impl Pool {
    /// A connection that is ready for another exchange. One that was closed by the endpoint, or on
    /// which bytes came that nobody asked for, is put into `discarded`.
    pub fn take(&self, buffers: &Buffers, discarded: &mut Discarded) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        while let Some(mut connection) = idle.pop() {
            if connection.is_quiet(buffers) {
                return Some(connection);
            }
            discarded.push(connection);
        }
        None
    }

    /// Keeps a rested connection, unless enough are kept: then it comes back.
    pub fn give(&self, connection: Connection, idle_max: usize) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        if idle.len() >= idle_max {
            return Some(connection);
        }
        idle.push(connection);
        None
    }

    /// Takes out what is too old or no longer quiet.
    pub fn reap(&self, now: Instant, idle_timeout: Duration, buffers: &Buffers) -> Discarded {
        let mut discarded = Vec::new();
        let mut idle = self.idle.borrow_mut();
        let mut index = 0;
        while index < idle.len() {
            let connection = &mut idle[index];
            if connection.idle_for(now) >= idle_timeout || !connection.is_quiet(buffers) {
                discarded.push(idle.remove(index));
            } else {
                index += 1;
            }
        }
        discarded
    }

    /// Takes out the one that has idled longest.
    pub fn evict(&self) -> Option<Connection> {
        let mut idle = self.idle.borrow_mut();
        (!idle.is_empty()).then(|| idle.remove(0))
    }

    /// Takes out all.
    pub fn empty(&self) -> Discarded {
        std::mem::take(&mut *self.idle.borrow_mut())
    }

    pub fn len(&self) -> usize {
        self.idle.borrow().len()
    }

    pub fn is_empty(&self) -> bool {
        self.idle.borrow().is_empty()
    }
}

#[cfg(test)]
mod tests;
