//! `Shared`: the HTTP/2 connections of one worker to one endpoint, and their idle lanes.
//!
//! A connection that begins is waited for: however many requests come at once, one connection is
//! opened, and the next when it is known that the first is full. Refuses to connect: it says when
//! that has to be done, and whoever does it says how it ended.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::time::Duration;

use super::pool::Pool;
use crate::base::clock::Instant;
use crate::http::client::h2::Client;
use crate::http::client::waiters::Waiters;
use crate::limits::H2_CONNECTIONS_PER_ENDPOINT_MAX;
use crate::net::Wheel;
use crate::net::stream::Stream;

#[derive(Default)]
pub struct Shared {
    /// Lanes that wait for their next request.
    pub idle: Pool,
    /// Requests that wait for a lane.
    pub waiters: Rc<Waiters>,
    connections: RefCell<Vec<Client>>,
    opening: Cell<bool>,
    failures: Cell<Failures>,
}

/// Connections that could not be had, for those who waited for them.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Failures {
    pub count: u64,
    /// Nobody answered in time, the last time.
    pub slow: bool,
}

/// A lane that was not used before.
pub struct Offer {
    pub stream: Stream,
    /// Its connection has carried other exchanges: it may be closed for its age just now.
    pub proven: bool,
}

impl Shared {
    /// A lane of a connection that has room.
    pub fn lane(&self, wheel: &Rc<Wheel>) -> Option<Offer> {
        self.forget_closed();
        let connections = self.connections.borrow();
        connections.iter().find_map(|client| {
            let stream = client.lane(wheel)?;
            Some(Offer { stream, proven: client.is_proven() })
        })
    }

    /// Whether another connection is to be opened for who found no lane.
    pub fn wants_connection(&self) -> bool {
        let connections = self.connections.borrow();
        // One that ends is replaced, whatever it still carries.
        let taking = || connections.iter().filter(|client| !client.is_ending());
        !self.opening.get()
            && connections.len() < 2 * H2_CONNECTIONS_PER_ENDPOINT_MAX
            && taking().count() < H2_CONNECTIONS_PER_ENDPOINT_MAX
            && !taking().any(Client::is_starting)
    }

    /// Somebody opens a connection, until what is returned is dropped.
    pub fn opening(&self) -> Opening<'_> {
        debug_assert!(!self.opening.get(), "connections are opened one after the other");
        self.opening.set(true);
        Opening(self)
    }

    pub fn add(&self, client: Client) {
        self.connections.borrow_mut().push(client);
    }

    pub fn failures(&self) -> Failures {
        self.failures.get()
    }

    /// A connection could not be had: who waited for it does not wait for another.
    pub fn failed(&self, slow: bool) {
        self.failures.set(Failures { count: self.failures.get().count + 1, slow });
        self.waiters.wake_all();
    }

    /// Ends the connections on which nothing happened for so long.
    pub fn reap(&self, now: Instant, idle_timeout: Duration) {
        self.forget_closed();
        for client in self.connections.borrow().iter() {
            if client.unused_for(now).is_some_and(|unused| unused >= idle_timeout) {
                client.retire();
            }
        }
    }

    /// Ends each connection once its last exchange has.
    pub fn retire(&self) {
        self.connections.borrow().iter().for_each(Client::retire);
    }

    pub fn connections(&self) -> usize {
        self.connections.borrow().len()
    }

    fn forget_closed(&self) {
        let mut never_settled = false;
        self.connections.borrow_mut().retain(|client| {
            never_settled |= client.is_closed() && !client.is_settled();
            !client.is_closed()
        });
        if never_settled {
            // It does not speak HTTP/2, or not with us.
            self.failed(false);
        }
    }
}

/// See `Shared::opening`.
pub struct Opening<'a>(&'a Shared);

impl Drop for Opening<'_> {
    fn drop(&mut self) {
        self.0.opening.set(false);
        self.0.waiters.wake(1);
    }
}

#[cfg(test)]
mod tests;
